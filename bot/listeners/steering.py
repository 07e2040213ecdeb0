"""Steering the agents: retry, take over, pause, resume, stop."""

from bot.ids import Field
from bot.listeners import replies
from bot.listeners.desk import Desk
from bot.listeners.order import Order
from bot.listeners.payloads import View
from bot.surfaces import work
from bot.views import forms
from bot.views.message import Message
from incidents import records, store
from incidents.errors import Conflict, InvalidInput
from incidents.response import control
from incidents.response.plan import StepState
from incidents.service import queries


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
