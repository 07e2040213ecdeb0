"""Steering one step: the plan, retry, stop, skip, take over by hand, hand to another provider."""

import re
from collections.abc import Mapping

from bot.ids import OUTPUT_FIELD, Field, Steer
from bot.listeners import redrawing, replies
from bot.listeners.desk import Desk
from bot.listeners.order import Order
from bot.listeners.payloads import Click, View
from bot.surfaces import planning, work
from bot.views import handwork, mrkdwn, unstored
from bot.views.message import Message
from incidents import records, store
from incidents.agents import blanks, handmade
from incidents.definitions import StepDefinition
from incidents.errors import Conflict, InvalidInput, InvalidInputs
from incidents.response import intervening, rebasing, standing
from incidents.response.plan import FINISHED, StepState
from incidents.service import queries

#: A line that gives one field of the step's outputs: `preliminary_root_cause.summary: the cache was full`.
_OUTPUT_LINE = re.compile(r"^\s*([a-z_]+(?:\.[a-z_]+)*)\s*:\s*(.*)$")


async def plan(desk: Desk, order: Order) -> Message:
    """Return the plan of the response, for one person's eyes."""
    async with desk.ctx.store.read() as session:
        return await planning.draw(session, desk.ctx, order.incident_id)


async def is_step(desk: Desk, incident_id: int, name: str) -> bool:
    """Return whether the incident's response has a step of this name."""
    async with desk.ctx.store.read() as session:
        run = await queries.latest_run(session, incident_id)
        return run is not None and any(step.name == name for step in await queries.steps(session, run.number))


async def _step(tx: store.Tx, incident_id: int, name: str) -> records.Step:
    """Return the step that was named, else the first that failed or was stopped."""
    run = await queries.latest_run(tx.session, incident_id)
    steps = await queries.steps(tx.session, run.number) if run else []
    stuck = (StepState.FAILED.value, StepState.STOPPED.value)
    for step in steps:
        if step.name == name if name else step.state in stuck:
            return step
    if name:
        known = ", ".join(step.name for step in steps if "@" not in step.name)
        raise InvalidInput(f"There is no step {name[:20]!r}.", remedy=f"Steps: {known}." if known else "")
    raise Conflict("No step has failed.", remedy="`/incident plan` says what happens.")


async def incident_of(desk: Desk, step_id: int) -> int:
    """Return the number of the incident that a step belongs to."""
    async with desk.ctx.store.read() as session:
        return (await work.step_of(session, step_id))[1].incident_id


# Retry and stop


async def retry(desk: Desk, order: Order) -> Message:
    """Run a failed step again: the one named, or the first that failed."""
    async with desk.once(order.key) as tx:
        step = await _step(tx, order.incident_id, order.argument)
        await intervening.retry_step(tx, desk.ctx, step.number, order.actor)
    return replies.note(f"✓ Step {step.name} is tried again.")


async def retry_one(desk: Desk, order: Order, step_id: int) -> None:
    """Run a step again by its button."""
    async with desk.once(order.key) as tx:
        await intervening.retry_step(tx, desk.ctx, step_id, order.actor)


async def stop(desk: Desk, order: Order, name: str, why: str) -> Message:
    """Stop the agent of the step `name`."""
    async with desk.once(order.key) as tx:
        step = await _step(tx, order.incident_id, name)
        await intervening.stop_step(tx, desk.ctx, step.number, order.actor, why)
    return replies.note(f"✓ Step {step.name} is stopped; `/incident retry {step.name}` begins it anew.")


async def stop_one(desk: Desk, order: Order, step_id: int) -> None:
    """Stop the agent of a step by its button."""
    async with desk.once(order.key) as tx:
        await intervening.stop_step(tx, desk.ctx, step_id, order.actor)


# Skip


async def skip(desk: Desk, order: Order) -> Message | None:
    """Leave a step out: `4.2 why`; without the reason, open the form."""
    name, _, why = order.argument.partition(" ")
    if not why.strip():
        await open_skip(desk, order, await _number(desk, order, name))
        return None
    async with desk.once(order.key) as tx:
        step = await _step(tx, order.incident_id, name)
        await intervening.skip_step(tx, desk.ctx, step.number, order.actor, why.strip())
    return replies.note(f"✓ Step {step.name} is left out; what builds on it goes on.")


async def open_skip(desk: Desk, order: Order, step_id: int) -> None:
    """Open the form that leaves a step out."""
    incident, step, title, _ = await _unfinished(desk, step_id)
    await replies.show(desk, order.place, handwork.skip(incident, step, title))


async def submit_skip(desk: Desk, order: Order, view: View, step_id: int) -> None:
    """Leave a step out for the reason that the form says."""
    async with desk.once(order.key) as tx:
        await intervening.skip_step(tx, desk.ctx, step_id, order.actor, view.text(Field.REASON))


# Take over by hand


async def takeover(desk: Desk, order: Order) -> Message | None:
    """Do a step by hand: `1.3 what was done`, outputs on lines below; without the words, open the form."""
    name, _, rest = order.argument.partition(" ")
    name, _, after = name.partition("\n")
    summary, typed = _written(f"{after} {rest}" if after else rest)
    if not summary:
        await open_take_over(desk, order, await _number(desk, order, name))
        return None
    looked_up = await _in_git(desk, await _number(desk, order, name), typed)
    async with desk.once(order.key) as tx:
        step = await _step(tx, order.incident_id, name)
        await intervening.take_over(tx, desk.ctx, step.number, order.actor, summary, typed, looked_up)
    return replies.note(f"✓ Step {step.name} is yours; what builds on it goes on.")


def _written(text: str) -> tuple[str, dict[str, str]]:
    """Return what was done, and the outputs that stand on lines of their own below it."""
    first, *lines = text.strip().splitlines() or [""]
    typed: dict[str, str] = {}
    said, last = [first], ""
    for line in lines:
        named = _OUTPUT_LINE.match(line)
        if named:
            last = named[1]
            typed[last] = named[2]
        elif last:
            typed[last] += f"\n{line}"
        else:
            said.append(line)
    return " ".join(said).strip(), typed


async def open_take_over(desk: Desk, order: Order, step_id: int) -> None:
    """Open the form that takes a step over."""
    incident, step, title, definition = await _unfinished(desk, step_id)
    form = handwork.take_over(incident, step, title, blanks.fields(definition.prompt))
    await replies.show(desk, order.place, form)


async def more_fields(desk: Desk, click: Click, step_id: int) -> None:
    """Draw the form that takes a step over with every field; what was typed stays."""
    if click.view is None:
        return
    incident, step, title, definition = await _unfinished(desk, step_id)
    below = click.view.below(OUTPUT_FIELD)
    typed = {Field.SUMMARY.value: click.view.text(Field.SUMMARY)}
    typed |= {f"{OUTPUT_FIELD}{path}": text for path, text in below.items() if text}
    form = handwork.take_over(incident, step, title, blanks.fields(definition.prompt), typed=typed)
    await redrawing.change(desk, click.view.id, unstored.still(click.view.shape, form))


async def submit_take_over(desk: Desk, order: Order, view: View, step_id: int) -> None:
    """Take a step over with what the form says.

    Raises:
        InvalidInputs: outputs cannot be read, or git knows no such branch or commit; each fault stands at its field.
    """
    typed, summary = view.below(OUTPUT_FIELD), view.text(Field.SUMMARY)
    try:
        looked_up = await _in_git(desk, step_id, typed)
        async with desk.once(order.key) as tx:
            await intervening.take_over(tx, desk.ctx, step_id, order.actor, summary, typed, looked_up)
    except InvalidInputs as error:
        raise InvalidInputs({f"{OUTPUT_FIELD}{path}": fault for path, fault in error.faults.items()}) from error


async def _in_git(desk: Desk, step_id: int, typed: Mapping[str, str]) -> dict[str, str]:
    """Return what the repository that the step works in says of the branches and commits that were typed."""
    async with desk.ctx.store.read() as session:
        _, run, definition = await work.step_of(session, step_id)
        service = desk.ctx.service((await queries.get(session, run.incident_id)).service)
    code = service.codebase(definition.repository) if service else None
    return await handmade.look_up(definition.prompt, typed, code, desk.ctx.clock)


# Hand to another provider


async def handover(desk: Desk, order: Order) -> Message | None:
    """Hand a step to another provider: `1.3 playbook`; without the provider, open the form."""
    name, _, provider = order.argument.partition(" ")
    provider = provider.strip().lower().removeprefix("to ").strip()
    if not provider:
        await open_hand_over(desk, order, await _number(desk, order, name))
        return None
    async with desk.once(order.key) as tx:
        step = await _step(tx, order.incident_id, name)
        await intervening.hand_over(tx, desk.ctx, step.number, order.actor, provider)
    return replies.note(f"✓ Step {step.name} is with {mrkdwn.said(provider, 20)} now.")


async def open_hand_over(desk: Desk, order: Order, step_id: int) -> None:
    """Open the form that hands a step over.

    Raises:
        Conflict: there is nobody else to hand it to.
    """
    incident, step, title, definition = await _unfinished(desk, step_id)
    if len(desk.ctx.providers) < 2:
        raise Conflict(
            f"Only {desk.ctx.providers[0]} is set up here.",
            remedy="With a model key, Claude can take steps too.",
        )
    now = intervening.with_whom(desk.ctx, definition, step)
    others = [each for each in desk.ctx.providers if each != now]
    await replies.show(desk, order.place, handwork.hand_over(incident, step, title, now, others))


async def submit_hand_over(desk: Desk, order: Order, view: View, step_id: int) -> None:
    """Hand a step to the provider that the form says."""
    async with desk.once(order.key) as tx:
        await intervening.hand_over(tx, desk.ctx, step_id, order.actor, view.text(Field.PROVIDER))


# Rebase


async def rebase(desk: Desk, order: Order) -> Message:
    """Have a bug's fix rebased: of the repository or step named, or of the only one that waits to be merged."""
    async with desk.once(order.key) as tx:
        repository = await rebasing.rebase(tx, desk.ctx, order.incident_id, order.actor, order.argument.strip())
    return replies.note(f"✓ The fix of {mrkdwn.said(repository, 60)} is rebased; what was approved of it is void.")


async def rebase_one(desk: Desk, order: Order, step_id: int) -> None:
    """Have the fix rebased that a step belongs to, by its button."""
    async with desk.once(order.key) as tx:
        step, run = await standing.step(tx, step_id)
        await rebasing.rebase(tx, desk.ctx, run.incident_id, order.actor, step.name)


async def steer(desk: Desk, order: Order, step_id: int, what: Steer) -> None:
    """Do what was chosen from the menu of a step."""
    await {
        Steer.RETRY: retry_one,
        Steer.STOP: stop_one,
        Steer.SKIP: open_skip,
        Steer.TAKE_OVER: open_take_over,
        Steer.HAND_OVER: open_hand_over,
        Steer.REBASE: rebase_one,
    }[what](desk, order, step_id)


async def _number(desk: Desk, order: Order, name: str) -> int:
    async with desk.ctx.store.transaction() as tx:
        return (await _step(tx, order.incident_id, name)).number


async def _unfinished(desk: Desk, step_id: int) -> tuple[records.Incident, records.Step, str, StepDefinition]:
    """Return a step's incident, its row, its title and its definition.

    Raises:
        Conflict: it is finished; a form would only be filled in in vain.
    """
    async with desk.ctx.store.read() as session:
        step, run, definition = await work.step_of(session, step_id)
        incident = await queries.get(session, run.incident_id)
    if StepState(step.state) in FINISHED:
        raise Conflict(f"Step {step.name} is already {step.state.replace('_', ' ')}.")
    return incident, step, definition.title, definition
