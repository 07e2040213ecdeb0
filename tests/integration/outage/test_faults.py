"""Each fault of Slack's on each method with an effect: nothing lost, nothing doubled, what Slack asks is obeyed."""

import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from sqlalchemy.exc import OperationalError
from sqlmodel import col, select

from bot import directory, slack_errors
from bot.delivery import outage, roads, settling
from bot.delivery.deliverer import Deliverer
from bot.surfaces import draw
from incidents import outbox, records
from incidents.catalog import Person, Settings
from incidents.events import EventKind
from incidents.notices import Action, Lane, Notice, Road
from incidents.service import queries
from tests.integration.outage.conftest import House

pytestmark = pytest.mark.long

#: What a declared incident calls, each with an effect.
METHODS = (
    "conversations.create",
    "conversations.invite",
    "conversations.setTopic",
    "conversations.open",
    "chat.postMessage",
    "chat.update",
    "pins.add",
)
#: What rooms, papers and people's own views are made by; each is called for one of `furniture`.
OTHER_METHODS = (
    "bookmarks.add",
    "conversations.rename",
    "conversations.canvases.create",
    "canvases.edit",
    "files.getUploadURLExternal",
    "upload",
    "files.completeUploadExternal",
    "views.publish",
    "chat.postEphemeral",
)
ENDS = {
    "429": {"kind": "429", "retry_after": 1},
    "5xx": {"kind": "5xx", "status": 503},
    "an error of Slack's own": {"kind": "error", "error": "internal_error"},
    "cut before the effect": {"kind": "drop_before"},
    "cut after the effect": {"kind": "drop_after"},
}
#: What is called before a look, or in one.
LOOKS = (
    "auth.test",
    "users.conversations",
    "conversations.open",
    "conversations.history",
    "conversations.replies",
    "bookmarks.list",
)
#: What cannot simply be done twice.
DONE_ONCE = [action.value for action in (Action.CREATE_CHANNEL, Action.POST, Action.DIRECT, Action.BOOKMARK)]
DONE_ONCE += [Action.FILE.value, Action.EPHEMERAL.value]


@pytest.fixture(autouse=True)
def seen_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """This workspace shows the effect of a call as soon as the line is cut: no answer is under way for 10 s."""
    monkeypatch.setattr(settling, "ANSWER_TIMEOUT_SECONDS", 0.5)
    monkeypatch.setattr(settling, "_SEEN_SECONDS", 0.5)
    monkeypatch.setattr(settling, "_LONGEST_BACKOFF_SECONDS", 0.5)
    monkeypatch.setattr(outage, "_AWAY_PROBE_SECONDS", 0.3)
    monkeypatch.setattr(outage, "_REFUSED_PROBE_SECONDS", 0.3)


def furniture(incident: records.Incident) -> Iterator[Notice]:
    """Yield what calls the methods that a declaration does not; a second canvas is an edit of the first."""
    paper = {"surface": "postmortem_markdown", "params": {"title": "Post-mortem", "filename": "postmortem.md"}}
    made: dict[str, tuple[Action, dict[str, Any]]] = {
        "bookmark": (Action.BOOKMARK, {"params": {"title": "Runbook", "link": "https://example.com/runbook"}}),
        "rename": (Action.RENAME, {"params": {"name": f"{incident.key}-renamed"}}),
        "canvas": (Action.CANVAS, paper),
        "canvas again": (Action.CANVAS, paper | {"after": "canvas"}),
        "file": (Action.FILE, paper),
        "eyes": (Action.EPHEMERAL, {"surface": "line", "params": {"person": "U0REP", "event_id": 1}}),
    }
    for key, (action, more) in made.items():
        needs = {"target": "channel", "after": f"{incident.key}:room", **more}
        yield Notice(key=key, lane=Lane.ROOM, action=action, **needs)
    yield Notice(key="home", lane=Lane.ROOM, action=Action.HOME, surface="home", params={"person": "U0REP"})


async def furniture_is_there_once(house: House, incident: records.Incident) -> None:
    team = house.workspace.core.team
    room = team.channels[(await house.row(f"{incident.key}:room")).result["channel"]]
    assert room.name == f"{incident.key}-renamed"
    assert list(team.canvases) == [room.canvas_id]
    assert [person for _, person in team.homes] == ["U0REP"]
    await additions_are_there_once(house, incident)


async def additions_are_there_once(house: House, incident: records.Incident) -> None:
    room = house.workspace.core.team.channels[(await house.row(f"{incident.key}:room")).result["channel"]]
    assert [each["title"] for each in room.bookmarks.values()] == ["Runbook"]
    shared = [file["name"] for message in await house.history(room.id) for file in message.get("files", ())]
    assert shared == ["postmortem.md"]
    shown = [row for rows in house.workspace.core.ephemerals._rows.values() for row in rows]
    eyes = await house.row("eyes")  # whoever may have been shown it is not shown it again
    assert len(shown) == (eyes.state == "done") or (eyes.state, len(shown)) == ("dropped", 1)


async def archived_once(house: House, incident: records.Incident, fault: dict[str, Any]) -> None:
    await house.faults({"method": "conversations.archive", "times": 1, **fault})
    async with house.ctx.store.transaction() as tx:
        archive = Notice(key="archive", lane=Lane.CHATTER, action=Action.ARCHIVE, target="channel")
        await outbox.put(tx, incident.number, archive)
    (row,) = await house.settled(part="archive")
    assert row.state == "done"
    assert house.workspace.core.team.channels[row.result["channel"]].is_archived


async def all_is_there_once(house: House) -> None:
    rows = await house.settled()
    assert [row.key for row in rows if row.state == "failed"] == []
    assert set(house.posted().values()) == {1}
    async with house.ctx.store.read() as session:
        incident = (await session.scalars(select(records.Incident))).one()
    team = house.workspace.core.team
    made = [each for each in team.channels.values() if each.name.startswith(incident.key)]
    assert [each.id for each in made] == [incident.channel]
    (room,) = made
    assert len(room.pins) == 1
    assert room.topic.value.startswith("Critical")
    assert {"U0REP", "U0ANA", "U0BO"} <= set(room.members)
    posted = set(house.posted())
    assert {row.key for row in rows if row.action in ("post", "direct") and row.state == "done"} <= posted


@pytest.mark.parametrize("fault", ENDS.values(), ids=ENDS)
async def test_one_fault_on_every_method_at_once_loses_and_doubles_nothing(house: House, fault: dict[str, Any]) -> None:
    await house.faults(*({"method": method, "times": 1, **fault} for method in METHODS + OTHER_METHODS))
    incident = await house.declare()
    async with house.ctx.store.transaction() as tx:
        await outbox.put(tx, incident.number, *furniture(incident))
    await all_is_there_once(house)
    await furniture_is_there_once(house, incident)
    await archived_once(house, incident, fault)
    assert house.workspace.core.faults.wanted() == []


async def a_process_dies(house: House, incident: records.Incident) -> set[str]:
    """Leave what was done as a process leaves it that is killed before it reads the answers; returns what that is."""
    await house.deliverer.stop()
    async with house.ctx.store.transaction() as tx:
        row = records.Outbox
        done = select(row).where(row.state == "done", row.road == Road.SLACK.value, col(row.action).in_(DONE_ONCE))
        rows = (await tx.session.scalars(done)).all()
        for each in rows:
            each.state, each.owner, each.result, each.sent_at = "sending", "a process that died", {}, None
            each.lease_until = tx.now
        (await tx.session.get_one(records.Incident, incident.id)).channel = ""
    return {each.action for each in rows}


def once_in_trouble(act: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """Let the database go away at the first try of each thing that `act` is asked for."""
    tried: set[str] = set()

    async def acts(*about: Any) -> Any:
        what = str(getattr(about[-1], "key", about[-1]))
        if what not in tried:
            tried.add(what)
            raise OperationalError("SELECT", {}, OSError("server closed the connection unexpectedly"))
        return await act(*about)

    return acts


async def test_what_is_in_doubt_stays_so_through_every_trouble_before_it_was_looked_for(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    incident = await house.declare()
    reply = {"action": Action.POST, "target": f"thread:{incident.key}:card", "surface": "line"}
    async with house.ctx.store.transaction() as tx:
        thread = Notice(key="reply", lane=Lane.CHATTER, **reply, params={"event_id": 1})
        made = [each for each in furniture(incident) if each.action in DONE_ONCE]
        await outbox.put(tx, incident.number, thread, *made)
    await house.settled()
    for trouble in ({"kind": "429", "retry_after": 0}, {"kind": "error", "error": "invalid_auth"}, None):
        assert await a_process_dies(house, incident) >= {*DONE_ONCE} - {"ephemeral"}  # that goes once, or is left out
        drawn: Any = draw
        if trouble is None:
            drawn = once_in_trouble(draw)
            monkeypatch.setattr(queries, "in_channel", once_in_trouble(queries.in_channel))
        else:
            await house.faults(*({"method": method, "times": 1, **trouble} for method in LOOKS))
        house.deliverer = Deliverer(house.ctx, house.client, drawn, others=house.roads)
        house.deliverer.start()
        await all_is_there_once(house)
        await additions_are_there_once(house, incident)
        assert house.workspace.core.faults.wanted() == []
    await house.deliverer.stop()


def test_each_method_by_which_notices_leave_is_struck() -> None:
    struck = {*METHODS, *OTHER_METHODS, "conversations.archive"} - {"upload"}
    assert struck == {method for methods in roads.METHODS.values() for method in methods}


async def test_every_third_call_failing_in_some_way_loses_and_doubles_nothing(house: House) -> None:
    await house.faults(*({"method": "*", "probability": 0.07, **fault} for fault in ENDS.values()))
    await house.declare()
    await all_is_there_once(house)


async def test_slow_answers_are_waited_for_and_double_nothing(house: House) -> None:
    await house.faults({"method": "*", "kind": "latency", "seconds": 0.5})
    await house.declare()
    await all_is_there_once(house)


async def test_each_method_that_is_asked_to_slow_down_is_left_alone_for_that_long(house: House) -> None:
    incident = await house.declare()
    await house.settled()
    before = len(house.workspace.core.calls.entries())
    await house.faults({"method": "conversations.setTopic", "kind": "429", "retry_after": 2, "times": 1})

    async def put(word: str) -> None:
        topic = Notice(
            key=word, lane=Lane.ROOM, action=Action.SET_TOPIC, target="channel", params={"topic": f"topic {word}"}
        )
        async with house.ctx.store.transaction() as tx:
            await outbox.put(tx, incident.number, topic)

    await put("refused")
    await house.until(lambda: house.workspace.core.faults.wanted() == [])
    await put("another")
    await house.settled()
    calls = house.workspace.core.calls.entries()[before:]
    topics = [each for each in calls if each["method"] == "conversations.setTopic"]
    assert [each["error"] for each in topics] == ["fault:429", None, None]
    assert topics[1]["at"] - topics[0]["at"] >= 2


async def test_slack_that_is_away_is_asked_for_itself_alone_and_not_by_what_waits(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    incident = await house.declare()
    await house.settled()
    await house.slack_goes()
    async with house.ctx.store.transaction() as tx:
        for number in range(20):
            post = Notice(
                key=f"post {number}", lane=Lane.DECISION, action=Action.POST, target="channel", surface="line"
            )
            await outbox.put(tx, incident.number, post.model_copy(update={"params": {"event_id": 1}}))
    await house.slack_is_missed()
    await house.until(lambda: not house.deliverer._under_way)
    monkeypatch.setattr(outage, "_AWAY_PROBE_SECONDS", 0.4)
    since, began = len(house.workspace.core.calls.entries()), time.monotonic()

    def asked() -> list[str]:
        return [each["method"] for each in house.workspace.core.calls.entries()[since:]]

    await house.until(lambda: len(asked()) >= 4)
    assert set(asked()) == {"auth.test"}
    assert len(asked()) <= (time.monotonic() - began) / 0.4 + 2


@pytest.mark.parametrize("step", [timedelta(hours=1), timedelta(hours=-1)], ids=["an hour ahead", "an hour back"])
async def test_a_step_of_the_clock_in_the_middle_of_a_call_doubles_nothing(house: House, step: timedelta) -> None:
    await house.faults({"method": "*", "kind": "latency", "seconds": 1})
    await house.declare()
    await house.until(lambda: len(house.deliverer._under_way) >= 3)
    house.clock.ahead += step
    await house.pass_time(timedelta())
    house.workspace.core.faults.clear()
    await house.settled()
    assert set(house.posted().values()) == {1}
    told = [(event.data["key"]) for event in await house.events(EventKind.TOLD)]
    assert len(told) == len(set(told))


async def test_what_was_put_off_before_the_clock_stepped_back_does_not_wait_for_an_hour(house: House) -> None:
    await house.slack_goes()
    incident = await house.declare()
    await house.until(lambda: bool(house.deliverer.trouble))
    house.clock.ahead -= timedelta(hours=1)
    await house.slack_returns()
    await house.settled()
    assert f"{incident.key}:card" in house.posted()


async def test_a_row_whose_holder_died_before_the_clock_stepped_back_is_taken_up(house: House) -> None:
    incident = await house.declare()
    await house.settled()
    async with house.ctx.store.transaction() as tx:
        note = Notice(key="n", lane=Lane.ROOM, action=Action.SET_TOPIC, target="channel", params={"topic": "t"})
        await outbox.put(tx, incident.number, note)
        row = (await tx.session.scalars(select(records.Outbox).where(records.Outbox.key == "n"))).one()
        row.state, row.owner = "sending", "a process that died"
        row.lease_until = tx.now + timedelta(hours=1)
        row.first_tried_at = tx.now
    assert (await house.settled(part="n"))[-1].state == "done"


async def test_an_answer_that_is_no_json_is_read_as_trouble_and_not_as_a_fault_of_ours(house: House) -> None:
    await house.faults({"method": "users.lookupByEmail", "kind": "5xx", "status": 503})
    with pytest.raises(SlackApiError) as caught:
        await house.client.users_lookupByEmail(email="ana@example.com")
    assert slack_errors.word(caught.value) == ""
    settings = Settings(people={"ana": Person(key="ana", email="ana@example.com")})
    with pytest.raises(SlackApiError):
        await directory.resolve(house.client, settings)


@pytest.mark.parametrize(("others", "end"), [(False, "pending"), (True, "failed")])
async def test_a_post_is_given_up_for_unclear_answers_only_while_other_posts_arrive(
    house: House, others: bool, end: str
) -> None:
    incident = await house.declare()
    await house.settled()
    if not others:  # hours have passed since anything was posted
        house.clock.ahead += timedelta(hours=1)
    await house.faults({"method": "chat.postMessage", "kind": "drop_before"})
    async with house.ctx.store.transaction() as tx:
        line = Notice(
            key="line", lane=Lane.DECISION, action=Action.POST, target="channel", surface="line", params={"event_id": 1}
        )
        await outbox.put(tx, incident.number, line)
        row = (await tx.session.scalars(select(records.Outbox).where(records.Outbox.key == "line"))).one()
        row.attempts = 100
    await house.eventually(lambda: tried(house, "line", 101))
    assert (await house.row("line")).state == end


async def tried(house: House, key: str, times: int) -> bool:
    row = await house.row(key)
    return row.attempts >= times and row.state != "sending"
