"""Pages of the storm: those that are owed, from the policies and the record, beside those that people have in Slack."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bot.workspace.contents.model import ChannelKind
from bot.workspace.core import Core
from incidents.definitions import Severity
from tests import installation
from tests.benchmarks.report import Line

Arrived = Mapping[tuple[str, str], Sequence[float]]  #: (person, notice key) -> when (seconds), each time


@dataclass(frozen=True)
class Page:
    """One page that somebody is to have; `due` in seconds since the epoch."""

    person: str
    key: str
    due: float


def of_first_level(incident: str, severity: str, declared: float, audiences: Mapping[str, str]) -> Iterator[Page]:
    """Yield whom the policies wake at once, by `audiences` (name -> person); nobody acknowledges before they read it.

    To whoever hears of it at once anyway that is one message, as the communication matrix names it.
    """
    policies = installation.library().policies
    rows = policies.communication_matrix.get(Severity(severity), ())
    at_once = {name for row in rows if not row.within for name in row.audiences}
    paging = next((each for each in policies.paging if each.severity == severity), None)
    for audience in paging.levels if paging else ():
        if audience in audiences:
            person, heard = audiences[audience], audience in at_once
            rest = f"matrix:immediate:{person}" if heard else f"page:1:{person}"
            yield Page(person, f"{incident}:{rest}", declared)
            return


def of_escalation(incident: str, trigger: str, people: Iterable[str], at: float) -> Iterator[Page]:
    """Yield who is woken because of what was found out."""
    for person in people:
        yield Page(person, f"{incident}:escalate:{trigger}:{person}", at)


def arrived(core: Core) -> Arrived:
    """Return what stands in everybody's direct messages."""
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    for channel in core.team.channels.values():
        if channel.kind is ChannelKind.IM:
            for message in channel.messages.values():
                key = ((message.metadata or {}).get("event_payload") or {}).get("key", "")
                for member in channel.members:
                    found[member, key].append(float(message.ts))
    return found


def lines(owed: Sequence[Page], found: Arrived, *, now: float) -> list[Line]:
    """Return how late the oldest page was, how many never came, and how many came again.

    One that has not come is as old as it is by `now`.
    """
    times = [found.get((page.person, page.key), ()) for page in owed]
    oldest = max((min(each, default=now) - page.due for page, each in zip(owed, times, strict=True)), default=0.0)
    return [
        Line(
            f"storm: oldest of {len(owed)} pages owed",
            oldest,
            "s",
            10.0,
            _oldest_at_best(owed),
            "one a second to each person",
            "value",
        ),
        Line("storm: pages that did not arrive", float(sum(not each for each in times)), "", 0.0),
        Line("storm: pages that came again", float(sum(len(each) > 1 for each in times)), "", 0.0),
    ]


def _oldest_at_best(owed: Iterable[Page]) -> float:
    """Return the longest lateness (s) where each page leaves as soon as its person takes it: one a second."""
    free: dict[str, float] = defaultdict(float)
    oldest = 0.0
    for page in sorted(owed, key=lambda page: page.due):
        leaves = max(page.due, free[page.person])
        free[page.person], oldest = leaves + 1.0, max(oldest, leaves - page.due)
    return oldest
