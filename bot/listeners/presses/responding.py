"""Buttons by which people take part and steer: pages, roles, the card's menu, the agents."""

from collections.abc import Awaitable, Callable

from bot.ids import Act, More
from bot.listeners import finishing, replies, responding, steering
from bot.listeners.desk import Desk
from bot.listeners.order import Order
from bot.listeners.payloads import Click
from bot.listeners.presses.common import Press, again, form, order_of
from bot.values import OfMenu, OfRole
from bot.views.message import Message
from incidents.errors import Conflict


async def _ack(desk: Desk, click: Click) -> None:
    order = order_of(click)
    await _say_where_nothing_changes(desk, click, await responding.acknowledge(desk, order))
    await again(desk, click, order.incident_id)


async def _pass(desk: Desk, click: Click) -> None:
    await _say_where_nothing_changes(desk, click, await responding.pass_page(desk, order_of(click)))


async def _say_where_nothing_changes(desk: Desk, click: Click, answer: Message) -> None:
    """Answer a press in a direct message; in the channel the card itself is the answer."""
    if not click.place.view_id and click.place.channel.startswith("D"):
        await replies.privately(desk, click.place, answer)


async def _take_role(desk: Desk, click: Click) -> None:
    value = OfRole.decode(click.value)
    order = order_of(click, value.incident)
    try:
        taken = await responding.take_role(desk, order, value.role, instead=value.instead)
    except Conflict:
        await again(desk, click, value.incident)
        raise
    if click.ephemeral or click.place.view_id:
        await again(desk, click, value.incident)
    else:
        await replies.privately(desk, click.place, taken)


async def _release_role(desk: Desk, click: Click) -> None:
    value = OfRole.decode(click.value)
    await responding.release_role(desk, order_of(click, value.incident), value.role)
    await again(desk, click, value.incident)


_MORE: dict[More, Callable[[Desk, Order], Awaitable[object]]] = {
    More.SEVERITY: responding.open_severity,
    More.ESCALATE: responding.open_escalate,
    More.NOTE: responding.open_note,
    More.PAUSE: steering.pause,
    More.RESUME: steering.resume,
    More.RESOLVE: finishing.open_resolve,
}


async def _more(desk: Desk, click: Click) -> None:
    value = OfMenu.decode(click.value)
    await _MORE[value.more](desk, order_of(click, value.incident))
    if value.more in (More.PAUSE, More.RESUME):
        await again(desk, click, value.incident)


def _steered(steer: Callable[[Desk, Order], Awaitable[object]]) -> Press:
    """Return the press that steers the agents and shows it where it was pressed."""

    async def press(desk: Desk, click: Click) -> None:
        order = order_of(click)
        await steer(desk, order)
        await again(desk, click, order.incident_id)

    return press


PRESSES: dict[Act, Press] = {
    Act.ACK: _ack,
    Act.PASS: _pass,
    Act.TAKE_ROLE: _take_role,
    Act.RELEASE_ROLE: _release_role,
    Act.MORE: _more,
    Act.IMPACT: form(responding.open_impact),
    Act.NOTE: form(responding.open_note),
    Act.BEGIN: _steered(steering.begin),
    Act.RESUME: _steered(steering.resume),
    Act.STOP: _steered(steering.stop),
    Act.PAUSE: _steered(steering.pause),
    Act.RESTART: _steered(steering.restart),
}
