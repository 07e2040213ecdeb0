"""Declaring: the modal opens at once, shows the consequence of each press, and ends with the channel's link."""

import asyncio
import time

import structlog

from bot import slack_errors
from bot.delivery.pace import UPDATE_VIEW
from bot.ids import Act, Field
from bot.listeners import following, redrawing, replies, sent_forms
from bot.listeners.desk import Desk
from bot.listeners.order import Order
from bot.listeners.payloads import Click, Place, Shortcut, Submission, View
from bot.surfaces import telling
from bot.values import DeclareMeta, OfIncident
from bot.views import declare, unstored
from bot.views.message import Json, Message
from escalation import matrix
from incidents import inbound, revenue, roomless
from incidents.definitions import Severity
from incidents.errors import Conflict
from incidents.notices import Lane
from incidents.service import queries
from incidents.service.declare import MAX_TITLE, Declaration, recent_like

log = structlog.get_logger(__name__)

_FIRST_CHOICE = Severity.HIGH
_ASKING_SECONDS = 1.0  # of the 3 in which the form can be opened; asked only by who started while Slack was away


async def open_modal(
    desk: Desk,
    place: Place,
    title: str = "",
    *,
    known: str = "",
    link: str = "",
    drill: bool = False,
) -> None:
    """Open the declare modal from what is in memory; possible duplicates come a moment later.

    With the `link` of the message that it is declared from.
    """
    meta = DeclareMeta(severity=_FIRST_CHOICE, link=link)
    # A title that is too long is kept whole below, where it fits.
    rest = f"{title}\n\n{known}".strip() if len(title) > MAX_TITLE else known
    options = frozenset({declare.DRILL}) if drill else frozenset()
    filled = declare.Filled(meta, title=title, known=declare.parted(rest), options=options)
    opened = await replies.show(desk, place, _drawn(desk, filled))
    alike = await _alike(desk, filled) if title else []
    now = time.monotonic()
    if alike and not desk.pace.wait((UPDATE_VIEW,), "", now, lane=Lane.STATUS):
        desk.pace.take((UPDATE_VIEW,), "", now)
        drawn = _drawn(desk, filled, alike)
        try:
            await redrawing.change(desk, opened["id"], drawn, hash_=opened.get("hash", ""), drawing=0)
        except slack_errors.TROUBLE as error:  # the form is open; whoever sends it is shown them then
            log.info("duplicates_not_shown", error=str(error))


async def from_message(desk: Desk, sent: Shortcut) -> None:
    """Open the declare modal with a message's words and its link."""
    first, _, rest = sent.text.partition("\n")
    await open_modal(desk, sent.place, first, known=rest.strip(), link=await _link(desk, sent.place, sent.ts))


def _drawn(desk: Desk, filled: declare.Filled, alike: list[declare.Alike] | None = None) -> Json:
    foretold = matrix.preview(
        desk.ctx.library, desk.ctx.settings, filled.meta.severity, drill=declare.DRILL in filled.options
    )
    seen, advice = tuple(each.incident_id for each in alike or ()), _advice(desk, filled)
    meta = filled.meta.model_copy(
        update={"seen": tuple(sorted({*filled.meta.seen, *seen})), "advised": filled.meta.advised or bool(advice)}
    )
    return declare.modal(filled.with_meta(meta), foretold, alike or (), now=desk.ctx.clock.now(), advice=advice)


def _advice(desk: Desk, filled: declare.Filled) -> str:
    """Return why a higher severity is suggested, or an empty string."""
    if filled.meta.severity is Severity.CRITICAL:
        return ""
    loss = revenue.above_threshold(desk.ctx.settings, f"{filled.title}\n{filled.told}")
    return f"{loss}. Critical is suggested." if loss else ""


async def _alike(desk: Desk, filled: declare.Filled) -> list[declare.Alike]:
    now = desk.ctx.clock.now()
    async with desk.ctx.store.read() as session:
        found = await recent_like(session, filled.service, filled.title, now)
    return [
        declare.Alike(each.number, each.title, each.severity, each.service, each.channel, each.declared_at)
        for each in found
    ]


def _filled(desk: Desk, view: View) -> declare.Filled:
    meta = DeclareMeta.decode(view.meta)
    if pressed := desk.modals.unshown(view.id, meta.drawn):
        meta = meta.model_copy(update={"drawn": pressed[0], "severity": Severity(pressed[1])})
    service = view.text(Field.SERVICE, Act.SERVICE)
    known = desk.ctx.service(service)
    return declare.Filled(
        meta,
        title=view.text(Field.TITLE),
        service=service,
        service_title=(known.title if known else "") or service,
        known=tuple(view.text(field) for field in declare.KNOWN if field in view.values) or ("",),
        options=view.several(Field.OPTIONS, Act.OPTIONS),
    )


async def press(desk: Desk, click: Click) -> None:
    """Draw the modal anew for the severity, service or option that was pressed; what was typed stays."""
    view = click.view
    if view is None:
        return
    filled = _filled(desk, view)
    is_severity = click.action.startswith(f"{Act.SEVERITY.value}_")
    severity = Severity(click.value) if is_severity else filled.meta.severity
    drawing = desk.modals.begin(view.id, filled.meta.drawn)
    if is_severity:
        desk.modals.note(view.id, drawing, severity.value)
    filled = filled.with_meta(filled.meta.model_copy(update={"severity": severity, "drawn": drawing}))
    drawn = unstored.still(view.shape, _drawn(desk, filled, await _alike(desk, filled)))
    # With the hash it never stands over what the form became when it was sent meanwhile; without, it wins over the
    # duplicates that were being looked up when it came, and over an older press.
    for hash_ in (view.hash, ""):
        desk.pace.take((UPDATE_VIEW,), "", time.monotonic())  # somebody presses: what can wait goes later instead
        if await redrawing.change(desk, view.id, drawn, hash_=hash_, drawing=drawing) is not None:
            return


def as_pressed(desk: Desk, sent: Submission) -> Submission:
    """Return a form that was sent before it showed what was pressed in it as it would have been sent after that."""
    try:
        filled, shown = _filled(desk, sent.view), DeclareMeta.decode(sent.view.meta)
    except Conflict:  # of another version: whoever declares it says so
        return sent
    if filled.meta.severity is shown.severity:
        return sent
    meta = filled.meta.encode()  # an advice that nobody has seen yet is not noted as given
    drawn = {**_drawn(desk, filled), "private_metadata": meta}
    shape = {**sent.view.shape, **unstored.still(sent.view.shape, drawn)}
    return sent_forms.as_if(sent, meta=meta, shape=shape)


async def submit(desk: Desk, sent: Submission) -> tuple[Json, int]:
    """Declare; returns the view that follows, and the incident's number, or 0 while a duplicate is to be looked at.

    Raises:
        SitrepError: something cannot be used; the modal stays.
    """
    filled = _filled(desk, sent.view)
    alike = await _alike(desk, filled)
    unseen = {each.incident_id for each in alike} - set(filled.meta.seen)
    objections = unseen or (not filled.meta.advised and _advice(desk, filled))
    # Sent again, on the same or another replica, it is alike to what it declared itself.
    if objections and not await _was_taken_in(desk, sent.key):
        return _drawn(desk, filled, alike), 0
    known = "\n\n".join(filter(None, (filled.told, filled.meta.link and f"Declared from {filled.meta.link}")))
    declaration = Declaration(
        title=filled.title,
        severity=filled.meta.severity,
        reporter=sent.place.user,
        service=filled.service,
        known=known,
        private=declare.PRIVATE in filled.options,
        drill=declare.DRILL in filled.options,
    )
    return await following.declared(desk, sent, declaration)


async def _link(desk: Desk, place: Place, ts: str) -> str:
    """Return a message's permalink, made up as Slack makes it up; nothing where the workspace's address is not known.

    So it stands in the form from the start: what is drawn into it a moment later may never be.
    """
    try:
        async with asyncio.timeout(_ASKING_SECONDS):
            url = telling.channel_url((await desk.identity.learn()).workspace_url, place.channel)
    except slack_errors.TROUBLE:
        return ""  # declaring does not wait for a link
    thread = f"?thread_ts={place.thread}&cid={place.channel}" if place.thread not in ("", ts) else ""
    return f"{message}{thread}" if (message := telling.message_url(url, ts)) else ""


async def _was_taken_in(desk: Desk, key: str) -> bool:
    async with desk.ctx.store.read() as session:
        return await inbound.was_taken_in(session, key)


async def make_room(desk: Desk, order: Order) -> Message:
    """Ask Slack again for a channel that it refused."""
    async with desk.once(order.key) as tx:
        await roomless.try_again(tx, desk.ctx, order.incident_id, order.actor)
    return replies.note(
        f"✓ Slack is asked again for the channel of inc-{order.incident_id}; you hear what comes of it."
    )


async def press_make_room(desk: Desk, click: Click) -> None:
    """Ask again, and follow it in the modal where it was pressed; a direct message is drawn anew by itself."""
    order = Order(click.key, click.place, OfIncident.decode(click.value).incident)
    await make_room(desk, order)
    if click.place.view_id:
        async with desk.ctx.store.read() as session:
            incident = await queries.get(session, order.incident_id)
        await redrawing.change(desk, click.place.view_id, declare.progress(incident.key, incident.title))
        sending = desk.modals.send(click.place.view_id, click.key)
        follows = following.follow(desk, click.place.user, sending, incident.number)
        desk.background.watch(replies.guarded(desk, click.place, follows))
