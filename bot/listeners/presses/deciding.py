"""Buttons by which people decide: options, approvals, gates, questions, steps."""

from collections.abc import Awaitable

import structlog

from bot.ids import Act, Steer
from bot.listeners import asked, deciding, mitigating, stepping, vouching
from bot.listeners.desk import Desk
from bot.listeners.payloads import Click
from bot.listeners.presses.common import Press, again, order_of
from bot.values import OfApproval, OfDrift, OfFeedback, OfGate, OfMitigation, OfQuestion, OfSteer, OfStep
from incidents.errors import Conflict, Repeated

log = structlog.get_logger(__name__)


async def _then_drawn(desk: Desk, click: Click, decision: Awaitable[object], incident_id: int = 0) -> None:
    """Await a decision and draw anew where it was pressed, also when somebody was faster; two presses are no fault."""
    try:
        await decision
    except Repeated:
        log.info("pressed_twice", user=click.place.user, action=click.action)
    except Conflict:
        await again(desk, click, incident_id)
        raise
    await again(desk, click, incident_id)


async def _option(desk: Desk, click: Click) -> None:
    value = OfApproval.decode(click.value)
    await _then_drawn(desk, click, deciding.choose(desk, order_of(click, -1), value.approval, value.option))


async def _approve(desk: Desk, click: Click) -> None:
    approval = OfApproval.decode(click.value).approval
    await _then_drawn(desk, click, deciding.approve_one(desk, order_of(click, -1), approval))


async def _reject(desk: Desk, click: Click) -> None:
    await deciding.open_send_back(desk, order_of(click, -1), OfApproval.decode(click.value).approval)


async def _send_back_words(desk: Desk, click: Click) -> None:
    await deciding.send_back_words(desk, order_of(click, -1), OfFeedback.decode(click.value))


async def _answer(desk: Desk, click: Click) -> None:
    value = OfQuestion.decode(click.value)
    await _then_drawn(desk, click, asked.press(desk, order_of(click, -1), value.question, value.number))


async def _attest(desk: Desk, click: Click) -> None:
    value = OfGate.decode(click.value)
    attested = vouching.attest_one(desk, order_of(click, value.incident), value.run, value.stage, value.gate)
    await _then_drawn(desk, click, attested)


async def _drift(desk: Desk, click: Click) -> None:
    value = OfDrift.decode(click.value)
    await vouching.drift_one(desk, order_of(click, value.incident), value.verdict)


async def _override(desk: Desk, click: Click) -> None:
    value = OfGate.decode(click.value)
    await vouching.open_override(desk, order_of(click, value.incident), value)


async def _mitigate(desk: Desk, click: Click) -> None:
    value = OfMitigation.decode(click.value)
    await _then_drawn(desk, click, mitigating.press(desk, order_of(click, value.incident), value))


async def _retry(desk: Desk, click: Click) -> None:
    await stepping.retry_one(desk, order_of(click, -1), OfStep.decode(click.value).step)


async def _take_over(desk: Desk, click: Click) -> None:
    await stepping.open_take_over(desk, order_of(click, -1), OfStep.decode(click.value).step)


async def _more_fields(desk: Desk, click: Click) -> None:
    await stepping.more_fields(desk, click, OfStep.decode(click.value).step)


async def _steer(desk: Desk, click: Click) -> None:
    value = OfSteer.decode(click.value)
    await stepping.steer(desk, order_of(click, -1), value.step, value.steer)
    if value.steer in (Steer.RETRY, Steer.STOP, Steer.REBASE):
        await again(desk, click, await stepping.incident_of(desk, value.step))


PRESSES: dict[Act, Press] = {
    Act.MITIGATE: _mitigate,
    Act.STEER: _steer,
    Act.RETRY: _retry,
    Act.TAKE_OVER: _take_over,
    Act.MORE_FIELDS: _more_fields,
    Act.ATTEST: _attest,
    Act.ANSWER: _answer,
    Act.OVERRIDE: _override,
    Act.DRIFT: _drift,
    Act.OPTION: _option,
    Act.APPROVE: _approve,
    Act.REJECT: _reject,
    Act.SEND_BACK_WORDS: _send_back_words,
}
