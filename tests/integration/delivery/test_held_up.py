"""What this side held up for so long that its lease may be over is not sent any more, and is no trouble of Slack's."""

from collections.abc import Callable
from typing import Any

import pytest

from bot.delivery import settling, trip
from bot.delivery.outage import Outage
from bot.delivery.web import Web
from incidents import records, sending
from incidents.notices import Action, Lane, Notice
from tests.integration.delivery.conftest import Post, note

#: Longer than a lease: whoever asks has no time left for a call.
TOO_LONG = sending.LEASE.total_seconds() * 2


@pytest.fixture(autouse=True)
def tried_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "_LONGEST_BACKOFF_SECONDS", 0.1)


@pytest.fixture
def thaw(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Hold each trip up until this is called."""
    usual = trip.ANSWER_TIMEOUT_SECONDS
    monkeypatch.setattr(trip, "ANSWER_TIMEOUT_SECONDS", TOO_LONG)
    return lambda: monkeypatch.setattr(trip, "ANSWER_TIMEOUT_SECONDS", usual)


async def held_up_again(post: Post, key: str) -> records.Outbox:
    while (row := await post.given_back(key)).attempts < 2:
        pass
    return row


async def test_standstill_of_ours_is_no_outage_of_slacks_and_puts_nothing_in_doubt(
    post: Post, thaw: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    troubles: list[str] = []
    noted = Outage.note

    def note_(outage: Outage, failure: trip.Undelivered | None) -> None:
        noted(outage, failure)
        troubles.append(outage.trouble)

    monkeypatch.setattr(Outage, "note", note_)
    incident = await post.room()
    await post.client.conversations_invite(channel=incident.channel, users="U0AVA")
    post.deliverer().start()
    await post.put(
        incident,
        note("page", action=Action.DIRECT, target="user:U0BEN", lane=Lane.PAGE),
        note("private", action=Action.EPHEMERAL, params={"person": "U0AVA"}),
        note("n"),
    )
    for key in ("page", "private", "n"):
        row = await held_up_again(post, key)
        # With an error it would count as tried in vain, and go by another road.
        assert (row.first_tried_at, row.error) == (None, "")
    assert len(troubles) >= 6
    assert set(troubles) == {""}
    assert post.calls("chat.postMessage") == post.calls("chat.postEphemeral") == []
    thaw()
    for key in ("page", "private", "n"):
        await post.wait(key)
    assert len(post.calls("chat.postMessage")) == 2


@pytest.mark.parametrize(
    ("action", "method", "more"),
    [
        (Action.HOME, "views.publish", {"target": "", "surface": "home", "params": {"person": "U0AVA"}}),
        (Action.SET_TOPIC, "conversations.setTopic", {"params": {"topic": "Critical"}}),
        (Action.RENAME, "conversations.rename", {"params": {"name": "inc-1-renamed"}}),
        (Action.CANVAS, "conversations.canvases.create", {"params": {"title": "Post-mortem"}}),
    ],
)
async def test_what_was_held_up_is_painted_over_nothing_that_another_process_showed_since(
    post: Post, thaw: Callable[[], None], action: Action, method: str, more: dict[str, Any]
) -> None:
    incident = await post.room()
    post.deliverer().start()
    await post.put(incident, Notice(key="old", lane=Lane.ROOM, action=action, **{"target": "channel", **more}))
    await held_up_again(post, "old")
    assert post.calls(method) == []
    thaw()
    await post.wait("old")
    assert len(post.calls(method)) == 1


async def test_canvas_whose_place_took_long_to_find_is_not_painted_over(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    incident = await post.room()
    post.deliverer().start()
    await post.put(incident, note("first", action=Action.CANVAS, params={"title": "Post-mortem"}))
    await post.wait("first")
    read, usual = Web.read, trip.ANSWER_TIMEOUT_SECONDS

    async def slow(web: Web, method: str, **arguments: Any) -> Any:
        monkeypatch.setattr(Web, "read", read)
        monkeypatch.setattr(trip, "ANSWER_TIMEOUT_SECONDS", TOO_LONG)
        return await read(web, method, **arguments)

    monkeypatch.setattr(Web, "read", slow)
    await post.put(incident, note("second", action=Action.CANVAS, params={"title": "Post-mortem"}))
    await post.given_back("second")
    assert post.calls("canvases.edit") == []
    monkeypatch.setattr(trip, "ANSWER_TIMEOUT_SECONDS", usual)
    await post.wait("second")
    assert len(post.calls("canvases.edit")) == 1
