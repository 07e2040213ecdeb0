"""Moving a run on: finding what may start next, asking people for what only they can decide, ending it.

All of it happens inside the transaction of whatever made the difference; agents are called elsewhere (engine).
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from incidents import areas, holding, outbox, posts, records, room, store
from incidents.context import Context
from incidents.definitions import Phase, StepDefinition, WorkflowDefinition
from incidents.errors import StepFailed
from incidents.events import EventKind
from incidents.lifecycle import Status
from incidents.notices import Lane
from incidents.response import (
    approvals,
    checks,
    decisions,
    facts,
    failures,
    gates,
    journal,
    ledger,
    plan,
    questions,
    settling,
)
from incidents.response.frozen import definition_of as definition_of
from incidents.response.frozen import source_of as source_of
from incidents.response.plan import StepState
from incidents.service import queries

#: Runs in these states start no further step.
ENDED = frozenset({"stopped", "done", "superseded"})
#: Nobody is at work on it; of a command that a stop did not cut off it is told all the same.
_RESTS = frozenset({StepState.QUEUED, StepState.READY, StepState.WAITING, StepState.FAILED, StepState.STOPPED})


def waits_to_begin(run: records.Run, now: datetime) -> bool:
    """Tell whether the run's first step is still to wait for the next business day."""
    return run.begins_at is not None and now < run.begins_at


async def advance(tx: store.Tx, ctx: Context, incident: records.Incident, run: records.Run) -> None:
    """Make ready what may start, ask people for what only they can decide, end the run when all is done."""
    if run.state in ENDED or run.state == "paused" or incident.status in (Status.CANCELLED, Status.CLOSED):
        return
    # Two replicas that finish sibling steps at once look one after the other, or each would miss the other's.
    await holding.incident(tx.session, incident.number)
    if incident.status is Status.OPEN and waits_to_begin(run, tx.now):
        return
    await settling.settle(tx, incident, run)
    definition = definition_of(run)
    rows, asked = await questions.steps(tx, run)
    steps = {step.name: step for step in rows}
    if incident.status is Status.RESOLVED:
        leave_out(tx, definition, steps.values())
    states = {name: StepState(step.state) for name, step in steps.items()}
    outputs = queries.merged(steps.values())
    _choose_agents(tx, ctx, incident, definition, steps, outputs)
    judged = await verdicts(tx.session, ctx, incident, run, outputs)
    holds = {number: all(verdict.holds for verdict in stage) for number, stage in judged.items()}
    if incident.status is Status.RESOLVED:
        # Service is restored, by whatever road: gates on the way there hold the analysis up no longer.
        after = {stage.number for stage in definition.stages if any(map(is_analysis, stage.steps))}
        holds = {number: held or number not in after for number, held in holds.items()}
        judged = {number: found for number, found in judged.items() if number in after}
    unstarted = {
        name
        for name, state in states.items()
        if state in (StepState.QUEUED, StepState.WAITING) and journal.under_way(steps[name]) is None
    }
    approved = await approvals.still_good(tx, incident, run, unstarted)
    early = frozenset(name for name, step in steps.items() if states[name] is StepState.RUNNING and step.runner)
    may_start, held = plan.ready(definition, states, holds, frozenset(approved), early, asked)
    for name in may_start:
        steps[name].state = StepState.READY.value
        tx.session.add(steps[name])
        tx.offer(steps[name].number)
    for name, waits in held.items():
        await _hold(tx, ctx, incident, run, steps[name], waits, outputs)
    # Steps that wait for nothing but people, or for nothing: the gates before them have been looked at.
    reached = [*may_start, *(name for name, waits in held.items() if not waits.steps)]
    looked_at = {number for name in reached for number in plan.gates_before(definition, definition.step(name))}
    # The last stage holds nothing up; its gates are asked once its steps are done.
    looked_at |= {stage.number for stage in definition.stages if plan.stage_finished(definition, stage.number, states)}
    await ledger.record(tx, incident, run, judged, looked_at)
    await _ask_attestations(tx, incident, run, definition, judged, looked_at)
    if all(StepState(step.state) in plan.FINISHED for step in steps.values()):
        await _finish(tx, incident, run)


def _choose_agents(
    tx: store.Tx,
    ctx: Context,
    incident: records.Incident,
    definition: WorkflowDefinition,
    steps: Mapping[str, records.Step],
    outputs: Mapping[str, Any],
) -> None:
    """Write down who does each step that names several agents, as far as the affected area is known."""
    said, service = areas.report(incident.title, incident.known, incident.facts), ctx.service(incident.service)
    for step in definition.steps():
        row = steps.get(step.name)
        if row is None or row.state == StepState.RUNNING.value or row.state in plan.FINISHED:
            continue
        chosen = areas.choice(definition, step, outputs, service, said)
        if chosen is not None and chosen.agent != row.agent:
            row.agent = chosen.agent
            tx.session.add(row)


def is_analysis(step: StepDefinition) -> bool:
    """Tell whether the step belongs to the analysis that follows the response."""
    return step.phase is Phase.POSTMORTEM


def leave_out(tx: store.Tx, definition: WorkflowDefinition, steps: Iterable[records.Step]) -> None:
    """Skip what an incident that is resolved no longer needs: all on which nobody is at work, but the analysis."""
    analysis = {step.name for step in definition.steps() if is_analysis(step)}
    for step in steps:
        if step.name not in analysis and step.state in _RESTS:
            # Without an end: it was nobody's doing, and is queued again when the incident is reopened.
            step.state, step.finished_at, step.runner = StepState.SKIPPED.value, None, ""
            tx.session.add(step)


async def verdicts(
    session: AsyncSession, ctx: Context, incident: records.Incident, run: records.Run, outputs: Mapping[str, Any]
) -> dict[int, list[gates.GateVerdict]]:
    """Return the verdicts on the quality gates of every stage, by its number."""
    definition = definition_of(run)
    if not any(stage.gates for stage in definition.stages):
        return {stage.number: [] for stage in definition.stages}
    known = await facts.for_gates(session, ctx, incident, run, outputs)
    return {
        stage.number: [checks.evaluate(gate, known[stage.number]) for gate in stage.gates]
        for stage in definition.stages
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
    if waits.approval is None:
        return
    wanted = await approvals.wanted(tx, ctx, incident, run, step.name, waits.approval, outputs)
    missing = decisions.DECISIONS[waits.approval].missing(wanted)
    if missing:
        for pending in await queries.pending_approvals(tx.session, incident.number):
            if pending.run_id == run.id and pending.step == step.name:
                await approvals.supersede(tx, incident, pending)
        error = StepFailed(missing, remedy="Do it by hand, then take this step over.")
        await failures.unasked(tx, incident, run, step, error)
    else:
        await approvals.ask(tx, ctx, incident, run, step.name, waits.approval, outputs)


async def _ask_attestations(
    tx: store.Tx,
    incident: records.Incident,
    run: records.Run,
    definition: WorkflowDefinition,
    judged: Mapping[int, list[gates.GateVerdict]],
    looked_at: Collection[int],
) -> None:
    """Ask people about the gates that hold a step up and that evidence leaves open."""
    for number in sorted(looked_at):
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
    if definition_of(run).pipeline is not None and incident.status is Status.OPEN:
        run.outcome = questions.Outcome.COMPLETE.value
    tx.session.add(run)
    event = await tx.record(incident, EventKind.RUN_DONE, run=run.id)
    if run.outcome == questions.Outcome.COMPLETE.value:
        await outbox.put(tx, incident.id, posts.line(incident, event))
