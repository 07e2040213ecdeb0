"""Looking without moving anything: status, list, timeline, roles, who hears what, preview, evidence, help."""

import re
from typing import Any, cast

from slack_sdk.models.blocks import Block

from bot.listeners import redrawing, replies, vocabulary
from bot.listeners.desk import Desk
from bot.listeners.order import Order
from bot.listeners.payloads import Place, Typed
from bot.surfaces import gates, home, planning, promised, questions, room, work
from bot.values import ShownMeta
from bot.views import declare, help, overview, parts, reading, trouble
from bot.views.message import Json, Message
from escalation import matrix
from incidents import records, timeline
from incidents.definitions import ApprovalKind, Severity
from incidents.errors import Conflict, InvalidInput, NotFound
from incidents.service import queries

_ALL_HOLD = "✓ Every gate holds; the response goes on."


_BEFORE = re.compile(r"\bbefore inc-(\d{1,9})\s*$", re.IGNORECASE)


def _message(fallback: str, blocks: list[Block]) -> Message:
    return parts.message(fallback, blocks)


async def status(desk: Desk, order: Order) -> Message:
    """Return the live card, for one person's eyes."""
    async with desk.ctx.store.read() as session:
        return await room.live_card(session, desk.ctx, order.incident_id)


async def listing(desk: Desk, place: Place) -> Message:
    """Return what is open."""
    async with desk.ctx.store.read() as session:
        return await home.listing(session, desk.ctx, place.user)


async def which(desk: Desk, typed: Typed) -> Message:
    """Return the question which incident is meant, with the same words about each that it may be."""
    async with desk.ctx.store.read() as session:
        return await home.which(session, desk.ctx, typed.place.user, typed.to, typed.text)


async def find(desk: Desk, place: Place, argument: str) -> Message:
    """Return the incidents that hold the words of `argument`, a page of them.

    Raises:
        InvalidInput: there are no words.
    """
    wanted = _BEFORE.search(argument)
    text = argument[: wanted.start()].strip() if wanted else argument.strip()
    if not text:
        raise InvalidInput("There is nothing to look for.", remedy="Say a few words: `/incident find checkout 500s`.")
    async with desk.ctx.store.read() as session:
        return await home.found(session, desk.ctx, place.user, text, before=int(wanted[1]) if wanted else None)


async def show_timeline(desk: Desk, order: Order) -> Message:
    """Return what happened when."""
    async with desk.ctx.store.read() as session:
        incident = await queries.get(session, order.incident_id)
        entries = timeline.entries(await queries.events(session, order.incident_id))
    return _message(f"Timeline of {incident.key}", overview.timeline(incident, entries))


async def roles(desk: Desk, order: Order) -> Message:
    """Return the roles panel."""
    async with desk.ctx.store.read() as session:
        incident = await queries.get(session, order.incident_id)
        held = await queries.roles(session, order.incident_id)
    return _message(f"Roles in {incident.key}", overview.roles(incident, held, order.actor))


async def who(desk: Desk, order: Order) -> Message:
    """Return who hears what and when."""
    async with desk.ctx.store.read() as session:
        incident = await queries.get(session, order.incident_id)
        kept = await promised.kept(session, desk.ctx, incident)
    return _message(f"Who hears of {incident.key}", overview.promises(incident, kept))


async def preview(desk: Desk, place: Place, argument: str) -> Message:
    """Return what a severity would bring; all four where none is named."""
    del place
    chosen = vocabulary.choice("preview", argument)
    if argument and not chosen:
        raise InvalidInput(f"There is no severity {argument[:40]!r}.", remedy=f"Known: {', '.join(Severity)}.")
    shown = [Severity(chosen)] if chosen else list(Severity)
    lines = [declare.consequence_line(matrix.preview(desk.ctx.library, desk.ctx.settings, each)) for each in shown]
    return _message("What a severity brings", [parts.section(line) for line in lines])


async def evidence_view(desk: Desk, incident_id: int, ref: str, step: int) -> Json:
    """Return one piece of evidence, or all of a step's, as a modal.

    Raises:
        NotFound: there is no such evidence.
    """
    async with desk.ctx.store.read() as session:
        if ref:
            rows = await queries.evidence(session, incident_id, ref=ref)
            if not rows:
                raise NotFound(f"There is no evidence {ref[:20]!r}.", remedy="Ids look like E3f9a2b.")
            return reading.evidence(rows[-1])
        rows = await queries.evidence(session, incident_id, step_id=step)
        return reading.evidence_list("Evidence", rows)


async def diff_view(desk: Desk, approval_id: int) -> Json:
    """Return the change that a deploy would bring, as a modal.

    Raises:
        NotFound: there is no such approval.
    """
    async with desk.ctx.store.read() as session:
        approval = await session.get(records.Approval, approval_id)
        if approval is None:
            raise NotFound("There is no such approval.")
        outputs = await queries.outputs(session, approval.run_id)
    code = cast("dict[str, Any]", outputs.get("emergency_fix_code") or {})
    return reading.diff(approval, code)


async def diff(desk: Desk, order: Order) -> Message:
    """Return the change that the deploy which waits would bring.

    Raises:
        Conflict: no deploy waits.
    """
    async with desk.ctx.store.read() as session:
        waiting = await queries.pending_approvals(session, order.incident_id)
    deploys = [each for each in waiting if each.kind == ApprovalKind.DEPLOY.value]
    if not deploys:
        raise Conflict("No deploy waits for a decision now.", remedy="`/incident status` says what happens.")
    view = await diff_view(desk, deploys[0].number)
    return Message(text="What the deploy would change", blocks=view["blocks"])


async def evidence(desk: Desk, order: Order) -> Message:
    """Return one piece of evidence as a message; typed in threads, where no modal opens."""
    view = await evidence_view(desk, order.incident_id, order.argument.strip("[] "), 0)
    return Message(text=f"Evidence {order.argument}", blocks=view["blocks"])


async def helping(desk: Desk, place: Place, group: str) -> Message:
    """Return what can be typed: all words by their groups, or those of one group (or of a word's) with what they do."""
    del desk, place
    return help.draw(vocabulary.help_words(), group=vocabulary.help_group(group) if group else "")


async def review(desk: Desk, order: Order) -> Json:
    """Return the oldest decision that waits, as a modal with its buttons."""
    async with desk.ctx.store.read() as session:
        waiting = await queries.pending_approvals(session, order.incident_id)
        if waiting:
            card = await work.approval_card(session, desk.ctx, waiting[0].number)
            return reading.shown_blocks("Decide", card.blocks, ShownMeta(approval=waiting[0].number))
        unanswered = await queries.questions(session, order.incident_id)
        if unanswered:
            card = await questions.card(session, desk.ctx, unanswered[0].number)
            return reading.shown_blocks("Answer", card.blocks, ShownMeta(question=unanswered[0].number))
        asked = await gates.asked(session, desk.ctx, order.incident_id)
    if asked is None:
        return trouble.modal("Nothing waits", "Nothing waits for a decision now.")
    return reading.shown_blocks("Attest", asked.blocks, ShownMeta(gates=order.incident_id))


async def decisions(desk: Desk, order: Order) -> Message:
    """Return what waits for a decision, with its buttons, for one person's eyes.

    Raises:
        Conflict: nothing waits.
    """
    async with desk.ctx.store.read() as session:
        waiting = await queries.pending_approvals(session, order.incident_id)
        if waiting:
            return await work.approval_card(session, desk.ctx, waiting[0].number)
        unanswered = await queries.questions(session, order.incident_id)
        if unanswered:
            return await questions.card(session, desk.ctx, unanswered[0].number)
        asked = await gates.asked(session, desk.ctx, order.incident_id)
    if asked is None:
        raise Conflict("Nothing waits for a decision now.", remedy="`/incident plan` says what happens.")
    return asked


async def redraw(desk: Desk, place: Place, meta: ShownMeta) -> None:
    """Draw a modal anew after something was pressed in it."""
    async with desk.ctx.store.read() as session:
        if meta.approval:
            message, title = await work.approval_card(session, desk.ctx, meta.approval), "Decide"
        elif meta.question:
            message, title = await questions.card(session, desk.ctx, meta.question), "Answer"
        elif meta.gates:
            message, title = await gates.asked(session, desk.ctx, meta.gates) or replies.note(_ALL_HOLD), "Attest"
        elif meta.plan:
            message, title = await planning.draw(session, desk.ctx, meta.plan), "Plan"
        elif meta.card:
            message, title = await room.live_card(session, desk.ctx, meta.card), "Catch up"
        else:
            incident = await queries.get(session, meta.roles)
            held = await queries.roles(session, meta.roles)
            message, title = _message("Roles", overview.roles(incident, held, place.user)), "Roles"
    await redrawing.change(desk, place.view_id, reading.shown_blocks(title, message.blocks, meta))
