"""What becomes of an attempt: its result or failure stored under the fence, and told where it comes too late."""

from collections.abc import Iterable, Sequence
from typing import Any

import structlog
from sqlalchemy import insert

from incidents import holding, records, store
from incidents.agents.base import FailedAtACost, StepResult, Usage
from incidents.agents.journal import Telling
from incidents.context import Context
from incidents.definitions import StepDefinition
from incidents.errors import OutcomeUnknown, SitrepError, StepFailed
from incidents.events import EventKind
from incidents.lifecycle import Status
from incidents.response import (
    alternatives,
    approvals,
    claims,
    consequences,
    failures,
    journal,
    progress,
    remarks,
    replanning,
)
from incidents.response.claims import Claim
from incidents.response.journal import Outcome, StepJournal
from incidents.response.plan import StepState

log = structlog.get_logger(__name__)

#: States in which an attempt tells with its result what became of what was begun.
ATTEMPT_TELLS = (StepState.READY.value, StepState.RUNNING.value)


async def keep(
    tx: store.Tx, ctx: Context, claim: Claim, definition: StepDefinition, result: StepResult, kept: StepJournal
) -> None:
    """Store what the agent brought, with all that follows from it."""
    step = await claims.held(tx, claim)
    if step is None:
        log.info("step_result_late", step=definition.name, attempt=claim.attempt)
        await tell(tx, claim.step_id, kept.outcomes)
        return
    run, incident = await claims.whose(tx, step)
    why = alternatives.taken_back(result)
    _end(step, StepState.FAILED if why else StepState.DONE, tx)
    step.version += 1
    step.output, step.summary, step.runner = result.outputs(), result.summary, result.runner
    await tx.session.execute(_KEEP_VERSION, _version(tx, step))
    _charge(step, claim, result.usage)
    step.notes, step.feedback, step.error = list(result.notes), "", why
    journal.keep(step, [])
    tx.session.add(step)
    await consequences.keep_evidence(tx, incident, step, result.evidence)
    if why:
        await _give_up_fix(tx, ctx, incident, run, step, why)
        return
    await tx.record(
        incident,
        EventKind.STEP_DONE,
        actor=result.runner,
        step=step.name,
        step_id=step.id,
        title=definition.title,
        attempt=claim.attempt,
        version=step.version,
        summary=result.summary,
        runner=result.runner,
        phase=definition.phase.value,
    )
    await consequences.of_output(tx, ctx, incident, definition, result)
    await progress.advance(tx, ctx, incident, run)


def _charge(step: records.Step, claim: Claim, usages: Iterable[Usage]) -> None:
    """Add what an attempt cost to what those before it did: it stays paid when the step is done again."""
    step.usage = [*step.usage, *({**usage.model_dump(), "attempt": claim.attempt} for usage in usages)]


# Past the session: nothing changes a version, and to watch over it cost as much again as to write it.
_KEEP_VERSION = insert(records.StepVersion.metadata.tables["step_version"])


def _version(tx: store.Tx, step: records.Step) -> dict[str, Any]:
    kept = ("version", "runner", "summary", "output", "feedback")
    return {"step_id": step.number, "at": tx.now, **{name: getattr(step, name) for name in kept}}


async def _give_up_fix(
    tx: store.Tx,
    ctx: Context,
    incident: records.Incident,
    run: records.Run,
    step: records.Step,
    why: str,
) -> None:
    """Note that the deploy does not count, and offer what was not tried; the same commit needs a new approval."""
    remedy = "Choose another fix, send the analysis back, or take over by hand."
    await failures.record(tx, incident, run, step, StepFailed(why, remedy=remedy))
    approval = (await approvals.given(tx, run)).get(step.name)
    if approval is not None:
        await approvals.supersede(tx, incident, approval)
    await alternatives.offer(tx, ctx, incident, run, step.name, why)
    if incident.status is Status.RESOLVED:
        await progress.advance(tx, ctx, incident, run)


async def hand_on(tx: store.Tx, ctx: Context, claim: Claim, result: StepResult) -> None:
    """Store first results of a step that goes on, for the steps that wait for no more than these."""
    step = await claims.held(tx, claim)
    if step is None:
        return
    run, incident = await claims.whose(tx, step)
    step.output, step.runner = result.outputs(), result.runner
    tx.session.add(step)
    await tx.session.flush()
    await progress.advance(tx, ctx, incident, run)


async def fail(tx: store.Tx, ctx: Context, claim: Claim, error: SitrepError, kept: StepJournal | None) -> None:
    """Store why the attempt failed, where people see it with the ways on."""
    step = await claims.held(tx, claim)
    if step is None:
        if kept is not None:
            await tell(tx, claim.step_id, kept.outcomes)
        return
    run, incident = await claims.whose(tx, step)
    if isinstance(error, FailedAtACost):
        _charge(step, claim, error.usage)
    if progress.definition_of(run).step(step.name).optional:
        await _leave_out(tx, ctx, incident, run, step, error)
        return
    _end(step, StepState.FAILED, tx)
    step.error = str(error)
    if kept is not None:
        # What ended has failed and may be begun again; what may still run is adopted by the next attempt.
        journal.keep(step, kept.still_open(step))
    tx.session.add(step)
    await approvals.spend(tx, incident, run, step)
    await failures.record(tx, incident, run, step, error)
    if kept is not None and kept.acted:
        await alternatives.offer(tx, ctx, incident, run, step.name, error.message)
    if incident.status is Status.RESOLVED:
        await progress.advance(tx, ctx, incident, run)


async def _leave_out(
    tx: store.Tx,
    ctx: Context,
    incident: records.Incident,
    run: records.Run,
    step: records.Step,
    error: SitrepError,
) -> None:
    """Go on without a step that holds nobody up, and say so."""
    _end(step, StepState.SKIPPED, tx)
    step.error = str(error)
    tx.session.add(step)
    definition = progress.definition_of(run).step(step.name)
    await remarks.say(tx, incident, f"{definition.name} {definition.title} was left out: {error.message}")
    await tx.session.flush()
    await progress.advance(tx, ctx, incident, run)


async def ask_people(tx: store.Tx, ctx: Context, claim: Claim, error: OutcomeUnknown, kept: StepJournal | None) -> None:
    """Ask people before anything that may have happened is done again: the approval is asked for anew, and says so.

    What else the attempt found out is told with it. A step that was stopped meanwhile asks for nothing: it is told.
    """
    ended = list(kept.outcomes) if kept is not None else []
    step = await claims.held(tx, claim)
    if step is None:
        await tell(tx, claim.step_id, [*ended, unknown(error)])
        return
    run, incident = await claims.whose(tx, step)
    journal.told(step, {each.begun for each in ended})
    journal.cast_doubt(step, error)
    step.state, step.owner, step.lease_until = StepState.WAITING.value, "", None
    tx.session.add(step)
    approval = (await approvals.given(tx, run)).get(step.name)
    if approval is not None:
        await approvals.supersede(tx, incident, approval)
    found = " ".join([*(each.text for each in ended if each.begun != error.begun), error.message])
    await remarks.say(tx, incident, f"{found} It is not done again unless somebody approves that.")
    await progress.advance(tx, ctx, incident, run)


def unknown(error: OutcomeUnknown) -> Outcome:
    """Return what to tell of a command of which nobody can tell what became of it, where nobody wants it any more."""
    return Outcome(error.begun, f"{error.message} Look which release runs.")


async def tell_what_ended(ctx: Context, claim: Claim, kept: StepJournal) -> None:
    """Tell what became of commands that ran on after their step was stopped or taken over.

    Where this process ends, the step was given back, and the attempt that adopts them tells it with its result.
    """
    if kept.outcomes:
        async with ctx.store.transaction() as tx:
            await holding.incident_of_step(tx.session, claim.step_id)
            step = await tx.session.get_one(records.Step, claim.step_id)
            goes_on = step.state in ATTEMPT_TELLS
            left = {each.id for each in journal.read(step) if each.telling is Telling.OWED or not goes_on}
            await tell(tx, claim.step_id, [each for each in kept.outcomes if each.begun in left])


async def tell(tx: store.Tx, step_id: int, outcomes: Sequence[Outcome]) -> None:
    """Tell what became of commands, where no result of their step will, and nobody has told it yet.

    Both is in the step's row, so it is told once: by the attempt that saw it, or by whoever looks after one that died,
    also where the answer of the commit was lost that stored the attempt's result, or these words.
    """
    await holding.incident_of_step(tx.session, step_id)
    await tx.session.flush()
    step = await tx.session.get_one(records.Step, step_id, populate_existing=True)
    _, incident = await claims.whose(tx, step)
    untold = {each.id for each in journal.read(step) if each.telling is not Telling.TOLD}
    for outcome in outcomes:
        if outcome.begun in untold:
            name, _ = replanning.former(step.name)
            await remarks.say(tx, incident, f"{outcome.text} Step {name} was stopped or taken over meanwhile.")
    journal.told(step, {each.begun for each in outcomes})
    tx.session.add(step)


def _end(step: records.Step, state: StepState, tx: store.Tx) -> None:
    step.state, step.owner, step.lease_until = state.value, "", None
    step.finished_at = tx.now
