"""Steering the agents: pause, resume, begin, stop, begin anew."""

from bot.listeners import replies, stepping
from bot.listeners.desk import Desk
from bot.listeners.order import Order
from bot.views.message import Message
from incidents.response import control


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


async def restart(desk: Desk, order: Order) -> Message:
    """Begin a bug's pipeline anew."""
    async with desk.once(order.key) as tx:
        await control.restart(tx, desk.ctx, order.incident_id, order.actor, order.argument)
    return replies.note("✓ Begun anew, by today's stages.")


async def stop(desk: Desk, order: Order) -> Message:
    """Stop the agents for good, or one step's where it is named: `1.3 why`."""
    name, _, why = order.argument.partition(" ")
    if name and await stepping.is_step(desk, order.incident_id, name):
        return await stepping.stop(desk, order, name, why.strip())
    async with desk.once(order.key) as tx:
        await control.stop(tx, desk.ctx, order.incident_id, order.actor, order.argument)
    return replies.note("✓ Stopped. People go on by hand; a step can still be retried.")
