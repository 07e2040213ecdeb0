"""Reads what a service offers; what it does not offer is noted for people, never a reason to stop reading."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from incidents.agents.playbook.case import Case
from incidents.errors import ToolFailed
from incidents.tools import deploys, git, health, logs
from incidents.tools.deploys import Deploy, DeployLog
from incidents.tools.git import Repository
from incidents.tools.health import Probe
from incidents.tools.logs import Findings

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
    """Return the failing release, by the time at which the foremost failure was first seen."""
    log = await _deploy_log(case)
    running = log.current() if log else None
    findings = await _logs(case, running)
    bad = running
    if log and findings and findings.onset and running and findings.onset < running.at - _LOGGED_LATE:
        earlier = log.at(findings.onset + _LOGGED_LATE)
        if earlier is not None and earlier != running:
            bad, findings = earlier, await _logs(case, earlier)
    return Release(log, bad, log.before(bad) if log and bad else None, findings)


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
    """Return the service's clone; None where there is none that can be used."""
    service = case.request.service
    if service is None:
        return None
    if not service.repository:
        case.missing(ToolFailed("No repository is known for this service.", remedy="Add `repository` in sitrep.yml."))
        return None
    try:
        found = await git.open_repository(Path(service.repository), case.clock)
    except ToolFailed as fault:
        case.missing(fault)
        return None
    try:
        await found.require_clean()
    except ToolFailed as fault:  # fixes are made in worktrees of their own, so this harms nothing; but it may surprise
        case.notes.append(f"{fault.message} They are no part of what is tested or deployed.")
    return found


async def _deploy_log(case: Case) -> DeployLog | None:
    service = case.request.service
    if service is None:
        return None
    if not service.deploys:
        case.missing(ToolFailed("No deploy log is known for this service.", remedy="Add `deploys` in sitrep.yml."))
        return None
    try:
        return await deploys.read(Path(service.deploys), case.clock)
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
