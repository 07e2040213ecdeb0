"""What forms do when they are sent. A fault keeps the form open, with everything that was typed."""

from collections.abc import Awaitable, Callable

from bot.ids import Form
from bot.listeners import (
    asked,
    deciding,
    finishing,
    learning,
    looking,
    replies,
    responding,
    stepping,
    updating,
    vouching,
)
from bot.listeners.awaiting import Outcome
from bot.listeners.desk import Desk
from bot.listeners.order import Order
from bot.listeners.payloads import Submission, View
from bot.values import FormMeta
from bot.views.message import Json
from incidents.errors import InvalidInput

#: Returns the form to show again, or what follows it where that is to be read, or None.
Send = Callable[[Desk, Order, View, FormMeta], Awaitable[Json | None]]


def _plain(send: Callable[[Desk, Order, View], Awaitable[None]]) -> Send:
    async def sent(desk: Desk, order: Order, view: View, meta: FormMeta) -> None:
        del meta
        await send(desk, order, view)

    return sent


async def _send_back(desk: Desk, order: Order, view: View, meta: FormMeta) -> None:
    await deciding.submit_send_back(desk, order, view, meta.approval)


async def _take_over(desk: Desk, order: Order, view: View, meta: FormMeta) -> None:
    await stepping.submit_take_over(desk, order, view, meta.step)


async def _skip(desk: Desk, order: Order, view: View, meta: FormMeta) -> None:
    await stepping.submit_skip(desk, order, view, meta.step)


async def _hand_over(desk: Desk, order: Order, view: View, meta: FormMeta) -> None:
    await stepping.submit_hand_over(desk, order, view, meta.step)


async def _answer(desk: Desk, order: Order, view: View, meta: FormMeta) -> None:
    await asked.submit(desk, order, view, meta.question, meta.number)


async def _override(desk: Desk, order: Order, view: View, meta: FormMeta) -> None:
    await vouching.submit_override(desk, order, view, meta)


async def _solution(desk: Desk, order: Order, view: View, meta: FormMeta) -> Json:
    del meta
    return await learning.submit(desk, order, view)


SENDS: dict[Form, Send] = {
    Form.SOLUTION: _solution,
    Form.ANSWER: _answer,
    Form.UPDATE: updating.submit,
    Form.SEND_BACK: _send_back,
    Form.TAKE_OVER: _take_over,
    Form.OVERRIDE: _override,
    Form.SKIP: _skip,
    Form.HAND_OVER: _hand_over,
    Form.SEVERITY: _plain(responding.submit_severity),
    Form.IMPACT: _plain(responding.submit_impact),
    Form.NOTE: _plain(responding.submit_note),
    Form.ESCALATE: _plain(responding.submit_escalate),
    Form.RESOLVE: _plain(finishing.submit_resolve),
    Form.CLOSE: _plain(finishing.submit_close),
    Form.CANCEL: _plain(finishing.submit_cancel),
    Form.REOPEN: _plain(finishing.submit_reopen),
    Form.WRITE: _plain(finishing.submit_write),
    Form.FOLLOWUP: _plain(finishing.submit_followup),
}


async def _redraw_below(desk: Desk, sent: Submission, meta: FormMeta) -> None:
    if meta.shown is not None:
        await looking.redraw(desk, sent.place.model_copy(update={"view_id": meta.behind_id}), meta.shown)
    else:
        await finishing.redraw(desk, meta.behind, meta.behind_id, meta.incident)


async def send(desk: Desk, sent: Submission) -> Outcome:
    """Do what the form asks for; no incident is followed in it.

    Raises:
        SitrepError: something cannot be used; the form stays.
    """
    try:
        form = Form(sent.view.callback)
    except ValueError:
        raise InvalidInput("This form is from another version of Sitrep.", remedy="Open it again.") from None
    meta = FormMeta.decode(sent.view.meta)
    again = await SENDS[form](desk, Order(sent.key, sent.place, meta.incident), sent.view, meta)
    if again:
        return Outcome({"response_action": "update", "view": again}, stored="submit" not in again)
    if meta.behind:
        desk.background.start(replies.guarded(desk, sent.place, _redraw_below(desk, sent, meta)))
    # What was sent back stands open below as if it could still be approved.
    return Outcome({"response_action": "clear"} if form is Form.SEND_BACK else {})
