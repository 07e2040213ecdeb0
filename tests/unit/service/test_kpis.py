"""Figures of one incident: the time so far while it is open, what was reached once it has ended."""

from datetime import UTC, datetime, timedelta

import pytest

from incidents import kpis, records
from incidents.definitions import Kpi, Severity
from incidents.events import EventKind
from incidents.lifecycle import Status

START = datetime(2026, 11, 21, 14, 2, tzinfo=UTC)
DEPLOYED = Kpi(
    name="fix_deployed", group="response_time", target="< 120", limit=7200, unit="seconds", direction="below"
)


def figure(name: str, *, after: timedelta, served: timedelta = timedelta(0), **changes: object) -> kpis.Measure:
    values = {"id": 7, "title": "x", "severity": Severity.CRITICAL, "reporter": "U0REP", "declared_at": START}
    incident = records.Incident(**{**values, **changes})
    return next(
        each for each in kpis.measure(incident, [], [DEPLOYED], START + after, served=served) if each.name == name
    )


def test_while_it_is_open_the_time_runs() -> None:
    found = figure("fix_deployed", after=timedelta(minutes=47))
    assert found.running
    assert found.sentence == "47 min so far, target 2 h"


def test_while_it_is_open_a_target_that_has_passed_is_missed() -> None:
    assert figure("fix_deployed", after=timedelta(hours=3)).sentence == "3 h so far, target 2 h, missed"


@pytest.mark.parametrize("status", [Status.RESOLVED, Status.CLOSED, Status.CANCELLED])
def test_after_the_end_what_was_not_reached_runs_no_more(status: Status) -> None:
    found = figure("fix_deployed", after=timedelta(hours=30), status=status, resolved_at=START)
    assert not found.reached
    assert found.sentence == "not reached, target 2 h"


def test_after_the_end_what_was_reached_stays() -> None:
    at = START + timedelta(minutes=61)
    found = figure("fix_deployed", after=timedelta(days=3), status=Status.CLOSED, deployed_at=at)
    assert found.reached
    assert found.sentence == "1 h 1 min, target 2 h, met"


def test_after_a_reopening_the_time_in_which_users_were_served_counts_for_nothing() -> None:
    hours = [(EventKind.DECLARED, 0), (EventKind.RESOLVED, 1), (EventKind.REOPENED, 19), (EventKind.RESOLVED, 20)]
    events = [records.Event(incident_id=7, kind=kind, at=START + timedelta(hours=at)) for kind, at in hours]
    served = kpis.served(events)
    assert served == timedelta(hours=18)
    again = figure("fix_deployed", after=timedelta(hours=19, minutes=30), served=served)
    assert again.sentence == "1 h 30 min so far, target 2 h"
    assert again.due == START + timedelta(hours=20)
    acknowledged = figure(
        "initial_response", after=timedelta(hours=20), served=served, acknowledged_at=START + timedelta(minutes=2)
    )
    assert acknowledged.value == "2 min"
