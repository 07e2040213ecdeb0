"""Moving a run on: starting it, finding what may start next, re-planning it, ending it.

All of it happens inside the transaction of whatever made the difference; agents are called elsewhere (engine).
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from incidents import hours, outbox, records, room, store
from incidents.context import Context
from incidents.definitions import ApprovalKind, Begin, Phase, StepDefinition, WorkflowDefinition
from incidents.events import EventKind
from incidents.lifecycle import Status
from incidents.notices import Lane
from incidents.response import approvals, checks, facts, gates, journal, plan, remarks, replanning
from incidents.response.plan import StepState
from incidents.service import queries

#: Runs in these states start no further step.
ENDED = frozenset({"stopped", "done", "superseded"})
#: Frozen definitions by their digest: the whole installation runs a handful, and each step asks for its own many times.
_definitions: dict[str, WorkflowDefinition] = {}
_MOST_DEFINITIONS = 64

_DONE = frozenset({StepState.DONE, StepState.TAKEN_OVER})
_NOT_BEGUN = frozenset({StepState.QUEUED, StepState.READY, StepState.WAITING, StepState.FAILED})


def definition_of(run: records.Run) -> WorkflowDefinition:
    """Return the frozen definition that the run keeps."""
    known = _definitions.get(run.digest)
    if known is None:
        known = WorkflowDefinition.model_validate(run.definition)
        if len(_definitions) >= _MOST_DEFINITIONS:
            _definitions.clear()
        _definitions[run.digest] = known
    return known


def source_of(run: records.Run, output: str) -> str:
    """Return the name of the run's step that brings `output`, or an empty string."""
    return next((step.name for step in definition_of(run).steps() if output in step.outputs), "")


async def start(tx: store.Tx, ctx: Context, incident: records.Incident) -> records.Run:
    """Start the workflow of the incident's severity and make its first steps ready."""
    definition = _definition_for(ctx, incident)
    run = records.Run(
        incident_id=incident.number,
        workflow=definition.name,
        definition=definition.model_dump(mode="json"),
        digest=definition.digest(),
        created_at=tx.now,
        begins_at=_beginning(ctx, definition, tx.now),
    )
    tx.session.add(run)
    await tx.session.flush()
    # In one statement: the channel waits for this commit, and eleven statements take 5 ms.
    names = [step.name for step in definition.steps()]
    await tx.session.execute(insert(records.Step), [{"run_id": run.number, "name": name} for name in names])
    await tx.record(incident, EventKind.RUN_STARTED, workflow=definition.name, digest=run.digest)
    await _tell_beginning(tx, incident, run)
    await advance(tx, ctx, incident, run)
    return run


def _beginning(ctx: Context, definition: WorkflowDefinition, now: datetime) -> datetime | None:
    """Return when business opens next (UTC), where the workflow waits for it; else None."""
    if definition.begins is Begin.AT_ONCE:
        return None
    return hours.next_business_day(now, ctx.settings.business_hours, ctx.settings.timezone)


async def _tell_beginning(tx: store.Tx, incident: records.Incident, run: records.Run) -> None:
    if run.begins_at is not None:
        await tx.record(incident, EventKind.RUN_SCHEDULED, run=run.id, begins_at=run.begins_at.isoformat())


def waits_to_begin(run: records.Run, now: datetime) -> bool:
    """Tell whether the run's first step is still to wait for the next business day."""
    return run.begins_at is not None and now < run.begins_at


def _definition_for(ctx: Context, incident: records.Incident) -> WorkflowDefinition:
    level = ctx.library.policies.severity_levels[incident.severity]
    return ctx.library.workflows[level.workflow]


async def advance(tx: store.Tx, ctx: Context, incident: records.Incident, run: records.Run) -> None:
    """Make ready what may start, ask people for what only they can decide, end the run when all is done."""
    if run.state in ENDED or run.state == "paused" or incident.status in (Status.CANCELLED, Status.CLOSED):
        return
    if ctx.store.supports_skip_locked:
        # Two replicas that finish sibling steps at once look one after the other, or each would miss the other's.
        await tx.session.refresh(run, with_for_update=True)
    if incident.status is Status.OPEN and waits_to_begin(run, tx.now):
        return
    definition = definition_of(run)
    steps = {step.name: step for step in await queries.steps(tx.session, run.number)}
    if incident.status is Status.RESOLVED:
        _leave_out(tx, definition, steps.values())
    states = {name: StepState(step.state) for name, step in steps.items()}
    outputs = queries.merged(steps.values())
    judged = await verdicts(tx.session, ctx, incident, run, outputs)
    holds = {number: all(verdict.holds for verdict in stage) for number, stage in judged.items()}
    if incident.status is Status.RESOLVED:
        # Service is restored, by whatever road: gates on the way there hold the analysis up no longer.
        after = {stage.number for stage in definition.stages if any(map(_is_analysis, stage.steps))}
        holds = {number: held or number not in after for number, held in holds.items()}
        judged = {number: found for number, found in judged.items() if number in after}
    unstarted = {
        name
        for name, state in states.items()
        if state in (StepState.QUEUED, StepState.WAITING) and journal.under_way(steps[name]) is None
    }
    approved = await approvals.still_good(tx, incident, run, unstarted)
    early = frozenset(name for name, step in steps.items() if states[name] is StepState.RUNNING and step.runner)
    may_start, held = plan.ready(definition, states, holds, frozenset(approved), early)
    for name in may_start:
        steps[name].state = StepState.READY.value
        tx.session.add(steps[name])
        tx.offer(steps[name].number)
    for name, waits in held.items():
        await _hold(tx, ctx, incident, run, steps[name], waits, outputs)
    await _ask_attestations(tx, incident, run, definition, states, held, judged)
    if all(StepState(step.state) in plan.FINISHED for step in steps.values()):
        await _finish(tx, incident, run)


def _is_analysis(step: StepDefinition) -> bool:
    return step.phase is Phase.POSTMORTEM


def _leave_out(tx: store.Tx, definition: WorkflowDefinition, steps: Iterable[records.Step]) -> None:
    """Skip what an incident that is resolved no longer needs: all that has not begun, but the analysis."""
    analysis = {step.name for step in definition.steps() if _is_analysis(step)}
    for step in steps:
        if step.name not in analysis and step.state in _NOT_BEGUN:
            step.state = StepState.SKIPPED.value
            tx.session.add(step)


async def verdicts(
    session: AsyncSession, ctx: Context, incident: records.Incident, run: records.Run, outputs: Mapping[str, Any]
) -> dict[int, list[gates.GateVerdict]]:
    """Return the verdicts on the quality gates of every stage, by its number."""
    known = await facts.for_gates(session, ctx, incident, run, outputs)
    return {
        stage.number: [checks.evaluate(gate, known[stage.number]) for gate in stage.gates]
        for stage in definition_of(run).stages
    }


async def _hold(
    tx: store.Tx,
    ctx: Context,
    incident: records.Incident,
    run: records.Run,
    step: records.Step,
    waits: plan.Waits,
    outputs: Mapping[str, Any],
) -> None:
    step.state = (StepState.WAITING if waits.approval or waits.gates else StepState.QUEUED).value
    tx.session.add(step)
    if waits.approval is not None:
        await approvals.ask(tx, ctx, incident, run, step.name, waits.approval, outputs)


async def _ask_attestations(
    tx: store.Tx,
    incident: records.Incident,
    run: records.Run,
    definition: WorkflowDefinition,
    states: Mapping[str, StepState],
    held: Mapping[str, plan.Waits],
    judged: Mapping[int, list[gates.GateVerdict]],
) -> None:
    """Ask people about the gates that hold a step up and that evidence leaves open."""
    wanted = {number for waits in held.values() for number in waits.gates}
    # The last stage holds nothing up; its gates are asked once its steps are done.
    wanted |= {stage.number for stage in definition.stages if plan.stage_finished(definition, stage.number, states)}
    for number in sorted(wanted):
        phase = next(stage for stage in definition.stages if stage.number == number).steps[0].phase
        for verdict in judged.get(number, ()):
            if verdict.holds or verdict.state is gates.GateState.COMING:
                continue
            notice = room.in_thread(
                incident,
                phase,
                f"{incident.key}:gate:{run.id}:{number}:{verdict.gate}",
                "gate_attestation",
                {"run_id": run.id, "stage": number, "gate": verdict.gate},
                Lane.DECISION,
            )
            await outbox.put(tx, incident.id, notice)


async def _finish(tx: store.Tx, incident: records.Incident, run: records.Run) -> None:
    run.state, run.finished_at = "done", tx.now
    tx.session.add(run)
    await tx.record(incident, EventKind.RUN_DONE, run=run.id)


async def replan(
    tx: store.Tx, ctx: Context, incident: records.Incident, run: records.Run, event: records.Event
) -> None:
    """Follow a change of severity: what still serves is kept, the rest is withdrawn, what is new is added."""
    definition = _definition_for(ctx, incident)
    if run.state in ENDED - {"done"} or definition.digest() == run.digest:
        return
    kept = await replanning.adapt(tx, incident, run, definition_of(run), definition, event)
    run.workflow, run.digest = definition.name, definition.digest()
    run.definition = definition.model_dump(mode="json")
    run.begins_at = _beginning(ctx, definition, tx.now)
    states = [StepState(step.state) for step in await queries.steps(tx.session, run.number)]
    if run.state == "done" and not plan.FINISHED.issuperset(states):
        run.state, run.finished_at = "running", None
    tx.session.add(run)
    await tx.session.flush()
    await tx.record(incident, EventKind.RUN_STARTED, workflow=definition.name, digest=run.digest, kept=kept)
    left = len(definition.steps()) - len(kept)
    await tx.record(incident, EventKind.REPLANNED, title=definition.title, kept=kept, left=left)
    await _tell_beginning(tx, incident, run)
    await advance(tx, ctx, incident, run)


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
        react(EventKind.RESOLVED, self.skip_to_analysis)
        react(EventKind.REOPENED, self.take_up_again)
        for kind in (EventKind.CANCELLED, EventKind.CLOSED):
            react(kind, self.end)

    async def begin(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Start the workflow of a new incident."""
        del event
        await start(tx, self._ctx, incident)
        tx.wake(store.RUN_BEGUN)

    async def follow_severity(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Re-plan the run for the new severity."""
        run = await queries.latest_run(tx.session, incident.number)
        if run is not None:
            await replan(tx, self._ctx, incident, run, event)

    async def go_on(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Look again at what may start."""
        del event
        run = await queries.latest_run(tx.session, incident.number)
        if run is not None:
            await advance(tx, self._ctx, incident, run)

    async def skip_to_analysis(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Leave out what the response no longer needs, withdraw what waits for a person, and begin the analysis."""
        del event
        run = await queries.latest_run(tx.session, incident.number)
        if run is None or run.state in ENDED:
            return
        # A pause was meant for the response; the analysis that follows it harms nobody.
        run.state = "running"
        tx.session.add(run)
        _leave_out(tx, definition_of(run), await queries.steps(tx.session, run.number))
        for approval in await queries.pending_approvals(tx.session, incident.number):
            await approvals.supersede(tx, incident, approval)
        await tx.session.flush()
        await advance(tx, self._ctx, incident, run)

    async def take_up_again(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Go on with a reopened incident: where it was left, or from the start when a fix was deployed and failed."""
        del event
        run = await queries.latest_run(tx.session, incident.number)
        if run is None or run.state == "stopped":
            return
        steps = {step.name: step for step in await queries.steps(tx.session, run.number)}
        planned = [(step, steps[step.name]) for step in definition_of(run).steps()]
        if any(step.approval is ApprovalKind.DEPLOY and row.state in _DONE for step, row in planned):
            # What was found before the deploy speaks of another production; old outputs would pass for new ones.
            await _give_up(tx, incident, run, "superseded")
            await start(tx, self._ctx, incident)
            return
        for step, row in planned:
            if row.state == StepState.SKIPPED.value or _is_analysis(step):
                row.state, row.owner = StepState.QUEUED.value, ""
                tx.session.add(row)
        if run.state == "done":
            run.state, run.finished_at = "running", None
        tx.session.add(run)
        await tx.session.flush()
        await advance(tx, self._ctx, incident, run)

    async def end(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Stop the run of an incident that was cancelled or closed."""
        run = await queries.latest_run(tx.session, incident.number)
        if run is not None:
            await stop(tx, incident, run, event.actor, f"the incident was {event.kind.value}")


async def stop(tx: store.Tx, incident: records.Incident, run: records.Run, actor: str, reason: str) -> None:
    """Stop the run: no further step starts, what runs is given up, what waits for a person is withdrawn."""
    if run.state in ENDED:
        return
    await _give_up(tx, incident, run, "stopped")
    await tx.record(incident, EventKind.RUN_STOPPED, actor=actor, reason=reason)


async def _give_up(tx: store.Tx, incident: records.Incident, run: records.Run, state: str) -> None:
    run.state, run.finished_at = state, tx.now
    tx.session.add(run)
    for step in await queries.steps(tx.session, run.number):
        if StepState(step.state) not in plan.FINISHED:
            await remarks.of_what_goes_on(tx, incident, step)
            step.state, step.owner = StepState.STOPPED.value, ""
            tx.session.add(step)
    for approval in await queries.pending_approvals(tx.session, incident.number):
        await approvals.supersede(tx, incident, approval)
    tx.wake(store.STEPS)
