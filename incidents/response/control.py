"""How people steer a run: decide, attest, pause, resume, stop."""

from collections.abc import Mapping
from typing import Any

from incidents import lengths, outbox, posts, records, store
from incidents.context import Context
from incidents.definitions import ApprovalKind, Kind
from incidents.errors import Conflict, InvalidInput, NotAllowed, NotFound
from incidents.events import EventKind
from incidents.lifecycle import Role, Status
from incidents.response import approvals, decided, decisions, four_eyes, plan, progress, rework, runs, standing
from incidents.response.decisions import Decision
from incidents.response.plan import StepState
from incidents.service import permissions, presence, queries, respond


async def decide(
    tx: store.Tx,
    ctx: Context,
    approval_id: int,
    actor: str,
    decision: str,
    *,
    option: int | None = None,
    feedback: str = "",
) -> records.Approval:
    """Approve what the approval names, or send it back with `feedback`.

    Args:
        tx: The open transaction.
        ctx: The installation.
        approval_id: The approval's number.
        actor: Who decides (person id).
        decision: `approve` or `reject`.
        option: The number of the chosen fix, for `choose_fix`.
        feedback: What to change; needed to send back. Of an approval, why four eyes are overridden.

    Raises:
        Conflict: already decided (says by whom and when), expired, or no longer what would be done.
        Repeated: this person decided the same before.
        NotAllowed: this person may not decide it, or left the incident.
        InvalidInput: no such option, or nothing is said about what to change.
    """
    approval = await tx.session.get(records.Approval, approval_id)
    if approval is None:
        raise NotFound("There is no such approval.", remedy="The live card shows what waits for a decision.")
    incident = await respond.open_incident(tx, approval.incident_id)
    asked = decisions.of(approval.kind)
    holders = await queries.roles(tx.session, incident.number)
    said = lengths.checked(feedback, lengths.FORM, field="feedback")
    state = "approved" if decision == "approve" else "rejected"
    decided.require_first(approval, actor, state, option=option, said=said)
    decided.require_pending(approval, tx.now)
    permissions.require(asked.action, actor, holders=holders, settings=ctx.settings)
    await presence.require(tx, incident, actor)
    run = await tx.session.get_one(records.Run, approval.run_id)
    await _still_current(tx, ctx, incident, run, approval)
    if decision == "approve":
        await _require_four_eyes(tx, ctx, incident, approval, actor, holders, said)
    if decision == "reject" and not said:
        raise InvalidInput("Say what to change.", remedy="One sentence is enough.", field="feedback")
    chosen = _chosen(approval, asked, option) if decision == "approve" else {"feedback": said}
    if not await approvals.settle(tx, approval, state, actor, chosen):
        decided.require_pending(approval, tx.now)
    subject = chosen if asked.is_choice else asked.kept(approval.subject)
    event = await tx.record(
        incident,
        EventKind.APPROVAL_DECIDED,
        actor=actor,
        approval=approval.id,
        about=approval.kind,
        decision=state,
        subject=subject,
        feedback=said,
    )
    await approvals.redraw(tx, incident, approval, state)
    if state == "rejected" and not asked.source:
        await _leave_out(tx, run, approval.step, actor)
    elif state == "rejected":
        source = progress.source_of(run, asked.source, before=approval.step)
        await rework.redo(tx, incident, run, source, event, said)
    elif StepState(await _state_of(tx, run, approval.step)) in plan.FINISHED:
        # The former choice was prepared and failed: this one is prepared in its place.
        await rework.choose_again(tx, incident, run, approval.step, event)
    await progress.advance(tx, ctx, incident, run)
    return approval


async def _require_four_eyes(
    tx: store.Tx,
    ctx: Context,
    incident: records.Incident,
    approval: records.Approval,
    actor: str,
    holders: Mapping[Role, list[str]],
    reason: str,
) -> None:
    """Return when somebody else made what is approved, or the commander overrides that for a reason, as an event."""
    if not four_eyes.overrides(ctx.settings, actor, holders) or actor not in four_eyes.made_by(approval):
        four_eyes.require(approval, actor, approvals.who_may(approval, holders, ctx.settings))
        return
    if not reason:
        raise NotAllowed(
            "You made this by hand, so somebody else approves it.",
            remedy="As commander you can override that: `/incident approve override why`.",
        )
    kind = EventKind.FOUR_EYES_OVERRIDDEN
    event = await tx.record(incident, kind, actor=actor, approval=approval.id, about=approval.kind, reason=reason)
    await outbox.put(tx, incident.id, posts.line(incident, event))


async def _leave_out(tx: store.Tx, run: records.Run, name: str, actor: str) -> None:
    """Leave out what people chose themselves and somebody who may decide does not want."""
    for step in await queries.steps(tx.session, run.number):
        if step.name == name:
            step.state, step.runner, step.finished_at = StepState.SKIPPED.value, actor, tx.now
            tx.session.add(step)
    await tx.session.flush()


async def _state_of(tx: store.Tx, run: records.Run, name: str) -> str:
    return next(step.state for step in await queries.steps(tx.session, run.number) if step.name == name)


async def _still_current(
    tx: store.Tx, ctx: Context, incident: records.Incident, run: records.Run, approval: records.Approval
) -> None:
    outputs = await queries.outputs(tx.session, run.number)
    wanted = await approvals.wanted(tx, ctx, incident, run, approval.step, ApprovalKind(approval.kind), outputs)
    if approvals.digest(wanted) != approval.digest:
        raise Conflict(
            "What would be done has changed since this was asked.", remedy="Decide on the newest card in the channel."
        )


def _chosen(approval: records.Approval, asked: Decision, option: int | None) -> dict[str, Any]:
    if not asked.is_choice:
        return {}
    options: list[dict[str, Any]] = approval.subject.get("options", [])
    for each in options:
        if each["number"] == option:
            return each
    numbers = ", ".join(str(each["number"]) for each in options) or "none"
    raise InvalidInput(
        f"There is no option {option}." if option is not None else "Say which option.",
        remedy=f"Options: {numbers}. `>option 1` chooses the first.",
    )


async def pause(tx: store.Tx, ctx: Context, incident_id: int, actor: str) -> None:
    """Start no further step; what runs finishes.

    Raises:
        Conflict: nothing runs.
    """
    incident, run = await standing.steered(tx, ctx, incident_id, actor)
    if run.state != "running":
        raise Conflict(f"The response is {run.state}.")
    run.state = "paused"
    tx.session.add(run)
    for step in await queries.steps(tx.session, run.number):
        if step.state == StepState.READY.value:
            step.state = StepState.QUEUED.value
            tx.session.add(step)
    await tx.record(incident, EventKind.RUN_PAUSED, actor=actor)


async def resume(tx: store.Tx, ctx: Context, incident_id: int, actor: str) -> None:
    """Go on after a pause.

    Raises:
        Conflict: it is not paused.
    """
    incident, run = await standing.steered(tx, ctx, incident_id, actor)
    if run.state != "paused":
        raise Conflict(f"The response is {run.state}, not paused.")
    run.state = "running"
    tx.session.add(run)
    await tx.record(incident, EventKind.RUN_RESUMED, actor=actor)
    await progress.advance(tx, ctx, incident, run)


async def begin(tx: store.Tx, ctx: Context, incident_id: int, actor: str) -> None:
    """Let a response begin that waits for the next business day.

    Raises:
        Conflict: it does not wait.
    """
    incident, run = await standing.steered(tx, ctx, incident_id, actor)
    if incident.status is not Status.OPEN or run.state in progress.ENDED or not progress.waits_to_begin(run, tx.now):
        raise Conflict(f"The response of {incident.key} does not wait to begin.", remedy="Nothing was changed.")
    run.begins_at = tx.now
    tx.session.add(run)
    await tx.record(incident, EventKind.RUN_BEGUN, actor=actor, run=run.id)
    await progress.advance(tx, ctx, incident, run)


async def restart(tx: store.Tx, ctx: Context, incident_id: int, actor: str, reason: str = "") -> None:
    """Begin a bug's pipeline anew, by today's stages; what was found so far stays in the record alone.

    Raises:
        Conflict: it is no open bug, or its fix is merged.
    """
    incident, run = await standing.steered(tx, ctx, incident_id, actor)
    if incident.kind is not Kind.BUG:
        # What was done to production stands; a second response beside it would do it again.
        raise Conflict(
            "The response to an incident is not begun anew.", remedy="`/incident retry 1.3` does one step again."
        )
    if incident.status is not Status.OPEN or run.state == "done":
        raise Conflict(f"The response is already {run.state}.", remedy="`/incident reopen why` begins again.")
    said = lengths.checked(reason, lengths.LINE, field="reason")
    await runs.give_up(tx, incident, run, "superseded")
    await tx.record(incident, EventKind.RUN_RESTARTED, actor=actor, reason=said)
    await runs.start(tx, ctx, incident)


async def stop(tx: store.Tx, ctx: Context, incident_id: int, actor: str, reason: str = "") -> None:
    """Stop the agents for good; people go on by hand. A single step can still be retried.

    Raises:
        Conflict: nothing runs.
    """
    incident, run = await standing.steered(tx, ctx, incident_id, actor)
    if run.state in progress.ENDED:
        raise Conflict(f"The response is already {run.state}.")
    said = lengths.checked(reason, lengths.LINE)
    await runs.stop(tx, incident, run, actor, said or "stopped by hand")
