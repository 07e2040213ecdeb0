"""What presses share: whose order it is, drawing anew what was pressed, opening a form."""

from collections.abc import Awaitable, Callable

from bot.ids import Form
from bot.listeners import finishing, looking, replies, stepping
from bot.listeners.desk import Desk
from bot.listeners.order import Order
from bot.listeners.payloads import Click
from bot.values import OfIncident, ShownMeta
from bot.views import overview, plan

Press = Callable[[Desk, Click], Awaitable[None]]


def order_of(click: Click, incident_id: int = 0) -> Order:
    """Return who asks for what where; by default of the incident that the button carries."""
    return Order(click.key, click.place, incident_id or OfIncident.decode(click.value).incident)


async def again(desk: Desk, click: Click, incident_id: int = 0) -> None:
    """Draw anew what only this person sees: the modal, or the ephemeral message, in which something was pressed."""
    if click.view is not None and click.place.view_kind == "modal":
        if click.view.callback == Form.SHOWN and click.view.meta:
            await looking.redraw(desk, click.place, ShownMeta.decode(click.view.meta))
        elif click.view.callback in (Form.RESOLVE, Form.CLOSE):
            await finishing.redraw(desk, click.view.callback, click.view.id, incident_id)
    elif click.ephemeral and incident_id:
        draws = {overview.ROLES_BLOCK: looking.roles, plan.PLAN_BLOCK: stepping.plan}
        draw = next((each for prefix, each in draws.items() if click.block.startswith(prefix)), looking.status)
        await replies.instead(desk, click.place, await draw(desk, order_of(click, incident_id)))


def form(open_form: Callable[[Desk, Order], Awaitable[object]]) -> Press:
    """Return the press that opens a form."""

    async def press(desk: Desk, click: Click) -> None:
        await open_form(desk, order_of(click))

    return press
