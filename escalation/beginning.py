"""Responses that wait for the next business day: rung in when business opens."""

from datetime import datetime

from escalation import timers
from escalation.timers import Kind, Timers
from incidents import records, store
from incidents.context import Context
from incidents.events import EventKind
from incidents.response import progress
from incidents.service import queries


class Beginning:
    """The reactors and the timer that let a scheduled response begin."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    def register(self, store_: store.Store, clock: Timers) -> None:
        """Listen to what is scheduled."""
        store_.react(EventKind.RUN_SCHEDULED, self.wait)
        store_.react(EventKind.REOPENED, self.wait_again)
        store_.react(EventKind.RUN_BEGUN, self.wait_no_more)
        clock.on(Kind.RUN_BEGIN, self.begin)

    async def wait(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Arm the timer that lets the run begin."""
        at = datetime.fromisoformat(event.data["begins_at"])
        await _arm(tx, incident, event.data["run"], at)

    async def wait_again(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Take up what was to begin later when the incident is opened again: resolving it stopped every timer."""
        del event
        run = await queries.latest_run(tx.session, incident.number)
        if run is not None and run.begins_at is not None and progress.waits_to_begin(run, tx.now):
            await _arm(tx, incident, run.number, run.begins_at)

    async def wait_no_more(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Let the timer go of a run that a person began."""
        await timers.cancel(tx, _key(incident, event.data["run"]))

    async def begin(self, tx: store.Tx, timer: records.Timer, incident: records.Incident) -> None:
        """Make the first steps ready; a run that was re-planned meanwhile looks at its own time."""
        run = await queries.latest_run(tx.session, incident.number)
        if run is not None and run.number == timer.payload["run"]:
            await progress.advance(tx, self._ctx, incident, run)


async def _arm(tx: store.Tx, incident: records.Incident, run: int, at: datetime) -> None:
    await timers.arm(tx, incident, _key(incident, run), Kind.RUN_BEGIN, at, run=run)


def _key(incident: records.Incident, run: int) -> str:
    return f"{incident.key}:run:{run}:begin"
