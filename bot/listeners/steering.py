"""Steering the agents: choose, approve, send back, attest, retry, take over, pause, resume, stop."""

import re

from bot.ids import Act, Field
from bot.listeners import replies
from bot.listeners.desk import Desk
from bot.listeners.order import Order
from bot.listeners.payloads import View
from bot.surfaces import work
from bot.views import forms, mrkdwn, parts
from bot.views.message import Message
from incidents import records, store
from incidents.definitions import ApprovalKind
from incidents.errors import Conflict, InvalidInput, NotFound
from incidents.response import control, gates, progress
from incidents.response.plan import StepState
from incidents.service import queries

_NUMBER = re.compile(r"\d+")


async def _pending(tx: store.Tx, incident_id: int, kind: ApprovalKind | None = None) -> records.Approval:
    waiting = await queries.pending_approvals(tx.session, incident_id)
    for approval in waiting:
        if kind is None or approval.kind == kind.value:
            return approval
    what = {ApprovalKind.DEPLOY: "No deploy", ApprovalKind.CHOOSE_FIX: "No choice of a fix", None: "Nothing"}[kind]
    raise Conflict(f"{what} waits for a decision now.", remedy="`/incident status` says what happens.")


async def option(desk: Desk, order: Order) -> Message:
    """Choose a fix by its number, as typed: `2`, `option 2`."""
    number = _NUMBER.search(order.argument)
    async with desk.once(order.key) as tx:
        approval = await _pending(tx, order.incident_id, ApprovalKind.CHOOSE_FIX)
        chosen = int(number[0]) if number else None
        await control.decide(tx, desk.ctx, approval.number, order.actor, "approve", option=chosen)
    return replies.note(f"✓ Option {number[0] if number else ''} it is; the hotfix is being prepared.")


async def choose(desk: Desk, order: Order, approval_id: int, number: int | None) -> None:
    """Choose a fix by its button."""
    async with desk.once(order.key) as tx:
        await control.decide(tx, desk.ctx, approval_id, order.actor, "approve", option=number)


async def approve(desk: Desk, order: Order) -> Message:
    """Approve the deploy that waits."""
    async with desk.once(order.key) as tx:
        approval = await _pending(tx, order.incident_id, ApprovalKind.DEPLOY)
        await control.decide(tx, desk.ctx, approval.number, order.actor, "approve")
        commit = str(approval.subject.get("commit", ""))[:7]
    return replies.note(f"✓ Approved: {mrkdwn.code(commit)} goes to production.")


async def approve_one(desk: Desk, order: Order, approval_id: int) -> None:
    """Approve by its button."""
    async with desk.once(order.key) as tx:
        await control.decide(tx, desk.ctx, approval_id, order.actor, "approve")


async def reject(desk: Desk, order: Order) -> Message | None:
    """Send back what waits, or open the form where nothing was said."""
    if not order.argument:
        async with desk.ctx.store.read() as session:
            waiting = await queries.pending_approvals(session, order.incident_id)
        if not waiting:
            raise Conflict("Nothing waits for a decision now.", remedy="`/incident status` says what happens.")
        await open_send_back(desk, order, waiting[0].number)
        return None
    async with desk.once(order.key) as tx:
        approval = await _pending(tx, order.incident_id)
        await control.decide(tx, desk.ctx, approval.number, order.actor, "reject", feedback=order.argument)
    return replies.note("✓ Sent back; the step runs again with your words.")


async def open_send_back(desk: Desk, order: Order, approval_id: int, *, typed: str = "") -> None:
    """Open the form that sends a proposal back.

    Raises:
        Conflict: it was decided; says by whom.
    """
    async with desk.ctx.store.read() as session:
        approval = await session.get(records.Approval, approval_id)
    if approval is None:
        raise NotFound("There is no such approval.")
    if approval.state != "pending":
        by = f" by {mrkdwn.person(approval.decided_by)}" if approval.decided_by else ""
        raise Conflict(f"This was {approval.state}{by} already.", remedy="Nothing was changed by this click.")
    what = "*The deploy*" if ApprovalKind(approval.kind) is ApprovalKind.DEPLOY else "*The root cause and its fixes*"
    await replies.show(
        desk, order.place, forms.send_back(approval, f"{what} of inc-{approval.incident_id}", typed=typed)
    )


async def submit_send_back(desk: Desk, order: Order, view: View, approval_id: int) -> None:
    """Send a proposal back with what the form says."""
    async with desk.once(order.key) as tx:
        feedback = view.text(Field.FEEDBACK)
        await control.decide(tx, desk.ctx, approval_id, order.actor, "reject", feedback=feedback)


async def attest(desk: Desk, order: Order) -> Message:
    """Vouch for the quality gate that was named, or for the only one that is open."""
    word, _, note = order.argument.partition(" ")
    async with desk.once(order.key) as tx:
        run, stage, gate = await _open_gate(desk, tx, order.incident_id, word)
        await control.attest(
            tx, desk.ctx, run.number, stage, gate, order.actor, note if gate == word else order.argument
        )
    return replies.note(f"✓ {gates.title(gate)}: your name stands for it.\n_{_asks(desk, gate)}_")


def _asks(desk: Desk, gate: str) -> str:
    described = desk.ctx.library.policies.gates.get(gate)
    return mrkdwn.said(described.asks) if described else gates.title(gate)


async def _open_gate(desk: Desk, tx: store.Tx, incident_id: int, word: str) -> tuple[records.Run, int, str]:
    incident = await queries.get(tx.session, incident_id)
    run = await queries.latest_run(tx.session, incident_id)
    if run is None:
        raise NotFound(f"{incident.key} has no response running.")
    outputs = await queries.outputs(tx.session, run.number)
    judged = await progress.verdicts(tx.session, desk.ctx, incident, run, outputs)
    found = [(stage, each.gate) for stage, verdicts in judged.items() for each in verdicts if not each.holds]
    named = [each for each in found if each[1] == word] or (found if len(found) == 1 else [])
    if not named:
        known = "\n".join(f"• `{gate}`  {_asks(desk, gate)}" for _, gate in found)
        raise InvalidInput("Say which quality gate.", remedy=f"Open:\n{known}" if known else "None is open.")
    return run, *named[0]


async def attest_one(desk: Desk, order: Order, run_id: int, stage: int, gate: str) -> None:
    """Vouch for a quality gate by its button."""
    async with desk.once(order.key) as tx:
        await control.attest(tx, desk.ctx, run_id, stage, gate, order.actor)


async def retry(desk: Desk, order: Order) -> Message:
    """Run a failed step again: the one named, or the first that failed."""
    async with desk.once(order.key) as tx:
        step = await _step(tx, order.incident_id, order.argument)
        await control.retry_step(tx, desk.ctx, step.number, order.actor)
    return replies.note(f"✓ Step {step.name} is tried again.")


async def _step(tx: store.Tx, incident_id: int, name: str) -> records.Step:
    run = await queries.latest_run(tx.session, incident_id)
    steps = await queries.steps(tx.session, run.number) if run else []
    stuck = (StepState.FAILED.value, StepState.STOPPED.value)
    for step in steps:
        if step.name == name if name else step.state in stuck:
            return step
    if name:
        known = ", ".join(step.name for step in steps)
        raise InvalidInput(f"There is no step {name[:20]!r}.", remedy=f"Steps: {known}." if known else "")
    raise Conflict("No step has failed.", remedy="`/incident status` says what happens.")


async def retry_one(desk: Desk, order: Order, step_id: int) -> None:
    """Run a step again by its button."""
    async with desk.once(order.key) as tx:
        await control.retry_step(tx, desk.ctx, step_id, order.actor)


async def takeover(desk: Desk, order: Order) -> Message | None:
    """Do a step by hand: `1.3 what was done`; without the words, open the form."""
    name, _, summary = order.argument.partition(" ")
    if not summary.strip():
        async with desk.ctx.store.transaction() as tx:
            step = await _step(tx, order.incident_id, name)
        await open_take_over(desk, order, step.number)
        return None
    async with desk.once(order.key) as tx:
        step = await _step(tx, order.incident_id, name)
        await control.take_over(tx, desk.ctx, step.number, order.actor, summary.strip())
    return replies.note(f"✓ Step {step.name} is yours; what builds on it goes on.")


async def open_take_over(desk: Desk, order: Order, step_id: int) -> None:
    """Open the form that takes a step over."""
    async with desk.ctx.store.read() as session:
        step, run, definition = await work.step_of(session, step_id)
        incident = await queries.get(session, run.incident_id)
    await replies.show(desk, order.place, forms.take_over(incident, step, definition.title))


async def submit_take_over(desk: Desk, order: Order, view: View, step_id: int) -> None:
    """Take a step over with what the form says."""
    async with desk.once(order.key) as tx:
        await control.take_over(tx, desk.ctx, step_id, order.actor, view.text(Field.SUMMARY))


async def pause(desk: Desk, order: Order) -> Message:
    """Start no further step."""
    async with desk.once(order.key) as tx:
        await control.pause(tx, desk.ctx, order.incident_id, order.actor)
    return replies.note("✓ Paused: what runs finishes, nothing new starts.")


async def resume(desk: Desk, order: Order) -> Message:
    """Go on after a pause."""
    async with desk.once(order.key) as tx:
        await control.resume(tx, desk.ctx, order.incident_id, order.actor)
    return replies.note("✓ The agents go on.")


async def begin(desk: Desk, order: Order) -> Message:
    """Let a response begin that waits for the next business day."""
    async with desk.once(order.key) as tx:
        await control.begin(tx, desk.ctx, order.incident_id, order.actor)
    return replies.note("✓ The agents begin now.")


async def stop(desk: Desk, order: Order) -> Message:
    """Stop the agents for good."""
    async with desk.once(order.key) as tx:
        await control.stop(tx, desk.ctx, order.incident_id, order.actor, order.argument)
    return replies.note("✓ Stopped. People go on by hand; a step can still be retried.")


def offer_send_back(approval_id: int, words: str) -> Message:
    """Return the question whether words written in a decision's thread are what should change."""
    button = forms.send_back_button(approval_id, words)
    carried = button.action_id == Act.SEND_BACK_WORDS
    too_long = (
        f"These words have {len(words):,} characters, more than a button carries: copy what counts into the form."
    )
    return parts.message(
        "Is this what should change?",
        [
            parts.section(f"Is this what should change?\n{mrkdwn.quote(mrkdwn.paragraphs(words, 900))}"),
            parts.actions(button),
            parts.context(too_long) if not carried else None,
            parts.context("Nothing was moved. Only you see this."),
        ],
    )
