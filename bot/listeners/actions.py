"""What buttons do. Each is one call; where the surface itself changes, nothing more is said."""

from collections.abc import Awaitable, Callable

from bot.ids import (
    Act,
    Form,
    More,
    OfApproval,
    OfDrift,
    OfEvidence,
    OfFeedback,
    OfFollowup,
    OfGate,
    OfIncident,
    OfMenu,
    OfQuestion,
    OfRole,
    OfSteer,
    OfStep,
    OfUpdate,
    ShownMeta,
    Steer,
)
from bot.listeners import (
    asked,
    bugs,
    deciding,
    declaring,
    finishing,
    learning,
    looking,
    replies,
    responding,
    steering,
    stepping,
    updating,
    vouching,
)
from bot.listeners.desk import Desk
from bot.listeners.order import Order
from bot.listeners.payloads import Click
from bot.surfaces import home as home_surface
from bot.views import home, overview, plan, reading
from bot.views.message import Message
from incidents.errors import Conflict

Press = Callable[[Desk, Click], Awaitable[None]]


def _order(click: Click, incident_id: int = 0) -> Order:
    return Order(click.key, click.place, incident_id or OfIncident.decode(click.value).incident)


async def _declare(desk: Desk, click: Click) -> None:
    await declaring.open_modal(desk, click.place)


async def _drill(desk: Desk, click: Click) -> None:
    await declaring.open_modal(desk, click.place, drill=True)


async def _bug(desk: Desk, click: Click) -> None:
    await bugs.open_modal(desk, click.place)


async def _solution(desk: Desk, click: Click) -> None:
    await learning.solution(desk, click.key, click.place, "")


async def _learned(desk: Desk, click: Click) -> None:
    drawn = await learning.learned(desk, click.place, "")
    await replies.show(desk, click.place, reading.shown_blocks("What was learned", drawn.blocks))


async def _nothing(desk: Desk, click: Click) -> None:
    """Do nothing: the button is a link, which Slack reports too."""
    del desk, click


async def _look_first(desk: Desk, click: Click) -> None:
    await _show_card(desk, click, "Already open")


async def _review(desk: Desk, click: Click) -> None:
    await replies.show(desk, click.place, await looking.review(desk, _order(click)))


async def _catch_up(desk: Desk, click: Click) -> None:
    await _show_card(desk, click, "Catch up")


async def _show_card(desk: Desk, click: Click, title: str) -> None:
    order = _order(click)
    card = await looking.status(desk, order)
    await replies.show(desk, click.place, reading.shown_blocks(title, card.blocks, ShownMeta(card=order.incident_id)))


async def _timeline(desk: Desk, click: Click) -> None:
    shown = await looking.show_timeline(desk, _order(click))
    await replies.show(desk, click.place, reading.shown_blocks("Timeline", shown.blocks))


async def _roles(desk: Desk, click: Click) -> None:
    order = _order(click)
    panel = await looking.roles(desk, order)
    meta = ShownMeta(roles=order.incident_id)
    await replies.show(desk, click.place, reading.shown_blocks("Roles", panel.blocks, meta))


async def _evidence(desk: Desk, click: Click) -> None:
    value = OfEvidence.decode(click.value)
    view = await looking.evidence_view(desk, value.incident, value.ref, value.step)
    await replies.show(desk, click.place, view)


async def _diff(desk: Desk, click: Click) -> None:
    view = await looking.diff_view(desk, OfApproval.decode(click.value).approval)
    await replies.show(desk, click.place, view)


async def _ack(desk: Desk, click: Click) -> None:
    order = _order(click)
    await _say_where_nothing_changes(desk, click, await responding.acknowledge(desk, order))
    await _again(desk, click, order.incident_id)


async def _pass(desk: Desk, click: Click) -> None:
    await _say_where_nothing_changes(desk, click, await responding.pass_page(desk, _order(click)))


async def _say_where_nothing_changes(desk: Desk, click: Click, answer: Message) -> None:
    """Answer a press in a direct message; in the channel the card itself is the answer."""
    if not click.place.view_id and click.place.channel.startswith("D"):
        await replies.privately(desk, click.place, answer)


async def _take_role(desk: Desk, click: Click) -> None:
    value = OfRole.decode(click.value)
    order = _order(click, value.incident)
    try:
        taken = await responding.take_role(desk, order, value.role, instead=value.instead)
    except Conflict:
        await _again(desk, click, value.incident)
        raise
    if click.ephemeral or click.place.view_id:
        await _again(desk, click, value.incident)
    else:
        await replies.privately(desk, click.place, taken)


async def _release_role(desk: Desk, click: Click) -> None:
    value = OfRole.decode(click.value)
    await responding.release_role(desk, _order(click, value.incident), value.role)
    await _again(desk, click, value.incident)


async def _again(desk: Desk, click: Click, incident_id: int = 0) -> None:
    """Draw anew what only this person sees: the modal, or the ephemeral message, in which something was pressed."""
    if click.view is not None and click.place.view_kind == "modal":
        if click.view.callback == Form.SHOWN and click.view.meta:
            await looking.redraw(desk, click.place, ShownMeta.decode(click.view.meta))
        elif click.view.callback in (Form.RESOLVE, Form.CLOSE):
            await finishing.redraw(desk, click.view.callback, click.view.id, incident_id)
    elif click.ephemeral and incident_id:
        draws = {overview.ROLES_BLOCK: looking.roles, plan.PLAN_BLOCK: stepping.plan}
        draw = next((each for prefix, each in draws.items() if click.block.startswith(prefix)), looking.status)
        await replies.instead(desk, click.place, await draw(desk, _order(click, incident_id)))


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
    await _MORE[value.more](desk, _order(click, value.incident))
    if value.more in (More.PAUSE, More.RESUME):
        await _again(desk, click, value.incident)


def _steered(steer: Callable[[Desk, Order], Awaitable[object]]) -> Press:
    """Return the press that steers the agents and shows it where it was pressed."""

    async def press(desk: Desk, click: Click) -> None:
        order = _order(click)
        await steer(desk, order)
        await _again(desk, click, order.incident_id)

    return press


async def _option(desk: Desk, click: Click) -> None:
    value = OfApproval.decode(click.value)
    await deciding.choose(desk, _order(click, -1), value.approval, value.option)
    await _again(desk, click)


async def _approve(desk: Desk, click: Click) -> None:
    await deciding.approve_one(desk, _order(click, -1), OfApproval.decode(click.value).approval)
    await _again(desk, click)


async def _reject(desk: Desk, click: Click) -> None:
    await deciding.open_send_back(desk, _order(click, -1), OfApproval.decode(click.value).approval)


async def _send_back_words(desk: Desk, click: Click) -> None:
    value = OfFeedback.decode(click.value)
    await deciding.open_send_back(desk, _order(click, -1), value.approval, typed=value.feedback)


async def _answer(desk: Desk, click: Click) -> None:
    value = OfQuestion.decode(click.value)
    if await asked.press(desk, _order(click, -1), value.question, value.number):
        await _again(desk, click)


async def _attest(desk: Desk, click: Click) -> None:
    value = OfGate.decode(click.value)
    await vouching.attest_one(desk, _order(click, value.incident), value.run, value.stage, value.gate)
    await _again(desk, click)


async def _drift(desk: Desk, click: Click) -> None:
    value = OfDrift.decode(click.value)
    await vouching.drift_one(desk, _order(click, value.incident), value.verdict)


async def _override(desk: Desk, click: Click) -> None:
    value = OfGate.decode(click.value)
    await vouching.open_override(desk, _order(click, value.incident), value)


async def _retry(desk: Desk, click: Click) -> None:
    await stepping.retry_one(desk, _order(click, -1), OfStep.decode(click.value).step)


async def _take_over(desk: Desk, click: Click) -> None:
    await stepping.open_take_over(desk, _order(click, -1), OfStep.decode(click.value).step)


async def _plan(desk: Desk, click: Click) -> None:
    order = _order(click)
    drawn = await stepping.plan(desk, order)
    await replies.show(desk, click.place, reading.shown_blocks("Plan", drawn.blocks, ShownMeta(plan=order.incident_id)))


async def _steer(desk: Desk, click: Click) -> None:
    value = OfSteer.decode(click.value)
    await stepping.steer(desk, _order(click, -1), value.step, value.steer)
    if value.steer in (Steer.RETRY, Steer.STOP):
        await _again(desk, click, await stepping.incident_of(desk, value.step))


async def _send(desk: Desk, click: Click) -> None:
    await updating.send(desk, _order(click, -1), OfUpdate.decode(click.value).update)


async def _edit(desk: Desk, click: Click) -> None:
    await updating.open_edit(desk, _order(click, -1), OfUpdate.decode(click.value).update)


async def _no_change(desk: Desk, click: Click) -> None:
    await updating.no_change(desk, _order(click, -1), OfUpdate.decode(click.value).update)


async def _snooze(desk: Desk, click: Click) -> None:
    value = OfUpdate.decode(click.value)
    await updating.snooze(desk, _order(click, -1), value.update, value.minutes)


async def _followup_done(desk: Desk, click: Click) -> None:
    await finishing.finish_followup(desk, click.key, click.place, OfFollowup.decode(click.value).followup)
    async with desk.ctx.store.read() as session:
        drawn = await home_surface.draw(session, desk.ctx, click.place.user)
    await desk.client.views_publish(user_id=click.place.user, view=home.view(drawn))


def _form(open_form: Callable[[Desk, Order], Awaitable[object]]) -> Press:
    async def press(desk: Desk, click: Click) -> None:
        await open_form(desk, _order(click))

    return press


PRESSES: dict[Act, Press] = {
    Act.DECLARE: _declare,
    Act.DRILL: _drill,
    Act.BUG: _bug,
    Act.SOLUTION: _solution,
    Act.LEARNED: _learned,
    Act.SEVERITY: declaring.press,
    Act.SERVICE: declaring.press,
    Act.OPTIONS: declaring.press,
    Act.DUPLICATE_OPEN: _look_first,
    Act.REVIEW: _review,
    Act.UPDATE: _form(updating.open_form),
    Act.ACK: _ack,
    Act.PASS: _pass,
    Act.TAKE_ROLE: _take_role,
    Act.RELEASE_ROLE: _release_role,
    Act.MORE: _more,
    Act.OPEN: _nothing,
    Act.MAKE_ROOM: declaring.press_make_room,
    Act.CANVAS: _nothing,
    Act.RESOLVE: _form(finishing.open_resolve),
    Act.CLOSE: _form(finishing.open_close),
    Act.REOPEN: _form(finishing.open_reopen),
    Act.IMPACT: _form(responding.open_impact),
    Act.ROLES: _roles,
    Act.TIMELINE: _timeline,
    Act.NOTE: _form(responding.open_note),
    Act.BEGIN: _steered(steering.begin),
    Act.RESUME: _steered(steering.resume),
    Act.STOP: _steered(steering.stop),
    Act.PAUSE: _steered(steering.pause),
    Act.PLAN: _plan,
    Act.STEER: _steer,
    Act.EVIDENCE: _evidence,
    Act.RETRY: _retry,
    Act.TAKE_OVER: _take_over,
    Act.ATTEST: _attest,
    Act.ANSWER: _answer,
    Act.OVERRIDE: _override,
    Act.DRIFT: _drift,
    Act.OPTION: _option,
    Act.APPROVE: _approve,
    Act.REJECT: _reject,
    Act.SEND_BACK_WORDS: _send_back_words,
    Act.DIFF: _diff,
    Act.SEND: _send,
    Act.EDIT: _edit,
    Act.NO_CHANGE: _no_change,
    Act.SNOOZE: _snooze,
    Act.WRITE: _form(finishing.open_write),
    Act.FOLLOWUP: _form(finishing.open_followup),
    Act.FOLLOWUP_DONE: _followup_done,
    Act.CATCH_UP: _catch_up,
}
