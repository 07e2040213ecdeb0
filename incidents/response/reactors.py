"""What starts a run, plans it anew, moves it on or ends it: the events that it hears."""

from incidents import records, store
from incidents.context import Context
from incidents.definitions import ApprovalKind, Kind
from incidents.events import EventKind
from incidents.response import approvals, asking, journal, progress, questions, runs
from incidents.response.plan import StepState
from incidents.service import queries

_DONE = frozenset({StepState.DONE, StepState.TAKEN_OVER})


class Progress:
    """Reactors that move an incident's run on."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    def register(self) -> None:
        """Listen to what starts, re-plans, unblocks or ends a run."""
        react = self._ctx.store.react
        react(EventKind.DECLARED, self.begin)
        react(EventKind.SEVERITY_CHANGED, self.follow_severity)
        react(EventKind.TOLD, self.go_on)
        react(EventKind.FACTS_ADDED, self.go_on)  # the triage gate is judged again
        react(EventKind.NOTE, self.weigh_news)
        react(EventKind.RESOLVED, self.skip_to_analysis)
        react(EventKind.REOPENED, self.take_up_again)
        for kind in (EventKind.CANCELLED, EventKind.CLOSED):
            react(kind, self.end)

    async def begin(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Start the workflow of a new incident."""
        del event
        await runs.start(tx, self._ctx, incident)
        tx.wake(store.RUN_BEGUN)

    async def follow_severity(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Re-plan the run for the new severity."""
        run = await queries.latest_run(tx.session, incident.number)
        if run is not None:
            await runs.replan(tx, self._ctx, incident, run, event)

    async def go_on(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Look again at what may start."""
        del event
        run = await queries.latest_run(tx.session, incident.number)
        if run is not None:
            await progress.advance(tx, self._ctx, incident, run)

    async def weigh_news(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Ask whether what a person noted changes the fix of a bug that is being implemented."""
        if incident.kind is not Kind.BUG or not event.actor:
            return
        run = await queries.latest_run(tx.session, incident.number)
        if run is not None and run.state not in progress.ENDED:
            await asking.news(tx, incident, run, str(event.data["text"]))

    async def skip_to_analysis(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Leave out what the response no longer needs, withdraw what waits for a person, and begin the analysis."""
        del event
        run = await queries.latest_run(tx.session, incident.number)
        if run is None or run.state in progress.ENDED:
            return
        # A pause was meant for the response; the analysis that follows it harms nobody.
        run.state = "running"
        tx.session.add(run)
        progress.leave_out(tx, progress.definition_of(run), await queries.steps(tx.session, run.number))
        for approval in await queries.pending_approvals(tx.session, incident.number):
            await approvals.supersede(tx, incident, approval)
        for question in await questions.pending(tx, run):
            await questions.withdraw(tx, incident, question)
        await tx.session.flush()
        await progress.advance(tx, self._ctx, incident, run)

    async def take_up_again(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Go on with a reopened incident: where it was left, or from the start when a fix was deployed and failed.

        What people or a fault left out stays left out; what acts is asked anew, as production has moved on since.
        """
        del event
        run = await queries.latest_run(tx.session, incident.number)
        if run is None or run.state == "stopped":
            return
        steps = {step.name: step for step in await queries.steps(tx.session, run.number)}
        planned = [(step, steps[step.name]) for step in progress.definition_of(run).steps()]
        merges = [row.state in _DONE for step, row in planned if step.approval is ApprovalKind.MERGE]
        if any(step.approval is ApprovalKind.DEPLOY and row.state in _DONE for step, row in planned) or (
            merges and all(merges)
        ):
            # What was found before the deploy speaks of another production; old outputs would pass for new ones.
            await runs.give_up(tx, incident, run, "superseded")
            await runs.start(tx, self._ctx, incident)
            return
        for step, row in planned:
            left_out = row.state == StepState.SKIPPED.value and row.finished_at is None  # by the end, not by somebody
            if left_out:
                journal.carry_over(row)
                await approvals.spend(tx, incident, run, row)
            if left_out or (progress.is_analysis(step) and row.state != StepState.SKIPPED.value):
                row.state, row.owner = StepState.QUEUED.value, ""
                tx.session.add(row)
        if run.state == "done":
            run.state, run.finished_at = "running", None
        tx.session.add(run)
        await tx.session.flush()
        await progress.advance(tx, self._ctx, incident, run)

    async def end(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Stop the run of an incident that was cancelled or closed."""
        run = await queries.latest_run(tx.session, incident.number)
        if run is not None:
            await runs.stop(tx, incident, run, event.actor, f"the incident was {event.kind.value}")
