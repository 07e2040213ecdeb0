"""Buttons by which people look at what stands: cards, plans, evidence."""

from bot.ids import Act
from bot.listeners import looking, replies, stepping
from bot.listeners.desk import Desk
from bot.listeners.payloads import Click
from bot.listeners.presses.common import Press, order_of
from bot.values import OfApproval, OfEvidence, ShownMeta
from bot.views import reading


async def _nothing(desk: Desk, click: Click) -> None:
    """Do nothing: the button is a link, which Slack reports too."""
    del desk, click


async def _look_first(desk: Desk, click: Click) -> None:
    await _show_card(desk, click, "Already open")


async def _review(desk: Desk, click: Click) -> None:
    await replies.show(desk, click.place, await looking.review(desk, order_of(click)))


async def _catch_up(desk: Desk, click: Click) -> None:
    await _show_card(desk, click, "Catch up")


async def _show_card(desk: Desk, click: Click, title: str) -> None:
    order = order_of(click)
    card = await looking.status(desk, order)
    await replies.show(desk, click.place, reading.shown_blocks(title, card.blocks, ShownMeta(card=order.incident_id)))


async def _timeline(desk: Desk, click: Click) -> None:
    shown = await looking.show_timeline(desk, order_of(click))
    await replies.show(desk, click.place, reading.shown_blocks("Timeline", shown.blocks))


async def _roles(desk: Desk, click: Click) -> None:
    order = order_of(click)
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


async def _plan(desk: Desk, click: Click) -> None:
    order = order_of(click)
    drawn = await stepping.plan(desk, order)
    await replies.show(desk, click.place, reading.shown_blocks("Plan", drawn.blocks, ShownMeta(plan=order.incident_id)))


PRESSES: dict[Act, Press] = {
    Act.DUPLICATE_OPEN: _look_first,
    Act.REVIEW: _review,
    Act.OPEN: _nothing,
    Act.CANVAS: _nothing,
    Act.ROLES: _roles,
    Act.TIMELINE: _timeline,
    Act.PLAN: _plan,
    Act.EVIDENCE: _evidence,
    Act.DIFF: _diff,
    Act.CATCH_UP: _catch_up,
}
