"""The reckoning itself notices what is missing, what came twice, and what nobody promised."""

import dataclasses
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy import update

from bot.workspace.server import Workspace
from incidents import records
from incidents.definitions import Severity
from incidents.service import resolve, respond
from incidents.tools.evidence import EvidenceKind, capture
from tests.clock import START
from tests.integration.response.conftest import ANA, build
from tests.torture import debts, fence, reckoning, town
from tests.torture.arrivals import Received
from tests.torture.timeline import Happened, Incident, Life, is_due

LIVES = [Life(0, 100), Life(200, float("inf"))]
ROOM = "room:inc-1"


def incident(*events: tuple[str, float, dict[str, Any]]) -> Incident:
    listed = [("declared", 10.0, {"severity": "critical"}), *events]
    happened = [Happened(number, kind, at, data) for number, (kind, at, data) in enumerate(listed, 1)]
    return Incident(1, "Checkout is slow", "critical", "open", "U05DEE", happened)


def everything(found: Incident) -> Received:
    """What arrives when all is well."""
    received = Received()
    for debt in (
        *debts.matrix(found, LIVES),
        *debts.paging(found, LIVES),
        *debts.escalations(found, LIVES),
        *debts.lines(found),
        *debts.furniture(found),
    ):
        key = debts.message_id(debt.key) if debt.place.startswith("mail:") else debt.key
        if debt.is_certain:
            received.add(debt.place, key, debt.due + 1)
    return received


RESOLVED = incident(
    ("paged", 10.0, {"level": 1, "people": ["U01ANA"]}),
    ("milestone", 22.0, {"milestone": "acknowledged"}),
    ("resolved", 40.0, {}),
)


def settled() -> Received:
    received = everything(RESOLVED)
    received.add("pager", "inc-1:pager:1:U01ANA:resolve", 41)
    return received


def test_nothing_is_wrong_where_everything_arrived_once() -> None:
    verdict = reckoning.compare([RESOLVED], LIVES, settled())
    assert (verdict.lost, verdict.doubled, verdict.unowed) == ([], [], [])
    assert verdict.owed > 15
    assert verdict.late_at(0.99) == 1


@pytest.mark.parametrize(
    ("place", "key"),
    [
        ("dm:U01ANA", "inc-1:matrix:immediate:U01ANA"),
        ("dm:U06ELI", "inc-1:matrix:within_15s:U06ELI"),
        ("mail:ana", debts.message_id("inc-1:mail:page:1:U01ANA")),
        ("pager", "inc-1:pager:1:U01ANA:trigger"),
        (ROOM, "inc-1:room"),
        (ROOM, "inc-1:bookmark:Runbook"),
        (ROOM, "inc-1:card:pin"),
        (ROOM, "inc-1:postmortem:file"),
    ],
)
def test_what_did_not_arrive_is_lost(place: str, key: str) -> None:
    received = settled()
    del received.arrivals[place, key]
    assert len(reckoning.compare([RESOLVED], LIVES, received).lost) == 1


@pytest.mark.parametrize("ended", [40.0, 12.0], ids=["asked-for-long", "withdrawn-at-once"])
def test_card_of_a_decision_or_a_question_that_did_not_arrive_is_lost(ended: float) -> None:
    told = [(each.kind, each.at, each.data) for each in RESOLVED.events[1:-1]]
    asked = ("approval_asked", 11.0, {"approval": 3, "step": "2.1"})
    found = incident(*told, asked, ("question_asked", 11.0, {"question": 4}), ("resolved", ended, {}))
    received = everything(found)
    received.add("pager", "inc-1:pager:1:U01ANA:resolve", 41)
    cards = ["inc-1:approval:3", "inc-1:question:4"]
    for card in cards:
        del received.arrivals[ROOM, card]
    assert reckoning.compare([found], LIVES, received).lost == [f"{ROOM} {card}" for card in cards]


def test_message_that_came_twice_is_doubled_and_letter_of_the_same_id_is_not() -> None:
    received = settled()
    received.add("dm:U01ANA", "inc-1:matrix:immediate:U01ANA", 20)
    received.add("mail:ana", debts.message_id("inc-1:mail:page:1:U01ANA"), 20)
    verdict = reckoning.compare([RESOLVED], LIVES, received)
    assert verdict.doubled == ["dm:U01ANA inc-1:matrix:immediate:U01ANA x2"]
    assert verdict.repeated == 1


def test_webhook_stands_in_where_slack_took_nothing_and_slack_that_tells_it_again_is_named() -> None:
    notice, posted = (
        ("dm:U08HAL", "inc-1:matrix:immediate:U08HAL"),
        ("webhook:hal", "inc-1:instead:webhook:matrix:immediate:U08HAL"),
    )
    page = ("dm:U01ANA", "inc-1:matrix:immediate:U01ANA")
    received = settled()
    received.add(*posted, 10.5)
    again = f"{' '.join(notice)}, which webhook:hal had told"
    assert reckoning.compare([RESOLVED], LIVES, received).doubled == [again]
    del received.arrivals[notice], received.arrivals[page]
    assert reckoning.compare([RESOLVED], LIVES, received).lost == [" ".join(page)]
    received.add(ROOM, "inc-1:told_elsewhere:7", 50)  # so the page's letter is what told it
    verdict = reckoning.compare([RESOLVED], LIVES, received)
    assert (verdict.lost, verdict.doubled, verdict.unowed) == ([], [], [])


def test_message_that_no_policy_owes_is_named() -> None:
    received = settled()
    received.add("dm:U07FAY", "inc-1:matrix:within_40s:U07FAY", 90)
    received.add("room:inc-2", "inc-2:room", 90)
    told = [("dm:U07FAY", "inc-1:matrix:within_40s:U07FAY"), ("room:inc-2", "inc-2:room")]
    for family in [
        "step:9:3",
        "resolved:99",
        "postmortem:again",
        "approval:3",
        "question:4",
        "line:99",
        "phase:stabilize",
        "plan",
        "gate:1:1:none",
        "asked:5",
    ]:
        told.append((ROOM, f"inc-1:{family}"))
        received.add(*told[-1], 90)
    for family in ("approval:3", "approval:3:remind", "remind:3", "question:4:remind", "nobody_commands:99", "summary"):
        told.append(("dm:U07FAY", f"inc-1:{family}:U07FAY"))
        received.add(*told[-1], 90)
    assert reckoning.compare([RESOLVED], LIVES, received).unowed == [" ".join(each) for each in told]


def test_message_that_an_event_caused_is_not_named() -> None:
    told = [(each.kind, each.at, each.data) for each in RESOLVED.events[1:-1]]
    asked = ("approval_asked", 11.0, {"approval": 3, "step": "2.1"})
    failed = ("step_failed", 13.0, {"step": "1.1", "step_id": 9, "attempt": 1, "phase": "stabilize"})
    found = dataclasses.replace(
        incident(*told, _step(1), failed, asked, ("note", 20.0, {"text": "left out"}), ("resolved", 5000.0, {})),
        runs=(1,),
    )
    received = Received()
    for room_key in [
        "step:9:failed:1",
        "phase:stabilize",
        "plan",
        "approval:3",
        "line:7",
        "gate:1:2:root_cause_identified",
        "mitigation",
        "reported",
    ]:
        received.add(ROOM, f"inc-1:{room_key}", 90)
    received.add("dm:U02BO", "inc-1:approval:3:remind:U02BO", 3700)
    assert reckoning.compare([found], LIVES, received).unowed == []
    soon = dataclasses.replace(found, events=[*found.events[:-1], Happened(8, "resolved", 40.0, {})])
    assert reckoning.compare([soon], LIVES, received).unowed == ["dm:U02BO inc-1:approval:3:remind:U02BO"]


def test_call_that_rings_on_after_the_end_is_lost() -> None:
    received = everything(RESOLVED)
    assert reckoning.compare([RESOLVED], LIVES, received).lost == ["pager inc-1:pager:1:U01ANA:resolve"]


def test_follow_up_that_the_canvas_does_not_name_is_lost() -> None:
    title = f"{town.FOLLOWUP} 1"
    filed = incident(
        *((each.kind, each.at, each.data) for each in RESOLVED.events[1:]), ("followup_added", 50.0, {"title": title})
    )
    received = settled()
    received.canvases["inc-1"] = "Follow-ups: none"
    assert reckoning.compare([filed], LIVES, received).lost == [f"{ROOM} canvas: {title}"]
    received.canvases["inc-1"] = f"Follow-ups: {title}"
    assert reckoning.compare([filed], LIVES, received).lost == []


def test_update_stored_before_the_end_is_not_the_last_though_its_transaction_began_later() -> None:
    missed = ("update_missed", 41.0, {"slot": "s1", "people": []})
    found = incident(missed, ("resolved", 40.0, {}), ("update_sent", 40.0, {"slot": "extra-1"}))
    owed = {debt.key: debt for debt in debts.updates(found, LIVES, Received())}
    assert "inc-1:update:s1" in owed
    assert "inc-1:update:extra-1" not in owed
    assert not owed["inc-1:update:s1:to:U01ANA"].is_certain


def test_note_that_stands_twice_in_the_timeline_is_doubled() -> None:
    told = [(each.kind, each.at, each.data) for each in RESOLVED.events[1:]]
    noted = incident(*told, *[("note", 50.0, {"text": "the queue grows"})] * 2)
    assert reckoning.compare([noted], LIVES, settled()).doubled == ["inc-1 'the queue grows' x2"]


async def test_room_outside_the_archive_and_another_name_are_named() -> None:
    async with Workspace(town.slack_config()) as workspace:
        line = AsyncWebClient("xoxb-sitrep", base_url=workspace.api_url)
        made = await line.conversations_create(name="inc-1-checkout")
        room, core = made["channel"]["id"], workspace.core
        assert reckoning.astray(core, {"inc-1": "inc-1-cart"}) == ["inc-1 archived", "inc-1 renamed inc-1-cart"]
        await line.conversations_archive(channel=room)
        assert reckoning.astray(core, {}) == []


async def test_card_topic_and_home_that_say_what_was_true_before_are_named() -> None:
    async with Workspace(town.slack_config()) as workspace:
        line = AsyncWebClient("xoxb-sitrep", base_url=workspace.api_url)
        room = str((await line.conversations_create(name="inc-1-checkout"))["channel"]["id"])
        await line.conversations_setTopic(channel=room, topic="Critical: Checkout is slow")
        metadata = {"event_type": "sitrep", "event_payload": {"key": "inc-1:card"}}
        card = "inc-1 Checkout is slow: critical, open"
        posted = await line.chat_postMessage(channel=room, text=card, metadata=metadata)
        view = {"type": "home", "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "*Open now: 1*"}}]}
        await line.views_publish(user_id=town.PEOPLE["bo"], view=view)
        core = workspace.core
        assert reckoning.outdated(core, [RESOLVED]) == []
        ended = dataclasses.replace(RESOLVED, status="resolved")
        assert [each.partition(":")[0] for each in reckoning.outdated(core, [ended])] == ["inc-1 card", "inc-1 topic"]
        assert len(reckoning.home_missing(core, town.PEOPLE["bo"])) == 1
        await line.chat_update(channel=room, ts=posted["ts"], text=card.replace("open", "resolved"))
        await line.conversations_setTopic(channel=room, topic="Critical resolved: Checkout is slow")
        view["blocks"][0]["text"]["text"] = "*Open now: 0*"  # type: ignore[index]
        await line.views_publish(user_id=town.PEOPLE["bo"], view=view)
        assert reckoning.outdated(core, [ended]) == []
        assert reckoning.home_missing(core, town.PEOPLE["bo"]) == []


def test_step_that_never_began_or_never_ended_is_lost_and_one_that_ended_twice_is_doubled() -> None:
    began = [("step_started", 11.0 + attempt, {"step": "1.1", "attempt": attempt}) for attempt in (1, 2)]
    done = ("step_done", 14.0, {"step": "1.1", "step_id": 7, "attempt": 2, "version": 1, "title": "", "summary": ""})
    assert list(debts.steps_missed(RESOLVED, LIVES)) == ["inc-1: no step began"]
    assert list(debts.steps_missed(incident(*began), LIVES)) == ["inc-1 1.1, attempt 2: no end"]
    assert list(debts.steps_missed(incident(*began, done), LIVES)) == []
    assert list(debts.steps_missed(incident(*began, ("replanned", 15.0, {})), LIVES)) == []
    over = ("run_done", 12.0, {})
    assert list(debts.steps_missed(incident(("resolved", 12.0, {}), over), LIVES)) == []  # too soon for one to begin
    assert list(debts.steps_missed(incident(("resolved", 40.0, {}), over), LIVES)) == ["inc-1: no step began"]
    twice = reckoning.compare([incident(*began, done, done)], LIVES, settled())
    assert "inc-1 1.1, attempt 2 (step 7) done, though it was not under way" in twice.doubled


def _step(attempt: int, version: int = 0) -> tuple[str, float, dict[str, Any]]:
    """Return that an attempt of one step began, or that it was stored as `version`."""
    said = {"step": "1.1", "attempt": attempt, "phase": "stabilize"}
    return ("step_done", 14.0, {**said, "step_id": 9, "version": version}) if version else ("step_started", 12.0, said)


@pytest.mark.parametrize("stored", [(_step(2, 1), _step(1, 2)), (_step(1, 1), _step(2, 2))], ids=["after", "before"])
def test_result_that_a_lost_attempt_stored_is_doubled(stored: tuple[Any, Any]) -> None:
    told = [(each.kind, each.at, each.data) for each in RESOLVED.events[1:]]
    broken = incident(*told, _step(1), _step(2), *stored)
    assert list(fence.done_twice(broken)) == ["inc-1 1.1, attempt 1 (step 9) done, though it was not under way"]
    assert reckoning.compare([broken], LIVES, settled()).doubled == list(fence.done_twice(broken))


@pytest.mark.parametrize(
    "asked", ["step_retried", "step_sent_back", "approval_decided", "severity_changed", "replanned", "run_started"]
)
def test_step_that_is_done_again_is_doubled_unless_somebody_asked_for_it_anew(asked: str) -> None:
    again = incident(_step(1), _step(1, 1), _step(2), _step(2, 2))
    assert list(fence.done_twice(again)) == [
        "inc-1 1.1, attempt 2 began, though it was done and nobody asked for it anew"
    ]
    wanted = incident(_step(1), _step(1, 1), (asked, 15.0, {}), _step(2), _step(2, 2))
    assert list(fence.done_twice(wanted)) == []


def test_attempt_that_goes_on_under_another_plan_is_done_once() -> None:
    kept = {"step": "2.1", "step_id": 9, "attempt": 1, "version": 1}
    found = incident(_step(1), ("replanned", 13.0, {}), ("step_done", 14.0, kept), ("step_done", 15.0, kept))
    assert list(fence.done_twice(found)) == ["inc-1 2.1, attempt 1 (step 9) done, though it was not under way"]


async def test_step_that_a_new_plan_keeps_and_nobody_takes_up_again_is_lost(tmp_path: Path) -> None:
    seen = capture(EvidenceKind.LOG, "checkout.log", "500", summary="412 times", captured_at=START)
    house = await build(tmp_path, seen)
    found = await house.declare()
    await house.engine.claim(1, step_id=1)
    await house.do(respond.change_severity, found.number, ANA, Severity.HIGH, "most can order")
    await house.do(resolve.resolve, found.number, ANA, "restored by hand")
    record = town.Record(f"sqlite+aiosqlite:///{tmp_path}/sitrep.db")
    began = await record.rows("SELECT id, kind, at, data FROM event ORDER BY id")
    listed = [(each["kind"], 0.0, json.loads(each["data"])) for each in began[1:]]
    assert list(debts.steps_missed(incident(*listed), LIVES)) == []  # the timeline cannot know
    assert reckoning.unended(await record.steps()) == ["inc-1 1.1, attempt 1: still running"]
    house.succeed()
    house.clock.advance(timedelta(minutes=1))
    await house.work()
    assert reckoning.unended(await record.steps()) == []
    async with house.store.transaction() as tx:
        await tx.session.execute(update(records.Run).values(state="running"))
    assert reckoning.unended(await record.steps()) == ["inc-1: nothing holds its response up, and it goes no further"]
    await record.close()
    await house.store.close()


def test_level_of_paging_that_never_began_is_lost() -> None:
    unanswered = incident(("paged", 10.0, {"level": 1, "people": ["U01ANA"]}))
    assert list(debts.levels_missed(unanswered, LIVES)) == ["inc-1:page:2"]


def test_decision_of_which_nobody_else_hears_is_lost_and_one_of_which_somebody_hears_early_is_unowed() -> None:
    asked = ("approval_asked", 11.0, {"approval": 3, "step": "2.1"})
    assert list(debts.holdups_missed(incident(asked), LIVES)) == ["inc-1:escalate:approval_3"]
    assert list(debts.holdups_missed(incident(asked, ("approval_decided", 60.0, {"approval": 3})), LIVES)) == []
    told = {"trigger": "approval_3", "people": ["U02BO"]}
    due, early = (list(debts.held_up(incident(asked, ("escalated", at, told)), LIVES)) for at in (36.0, 35.0))
    assert [(debt.place, debt.key, debt.is_certain) for debt in due] == [
        ("dm:U02BO", "inc-1:escalate:approval_3:U02BO", True)
    ]
    assert early == []


def test_all_who_were_asked_are_owed_the_decision_once_more_when_nobody_is_left_to_ask() -> None:
    asked = ("approval_asked", 11.0, {"approval": 3, "step": "2.1"})
    said = ("note", 60.0, {"text": "nobody decided", "approval": 3, "people": ["U02BO"]})
    assert [(debt.place, debt.key) for debt in debts.held_up(incident(asked, said), LIVES)] == [
        ("room:inc-1", "inc-1:line:3"),
        ("dm:U02BO", "inc-1:escalate:approval_3:all-hands:U02BO"),
    ]


def test_update_that_nobody_sent_is_lost() -> None:
    assert list(debts.updates_missed(incident(), LIVES)) == ["inc-1:update after 0 s"]


def test_what_falls_due_while_nothing_runs_is_due_at_the_restart() -> None:
    assert not is_due(110, 199, LIVES)
    assert is_due(110, 210, LIVES)
    assert not is_due(110, 209, LIVES)


def test_what_a_killed_process_had_taken_up_is_due_when_its_lease_has_run_out() -> None:
    lives = [Life(0, 100), Life(101, 300)]
    assert not is_due(90, 133, [Life(0, 92), Life(101, 300)], leased=True)
    assert is_due(99, 143, lives, leased=True)


def test_places_are_named_by_incident_and_person() -> None:
    assert debts.place_of("gil") == "mail:gil"
    assert debts.place_of("ana") == "dm:U01ANA"
