"""Reads what a service offers; what it does not offer is noted for people, never a reason to stop reading."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from incidents.agents.outputs import ImpactAssessment
from incidents.agents.playbook import cadence
from incidents.agents.playbook.case import Case
from incidents.errors import ToolFailed
from incidents.tools import deploylog, git, health, logs
from incidents.tools.deploylog import Deploy, DeployLog
from incidents.tools.git import Repository
from incidents.tools.health import Probe, Watched
from incidents.tools.logs import Findings

PRODUCTION = "production"  #: the environment of the deploy log that incidents are about

#: A deploy command may write its line a moment after the release has begun to answer.
_LOGGED_LATE = timedelta(seconds=5)


@dataclass(frozen=True)
class Release:
    """The release that fails, the good one before it, and what the logs say before and after its deploy."""

    log: DeployLog | None
    bad: Deploy | None  #: what ran in production when it began to fail; what runs now where nothing fails
    good: Deploy | None  #: the last deploy of another commit before `bad`
    findings: Findings | None

    def evidence(self, case: Case) -> list[str]:
        """Keep all that was read, and return the ids."""
        found = list(self.findings.all_evidence()) if self.findings else []
        return case.see(*([self.log.evidence] if self.log else []), *found)


async def release(case: Case) -> Release:
    """Return the failing release, by the time at which the failures began."""
    log = await _deploy_log(case)
    bad = log.current() if log else None
    findings = await _logs(case, bad)
    onset = _onset(case, findings)
    if log and findings and onset:
        for deploy in reversed([d for d in log.deploys if d.environment == PRODUCTION]):
            if deploy.at > onset + _LOGGED_LATE:
                continue
            if deploy != bad:
                bad, findings = deploy, await _logs(case, deploy)
            if deploy.at <= onset or _is_mostly_after(findings):
                break
    return Release(log, bad, log.before(bad) if log and bad else None, findings)


def _onset(case: Case, findings: Findings | None) -> datetime | None:
    """Return when it began: as triage measured it, for once a fix is out the logs show the failure as one of many."""
    impact = case.earlier("impact_assessment", ImpactAssessment)
    if impact is not None and impact.since is not None:
        return impact.since
    return findings.onset if findings else None


def _is_mostly_after(findings: Findings | None) -> bool:
    """Tell whether the foremost failure came with the deploy that the logs were split by, rather than before it."""
    return bool(findings and findings.failures and findings.failures[0].after > findings.failures[0].before)


async def probe(case: Case) -> Probe | None:
    """Look once at production; None where no health address is known."""
    if case.request.service is None:
        return None
    try:
        return await health.probe(case.request.service.production, case.clock)
    except ToolFailed as fault:
        case.missing(fault)
        return None


async def repository(case: Case) -> Repository | None:
    """Return the service's clone; None, with a note, where there is none that can be used."""
    if case.request.service is None:
        return None
    try:
        return await require_repository(case)
    except ToolFailed as fault:
        case.missing(fault)
        return None


async def require_repository(case: Case) -> Repository:
    """Return the service's clone; what is uncommitted in it is told.

    Raises:
        ToolFailed: when there is none that can be used.
    """
    if not case.service.repository:
        raise ToolFailed("No repository is known for this service.", remedy="Add `repository` to it in sitrep.yml.")
    found = await git.open_repository(Path(case.service.repository), case.clock)
    try:
        await found.require_clean()
    except ToolFailed as fault:  # fixes are made in worktrees of their own, so this harms nothing; but it may surprise
        case.note(f"{fault.message} They are no part of what is tested or deployed.")
    return found


async def _deploy_log(case: Case) -> DeployLog | None:
    service = case.request.service
    if service is None:
        return None
    if not service.deploys:
        case.missing(ToolFailed("No deploy log is known for this service.", remedy="Add `deploys` in sitrep.yml."))
        return None
    try:
        return await deploylog.read(Path(service.deploys), case.clock)
    except ToolFailed as fault:
        case.missing(fault)
        return None


async def _logs(case: Case, split: Deploy | None) -> Findings | None:
    service = case.request.service
    if service is None:
        return None
    try:
        return await logs.investigate(
            [Path(path) for path in service.logs], clock=case.clock, split=split.at if split else None
        )
    except ToolFailed as fault:
        case.missing(fault)
        return None


async def watched(case: Case, period: timedelta) -> Watched | None:
    """Watch production for `period`, and keep what was seen; None, with a note, where no address tells how it is."""
    production = case.service.production
    try:
        seen = await health.watch(production, case.clock, period=period, every=cadence.every(production.watch))
    except ToolFailed as fault:
        case.missing(fault)
        return None
    case.see(seen.evidence)
    return seen
