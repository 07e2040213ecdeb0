"""What people, and the hours, do so that a point is reached."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from incidents import outbox
from incidents.notices import Action, Lane, Notice
from incidents.store import Store
from tests.torture import town
from tests.torture.points import Stir
from tests.torture.townsfolk import Townsfolk

_HOME_SECONDS = 6.0  # a home is opened for as long as a point is waited for
_WORDS = ("Checkout", "Login", "Search", "Invoices", "Mail", "Uploads", "Exports", "Webhooks", "Billing", "Reports")
_TROUBLES = ("answers 500", "is slow", "loses rows", "times out", "shows blanks", "refuses cards", "loops")
_OPEN, _RESOLVED = "status = 'open'", "status = 'resolved' AND archived_at IS NULL"

Row = dict[str, Any]


class Doings:
    """What is done in one company, by the dice of its seed."""

    def __init__(self, seed: int, url: str, folk: Townsfolk, record: town.Record, now: Callable[[], float]) -> None:
        self._seed = seed
        self._dice = random.Random(seed)  # noqa: S311 - a test's dice
        self._folk = folk
        self._record = record
        self._declared = 0
        self._put = 0
        self._put_for_this = False
        self._now = now
        self._store = Store(url, self)
        self.renamed: dict[str, str] = {}  #: incident's key -> the name its channel was given last

    def now(self) -> datetime:
        """Return the test's time, as a clock of the product's."""
        return datetime.fromtimestamp(self._now(), UTC)

    async def close(self) -> None:
        """Let go of the database."""
        await self._store.close()

    async def prepare(self, stir: Stir) -> None:
        """Leave in the database what the next process is to find there."""
        if stir is Stir.NOTICE:
            await self._put_notices()

    async def do(self, stir: Stir) -> None:
        """Do what leads to the point."""
        acts: dict[Stir, Callable[[], Awaitable[object]]] = {
            Stir.DECLARE: self.declare,
            Stir.AWAY: self.declare,
            Stir.RESOLVE: self._resolve_one,
            Stir.SEVERITY: self._change_severity,
            Stir.ACKNOWLEDGE: self._acknowledge,
            Stir.UPDATE: self._update,
            Stir.NOTICE: self._notify,
            Stir.JOIN: self._join,
            Stir.MARK: self._mark,
            Stir.FOLLOWUP: lambda: self._follow_up(self._folk.file),
            Stir.PUSH: lambda: self._follow_up(self._folk.file_in_form),
            Stir.HOME: lambda: self._folk.open_home(_HOME_SECONDS),
            Stir.LOOK: self._folk.look,
            Stir.ARCHIVE: self._some,  # it begins with the process
            Stir.WAIT: self._some,  # the same
            Stir.NOTHING: self._some,
        }
        await acts[stir]()

    async def _some(self) -> Row:
        """Return an open incident."""
        return await self._open() or await self.declare()

    async def one(self, condition: str) -> Row | None:
        """Return an incident of which `condition` holds, chosen by the dice."""
        rows = await self._rows(condition)
        return self._dice.choice(rows) if rows else None

    async def _rows(self, condition: str) -> list[Row]:
        query = f"SELECT id, severity, channel FROM incident WHERE {condition} ORDER BY id"  # noqa: S608 - ours
        return await self._record.rows(query)

    async def end_one(self) -> None:
        """See that an incident has ended whose room is not in the archive."""
        if await self.one(_RESOLVED) is None:
            await self.resolve(await self._some())

    async def begin_critical(self) -> None:
        """See that a critical incident is open, of which updates fall due soonest."""
        if await self._open("severity = 'critical'") is None:
            await self.declare("critical")

    async def _open(self, condition: str = "1 = 1") -> Row | None:
        return await self.one(f"{_OPEN} AND {condition}")

    async def _room(self, wanted: Callable[[Row], bool] = lambda _: True) -> Row:
        """Return an open incident that has its channel and is `wanted`, a new one where there is none."""
        while (row := await self._one_with_room(wanted)) is None:
            if not any(map(wanted, await self._rows(_OPEN))):
                await self.declare()
            await asyncio.sleep(0.2)
        return row

    async def _one_with_room(self, wanted: Callable[[Row], bool]) -> Row | None:
        rows = [row for row in await self._rows(f"{_OPEN} AND channel != ''") if wanted(row)]
        return self._dice.choice(rows) if rows else None

    async def declare(self, severity: str = "") -> Row:
        """Declare an incident of a title of its own, of a severity that the dice choose where none is given."""
        self._declared += 1
        word, trouble = self._dice.choice(_WORDS), self._dice.choice(_TROUBLES)
        title = f"{word} {trouble} {self._seed}-{self._declared}"
        await self._folk.declare(title, severity or self._dice.choice(("critical", "critical", "high")))
        rows = await self._record.rows("SELECT id, severity, channel FROM incident WHERE title = :title", title=title)
        return rows[0]

    async def _acknowledge(self) -> None:
        row = await self._open("acknowledged_at IS NULL") or await self.declare()
        query = "SELECT 1 FROM incident WHERE id = :id AND acknowledged_at IS NOT NULL"
        await self._folk.command("ana", "acknowledge", f"ack inc-{row['id']}", query, id=row["id"])

    async def _change_severity(self) -> None:
        row = await self._some()
        to = "high" if row["severity"] == "critical" else "critical"
        query = "SELECT 1 FROM incident WHERE id = :id AND (severity = :to OR status != 'open')"
        await self._folk.command("ana", "severity", f"severity inc-{row['id']} {to}", query, id=row["id"], to=to)

    async def _update(self) -> None:
        row = await self._some()
        sent = "SELECT id FROM event WHERE incident_id = :id AND kind = 'update_sent'"
        before = len(await self._record.rows(sent, id=row["id"]))
        words = f"update inc-{row['id']} We are still looking, try {before}"
        await self._folk.command("ana", "update", words, f"{sent} LIMIT 1 OFFSET {before}", id=row["id"])

    async def _resolve_one(self) -> None:
        await self.resolve(await self._some())

    async def _join(self) -> None:
        await self._folk.join(await self._room(self._is_new_to("fay")))

    def _is_new_to(self, who: str) -> Callable[[Row], bool]:
        """Return what tells whether nothing was ever asked for in a room that `who` alone is to see.

        Where two were asked for, one that is shown twice would stand in for one that was lost.
        """
        return lambda row: (town.PEOPLE[who], row["channel"]) not in self._folk.asked_privately

    async def resolve_all(self) -> None:
        """Resolve whatever is open."""
        while row := await self._open():
            await self.resolve(row)

    async def resolve(self, row: Row) -> None:
        """Resolve an incident."""
        query = "SELECT 1 FROM incident WHERE id = :id AND status != 'open'"
        words = f"resolve inc-{row['id']} Restored by hand"
        await self._folk.command("ana", "resolve", words, query, id=row["id"])

    async def _mark(self) -> None:
        """Write something in a room and put it on the timeline with 📌."""
        row = await self._room()
        self._put += 1
        await self._folk.mark(row, f"The queue grows, said {self._seed}-{self._put}")

    async def _follow_up(self, file: Callable[[Row, str], Awaitable[None]]) -> None:
        row = await self.one(_RESOLVED)
        if row is None:
            row = await self._some()
            await self.resolve(row)
        has_canvas = "SELECT 1 FROM event WHERE incident_id = :id AND kind = 'postmortem_posted'"
        while not await self._record.has(has_canvas, id=row["id"]):  # noqa: ASYNC110 - the database tells nobody
            await asyncio.sleep(0.2)
        await file(row, f"{town.FOLLOWUP} {self._seed}")

    async def _notify(self) -> None:
        """See that there is a room for the notices of this life; with one, `prepare` has put them."""
        if not self._put_for_this:
            await self._room(self._is_new_to("ana"))
            await self._put_notices()

    async def _put_notices(self) -> None:
        """Put calls on their way that the outbox can make and no policy asks for: a new name, words for one person."""
        row = await self._one_with_room(self._is_new_to("ana"))
        self._put_for_this = row is not None
        if row is None:
            return
        self._put += 1
        key, name = f"inc-{row['id']}", f"inc-{row['id']}-renamed-{self._put}"
        event = await self._record.rows("SELECT min(id) AS id FROM event WHERE incident_id = :id", id=row["id"])
        notices = (
            Notice(
                key=f"{key}:rename:{self._put}",
                lane=Lane.ROOM,
                action=Action.RENAME,
                target="channel",
                params={"name": name},
            ),
            Notice(
                key=f"{key}:eyes:{self._put}",
                lane=Lane.DECISION,
                action=Action.EPHEMERAL,
                target="channel",
                surface="line",
                params={"person": town.PEOPLE["ana"], "event_id": event[0]["id"]},
            ),
        )
        async with self._store.transaction() as tx:
            await outbox.put(tx, row["id"], *notices)
        self._folk.asked_privately[town.PEOPLE["ana"], row["channel"]] += 1
        self.renamed[key] = name
