"""The reckoning of several replicas notices what is missing, what nobody promised, and what stands still."""

from collections.abc import Iterable
from typing import Any

import pytest

from tests.replicas import reckoning
from tests.replicas.reckoning import Reckoning
from tests.torture import debts
from tests.torture.arrivals import Received
from tests.torture.timeline import Happened, Incident

ROOM, PERSON = "room:inc-1", reckoning.PEOPLE["cto"]
WOKEN = reckoning.PEOPLE[reckoning.ON_CALL]


def incident(*told: tuple[str, float, dict[str, Any]]) -> Incident:
    listed = [("declared", 10.0, {"severity": "critical"}), *told]
    events = [Happened(number, kind, at, data) for number, (kind, at, data) in enumerate(listed, 1)]
    return Incident(1, "Checkout returns 500s", "critical", "open", "U91DEE", events)


def step(state: str, **told: Any) -> dict[str, Any]:
    return {"incident_id": 1, "run_id": 1, "run": "running", "name": "1.1", "state": state, "attempt": 1, **told}


BEGAN = ("step_started", 11.0, {"step": "1.1", "attempt": 1})
DONE = ("step_done", 12.0, {"step": "1.1", "step_id": 9, "attempt": 1, "version": 1})
ASKED = ("approval_asked", 13.0, {"approval": 3, "step": "2.1"})
FOUND = incident(BEGAN, DONE, ASKED)
WAITS = [step("done"), step("waiting", name="2.1")]


def everything(found: Incident) -> Received:
    """What arrives when all is well."""
    received = Received()
    for debt in (*reckoning.promised(found), *debts.lines(found), *debts.bare_room(found)):
        received.add(debt.place, debt.key, debt.due + 0.1)
    return received


def reckon(
    received: Received, found: Incident = FOUND, steps: Iterable[dict[str, Any]] = WAITS, failed: Iterable[str] = ()
) -> Reckoning:
    sent = [key for place, key in everything(found).arrivals if place.startswith("dm:")]
    return reckoning.compare([found], received, sent=sent, failed=failed, steps=steps)


def test_all_is_even_where_everything_arrived_once() -> None:
    received = everything(FOUND)
    received.add(f"dm:{PERSON}", f"inc-1:approval:3:remind:{PERSON}", 400)
    received.add(ROOM, "inc-1:plan", 12)
    assert reckon(received).findings == []
    assert reckon(received).is_even


@pytest.mark.parametrize(
    ("place", "key"),
    [
        (f"dm:{WOKEN}", f"inc-1:page:1:{WOKEN}"),
        (f"dm:{PERSON}", f"inc-1:matrix:within_2s:{PERSON}"),
        (ROOM, "inc-1:card"),
        (ROOM, "inc-1:card:pin"),
        (ROOM, "inc-1:triage"),
        (ROOM, "inc-1:step:9:1"),
        (ROOM, "inc-1:approval:3"),
    ],
)
def test_what_did_not_arrive_is_lost(place: str, key: str) -> None:
    received = everything(FOUND)
    del received.arrivals[place, key]
    assert reckon(received).findings == [f"lost: {key}"]
    assert not reckon(received).is_even


def test_room_that_is_not_there_or_is_there_twice_is_named() -> None:
    received = everything(FOUND)
    received.add(ROOM, "inc-1:room", 20)
    assert reckon(received).doubled == [f"{ROOM} inc-1:room x2"]
    assert reckon(received).rooms == 2
    del received.arrivals[ROOM, "inc-1:room"]
    assert reckon(received).lost == ["inc-1:room"]
    assert not reckon(received).is_even


def test_page_is_not_owed_to_who_was_spared_it_by_an_acknowledgement() -> None:
    spared = incident(BEGAN, DONE, ASKED, ("milestone", 14.0, {"milestone": "acknowledged"}))
    received = everything(spared)
    del received.arrivals[f"dm:{WOKEN}", f"inc-1:page:1:{WOKEN}"]
    found = reckoning.compare([spared], received, sent=(), failed=(), steps=WAITS)
    assert found.is_even


@pytest.mark.parametrize(
    ("place", "key"),
    [
        (f"dm:{PERSON}", f"inc-1:page:1:{PERSON}"),
        (f"dm:{PERSON}", f"inc-77:matrix:immediate:{PERSON}"),
        (f"dm:{PERSON}", f"inc-1:escalate:approval_3:{PERSON}"),
        (ROOM, "inc-1:approval:4"),
        ("room:inc-2", "inc-2:card"),
    ],
)
def test_message_that_nobody_promised_and_nothing_caused_is_named(place: str, key: str) -> None:
    received = everything(FOUND)
    received.add(place, key, 20)
    assert reckon(received).findings == [f"unowed: {place} {key}"]
    assert not reckon(received).is_even


def test_person_who_is_told_because_of_an_escalation_is_not_named() -> None:
    found = incident(BEGAN, DONE, ASKED, ("escalated", 300.0, {"trigger": "approval_3", "people": [PERSON]}))
    received = everything(found)
    received.add(f"dm:{PERSON}", f"inc-1:escalate:approval_3:{PERSON}", 301)
    assert reckon(received, found).is_even


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ([step("running")], "inc-1 1.1, attempt 1: still running"),
        ([step("ready")], "inc-1 1.1, attempt 1: still ready"),
        ([step("done"), step("queued", name="1.3")], "inc-1: nothing holds its response up, and it goes no further"),
    ],
)
def test_response_that_stands_still_is_named(steps: list[dict[str, Any]], said: str) -> None:
    found = reckon(everything(FOUND), steps=steps)
    assert found.findings == [f"unended: {said}"]
    assert not found.is_even


def test_result_that_a_lost_attempt_stored_is_doubled() -> None:
    found = incident(BEGAN, DONE, ASKED, DONE)
    received = everything(found)
    received.arrivals[ROOM, "inc-1:step:9:1"] = [12.1]
    assert reckon(received, found).doubled == ["inc-1 1.1, attempt 1 (step 9) done, though it was not under way"]


def test_message_that_came_twice_and_step_that_was_given_up_are_named() -> None:
    received = everything(FOUND)
    received.add(f"dm:{WOKEN}", f"inc-1:page:1:{WOKEN}", 20)
    found = reckon(received, failed=["step 1.1: it broke"])
    assert found.findings == [f"doubled: dm:{WOKEN} inc-1:page:1:{WOKEN} x2", "failed: step 1.1: it broke"]
    assert not found.is_even
