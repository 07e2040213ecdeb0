"""A draft says what is recorded, in plain words, and nothing else."""

from datetime import timedelta
from typing import Any

import pytest

from incidents import drafting, records
from incidents.definitions import Severity
from incidents.drafting import Known
from incidents.events import EventKind
from incidents.lifecycle import Status
from incidents.response.plan import StepState
from tests.clock import START

TITLES = {"1.3": "Root Cause Investigation", "2.1": "Hotfix Development", "2.3": "QA Testing", "3.1": "Deployment"}
CAUSE = {"preliminary_root_cause": {"verdict": "confirmed", "summary": "a1b2c3d drops the currency default."}}


def incident(**values: Any) -> records.Incident:
    return records.Incident(id=7, title="t", severity=Severity.CRITICAL, reporter="U0REP", declared_at=START, **values)


def event(kind: EventKind, minutes: int, actor: str = "U0ANA", **data: Any) -> records.Event:
    at = START + timedelta(minutes=minutes)
    return records.Event(id=minutes, incident_id=7, kind=kind, actor=actor, at=at, recorded_at=at, data=data)


def states(**by_state: str) -> dict[str, StepState]:
    found = dict.fromkeys(TITLES, StepState.QUEUED)
    for state, name in by_state.items():
        found[name] = StepState(state)
    return found


def approval(kind: str = "deploy") -> records.Approval:
    return records.Approval(id=1, incident_id=7, run_id=1, step="3.1", kind=kind, digest="d", asked_at=START)


def test_a_fresh_incident_says_that_nobody_has_it_and_what_it_needs() -> None:
    fields = drafting.written(Known(incident(), first=True))
    assert fields == {
        "condition": "Declared; nobody has acknowledged yet.",
        "impact": "Not known yet.",
        "done": "Nothing yet.",
        "next": "Decide what is still to be done, then resolve.",
        "needs": "somebody to take command",
    }


@pytest.mark.parametrize(
    ("reached", "words"),
    [
        ({"acknowledged_at": START}, "Somebody has taken it"),
        ({"triaged_at": START}, "the cause is being looked for"),
        ({"triaged_at": START, "started_at": START}, "Work on the fix is under way"),
        ({"started_at": START, "mitigated_at": START}, "Users are served again"),
        ({"mitigated_at": START, "deployed_at": START}, "The fix is in production"),
        ({"status": Status.RESOLVED, "resolution": "rolled back"}, "Resolved. rolled back"),
        ({"status": Status.CANCELLED}, "Cancelled"),
    ],
)
def test_the_condition_is_the_furthest_that_was_reached(reached: dict[str, Any], words: str) -> None:
    assert words in drafting.written(Known(incident(**reached)))["condition"]


def test_what_was_reached_before_it_was_opened_again_is_not_how_it_stands() -> None:
    known = Known(incident(triaged_at=START, started_at=START), reopened="errors are back")
    assert drafting.written(known)["condition"] == "Opened again: errors are back."


def test_a_fix_after_it_was_opened_again_is_how_it_stands() -> None:
    known = Known(incident(started_at=START, deployed_at=START), reopened="errors are back")
    assert drafting.written(known)["condition"] == "The fix is in production and is being watched."


def test_a_cause_that_is_found_is_not_said_to_be_looked_for() -> None:
    known = Known(incident(triaged_at=START), titles=TITLES, states=states(running="2.1"), outputs=CAUSE)
    assert drafting.written(known)["condition"] == (
        "Cause (confirmed): a1b2c3d drops the currency default. Running: hotfix development."
    )


def test_an_inconclusive_cause_is_not_told() -> None:
    unsure = {"preliminary_root_cause": {"verdict": "inconclusive", "summary": "no traceback"}}
    assert "Cause" not in drafting.written(Known(incident(), outputs=unsure))["condition"]


def test_what_waits_for_a_person_is_the_condition_and_the_need() -> None:
    fields = drafting.written(
        Known(incident(started_at=START), titles=TITLES, pending=[approval()], commanders=["U0ANA"])
    )
    assert fields["condition"] == "Work on the fix is under way. Waiting for approval of the deploy."
    assert fields["needs"] == "approval of the deploy from <@U0ANA>"


def test_a_failed_step_is_said_and_asked_for() -> None:
    fields = drafting.written(
        Known(incident(started_at=START), titles=TITLES, states=states(failed="2.3"), commanders=["U0ANA"])
    )
    assert fields["condition"].endswith("Failed: QA testing.")
    assert fields["needs"] == "somebody to retry or take over “QA testing”"


def test_paused_agents_are_not_said_to_run() -> None:
    known = Known(incident(started_at=START), titles=TITLES, states=states(running="2.1"), paused=True)
    assert drafting.written(known)["condition"].endswith("The agents are paused.")


def test_next_is_what_runs_and_what_follows() -> None:
    known = Known(incident(), titles=TITLES, states=states(done="1.3", running="2.1"))
    assert drafting.written(known)["next"] == "Hotfix development; then QA testing."


def test_done_is_what_happened_since_the_last_update_with_its_time() -> None:
    step = {"step": "1.3", "title": "Root Cause Investigation", "summary": "currency default dropped"}
    events = [
        event(EventKind.TOLD, 1, "", audience="cto", road="slack"),
        event(EventKind.STEP_DONE, 31, "playbook", **step),
        event(EventKind.NOTE, 35, text="carts are kept"),
    ]
    assert drafting.written(Known(incident(), events))["done"] == (
        "10:31 UTC Root Cause Investigation: currency default dropped\n10:35 UTC carts are kept"
    )


def test_a_steps_outcome_is_told_without_its_details() -> None:
    summary = "release 41 since 07:04 UTC, answers 0 of 6 health checks; rollback to release 40 is ready"
    step = {"step": "1.2", "title": "System Stabilization", "summary": summary}
    done = drafting.written(Known(incident(), [event(EventKind.STEP_DONE, 31, "playbook", **step)]))["done"]
    assert done == "10:31 UTC System Stabilization: release 41 since 07:04 UTC"


def test_the_impact_of_what_is_resolved_is_told_as_over() -> None:
    over = incident(status=Status.RESOLVED, impact="38 % of checkouts fail")
    assert drafting.written(Known(over))["impact"] == "Over. It was: 38 % of checkouts fail"


def test_much_that_was_done_is_shortened_and_counted() -> None:
    events = [event(EventKind.NOTE, minute, text="x" * 300) for minute in range(1, 10)]
    lines = drafting.written(Known(incident(), events))["done"].splitlines()
    assert len(lines) == 6
    assert lines[-1] == "and 4 more on the timeline"
    assert max(len(line) for line in lines) <= 130


def test_nothing_done_is_said_so() -> None:
    assert drafting.written(Known(incident()))["done"] == "Nothing new since the last update."


def test_a_resolved_incident_needs_nothing_and_looks_back() -> None:
    known = Known(incident(status=Status.RESOLVED, resolution="rolled back"), titles=TITLES, states=states())
    fields = drafting.written(known)
    assert (fields["next"], fields["needs"]) == ("Post-mortem and follow-ups.", "nothing")
