"""How long until a form that is stored is acked: notes of as many people as send at once, each their own form.

Beside two bare Bolt apps of the same run: one that stores nothing, and one that commits a row for each before its ack,
over the same engine: the least that anybody pays who acks what survives a crash. The three take turns, each in quiet.
"""

import asyncio
import sqlite3
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

from bot.workspace.config import PersonConfig
from bot.workspace.driver import Person
from bot.workspace.server import Workspace
from tests.benchmarks import bare_app, stage, turns
from tests.benchmarks.acks import Acks
from tests.benchmarks.report import Line, percentile

#: Forms at once -> how many such bursts; one at a time last, when the response that was declared has come to its rest.
#: At least 200 samples each, as promised is the 99th percentile.
BURSTS = {200: 3, 50: 6, 1: 200}
_WARMING_UP = 5
_STILL_SECONDS = {1: 0.04, 50: 0.2, 200: 0.2}
_LIMIT = 2.0
_SITREP, _BARE, _ROW = "stored", "bare", "bare with a row"

Open = Callable[[Person], Awaitable[Any]]


async def measure(running: Workspace, ava: Person) -> list[Line]:
    """Return p50 and p99 of notes that are stored, beside a bare app and beside one that commits a row each."""
    del running, ava  # this needs as many people as forms
    crowd = [_person(number) for number in range(max(BURSTS))]
    config = stage.configuration()
    # That a busy machine takes longer to open two hundred forms at once is not what is measured.
    patient = config.delivery.model_copy(update={"trigger_seconds": 30.0})
    config = config.model_copy(update={"people": [*config.people, *crowd], "delivery": patient})
    with tempfile.TemporaryDirectory() as folder:
        database, rows = Path(folder) / "sitrep.db", Path(folder) / "rows.db"
        async with Workspace(config) as crowded, AsyncExitStack() as stack:
            acks = Acks(crowded)
            people = [await stack.enter_async_context(Person(crowded.url, str(each.id))) for each in crowd]
            await stack.enter_async_context(stage.sitrep(crowded, people[0], DATABASE_URL=f"sqlite:///{database}"))
            await stack.enter_async_context(stage.bare(crowded, people[0], BARE_ROWS=f"sqlite+aiosqlite:///{rows}"))
            key = await _declared(people[0])
            opened: dict[str, Open] = {
                _SITREP: lambda who: who.command("/incident", f"{key} note"),
                _BARE: lambda who: who.command("/bare", bare_app.TAKEN),
                _ROW: lambda who: who.command("/bare", bare_app.STORED),
            }
            await turns.quiet(crowded, 2.0)  # the steps of the response are further apart than the calls of one burst
            sent, seconds = await _bursts(acks, people, opened)
        await asyncio.to_thread(_check, database, rows, sent)
    return [
        line for at_once in sorted(BURSTS) for share in (0.5, 0.99) for line in _lines(seconds[at_once], at_once, share)
    ]


async def _bursts(
    acks: Acks, people: list[Person], opened: dict[str, Open]
) -> tuple[int, dict[int, dict[str, list[float]]]]:
    """Return how many notes were sent, and how long each form's ack took."""
    sent, seconds = 0, {}
    for at_once, bursts in BURSTS.items():
        acks.seconds.clear()
        first = _WARMING_UP if at_once == 1 else 1
        for turn in range(first + bursts):
            if turn == first:
                acks.seconds.clear()
            for name in turns.order(list(opened), turn):
                await _burst(acks, name, people[:at_once], opened[name], sent)
            sent += at_once
        seconds[at_once] = {name: acks.seconds[name] for name in opened}
    return sent, seconds


async def _burst(acks: Acks, name: str, people: list[Person], open_form: Open, number: int) -> None:
    forms = await asyncio.gather(*(_form(who, open_form) for who in people))
    if len(people) > 1:  # one form that is there sets nothing off
        await turns.quiet(acks.running, _STILL_SECONDS[len(people)])
    answers = await acks.together(
        name,
        [
            partial(who.submit, form, {form["blocks"][-1]["block_id"]: f"Seen by hand number {number + place}"})
            for place, (who, form) in enumerate(zip(people, forms, strict=True))
        ],
    )
    assert not any(answer.get("response_action") for answer in answers), f"taken, and the form closes: {answers}"
    # What a burst sets off (the card, homes) is over before the next form is asked for.
    await turns.quiet(acks.running, _STILL_SECONDS[len(people)])


async def _form(who: Person, open_form: Open) -> dict[str, Any]:
    await open_form(who)
    return await who.wait_for_view(timeout=30)


async def _declared(who: Person) -> str:
    await who.command("/incident", "checkout returns 500s")
    await who.submit(await who.wait_for_view())
    channel = await who.wait_for_channel(lambda each: each["name"].startswith("inc-"))
    await who.wait_for_message(channel["id"], lambda message: "Acknowledge" in str(message.get("blocks")))
    await who.close(await who.wait_for_view(), whole_stack=True)
    await who.wait_until_no_view()
    return "inc-1"


def _check(database: Path, rows: Path, sent: int) -> None:
    """See that every note is there, once."""
    notes = _all(database, "SELECT json_extract(data, '$.text') FROM event WHERE kind = 'note'")
    ours = sorted(note for note in notes if note.startswith("Seen by hand"))
    assert ours == sorted(f"Seen by hand number {number}" for number in range(sent)), "each note is stored once"
    assert len(_all(rows, "SELECT text FROM sent")) == sent, "and so is each row"


def _all(database: Path, query: str) -> list[str]:
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        return [str(row[0]) for row in connection.execute(query)]
    finally:
        connection.close()


def _person(number: int) -> PersonConfig:
    name = f"hand{number:03}"
    return PersonConfig(id=f"U0{name.upper()}", name=name, real_name=name.title(), email=f"{name}@example.com")


def _lines(seconds: dict[str, list[float]], at_once: int, share: float) -> list[Line]:
    ours, bare, row = (percentile(seconds[name], share) * 1000 for name in (_SITREP, _BARE, _ROW))
    what = f"ack of a stored submission, {at_once} at once, p{share * 100:.0f}"
    return [
        Line(what, ours, "ms", _LIMIT if share > 0.5 else None, bare, "bare Bolt app"),
        Line(what, ours, "ms", None, row, "one that commits a row"),
    ]
