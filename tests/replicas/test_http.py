"""Slack's payloads over HTTP, each of them given to two replicas: whatever it asks for happens once."""

import json
from pathlib import Path
from typing import Any

import pytest

from bot.workspace.driver import Person
from tests.processes import free_port
from tests.replicas.balancer import Balancer, balancer
from tests.replicas.fleet import REPORTERS, Fleet, fleet

_ONCE = ("declared", "acknowledged", "note")
_EVENTS = """
SELECT coalesce(nullif(data ->> 'milestone', ''), kind) AS kind, count(*) AS times FROM event GROUP BY 1
"""


async def _launch(ships: Fleet, before: Balancer) -> None:
    names = ("one", "two")
    addresses = [f"127.0.0.1:{free_port()}" for _ in names]
    before.replicas = (addresses[0], addresses[1])
    for name, address in zip(names, addresses, strict=True):
        await ships.launch(name, arguments=("--http", address))


async def _declare(dee: Person, title: str, *, alike: int) -> dict[str, Any]:
    """Declare through the modal, past the question whether it is one of those open; returns the last answer."""
    await dee.command("/incident", f"declare {title}")
    modal = await dee.wait_for_view(lambda view: title in json.dumps(view))
    answer: dict[str, Any] = {}
    for _ in range(1 + alike):
        answer = dict(await dee.submit(modal, {"service": "shop"}))
    return answer


async def _respond(ships: Fleet, dee: Person, channel: str) -> None:
    """Acknowledge by button, note by command, and put a message on the timeline by reaction."""
    card = await dee.wait_for_message(channel, lambda row: "Acknowledge" in json.dumps(row.get("blocks")), 20)
    await dee.click(channel, card, "Acknowledge")
    await dee.command("/incident", "note the pool is fine", channel)
    said = await dee.post(channel, "the vendor confirms")
    await dee.react(channel, said["ts"], "pushpin")


@pytest.mark.timeout(120)
async def test_payloads_that_two_replicas_get_have_one_effect_each(postgres: str, tmp_path: Path) -> None:
    async with balancer() as before, fleet(postgres, tmp_path, request_url=before.url) as ships:
        await _launch(ships, before)
        dee = await ships.person(REPORTERS[0])
        for number, (title, at_once) in enumerate((("Checkout is down", True), ("Login loops", False)), start=1):
            before.at_once = at_once
            answer = await _declare(dee, title, alike=number - 1)
            assert (answer.get("view") or {}).get("callback_id") != "declare", answer  # it was taken, and says so
            [row] = await ships.until(f"SELECT channel FROM incident WHERE id = {number} AND channel <> ''", bool)  # noqa: S608
            await _respond(ships, dee, row["channel"])
            owed = {"declared": number, "acknowledged": number, "note": 2 * number}
            await ships.until(
                _EVENTS, lambda rows, owed=owed: owed.items() <= {r["kind"]: r["times"] for r in rows}.items()
            )
        await ships.settled()
        found, reckoning = await ships.rows(_EVENTS), await ships.reckon()
        told = [json.dumps(each) for each in dee.screen.ephemerals.values()]
    times = {row["kind"]: row["times"] for row in found}
    assert {kind: times[kind] for kind in _ONCE} == {"declared": 2, "acknowledged": 2, "note": 4}
    assert (reckoning.incidents, reckoning.rooms, reckoning.doubled) == (2, 2, [])
    assert not [each for each in told if "warning" in each]
    assert {status for both in before.answers for status in both} == {200}
