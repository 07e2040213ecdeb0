"""What three replicas owe beside what arrived: lost, doubled, owed by nobody, or at a standstill."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.torture import causes, debts, fence
from tests.torture import reckoning as torture
from tests.torture.arrivals import Received
from tests.torture.debts import Debt
from tests.torture.timeline import GRACE_SECONDS, Incident

#: Audience -> within how many seconds it hears of a critical incident; each has a person of its own.
PROMISES = {
    "team_lead": 0,
    "product_manager": 0,
    "engineering_manager": 1,
    "cto": 2,
    "ceo": 3,
    "customer_success": 4,
    "business_stakeholders": 5,
    "security_team": 6,
    "legal_and_compliance": 7,
    "software_architect": 8,
    "system_architects": 9,
    "vendor_management": 10,
}
ON_CALL = "on_call_engineer"  #: who is paged; the matrix does not name them
AUDIENCES = (ON_CALL, *PROMISES)
#: Audience -> the Slack id of its person.
PEOPLE = {audience: f"U{number:02}{audience.upper().replace('_', '')[:8]}" for number, audience in enumerate(AUDIENCES)}


@dataclass(frozen=True)
class Reckoning:
    """What came of it."""

    incidents: int
    rooms: int
    lost: list[str]
    doubled: list[str]
    unowed: list[str]  #: told to a person or in a room, though nobody promised it and nothing caused it
    failed: list[str]  #: notices and steps that were given up
    unended: list[str]  #: steps under way that nobody carries out, and responses that go no further by themselves

    @property
    def is_even(self) -> bool:
        """Whether everything owed arrived once, nothing else did, and no response stands still."""
        wrong = (self.lost, self.doubled, self.unowed, self.failed, self.unended)
        return not any(wrong) and self.rooms == self.incidents

    @property
    def findings(self) -> list[str]:
        """Return what is wrong, each thing with the word for it."""
        named = {
            "lost": self.lost,
            "doubled": self.doubled,
            "unowed": self.unowed,
            "failed": self.failed,
            "unended": self.unended,
        }
        return [f"{word}: {each}" for word, found in named.items() for each in found]


def promised(incident: Incident) -> Iterator[Debt]:
    """Yield what people are to be told by a time: the page at once, and what the matrix says."""
    woken, declared = PEOPLE[ON_CALL], incident.declared
    # Whoever acknowledges before it left wakes nobody.
    certain = incident.acknowledged() - declared > GRACE_SECONDS
    yield Debt(f"{incident.key}:page:1:{woken}", f"dm:{woken}", declared, is_certain=certain)
    for audience, seconds in PROMISES.items():
        label, person = f"within_{seconds}s" if seconds else "immediate", PEOPLE[audience]
        yield Debt(f"{incident.key}:matrix:{label}:{person}", f"dm:{person}", declared + seconds)


def compare(
    found: Collection[Incident],
    received: Received,
    *,
    sent: Collection[str],
    failed: Iterable[str],
    steps: Iterable[Mapping[str, Any]],
) -> Reckoning:
    """Return what is missing, doubled or owed by nobody, and what stands still.

    Args:
        found: The incidents, with their timelines.
        received: What the workspace took.
        sent: Keys of the messages which the database says were sent.
        failed: Notices and steps that were given up, in words.
        steps: The rows of `town.STEPS`, once nothing is on its way any more.
    """
    owed = [debt for each in found for debt in (*promised(each), *debts.lines(each), *debts.bare_room(each))]
    allowed = [debt for each in found for debt in (*_to_people(each), *causes.messages(each))]
    known = {(debt.place, debt.key) for debt in (*owed, *allowed)}
    lost = {debt.key for debt in owed if debt.is_certain and not received.has(debt.place, debt.key)}
    keys = {key for _, key in received.arrivals}
    told = {each: times for each, times in received.arrivals.items() if torture.is_told(*each)}
    return Reckoning(
        incidents=len(found),
        rooms=sum(len(times) for (_, key), times in received.arrivals.items() if key.endswith(":room")),
        lost=sorted(lost | (set(sent) - keys)),
        doubled=[
            *sorted(f"{place} {key} x{len(times)}" for (place, key), times in told.items() if len(times) > 1),
            *(each for incident in found for each in fence.done_twice(incident)),
        ],
        unowed=sorted(
            f"{place} {key}"
            for place, key in told
            if (place, key) not in known and not causes.is_named_elsewhere(found, key)
        ),
        failed=list(failed),
        unended=torture.unended(steps),
    )


def _to_people(incident: Incident) -> Iterator[Debt]:
    """Yield what people may be told because of what happened: levels of paging, escalations, reminders."""
    for event in incident.all("paged", "escalated", "approval_asked"):
        said = event.data
        families = {
            "paged": [f"page:{said.get('level')}"],
            "escalated": [f"escalate:{said.get('trigger')}"],
            "approval_asked": [f"approval:{said.get('approval')}:{word}" for word in ("remind", "expiring")],
        }
        for family in families[event.kind]:
            for person in said.get("people", PEOPLE.values()):
                yield Debt(f"{incident.key}:{family}:{person}", f"dm:{person}", event.at, is_certain=False)
