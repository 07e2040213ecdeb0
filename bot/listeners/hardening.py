"""`/incident hardening`: how ready services are for trouble in production."""

import asyncio

from bot.listeners.desk import Desk
from bot.listeners.payloads import Place
from bot.views import hardening as view
from bot.views.message import Message
from incidents import hardening
from incidents.catalog import Service
from incidents.configuration.mistakes import advise
from incidents.errors import NotFound

_SECONDS = 2.0  # for all services together: a modal must be opened within Slack's three


async def hardened(desk: Desk, place: Place, argument: str) -> Message:
    """Return the checklist of the service that `argument` names, or of the first ones of the catalogue.

    Raises:
        NotFound: there is no such service.
    """
    del place
    services = desk.ctx.settings.services
    typed = argument.strip().lower()
    if typed and typed not in services:
        raise NotFound(f"There is no service {argument.strip()[:60]!r}.", remedy=advise(typed, services))
    keys, more = ([typed], 0) if typed else view.shown(list(services))
    found = await asyncio.gather(*(_in_time(desk, services[key]) for key in keys))
    return view.draw(found, more=more)


async def _in_time(desk: Desk, service: Service) -> hardening.Checklist:
    try:
        async with asyncio.timeout(_SECONDS):
            return await hardening.look(service, desk.ctx.clock)
    except TimeoutError:
        seen = await hardening.look(service.model_copy(update={"repository": ""}), desk.ctx.clock)
        return hardening.Checklist(service, seen.points, "Its repository took too long to look into.")
