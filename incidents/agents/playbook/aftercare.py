"""After the deploy: production watched for longer, and whether what was to be repaired is gone."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from incidents.agents.outputs import (
    Claim,
    DeploymentStatus,
    FixCode,
    MonitoringOutput,
    MonitoringReport,
    Output,
    ProductionValidation,
    ProductionValidationOutput,
    RootCause,
    Verdict,
)
from incidents.agents.playbook import cadence, sources
from incidents.agents.playbook.case import Case
from incidents.agents.playbook.wording import counted, listed, moment, percent
from incidents.errors import ToolFailed
from incidents.tools import deploylog, logs
from incidents.tools.health import Watched
from incidents.tools.logs import Failure, Findings

#: Times the period that a deploy was watched for: what shows only after a while is what this step is for.
_LONGER = 3

#: What was looked at -> what is said when it speaks against the release.
_REFUTED = {
    "what runs": "another release runs than the one that was approved",
    "the logs since the deploy": "what failed before is logged again since the deploy",
    "the health address": "production is not healthy",
}


@dataclass(frozen=True)
class _Since:
    """The logs before and after the deploy of the fix."""

    at: datetime | None
    findings: Findings | None

    @property
    def new(self) -> list[Failure]:
        """Return the failures that began with the deploy."""
        return [each for each in self.findings.failures if each.after and not each.before] if self.findings else []


async def watch(case: Case) -> tuple[Output, str]:
    """Watch production for longer than the deploy did, and read what the logs say since."""
    watched = await sources.watched(case, cadence.fitting(case.service.production.watch * _LONGER, case.left))
    since = await _since_deploy(case)
    new = [each.raised.headline[:200] for each in since.new]
    claims: list[Claim] = []
    if watched is not None:
        good = watched.checks - watched.failed_checks
        text = f"{good} of {counted(watched.checks, 'health check')} good, {_rate(watched)}."
        claims.append(case.claim(text, case.see(watched.evidence), Verdict.CONFIRMED))
    for each in since.new[:3]:
        text = f"`{each.raised.headline[:200]}` {each.after} times since the deploy, never before."
        claims.append(case.claim(text, case.see(each.evidence)))
    summary = _monitored(watched, new, known=since.findings is not None)
    report = MonitoringReport(
        healthy=watched.healthy and not new if watched else None,
        error_rate=watched.error_rate if watched else None,
        watched_seconds=watched.seconds if watched else 0.0,
        checks=watched.checks if watched else 0,
        new_failures=new,
        summary=summary[:400],
        claims=claims,
    )
    return MonitoringOutput(monitoring_report=report), summary


async def validate(case: Case) -> tuple[Output, str]:
    """Say whether production runs what was approved, and whether what failed fails no more."""
    fix = case.earlier("emergency_fix_code", FixCode)
    status = case.earlier("deployment_status", DeploymentStatus)
    claims: list[Claim] = []
    runs = await _runs(case, fix, claims)
    gone = await _gone(case, claims)
    look = await sources.probe(case)
    if look is not None:
        state = "answers 200" if look.healthy else f"answers {look.status or look.trouble}"
        claims.append(case.claim(f"The health address {state}.", case.see(look.evidence), Verdict.CONFIRMED))
    healthy = look.healthy if look is not None else None
    looked = (("what runs", runs), ("the logs since the deploy", gone), ("the health address", healthy))
    failed = [_REFUTED[name] for name, held in looked if held is False]
    unknown = [name for name, held in looked if held is None]
    if status is not None and status.rolled_back:
        failed.append("the release was taken back")
    summary = _validated(failed, unknown)
    validated = False if failed else None if unknown else True
    output = ProductionValidation(validated=validated, summary=summary[:400], claims=claims)
    return ProductionValidationOutput(production_validation=output), summary


async def _since_deploy(case: Case) -> _Since:
    """Return the logs split at the deploy of the fix, by the time that the deploy log has for it."""
    release = await sources.release(case)
    fix = case.earlier("emergency_fix_code", FixCode)
    running = release.log.current() if release.log else None
    if release.log is None or running is None or fix is None or not deploylog.is_commit(running.commit, fix.commit):
        case.note("The deploy log does not show the fix as what runs now; the logs cannot be split at its deploy.")
        return _Since(None, None)
    case.see(release.log.evidence)
    try:
        found = await logs.investigate([Path(path) for path in case.service.logs], clock=case.clock, split=running.at)
    except ToolFailed as fault:
        case.missing(fault)
        return _Since(running.at, None)
    return _Since(running.at, found)


async def _runs(case: Case, fix: FixCode | None, claims: list[Claim]) -> bool | None:
    release = await sources.release(case)
    running = release.log.current() if release.log else None
    if release.log is None or running is None or fix is None:
        return None
    text = f"Release {running.release} from `{running.commit[:7]}` runs; `{fix.commit[:7]}` was approved."
    claims.append(case.claim(text, case.see(release.log.evidence), Verdict.CONFIRMED))
    return deploylog.is_commit(running.commit, fix.commit)


async def _gone(case: Case, claims: list[Claim]) -> bool | None:
    """Tell whether the failure of the incident was logged since the deploy; None where the logs cannot say."""
    since = await _since_deploy(case)
    cause = case.earlier("preliminary_root_cause", RootCause)
    if since.findings is None or cause is None or since.at is None:
        return None
    old = [each for each in since.findings.failures if each.before]
    if not old:
        case.note("The logs hold no failure from before the deploy, so they cannot show that it is gone.")
        return None
    foremost = max(old, key=lambda each: each.before)
    again = [each for each in old if each.after]
    text = f"`{foremost.raised.headline[:200]}` {foremost.before} times before the deploy, {foremost.after} since."
    claims.append(case.claim(text, case.see(foremost.evidence)))
    return not again


def _rate(watched: Watched) -> str:
    if watched.error_rate is None:
        return "no request came meanwhile"
    return f"{percent(watched.error_rate)} of {watched.requests} requests failed"


def _monitored(watched: Watched | None, new: list[str], *, known: bool) -> str:
    if watched is None:
        seen = "Production could not be watched: no health address is known"
    else:
        state = "healthy" if watched.healthy else "*not* healthy"
        at = f" since {moment(watched.recovered_at)}" if watched.recovered_at else ""
        seen = f"Production {state}{at}, watched for {watched.seconds:.0f} s, {_rate(watched)}"
    logged = f"{counted(len(new), 'new failure')} in the logs" if new else "no new failure in the logs"
    return f"{seen}; {logged if known else 'the logs could not be compared'}."


def _validated(failed: list[str], unknown: list[str]) -> str:
    if failed:
        return f"Not validated: {'; '.join(failed)}."
    if unknown:
        return f"Not decided: {listed(unknown)} cannot show it. A person must look."
    return "Validated: what was approved runs, what failed fails no more, production is healthy."
