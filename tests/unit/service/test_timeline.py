from datetime import UTC, datetime

import pytest

from incidents import records, timeline
from incidents.events import EventKind

AT = datetime(2026, 11, 21, 10, tzinfo=UTC)


def line(kind: EventKind, **data: object) -> str:
    event = records.Event(incident_id=1, kind=kind, actor="U1", at=AT, recorded_at=AT, data=dict(data))
    return timeline.entries([event])[0].text


@pytest.mark.parametrize(
    ("decision", "words"),
    [
        ("approved", "deploy of `9f8e7d6` approved by <@U1>"),
        ("rejected", "deploy sent back by <@U1>"),
        ("expired", "approval of the deploy expired"),
    ],
)
def test_a_decision_says_what_became_of_it(decision: str, words: str) -> None:
    subject = {"commit": "9f8e7d6a"}
    assert line(EventKind.APPROVAL_DECIDED, about="deploy", decision=decision, subject=subject) == words


def test_an_implied_milestone_is_no_line_of_its_own() -> None:
    event = records.Event(
        incident_id=1,
        kind=EventKind.MILESTONE,
        actor="U1",
        at=AT,
        recorded_at=AT,
        data={"milestone": "triaged", "implied": True},
    )
    assert timeline.entries([event]) == []


def test_a_late_notice_says_how_late() -> None:
    said = line(EventKind.TOLD, audience="team_lead", road="email", late_seconds=180)
    assert said == "team lead told by email, 3 min late"


@pytest.mark.parametrize("kind", list(EventKind))
def test_an_event_that_lacks_its_data_breaks_no_timeline(kind: EventKind) -> None:
    event = records.Event(incident_id=1, kind=kind, actor="U1", at=AT, recorded_at=AT, data={})
    assert len(timeline.entries([event])) <= 1
