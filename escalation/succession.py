"""Who speaks for a response, and who is next in line when nobody does."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from escalation import policies, telling
from escalation.oncall import Contact
from escalation.telling import Desk
from incidents import records
from incidents.lifecycle import Role


@dataclass(frozen=True)
class Heir:
    """Somebody who hears when whoever should have acted did not."""

    who: Contact
    standing: str  #: a role, or the audience by which they are reached


async def speakers(desk: Desk, session: AsyncSession, incident: records.Incident) -> tuple[Contact, ...]:
    """Return who sends the status updates: comms, without one the commander."""
    return await telling.leaders(desk, session, incident, Role.COMMS, Role.COMMANDER)


async def next_in_line(desk: Desk, session: AsyncSession, incident: records.Incident) -> tuple[Heir, ...]:
    """Return the deputy; without one the first level of paging that does not speak already; at last the commander."""
    deputies = await telling.leaders(desk, session, incident, Role.DEPUTY)
    if deputies:
        return tuple(Heir(who, Role.DEPUTY.value) for who in deputies)
    silent = {who.person for who in await speakers(desk, session, incident)}
    policy = policies.paging(desk.ctx.library.policies, incident.severity)
    for level in policy.levels if policy is not None else ():
        people = [who for who in desk.people(incident, level) if desk.reaches(who)]
        if people and not silent & {who.person for who in people}:
            return tuple(Heir(who, level) for who in people)
    commanders = await telling.leaders(desk, session, incident, Role.COMMANDER)
    return tuple(Heir(who, Role.COMMANDER.value) for who in commanders)
