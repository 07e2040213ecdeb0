"""What became of a deploy or rollback that was begun: by its exit code, else by the traces that it left."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from incidents.agents.journal import Begun
from incidents.catalog import Environment, Service
from incidents.clock import Clock
from incidents.errors import OutcomeUnknown, ToolFailed
from incidents.tools import deploylog, health, launches
from incidents.tools.deploylog import CLOCKS_DIFFER, DeployLog
from incidents.tools.evidence import Evidence
from incidents.tools.launches import Fate
from incidents.tools.processes import Completed

_LOOK_SECONDS = 2.0  # between looks at what another machine does


@dataclass(frozen=True)
class Place:
    """Where a command acts, and the command."""

    service: Service
    target: Environment
    argv: tuple[str, ...]


@dataclass(frozen=True)
class Ended:
    """It ended, and its exit code is known."""

    run: Completed

    def in_words(self, begun: Begun) -> str:
        """Return the outcome in a sentence."""
        if self.run.timed_out:
            return f"The {begun.in_words} was ended, because it took too long; check by hand which release runs."
        if not self.run.ok:
            return f"The {begun.in_words} failed (exit code {self.run.exit_code})."
        return f"The {begun.in_words} went through."


@dataclass(frozen=True)
class Traced:
    """How it ended was not written down, but what it did can be seen."""

    release: str
    commit: str
    evidence: Evidence

    def in_words(self, begun: Begun) -> str:
        """Return the outcome in a sentence."""
        return f"The {begun.in_words} went through: {self.evidence.summary}."


async def of(begun: Begun, place: Place, clock: Clock) -> Ended | Traced | None:
    """Wait until what was begun no longer runs, and return what became of it; None where nothing has happened.

    Staging may be deployed to twice, so there None stands for "unknown" too.

    Raises:
        ToolFailed: when its program could not be started.
        OutcomeUnknown: when nothing tells.
    """
    folder, seen = Path(begun.folder), None
    if begun.machine == launches.machine():
        fate = await launches.wait(folder, place.target.deploy_timeout)
    else:
        fate, seen = await _elsewhere(begun, place, clock)
    if fate is Fate.NEVER:
        return None
    done = await launches.completed(folder, place.argv)
    if done is not None:
        return Ended(done)
    seen = seen or await _traced(begun, place, clock)
    if seen is None and begun.environment == "production":
        raise await _unknown(begun, place, clock)
    return seen


async def until_over(begun: Begun, place: Place, clock: Clock) -> None:
    """Wait while another machine may run it: whoever follows it there knows more than the traces that it leaves."""
    folder = Path(begun.folder)
    while begun.machine != launches.machine() and not await launches.has_ended(folder):
        if clock.now() >= _over(begun, place, clock):
            return
        await asyncio.sleep(_LOOK_SECONDS)


async def no_longer_runs(begun: Begun, place: Place, clock: Clock) -> None:
    """Wait until the command has come to an end, wherever it was begun; what became of it is not asked."""
    await until_over(begun, place, clock)
    if begun.machine == launches.machine():
        await launches.wait(Path(begun.folder), place.target.deploy_timeout)


def _over(begun: Begun, place: Place, clock: Clock) -> datetime:
    """Return when a command of another machine, or of this one before it was started again, runs no longer (UTC)."""
    if begun.machine.split()[0] == launches.machine().split()[0]:
        return clock.now()  # the machine was started again: nothing of then still runs
    return begun.at + place.target.deploy_timeout


async def _elsewhere(begun: Begun, place: Place, clock: Clock) -> tuple[Fate, Traced | None]:
    """Follow a command of another machine, or of this one before it was started again, as far as can be seen."""
    over = _over(begun, place, clock)
    while True:
        if await launches.has_ended(Path(begun.folder)):
            return Fate.ENDED, None
        seen = await _traced(begun, place, clock)
        if seen is not None or clock.now() >= over:
            return Fate.VANISHED, seen
        await asyncio.sleep(_LOOK_SECONDS)


async def _traced(begun: Begun, place: Place, clock: Clock) -> Traced | None:
    if begun.verb == "switch":
        return None  # neither deploy log nor version shows it
    return await _in_deploy_log(begun, place, clock) or await _by_version(begun, place, clock)


async def _in_deploy_log(begun: Begun, place: Place, clock: Clock) -> Traced | None:
    log = await log_of(begun, place, clock)
    running = log.current(begun.environment) if log else None
    if log is None or running is None or not is_dated(running.at, begun.at - CLOCKS_DIFFER, clock):
        return None
    if not is_what_began(begun, running.release, running.commit):
        return None
    return _seen(begun, running.release, running.commit, log.evidence)


def is_dated(at: datetime, since: datetime, clock: Clock) -> bool:
    """Tell whether a line of the log is of `since` (UTC) or later; one of a clock that is ahead may be of any time."""
    return since <= at <= clock.now() + CLOCKS_DIFFER


def is_what_began(begun: Begun, release: str, commit: str, *, started: str = "") -> bool:
    """Tell whether this release from this commit is what was begun; `started` is the release that the command named."""
    if begun.verb == "rollback":
        return release == begun.what
    return (release != "" and release == started) or deploylog.is_commit(commit, begun.what)


def _seen(begun: Begun, release: str, commit: str, seen: Evidence) -> Traced:
    return Traced(release, commit if begun.verb == "rollback" else begun.what, seen)


async def log_of(begun: Begun, place: Place, clock: Clock) -> DeployLog | None:
    """Return the deploy log that tells of what was begun; None where there is none, or it cannot be read."""
    if begun.verb == "switch" or not place.service.deploys:
        return None
    try:
        return await deploylog.read(Path(place.service.deploys), clock)
    except ToolFailed:
        return None  # it says nothing; the version may


async def _by_version(begun: Begun, place: Place, clock: Clock) -> Traced | None:
    if not place.target.health:
        return None
    look = await health.probe(place.target, clock)
    release, commit = look.version
    if not is_what_began(begun, release or "", commit or ""):
        return None
    return _seen(begun, release or "", commit or "", look.evidence)


async def _unknown(begun: Begun, place: Place, clock: Clock) -> OutcomeUnknown:
    said = "It does not say which release runs."
    if place.target.health:
        look = await health.probe(place.target, clock)
        release, commit = look.version
        if release or commit:
            named = f"release {release}" if release else ""
            named += f" ({commit[:7]})" if commit else ""
            said = f"Now it runs {named.strip()}."
        said = f"Production answers {look.status or look.trouble}. {said}"
    return OutcomeUnknown(
        f"The {begun.in_words} began at {begun.at:%H:%M:%S}Z and was cut off; what became of it is not known. {said}",
        begun=begun.id,
    )
