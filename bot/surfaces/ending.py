"""What is posted at the end: that it is resolved, and the post-mortem."""

from functools import lru_cache

from sqlalchemy.ext.asyncio import AsyncSession

from bot.views import ending, postmortem
from bot.views.message import Message
from incidents import kpis, loading, outbox_queries
from incidents import postmortem as facts
from incidents.context import Context
from incidents.events import EventKind
from incidents.service import queries, resolve


async def resolved(session: AsyncSession, ctx: Context, incident_id: int) -> Message:
    """Return the post that it is resolved, and what is still owed."""
    incident = await queries.get(session, incident_id)
    events = await queries.events(session, incident_id)
    updates = await queries.updates(session, incident_id)
    by = next((event.actor for event in reversed(events) if event.kind is EventKind.RESOLVED), "")
    until = incident.resolved_at or ctx.clock.now()
    told = {str(event.data.get("person")) for event in events if event.kind is EventKind.TOLD}
    return ending.resolved(
        ending.Resolved(
            incident=incident,
            by=by,
            measures=kpis.measure(incident, updates, ctx.library.policies.kpis, until, served=kpis.served(events)),
            missing=await resolve.missing_for_close(session, ctx, incident_id),
            told=len(told - {"None", ""}),
        )
    )


async def in_channel(session: AsyncSession, ctx: Context, incident_id: int) -> Message:
    """Return the post-mortem for the channel."""
    found = await facts.build(session, ctx, incident_id)
    canvas = await outbox_queries.result_of(session, f"{found.incident.key}:postmortem:canvas")
    return postmortem.draw(found, canvas_url=str((canvas or {}).get("url", "")))


async def due(session: AsyncSession, ctx: Context, incident_id: int) -> Message:
    """Return the reminder that the post-mortem is to be written."""
    return postmortem.due(await facts.build(session, ctx, incident_id))


async def markdown(session: AsyncSession, ctx: Context, incident_id: int) -> Message:
    """Return the post-mortem whole, as Markdown."""
    found = await facts.build(session, ctx, incident_id)
    names = {person.slack: person.name or key for key, person in ctx.settings.people.items() if person.slack}
    return Message(text=facts.markdown(found, names, _template()))


@lru_cache(maxsize=1)
def _template() -> str:
    return loading.templates_root().joinpath("postmortem.md.j2").read_text(encoding="utf-8")
