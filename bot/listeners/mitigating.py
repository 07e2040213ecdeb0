"""Relieving users at once: what there is to choose from, and choosing it."""

from typing import Any

from bot.listeners import replies
from bot.listeners.desk import Desk
from bot.listeners.order import Order
from bot.surfaces import mitigation as surface
from bot.values import OfMitigation
from bot.views.message import Message
from incidents.errors import Conflict, InvalidInput
from incidents.response import mitigating
from incidents.response.mitigations import Means, WayBack
from incidents.service import queries


async def mitigate(desk: Desk, order: Order) -> Message:
    """Show what could be done, or choose it: `rollback [release]`, `flag [switch]`, `hotfix`."""
    word, _, named = order.argument.partition(" ")
    if not word:
        async with desk.ctx.store.read() as session:
            return await surface.draw(session, desk.ctx, order.incident_id)
    if word.lower() not in tuple(Means):
        raise InvalidInput(
            f"There is no mitigation {word[:20]!r}.", remedy="`/incident mitigate rollback`, `flag` or `hotfix`."
        )
    means, named = Means(word.lower()), named.strip()
    back = await _way_back(desk, order.incident_id, named if means is Means.ROLLBACK else "")
    switch = named or await _only_switch(desk, order) if means is Means.FLAG else ""
    return replies.note(f"✓ Chosen: {await _choose(desk, order, means, back, switch)}.")


async def press(desk: Desk, order: Order, value: OfMitigation) -> None:
    """Choose by a button.

    Raises:
        Conflict: the button named another release than a rollback would go to now.
    """
    back = await _way_back(desk, order.incident_id)
    if value.means is Means.ROLLBACK and value.release and back.release and back.release != value.release:
        raise Conflict(
            f"A rollback would go to release {back.release} now, not to {value.release}.",
            remedy=f"`/incident mitigate rollback {value.release}` asks for that all the same.",
        )
    await _choose(desk, order, value.means, back, value.switch)


async def _way_back(desk: Desk, incident_id: int, named: str = "") -> WayBack:
    async with desk.ctx.store.read() as session:
        incident = await queries.get(session, incident_id)
        run = await queries.latest_run(session, incident_id)
        outputs: dict[str, Any] = await queries.outputs(session, run.number) if run else {}
    return await mitigating.way_back(desk.ctx.service(incident.service), outputs, desk.ctx.clock, named=named)


async def _only_switch(desk: Desk, order: Order) -> str:
    """Return the service's switch where it has one only; else what is named is asked for."""
    async with desk.ctx.store.read() as session:
        service = desk.ctx.service((await queries.get(session, order.incident_id)).service)
    switches = list(service.production.switches) if service else []
    return switches[0] if len(switches) == 1 else ""


async def _choose(desk: Desk, order: Order, means: Means, back: WayBack, switch: str) -> str:
    async with desk.once(order.key) as tx:
        return await mitigating.choose(tx, desk.ctx, order.incident_id, order.actor, means, back=back, switch=switch)
