"""The status update that is ready when due: send, edit, no change, snooze."""

import re
from datetime import timedelta

from bot.ids import Field
from bot.listeners import replies
from bot.listeners.desk import Desk
from bot.listeners.order import Order
from bot.listeners.payloads import View
from bot.surfaces import telling
from bot.values import FormMeta
from bot.views import mrkdwn, status
from bot.views.message import Json, Message
from incidents import durations, store
from incidents.errors import Conflict, InvalidInput
from incidents.lifecycle import Status
from incidents.service import queries, updates

#: `snooze 10m`, `snooze soon`; more words than one are an update that begins with this one.
_SNOOZE = re.compile(r"snooze(?:\s+(\d.*|\S+))?")


async def update(desk: Desk, order: Order) -> Message | None:
    """Post an update with these words as its condition, say that nothing changed, or open the form."""
    if not order.argument:
        await open_form(desk, order)
        return None
    verb = order.argument.lower().strip(" .")
    if verb in ("send", "no change") or _SNOOZE.fullmatch(verb):
        return await _settle(desk, order, verb)
    async with desk.once(order.key) as tx:
        fields = await updates.draft(tx.session, desk.ctx, order.incident_id)
        fields |= {Field.CONDITION.value: order.argument}
        await updates.post_now(tx, desk.ctx, order.incident_id, order.actor, fields)
    return replies.note("✓ The update goes out.")


async def _settle(desk: Desk, order: Order, verb: str) -> Message:
    """Send the update that is due next, say that nothing changed, or put it off."""
    async with desk.once(order.key) as tx:
        row = await updates.waiting(tx.session, order.incident_id)
        if row is None:
            raise InvalidInput("No update is due.", remedy="`/incident update how it stands` posts one now.")
        if verb == "send":
            await updates.send(tx, desk.ctx, row.number, order.actor)
        elif verb == "no change":
            await updates.no_change(tx, desk.ctx, row.number, order.actor)
        else:
            until = max(row.due_at, tx.now) + _duration(verb.removeprefix("snooze"))
            await updates.snooze(tx, desk.ctx, row.number, order.actor, until)
            return replies.note(f"✓ Put off to {mrkdwn.clock(until)}.")
    return replies.note("✓ The update goes out.")


def _duration(word: str) -> timedelta:
    try:
        return durations.parse(word.strip() or "10m")
    except ValueError as error:
        raise InvalidInput(f"{str(error).capitalize()}.", remedy="`/incident update snooze 10m`") from error


async def open_form(desk: Desk, order: Order) -> None:
    """Open the form of an update out of turn, or of the draft that lies ready."""
    async with desk.ctx.store.read() as session:
        incident = await queries.get(session, order.incident_id)
        row = await updates.waiting(session, order.incident_id)
        ready = row is not None and row.state == "drafted" and bool(row.fields)
        fields = row.fields if row and ready else await updates.draft(session, desk.ctx, order.incident_id)
        newest = await updates.last_settled(session, order.incident_id)
    form = status.form(
        incident, fields, update=row.number if row and ready else 0, after=newest.number if newest else 0
    )
    await replies.show(desk, order.place, form)


async def open_edit(desk: Desk, order: Order, update_id: int) -> None:
    """Open the form with this draft's words.

    Raises:
        Conflict: it went out already; says by whom.
    """
    async with desk.ctx.store.read() as session:
        row = await telling.update_of(session, update_id)
        incident = await queries.get(session, row.incident_id)
    if row.state not in updates.WAITING:
        by = f" by <@{row.sent_by}>" if row.sent_by else ""
        raise Conflict(f"This update was already sent{by}.", remedy="`/incident update` writes another one.")
    await replies.show(desk, order.place, status.form(incident, row.fields, update=update_id))


async def submit(desk: Desk, order: Order, view: View, meta: FormMeta) -> Json | None:
    """Send the update as the form says; returns the form to show where another one went out meanwhile."""
    # What nobody could send is refused before the line of writers: whoever corrects it waits for no decision of others.
    fields = updates.checked({field.value: view.text(field) for field in status.FIELDS})

    async def send(tx: store.Tx) -> None:
        if meta.update:
            await updates.send(tx, desk.ctx, meta.update, order.actor, fields)
        else:
            await updates.post_now(tx, desk.ctx, order.incident_id, order.actor, fields, after=meta.after)

    try:
        await desk.share(order.key, order.incident_id, send)
    except Conflict as conflict:
        return await _beside_the_newest(desk, order, fields, meta, conflict)
    return None


async def _beside_the_newest(
    desk: Desk, order: Order, fields: dict[str, str], meta: FormMeta, conflict: Conflict
) -> Json:
    """Return the form with what was typed and what went out meanwhile, so that nobody contradicts it unawares."""
    async with desk.ctx.store.read() as session:
        incident = await queries.get(session, order.incident_id)
        newest = await updates.last_settled(session, order.incident_id)
    if incident.status is not Status.OPEN or newest is None or newest.number == meta.after:
        raise conflict
    said = newest.fields.get(Field.CONDITION, "")
    error = f"{conflict.message} It says: “{said}” Send posts yours as well, for everybody to read after it."
    return status.form(incident, fields, after=newest.number, error=error)


async def send(desk: Desk, order: Order, update_id: int) -> None:
    """Send the draft as it stands."""
    async with desk.once(order.key) as tx:
        await updates.send(tx, desk.ctx, update_id, order.actor)


async def no_change(desk: Desk, order: Order, update_id: int) -> None:
    """Send that nothing has changed."""
    async with desk.once(order.key) as tx:
        await updates.no_change(tx, desk.ctx, update_id, order.actor)


async def snooze(desk: Desk, order: Order, update_id: int, minutes: int) -> None:
    """Put this one update off; counted from when it is due, or from now where that has passed."""
    async with desk.once(order.key) as tx:
        row = await telling.update_of(tx.session, update_id)
        until = max(row.due_at, tx.now) + timedelta(minutes=minutes)
        await updates.snooze(tx, desk.ctx, update_id, order.actor, until)
