"""The menu, and what was learned: filing a solved problem, and looking at those on record."""

import re

from bot.ids import Act, Field
from bot.listeners import replies
from bot.listeners.desk import Desk
from bot.listeners.order import Order
from bot.listeners.payloads import Place, View
from bot.views import menu, reading
from bot.views.message import Json, Message
from incidents.knowledge import filing

#: The words of seed document 001: `Problem: X, Solution: Y`.
_SOLVED = re.compile(r"\s*problem:\s*(?P<problem>.*?)[\s,;]*\bsolution:\s*(?P<solution>.*)", re.IGNORECASE | re.DOTALL)


async def show_menu(desk: Desk, place: Place, argument: str) -> Message:
    """Return the menu."""
    del desk, place, argument
    return menu.draw()


async def solution(desk: Desk, key: str, place: Place, argument: str) -> Message | None:
    """File the solution that was typed whole, or open the form with what was typed."""
    said = _SOLVED.fullmatch(argument)
    if said is None:
        await replies.show(desk, place, menu.solution_form(problem=argument))
        return None
    async with desk.once(key) as tx:
        row = await filing.file(tx, desk.ctx, place.user, said["problem"], said["solution"])
    return menu.filed(row)


async def submit(desk: Desk, order: Order, view: View) -> Json:
    """File what the form says; returns the view that follows."""
    async with desk.once(order.key) as tx:
        row = await filing.file(
            tx,
            desk.ctx,
            order.actor,
            view.text(Field.PROBLEM),
            view.text(Field.SOLUTION),
            service=view.text(Field.SERVICE, Act.SERVICE),
        )
    return reading.shown_blocks("File a solution", menu.filed(row).blocks)


async def learned(desk: Desk, place: Place, argument: str) -> Message:
    """Return what was learned, or what `argument` finds in it."""
    async with desk.ctx.store.read() as session:
        found = await filing.learned(session, desk.ctx.settings, place.user, argument)
    return menu.learned(found, words=argument)
