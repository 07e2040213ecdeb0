"""What people do to one step: retry, stop, skip, take it over by hand, hand it to another provider."""

from collections.abc import Mapping
from typing import Any

from incidents import lengths, records, store
from incidents.agents import handwritten
from incidents.agents.base import StepResult
from incidents.agents.handwritten import Handwriting
from incidents.context import Context
from incidents.definitions import StepDefinition
from incidents.errors import Conflict, InvalidInput
from incidents.events import EventKind
from incidents.lifecycle import Status
from incidents.response import alternatives, approvals, consequences, journal, plan, progress, remarks, standing
from incidents.response.plan import StepState
from incidents.service import queries
from incidents.stages import Provider

_RESTED = (StepState.FAILED, StepState.STOPPED)  # nobody works on it, and nobody will unless a person says so


async def retry_step(tx: store.Tx, ctx: Context, step_id: int, actor: str) -> None:
    """Run a failed or stopped step again.

    Raises:
        Conflict: it has not failed.
    """
    step, run, incident = await _steered(tx, ctx, step_id, actor)
    if StepState(step.state) not in _RESTED:
        raise Conflict(f"Step {step.name} is {_said(step)}, there is nothing to retry.")
    _queue(tx, run, step)
    await approvals.spend(tx, incident, run, step)
    await _record(tx, EventKind.STEP_RETRIED, incident, run, step, actor, attempt=step.attempt + 1)
    await alternatives.withdraw(tx, incident, run)
    await progress.advance(tx, ctx, incident, run)


async def stop_step(tx: store.Tx, ctx: Context, step_id: int, actor: str, reason: str = "") -> None:
    """Stop the agent of one step; what builds on it waits until somebody retries, skips or takes it over.

    Raises:
        Conflict: no agent is at work on it.
    """
    step, run, incident = await _steered(tx, ctx, step_id, actor)
    if StepState(step.state) is not StepState.RUNNING:
        raise Conflict(f"Step {step.name} is {_said(step)}, no agent is at work on it.")
    said = lengths.checked(reason, lengths.LINE, field="reason")
    await remarks.of_what_goes_on(tx, incident, step)
    step.state, step.owner, step.lease_until = StepState.STOPPED.value, "", None
    step.error = f"Stopped by <@{actor}>" + (f": {said}" if said else ".")
    tx.session.add(step)
    await approvals.spend(tx, incident, run, step)
    await _record(tx, EventKind.STEP_STOPPED, incident, run, step, actor, reason=said)
    if incident.status is Status.RESOLVED:
        await progress.advance(tx, ctx, incident, run)
    tx.wake(store.STEPS)


async def skip_step(tx: store.Tx, ctx: Context, step_id: int, actor: str, reason: str) -> None:
    """Leave a step out; what builds on it goes on without its outputs.

    Raises:
        Conflict: it is finished already.
        InvalidInput: no reason is given.
    """
    step, run, incident = await _steered(tx, ctx, step_id, actor)
    _require_unfinished(step)
    said = lengths.checked(reason, lengths.LINE, field="reason")
    if not said:
        raise InvalidInput("Say why it is left out.", remedy="One sentence for the timeline.", field="reason")
    await _end_by(tx, incident, step, actor, StepState.SKIPPED, said)
    await approvals.spend(tx, incident, run, step)
    await _record(tx, EventKind.STEP_SKIPPED, incident, run, step, actor, reason=said)
    await _go_on(tx, ctx, incident, run)


async def take_over(
    tx: store.Tx,
    ctx: Context,
    step_id: int,
    actor: str,
    summary: str,
    typed: Mapping[str, str] | None = None,
    looked_up: Mapping[str, str] | None = None,
) -> None:
    """Note that a person did the step by hand, with the outputs they typed; what builds on it goes on.

    `typed` holds what stands in the fields of `blanks.fields`, by their paths; outputs of which nothing is typed
    stay unknown. `looked_up` is what `handmade.look_up` says of them.

    Raises:
        Conflict: it is finished already.
        InvalidInput: nothing is said about what was done, or outputs do not have the form that later steps read.
    """
    step, run, incident = await _steered(tx, ctx, step_id, actor)
    _require_unfinished(step)
    said = lengths.checked(summary, lengths.LINE, field="summary")
    if not said:
        raise InvalidInput("Say what you did.", remedy="One sentence for the timeline.", field="summary")
    definition = progress.definition_of(run).step(step.name)
    written = handwritten.read(
        definition.prompt, typed or {}, actor=actor, summary=said, now=tx.now, looked_up=looked_up
    )
    await _end_by(tx, incident, step, actor, StepState.TAKEN_OVER, said)
    if written is not None:
        await _keep(tx, incident, step, written)
    version = step.version if written is not None else 0
    await _record(tx, EventKind.STEP_TAKEN_OVER, incident, run, step, actor, summary=said, version=version)
    if written is not None and written.whole is not None:
        result = StepResult(written.whole, said, (written.evidence,), actor)
        await consequences.of_output(tx, ctx, incident, definition, result)
    await _go_on(tx, ctx, incident, run)


async def hand_over(tx: store.Tx, ctx: Context, step_id: int, actor: str, provider: str) -> None:
    """Let another provider carry the step out: at once where one is at work or has failed, else when its turn comes.

    Raises:
        Conflict: it is finished, that provider has it already, or something is under way that must not be cut off.
        InvalidInput: this installation has no such provider.
    """
    step, run, incident = await _steered(tx, ctx, step_id, actor)
    _require_unfinished(step)
    if provider not in ctx.providers:
        known = ", ".join(ctx.providers)
        raise InvalidInput(f"There is no provider {provider[:40]!r}.", remedy=f"Known: {known}.", field="provider")
    if provider == with_whom(ctx, progress.definition_of(run).step(step.name), step):
        raise Conflict(f"Step {step.name} is with {provider} already.")
    if journal.may_go_on(step):
        raise Conflict(
            f"A command of step {step.name} is under way and is not cut off.", remedy="Wait until it has ended."
        )
    step.provider = provider
    tx.session.add(step)
    if StepState(step.state) in (StepState.RUNNING, *_RESTED):
        _queue(tx, run, step)
        journal.carry_over(step)
        await approvals.spend(tx, incident, run, step)
    await _record(tx, EventKind.STEP_HANDED_OVER, incident, run, step, actor, provider=provider)
    await _go_on(tx, ctx, incident, run)


def with_whom(ctx: Context, definition: StepDefinition, step: records.Step) -> str:
    """Return the provider that carries the step out: that of its stage, unless people named another."""
    wanted = step.provider or (definition.provider.value if definition.provider else ctx.providers[0])
    if wanted == Provider.ANTHROPIC:  # the document's word for the installation's model
        wanted = Provider.CLAUDE.value
    return wanted if wanted in ctx.providers else Provider.PLAYBOOK.value


async def _steered(
    tx: store.Tx, ctx: Context, step_id: int, actor: str
) -> tuple[records.Step, records.Run, records.Incident]:
    step, run = await standing.step(tx, step_id)
    incident, _ = await standing.steered(tx, ctx, run.incident_id, actor)
    await standing.require_latest(tx, incident, run)
    await tx.session.refresh(step)
    return step, run, incident


def _said(step: records.Step) -> str:
    return step.state.replace("_", " ")


def _require_unfinished(step: records.Step) -> None:
    if StepState(step.state) in plan.FINISHED:
        raise Conflict(f"Step {step.name} is already {_said(step)}.")


def _queue(tx: store.Tx, run: records.Run, step: records.Step) -> None:
    step.state, step.owner, step.lease_until, step.error = StepState.QUEUED.value, "", None, ""
    tx.session.add(step)
    if run.state in progress.ENDED:
        run.state, run.finished_at = "running", None
        tx.session.add(run)


async def _end_by(
    tx: store.Tx, incident: records.Incident, step: records.Step, actor: str, state: StepState, said: str
) -> None:
    """Finish a step in a person's name, and withdraw what was asked about it."""
    await remarks.of_what_goes_on(tx, incident, step)
    step.state, step.owner, step.lease_until = state.value, "", None
    step.runner, step.summary, step.finished_at = actor, said, tx.now
    tx.session.add(step)
    for approval in await queries.pending_approvals(tx.session, incident.number):
        if approval.step == step.name:
            await approvals.supersede(tx, incident, approval)


async def _keep(tx: store.Tx, incident: records.Incident, step: records.Step, written: Handwriting) -> None:
    step.version += 1
    step.output = dict(written.outputs)
    tx.session.add(step)
    await consequences.keep_evidence(tx, incident, step, (written.evidence,))
    await tx.session.flush()


async def _record(
    tx: store.Tx,
    kind: EventKind,
    incident: records.Incident,
    run: records.Run,
    step: records.Step,
    actor: str,
    **data: Any,
) -> None:
    definition = progress.definition_of(run).step(step.name)
    await tx.record(
        incident,
        kind,
        actor=actor,
        step=step.name,
        step_id=step.id,
        title=definition.title,
        phase=definition.phase.value,
        **data,
    )


async def _go_on(tx: store.Tx, ctx: Context, incident: records.Incident, run: records.Run) -> None:
    await alternatives.withdraw(tx, incident, run)
    await progress.advance(tx, ctx, incident, run)
    tx.wake(store.STEPS)
