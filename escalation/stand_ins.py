"""What stands in for a notice that Slack has not taken: which notices tell the same, and whose turn it is. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from escalation.oncall import Contact
from incidents import records
from incidents.notices import Action, Lane, Notice, Road

#: Surfaces that tell somebody something; each has its letter, `mail_<surface>`.
TELLING = ("page", "escalation_notice", "matrix_notice", "status_update", "summary")
STANDS_FOR = "stands_for"  #: in a stand-in's params: the key of the notice that Slack has not taken

#: What makes two notices to one person the same: the level paged, the promise kept, the update, the cause.
_SAME = ("level", "label", "update_id", "since", "trigger")

_ALSO_RUNG = {"page": ("mail_page", "pager")}  # surfaces beside a letter that wake the same person for the same thing
LETTERS = tuple(f"mail_{surface}" for surface in TELLING)
SURFACES = (*LETTERS, "pager")  #: of everything that may stand in

_COMING = ("pending", "waiting", "sending")
_TURN = timedelta(seconds=2)  # how long one of the two lets the other go first


class Overdue(NamedTuple):
    """A notice that Slack has not taken in time, as it was read."""

    id: int
    key: str
    incident_id: int
    lane: int
    surface: str
    params: dict[str, Any]
    state: str
    not_before: datetime
    lease_until: datetime | None
    created_at: datetime
    error: str
    severity: str

    def is_under_way(self, now: datetime) -> bool:
        """Return whether Slack may be taking it this moment."""
        return self.state == "sending" and self.lease_until is not None and self.lease_until >= now


class StandIn(NamedTuple):
    """A notice by another road that tells somebody the same, as it was read."""

    id: int
    key: str
    incident_id: int
    surface: str
    road: str
    params: dict[str, Any]
    state: str
    not_before: datetime
    created_at: datetime
    sent_at: datetime | None

    @property
    def is_coming(self) -> bool:
        """Whether it is under way, or will be."""
        return self.state in _COMING


class StandIns:
    """All that may stand in for something, found by what it tells."""

    def __init__(self, found: Iterable[StandIn]) -> None:
        self._named: dict[str, list[StandIn]] = defaultdict(list)
        self._others: dict[tuple[int, str, Any], list[StandIn]] = defaultdict(list)
        for each in found:
            if STANDS_FOR in each.params:
                self._named[each.params[STANDS_FOR]].append(each)
            else:
                self._others[each.incident_id, each.surface, each.params.get("person")].append(each)

    def named_for(self, row: Overdue) -> list[StandIn]:
        """Return what was sent for no other reason than that Slack did not take `row`."""
        return self._named.get(row.key, [])

    def of(self, row: Overdue) -> list[StandIn]:
        """Return what tells the same as `row`; also what the policies have mailed or rung anyway."""
        surfaces = dict.fromkeys((f"mail_{row.surface}", *_ALSO_RUNG.get(row.surface, ())))
        places = [(row.incident_id, surface, row.params.get("person")) for surface in surfaces]
        others = [each for place in places for each in self._others.get(place, ()) if _tells_the_same(each, row)]
        return [*self.named_for(row), *others]


def _tells_the_same(other: StandIn, row: Overdue) -> bool:
    if other.params.get("event_action", "trigger") != "trigger" or other.created_at < row.created_at:
        return False  # when everybody is paged again, the rounds are alike in all but their time
    return all(other.params.get(name) == row.params.get(name) for name in _SAME)


@dataclass
class Turns:
    """Who lets the other go first: by the number of the row, until when (UTC)."""

    not_before: dict[int, datetime]
    lease_until: dict[int, datetime]  #: of what its holder has left, which its lease holds, and no other time


def turns(pairs: Iterable[tuple[Overdue, Sequence[StandIn]]], now: datetime) -> Turns:
    """Return who is to wait longer than it does: a stand-in while Slack may be taking its row, else the row.

    A row waits for at least one turn after each look. It is told to wait for two once less than one is left, so that
    not every look writes every row.
    """
    found = Turns({}, {})
    for row, coming in pairs:
        if row.is_under_way(now):
            waits = (each for each in coming if each.state == "pending" and STANDS_FOR in each.params)
            found.not_before |= {each.id: now + _TURN for each in waits if each.not_before < now + _TURN}
        elif any(each.state == "sending" or (each.state == "pending" and each.not_before <= now) for each in coming):
            if row.not_before < now + _TURN:
                found.not_before[row.id] = now + 2 * _TURN
            if row.state == "sending":
                found.lease_until[row.id] = now + _TURN
    return found


def letter(row: records.Outbox, who: Contact, road: Road) -> Notice:
    """Return what tells `who` by `road` what Slack has not taken."""
    by_mail = road is Road.EMAIL
    to = who.email if by_mail else who.name
    incident, _, rest = row.key.partition(":")
    return Notice(
        # Not under the key's own prefix: the matrix reads from keys what it has told.
        key=f"{incident}:instead:{road.value}:{rest}",
        lane=Lane(row.lane),
        road=road,
        action=Action.MAIL if by_mail else Action.HOOK,
        target=f"mail:{who.email}" if by_mail else f"webhook:{who.person}",
        surface=f"mail_{row.surface}",
        params={**row.params, "to": [to], STANDS_FOR: row.key},
        holds_while=row.holds_while,
        due_at=row.due_at or row.created_at,
        expires_at=row.expires_at,
    )
