"""One thing a person wants done to one incident, whether typed or clicked."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from bot.listeners.payloads import Place
from incidents import records
from incidents.catalog import Settings
from incidents.errors import NotFound
from incidents.service import queries, sight


@dataclass(frozen=True)
class Order:
    """Who wants it, where they are looking, about which incident, and what else was said."""

    key: str  #: of the payload; taken in once
    place: Place
    incident_id: int
    argument: str = ""

    @property
    def actor(self) -> str:
        """Return the person's id."""
        return self.place.user


async def incident_of(session: AsyncSession, settings: Settings, place: Place, named: str = "") -> records.Incident:
    """Return the incident that was named, else that of the channel.

    Raises:
        NotFound: there is none, or it is private and this person has no part in it.
    """
    incident = await queries.by_key(session, named or place.channel)
    inside = incident.channel and incident.channel == place.channel  # a form has no channel, and not every incident
    if not inside and not await sight.sees(session, settings, incident, place.user):
        # The same words as for a number that was never given: a private incident is not confirmed to exist.
        raise NotFound(f"There is no incident {incident.key}.", remedy="`/incident list` shows the open ones.")
    return incident
