"""Ending and learning: resolve, reopen, cancel, close, the post-mortem's words, follow-ups."""

import re
from datetime import UTC, date, datetime

from bot.ids import Field, Form
from bot.listeners import redrawing, replies
from bot.listeners.desk import Desk
from bot.listeners.order import Order, incident_of
from bot.listeners.payloads import Place, View, mentioned
from bot.views import ending, forms, mrkdwn
from bot.views.message import Message
from incidents import followups, postmortem, records
from incidents.errors import Conflict, InvalidInput, NotFound
from incidents.lifecycle import way_back
from incidents.service import queries
from incidents.service import resolve as service

#: What follows `followup` to say that one is done.
DONE = re.compile(r"done\s+#?(\d{1,9})", re.IGNORECASE)
#: What follows `followup` to give one to somebody.
_GIVEN = re.compile(r"#?(\d{1,9})\s+<@[^>]+>")
_DUPLICATE = re.compile(r"duplicate\s+(?:of\s+)?inc-(\d{1,9})", re.IGNORECASE)


async def resolve(desk: Desk, order: Order) -> Message | None:
    """Resolve with these words, or open the form that says what is missing."""
    if not order.argument:
        await open_resolve(desk, order)
        return None
    async with desk.once(order.key) as tx:
        await service.resolve(tx, desk.ctx, order.incident_id, order.actor, order.argument)
    return replies.note("✓ Resolved. Everybody told before hears it; the post-mortem is being drafted.")


async def open_resolve(desk: Desk, order: Order) -> None:
    """Open the form that resolves.

    Raises:
        Conflict: it is resolved, closed or cancelled already.
    """
    async with desk.ctx.store.read() as session:
        incident = await queries.get(session, order.incident_id)
        missing = await service.missing_for_resolve(session, desk.ctx, order.incident_id)
    if incident.status.value != "open":
        raise Conflict(f"{incident.key} is already {incident.status}.", remedy=way_back(incident.status))
    await replies.show(desk, order.place, ending.resolve_form(incident, missing))


async def redraw(desk: Desk, form: str, view_id: str, incident_id: int) -> None:
    """Draw the form that resolves or closes anew after something missing was mended; what was typed stays."""
    async with desk.ctx.store.read() as session:
        incident = await queries.get(session, incident_id)
        if form == Form.RESOLVE:
            view = ending.resolve_form(incident, await service.missing_for_resolve(session, desk.ctx, incident_id))
        else:
            view = ending.close_form(incident, await service.missing_for_close(session, desk.ctx, incident_id))
    await redrawing.change(desk, view_id, view)


async def submit_resolve(desk: Desk, order: Order, view: View) -> None:
    """Resolve with what the form says."""
    async with desk.once(order.key) as tx:
        await service.resolve(tx, desk.ctx, order.incident_id, order.actor, view.text(Field.SUMMARY))


async def close(desk: Desk, order: Order) -> Message | None:
    """Close: at once where nothing is missing or a reason is given, else open the form."""
    if not order.argument:
        await open_close(desk, order)
        return None
    async with desk.once(order.key) as tx:
        await service.close(tx, desk.ctx, order.incident_id, order.actor, force_reason=order.argument)
    return replies.note("✓ Closed.")


async def open_close(desk: Desk, order: Order) -> None:
    """Open the form that closes."""
    async with desk.ctx.store.read() as session:
        incident = await queries.get(session, order.incident_id)
        missing = await service.missing_for_close(session, desk.ctx, order.incident_id)
    if incident.status.value != "resolved":
        raise Conflict(
            f"{incident.key} is {incident.status}.", remedy="Resolve it first." if incident.status == "open" else ""
        )
    await replies.show(desk, order.place, ending.close_form(incident, missing))


async def submit_close(desk: Desk, order: Order, view: View) -> None:
    """Close with what the form says."""
    async with desk.once(order.key) as tx:
        await service.close(tx, desk.ctx, order.incident_id, order.actor, force_reason=view.text(Field.REASON))


async def cancel(desk: Desk, order: Order) -> Message | None:
    """Cancel with a reason, or as a duplicate of another incident; without either, open the form."""
    if not order.argument:
        await _open_reason(desk, order, Form.CANCEL)
        return None
    await _cancel(desk, order, order.argument)
    return replies.note("✓ Cancelled.")


async def submit_cancel(desk: Desk, order: Order, view: View) -> None:
    """Cancel with what the form says."""
    await _cancel(desk, order, view.text(Field.REASON))


async def _cancel(desk: Desk, order: Order, reason: str) -> None:
    other = _DUPLICATE.search(reason)
    if other:
        async with desk.ctx.store.read() as session:  # one that this person may not see is as unknown to them as any
            await incident_of(session, desk.ctx.settings, order.place, other[1])
    async with desk.once(order.key) as tx:
        await service.cancel(
            tx, desk.ctx, order.incident_id, order.actor, reason, duplicate_of=int(other[1]) if other else None
        )


async def move_postmortem(desk: Desk, order: Order) -> Message:
    """Move the post-mortem to another day: `date 2026-12-01`."""
    word, _, said = order.argument.partition(" ")
    try:
        day = date.fromisoformat(said.strip() if word.lower() == "date" else "")
    except ValueError as error:
        later = postmortem.a_week_later(desk.ctx.clock.now())
        raise InvalidInput("That is no date.", remedy=f"`/incident postmortem date {later}`") from error
    async with desk.once(order.key) as tx:
        due = await postmortem.move(tx, desk.ctx, order.incident_id, order.actor, day)
    return replies.note(f"✓ The post-mortem is due {mrkdwn.day_and_time(due)}, when business opens.")


async def reopen(desk: Desk, order: Order) -> Message | None:
    """Reopen with a reason, or open the form that asks for it."""
    if not order.argument:
        await _open_reason(desk, order, Form.REOPEN)
        return None
    async with desk.once(order.key) as tx:
        await service.reopen(tx, desk.ctx, order.incident_id, order.actor, order.argument)
    return replies.note("✓ Open again.")


async def open_reopen(desk: Desk, order: Order) -> None:
    """Open the form that reopens."""
    await _open_reason(desk, order, Form.REOPEN)


async def submit_reopen(desk: Desk, order: Order, view: View) -> None:
    """Reopen with what the form says."""
    async with desk.once(order.key) as tx:
        await service.reopen(tx, desk.ctx, order.incident_id, order.actor, view.text(Field.REASON))


async def _open_reason(desk: Desk, order: Order, form: Form) -> None:
    async with desk.ctx.store.read() as session:
        incident = await queries.get(session, order.incident_id)
    label, title, submit = {
        Form.CANCEL: (
            "Why it is no incident; `duplicate of inc-6` names another",
            f"Cancel {incident.key}",
            "Cancel it",
        ),
        Form.REOPEN: ("What is back", f"Reopen {incident.key}", "Reopen"),
    }[form]
    await replies.show(desk, order.place, forms.reason(form, incident, label, title=title, submit=submit))


async def open_write(desk: Desk, order: Order) -> None:
    """Open the form for the post-mortem's judgement."""
    async with desk.ctx.store.read() as session:
        incident = await queries.get(session, order.incident_id)
        written = {row.section: row.text for row in await queries.sections(session, order.incident_id)}
    await replies.show(desk, order.place, forms.write(incident, written))


async def submit_write(desk: Desk, order: Order, view: View) -> None:
    """Store the sections whose words have changed."""
    async with desk.once(order.key) as tx:
        before = {row.section: row.text for row in await queries.sections(tx.session, order.incident_id)}
        said = {section: view.text(Field(section)).strip() for section in postmortem.SECTIONS}
        changed = {section: words for section, words in said.items() if words and words != before.get(section)}
        if not changed and not before:
            raise InvalidInput("Nothing is written yet.", remedy="One sentence in one field is enough.")
        for section, words in changed.items():
            await postmortem.write_section(tx, desk.ctx, order.incident_id, order.actor, section, words)


async def followup(desk: Desk, order: Order) -> Message | None:
    """File a follow-up, owned by whoever is mentioned; without words, open the form."""
    if not order.argument:
        await open_followup(desk, order)
        return None
    owner = mentioned(order.argument)
    if owner and (given := _GIVEN.fullmatch(order.argument)):
        return await _give_followup(desk, order, int(given[1]), owner)
    title = re.sub(r"\s*<@[UW][A-Z0-9]+>\s*", " ", order.argument)
    async with desk.once(order.key) as tx:
        filed = await followups.add(tx, order.incident_id, order.actor, title, owner=owner)
    unowned = "" if owner else "; nobody owns it yet"
    return replies.note(
        f"✓ Filed as follow-up {filed.number}{unowned}. `/incident followup done {filed.number}` when it is."
    )


async def _give_followup(desk: Desk, order: Order, number: int, owner: str) -> Message:
    """Give one of the incident's follow-ups to somebody."""
    async with desk.once(order.key) as tx:
        every = await queries.followups(tx.session, order.incident_id)
        found = next((each for each in every if each.number == number), None)
        if found is None:
            raise followups.unknown(number)
        await followups.add(tx, order.incident_id, order.actor, found.title, owner=owner)
    return replies.note(f"✓ {mrkdwn.person(owner)} owns it: {mrkdwn.said(found.title, 150)}")


async def finish_followup(desk: Desk, key: str, place: Place, number: int) -> Message:
    """Note that a follow-up is done.

    Raises:
        SitrepError: there is none of this number that this person may see, it is another's, or not open any more.
    """
    async with desk.once(key) as tx:
        followup = await tx.session.get(records.Followup, number)
        if followup is not None and followup.owner != place.user:
            try:
                await incident_of(tx.session, desk.ctx.settings, place, f"inc-{followup.incident_id}")
            except NotFound as hidden:
                raise followups.unknown(number) from hidden  # the same words as for a number never given
        done = await followups.finish(tx, desk.ctx, number, place.user)
    return replies.note(f"✓ Done: {mrkdwn.said(done.title, 150)}")


async def open_followup(desk: Desk, order: Order) -> None:
    """Open the form for a follow-up."""
    async with desk.ctx.store.read() as session:
        incident = await queries.get(session, order.incident_id)
    await replies.show(desk, order.place, forms.followup(incident))


async def submit_followup(desk: Desk, order: Order, view: View) -> None:
    """File the follow-up that the form describes."""
    day = view.text(Field.DUE)
    due = datetime.fromisoformat(day).replace(tzinfo=UTC) if day else None
    title, why, owner = view.text(Field.TITLE), view.text(Field.REASON), view.text(Field.OWNER)
    await desk.share(
        order.key,
        order.incident_id,
        lambda tx: followups.add(tx, order.incident_id, order.actor, title, why=why, owner=owner, due=due),
    )
