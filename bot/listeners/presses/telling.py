"""Buttons by which people tell others: status updates, the end, the post-mortem, follow-ups."""

from bot.ids import Act
from bot.listeners import finishing, updating
from bot.listeners.desk import Desk
from bot.listeners.payloads import Click
from bot.listeners.presses.common import Press, form, order_of
from bot.surfaces import home as home_surface
from bot.values import OfFollowup, OfUpdate
from bot.views import home


async def _send(desk: Desk, click: Click) -> None:
    await updating.send(desk, order_of(click, -1), OfUpdate.decode(click.value).update)


async def _edit(desk: Desk, click: Click) -> None:
    await updating.open_edit(desk, order_of(click, -1), OfUpdate.decode(click.value).update)


async def _no_change(desk: Desk, click: Click) -> None:
    await updating.no_change(desk, order_of(click, -1), OfUpdate.decode(click.value).update)


async def _snooze(desk: Desk, click: Click) -> None:
    value = OfUpdate.decode(click.value)
    await updating.snooze(desk, order_of(click, -1), value.update, value.minutes)


async def _followup_done(desk: Desk, click: Click) -> None:
    await finishing.finish_followup(desk, click.key, click.place, OfFollowup.decode(click.value).followup)
    async with desk.ctx.store.read() as session:
        drawn = await home_surface.draw(session, desk.ctx, click.place.user)
    await desk.client.views_publish(user_id=click.place.user, view=home.view(drawn))


PRESSES: dict[Act, Press] = {
    Act.UPDATE: form(updating.open_form),
    Act.SEND: _send,
    Act.EDIT: _edit,
    Act.NO_CHANGE: _no_change,
    Act.SNOOZE: _snooze,
    Act.RESOLVE: form(finishing.open_resolve),
    Act.CLOSE: form(finishing.open_close),
    Act.REOPEN: form(finishing.open_reopen),
    Act.WRITE: form(finishing.open_write),
    Act.FOLLOWUP: form(finishing.open_followup),
    Act.FOLLOWUP_DONE: _followup_done,
}
