"""Whether an attempt goes on with what an earlier one began, or begins the same anew."""

from dataclasses import dataclass
from pathlib import Path

from incidents.agents.journal import Begun, Journal
from incidents.clock import Clock
from incidents.errors import OutcomeUnknown, ToolFailed
from incidents.tools import aftermath, health, launches
from incidents.tools.aftermath import Place
from incidents.tools.deploylog import CLOCKS_DIFFER
from incidents.tools.launches import Fate
from incidents.tools.processes import Completed


@dataclass(frozen=True)
class _Runs:
    """What runs now in the place where something was begun, as far as anything tells."""

    release: str = ""
    commit: str = ""
    ours: bool | None = None  #: whether that is what was begun; None where nothing tells

    @property
    def in_words(self) -> str:
        return f"release {self.release} ({self.commit[:7]})"


async def counts(begun: Begun, place: Place, clock: Clock, journal: Journal) -> bool:
    """Tell whether an attempt goes on with what was begun; where it does not, the same is to be begun.

    It does with what may still run, and with what went through and is what runs now. A step that was queued anew since
    was approved anew: neither a failure of before counts for that, nor what was put out of service since.

    Raises:
        OutcomeUnknown: it went through, but nothing tells whether that still runs; or something else does, and nobody
            has approved since that it is done again.
    """
    folder = Path(begun.folder)
    if begun.machine == launches.machine() and await launches.fate(folder) is Fate.NEVER:
        return False
    if not await launches.has_ended(folder):
        return True  # it runs, or its traces tell
    done = await _completed(folder, place)
    if done is None or not done.ok:
        return not begun.former
    if begun.former:
        return await _still_runs(begun, done, place, clock)
    if begun.environment == "production":
        await _require_not_replaced(begun, done, place, clock, journal)
    return True


async def _completed(folder: Path, place: Place) -> Completed | None:
    try:
        return await launches.completed(folder, place.argv)
    except ToolFailed:  # its program could not be started
        return None


async def _still_runs(begun: Begun, done: Completed, place: Place, clock: Clock) -> bool:
    """Tell whether what went through before its step was queued anew is what runs; staging may be deployed to twice."""
    logged = await _by_log(begun, done, place, clock)
    seen = logged.ours or (await _by_version(begun, done, place, clock)).ours
    if seen or begun.environment != "production":
        return bool(seen)
    if seen is None and logged.ours is None:
        raise OutcomeUnknown(
            f"The {begun.in_words} of {begun.at:%H:%M:%S}Z went through before it was approved anew;"
            " nothing tells whether it still runs.",
            begun=begun.id,
        )
    return False


async def _require_not_replaced(begun: Begun, done: Completed, place: Place, clock: Clock, journal: Journal) -> None:
    """Return unless something else was put in the place of what went through under this approval."""
    logged = await _by_log(begun, done, place, clock)
    if logged.ours is not False or (await _by_version(begun, done, place, clock)).ours:
        return  # a version alone does not speak against it: it may change some time after the command has ended
    if journal.open("rollback", begun.environment, logged.release) is not None:
        return  # the step itself took it back, and goes on with that
    raise OutcomeUnknown(f"The {begun.in_words} went through, but {logged.in_words} runs now.", begun=begun.id)


async def _by_log(begun: Begun, done: Completed, place: Place, clock: Clock) -> _Runs:
    log = await aftermath.log_of(begun, place, clock)
    running = log.current(begun.environment) if log else None
    if log is None or running is None:
        return _Runs()
    since = [
        each for each in log.deploys if each.environment == begun.environment and each.at >= begun.at - CLOCKS_DIFFER
    ]
    written = [each for each in since if _is(begun, done, each.release, each.commit)]
    if running in written:
        return _Runs(running.release, running.commit, ours=True)
    if written or aftermath.is_dated(running.at, begun.at + CLOCKS_DIFFER, clock):
        return _Runs(running.release, running.commit, ours=False)
    return _Runs()  # the newest line is older than the command, which may have written none


async def _by_version(begun: Begun, done: Completed, place: Place, clock: Clock) -> _Runs:
    if begun.verb == "switch" or not place.target.health:
        return _Runs()
    release, commit = (await health.probe(place.target, clock)).version
    if not (release if begun.verb == "rollback" else commit or release):
        return _Runs()
    return _Runs(release or "", commit or "", ours=_is(begun, done, release or "", commit or ""))


def _is(begun: Begun, done: Completed, release: str, commit: str) -> bool:
    return aftermath.is_what_began(begun, release, commit, started=str(done.last_object().get("release", "")))
