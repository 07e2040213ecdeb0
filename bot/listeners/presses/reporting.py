"""Buttons by which people declare, report, file what was learned."""

from bot.ids import Act
from bot.listeners import bugs, declaring, hardening, learning, replies
from bot.listeners.desk import Desk
from bot.listeners.payloads import Click
from bot.listeners.presses.common import Press
from bot.views import reading


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


async def _hardening(desk: Desk, click: Click) -> None:
    drawn = await hardening.hardened(desk, click.place, "")
    await replies.show(desk, click.place, reading.shown_blocks("Production hardening", drawn.blocks))


PRESSES: dict[Act, Press] = {
    Act.DECLARE: _declare,
    Act.DRILL: _drill,
    Act.BUG: _bug,
    Act.SOLUTION: _solution,
    Act.LEARNED: _learned,
    Act.HARDENING: _hardening,
    Act.SEVERITY: declaring.press,
    Act.SERVICE: declaring.press,
    Act.OPTIONS: declaring.press,
    Act.MAKE_ROOM: declaring.press_make_room,
}
