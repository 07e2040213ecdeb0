"""Step 1.2: what runs, how well, and what would relieve at once."""

from dataclasses import dataclass

from incidents.agents.outputs import (
    Claim,
    Mitigation,
    Output,
    RollbackReadiness,
    StabilizationOutput,
    SystemStatus,
    Verdict,
)
from incidents.agents.playbook import cadence, sources, trouble
from incidents.agents.playbook.case import Case
from incidents.agents.playbook.sources import Release
from incidents.agents.playbook.wording import moment, percent
from incidents.errors import ToolFailed
from incidents.tools import filekinds, health
from incidents.tools.deploylog import Deploy
from incidents.tools.filekinds import FileKind
from incidents.tools.git import Repository
from incidents.tools.health import Probe, Watched


@dataclass(frozen=True)
class _Scene:
    """What is known of production."""

    release: Release
    watched: Watched | None
    rate: float | None
    running: Deploy | None
    look: Probe | None


async def run(case: Case) -> tuple[Output, str]:
    """Report the system's status, propose mitigations, and say whether a rollback is ready."""
    release = await sources.release(case)
    watched = await _watch(case)
    running = release.log.current() if release.log else None
    look = await sources.probe(case)
    case.see(*([look.evidence] if look else []))
    rate = look.error_rate if look else None
    if watched is not None and (watched.requests >= cadence.ENOUGH_REQUESTS or rate is None):
        rate = watched.error_rate
    scene = _Scene(release, watched, rate, running, look)
    readiness = await _readiness(case, release, await sources.repository(case))
    status = _status(case, scene)
    actions = _mitigations(case, scene, readiness)
    output = StabilizationOutput(
        system_status_report=status, temporary_mitigation_actions=actions, rollback_readiness_assessment=readiness
    )
    ready = f"rollback to release {readiness.release} is ready" if readiness.ready else "no rollback is ready"
    return output, f"{status.summary}; {ready}"


async def _watch(case: Case) -> Watched | None:
    if case.request.service is None:
        return None
    production = case.request.service.production
    try:
        return await health.watch(
            production, case.clock, period=cadence.sample(production.watch), every=cadence.every(production.watch)
        )
    except ToolFailed as fault:
        case.missing(fault)
        return None


def _status(case: Case, scene: _Scene) -> SystemStatus:
    claims: list[Claim] = []
    parts = []
    if scene.running is not None and scene.release.log is not None:
        when = moment(scene.running.at)
        parts.append(f"release {scene.running.release} since {when}")
        text = f"Production runs release {scene.running.release} (`{scene.running.commit[:7]}`) since {when}."
        claims.append(case.claim(text, case.see(scene.release.log.evidence)))
    healthy = None
    if scene.watched is not None:
        healthy = scene.watched.failed_checks == 0
        passed = scene.watched.checks - scene.watched.failed_checks
        word = "answers its health checks" if healthy else f"answers {passed} of {scene.watched.checks} health checks"
        parts.append(word)
        text = f"It {word}; {scene.watched.errors} of {scene.watched.requests} requests failed while it was watched."
        claims.append(case.claim(text, case.see(scene.watched.evidence), Verdict.CONFIRMED))
    if scene.rate is not None:
        parts.append(f"{percent(scene.rate)} of requests fail")
    return SystemStatus(
        healthy=healthy,
        release=scene.running.release if scene.running else None,
        commit=scene.running.commit if scene.running else None,
        error_rate=scene.rate,
        summary=", ".join(parts)[:300] or "nothing can be seen of production",
        claims=claims,
    )


async def _readiness(case: Case, release: Release, repository: Repository | None) -> RollbackReadiness:
    seen = release.evidence(case)
    good = release.good
    if good is None:
        reason = "The deploy log shows no earlier release." if release.log else "There is no deploy log to go back by."
        return RollbackReadiness(ready=False, release=None, commit=None, reason=reason, evidence=seen)
    migrations: list[str] = []
    unknown = "there is no repository to look for migrations in" if repository is None else ""
    if repository is not None and release.bad is not None:
        try:
            change = await repository.diff(good.commit, release.bad.commit)
            seen += case.see(change.evidence)
            migrations = [path for path in change.files if filekinds.kind(path) is FileKind.MIGRATION]
        except ToolFailed as fault:
            unknown = f"the change since could not be read ({fault.message})"
    has_command = bool(case.service.production.rollback or case.service.production.deploy)
    return RollbackReadiness(
        ready=has_command and not migrations and not unknown,
        release=good.release,
        commit=good.commit,
        reason=_why(good, migrations, unknown, has_command)[:300],
        migrations=migrations,
        evidence=seen,
    )


def _why(good: Deploy, migrations: list[str], unknown: str, has_command: bool) -> str:
    if not has_command:
        return f"Release {good.release} was good, but sitrep.yml has neither a rollback nor a deploy command."
    if migrations:
        return f"Migrations lie between: {', '.join(migrations[:3])}. A person decides whether the data allows it."
    if unknown:
        return f"Release {good.release} was good, but {unknown}."
    return f"Release {good.release} (`{good.commit[:7]}`) ran before, and no migration lies between."


def _mitigations(case: Case, scene: _Scene, readiness: RollbackReadiness) -> list[Mitigation]:
    actions = _already_taken(case, scene)
    findings, bad = scene.release.findings, scene.release.bad
    outside = trouble.foremost(findings)
    if outside is not None:
        text = f"Relieve {outside.title}: reduce load on it, or fail over."
        reason = f"{outside.count} log entries point there."
        actions.append(
            Mitigation(kind="block", description=text, taken=False, reason=reason, evidence=case.see(outside.evidence))
        )
    elif readiness.release and not actions and bad is not None and findings is not None and findings.onset is not None:
        actions.append(
            Mitigation(
                kind="rollback",
                description=f"Put release {readiness.release} back.",
                taken=False,
                reason=f"It began to fail at {moment(findings.onset)}, after release {bad.release} was deployed"
                f" at {moment(bad.at)}. {'' if readiness.ready else readiness.reason}".strip()[:300],
                evidence=readiness.evidence,
            )
        )
    if scene.look is not None and scene.look.status is None and scene.watched is not None:
        reason = f"The health address gave {scene.look.trouble}; {scene.watched.failed_checks} checks failed."
        actions.append(
            Mitigation(
                kind="restart",
                description="Restart the service; it does not answer.",
                taken=False,
                reason=reason,
                evidence=case.see(scene.look.evidence, scene.watched.evidence),
            )
        )
    return actions


def _already_taken(case: Case, scene: _Scene) -> list[Mitigation]:
    """Return what people did before the agents: a deploy to production after the one that fails."""
    bad, running, log = scene.release.bad, scene.running, scene.release.log
    if bad is None or running is None or log is None or running == bad:
        return []
    known = any(d.commit == running.commit and d.at < bad.at for d in log.deploys)
    kind = "rollback" if known else "deploy"
    return [
        Mitigation(
            kind=kind,
            description=f"Release {running.release} (`{running.commit[:7]}`) runs since {moment(running.at)}.",
            taken=True,
            reason=f"The deploy log shows it after release {bad.release}, which failed.",
            evidence=case.see(log.evidence),
        )
    ]
