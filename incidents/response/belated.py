"""Tells what became of commands whose step was stopped, where the process that followed them did not live to see it."""

import asyncio
import contextlib

import structlog
from sqlmodel import col, select

from incidents import records
from incidents.agents.journal import Begun, Telling
from incidents.catalog import Environment, Service
from incidents.context import Context
from incidents.errors import OutcomeUnknown, ToolFailed
from incidents.response import journal, results
from incidents.response.journal import Outcome
from incidents.tools import aftermath, redaction
from incidents.tools.aftermath import Place

log = structlog.get_logger(__name__)

_LOOK_SECONDS = 5.0  # between looks at the rows: no commit tells that a process died
_AT_ONCE_SECONDS = 0.3  # for what can be known at once, when it is first looked at


class Belated:
    """Follows what is owed to people, wherever it was begun, and tells it; whoever tells first has told it for all."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._followed: dict[str, asyncio.Task[Outcome]] = {}

    async def watch(self, stopping: asyncio.Event) -> None:
        """Look after what is owed until `stopping` is set; what still runs then is followed by the next process."""
        while not stopping.is_set():
            try:
                await self.look()
            except Exception:
                # The database may be away for a while; the loop must outlive it.
                log.exception("outcomes_not_told")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), _LOOK_SECONDS)
        self.let_go()

    def let_go(self) -> None:
        """Follow nothing any more."""
        for each in self._followed.values():
            each.cancel()  # no transaction is in there
        self._followed.clear()

    async def look(self) -> None:
        """Begin to follow what is owed, and tell what has ended."""
        owed = await self._owed()
        still = {begun.id for _, begun, _ in owed}
        for gone in [each for each in self._followed if each not in still]:
            self._followed.pop(gone).cancel()
        for _, begun, service in owed:
            if begun.id not in self._followed:
                self._followed[begun.id] = asyncio.create_task(self._follow(begun, service), name=f"owed-{begun.id}")
        if self._followed:
            await asyncio.wait(self._followed.values(), timeout=_AT_ONCE_SECONDS)
        for step_id, begun, _ in owed:
            if self._followed[begun.id].done():
                await self._tell(step_id, self._followed.pop(begun.id))

    async def _tell(self, step_id: int, followed: asyncio.Task[Outcome]) -> None:
        trouble = followed.exception()
        if trouble is not None:  # it is followed anew with the next look, and holds up nothing else
            log.error("outcome_not_found", step_id=step_id, exc_info=trouble)
            return
        async with self._ctx.store.transaction() as tx:
            await results.tell(tx, step_id, [followed.result()])

    async def _owed(self) -> list[tuple[int, Begun, Service]]:
        """Return (step, command, its service) for everything of which people are still to hear, oldest first."""
        step, run = records.Step, records.Run
        asked = (
            select(step, records.Incident.service)
            .join(run, col(run.id) == col(step.run_id))
            .join(records.Incident, col(records.Incident.id) == col(run.incident_id))
            .where(col(step.owes), col(step.state).not_in(results.ATTEMPT_TELLS))
            .order_by(col(step.id))
        )
        async with self._ctx.store.read() as session:
            found = (await session.execute(asked)).all()
        return [
            (row.number, begun, self._ctx.service(service) or Service(key=service))
            for row, service in found
            for begun in journal.read(row)
            if begun.telling is Telling.OWED
        ]

    async def _follow(self, begun: Begun, service: Service) -> Outcome:
        """Wait until the command has ended, and say what became of it as far as anybody can know."""
        target = service.production if begun.environment == "production" else service.staging or Environment()
        place = Place(service, target, (begun.verb,))
        await aftermath.until_over(begun, place, self._ctx.clock)
        try:
            found = await aftermath.of(begun, place, self._ctx.clock)
        except OutcomeUnknown as error:
            return results.unknown(error)
        except ToolFailed as error:
            return Outcome(begun.id, redaction.redact(f"The {begun.in_words} failed: {error.message}"))
        if found is not None:
            return Outcome(begun.id, redaction.redact(found.in_words(begun)))
        return Outcome(begun.id, f"The {begun.in_words} left no trace: most likely it never began.")
