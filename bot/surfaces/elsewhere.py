"""Who was told by another road while Slack was away: one post for all of them."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from bot.views import mrkdwn, parts
from bot.views.message import Message
from escalation import oncall
from incidents import records
from incidents.context import Context
from incidents.events import EventKind
from incidents.notices import Road
from incidents.service import queries

_BY = {Road.EMAIL.value: "e-mail", Road.PAGER.value: "pager", Road.WEBHOOK.value: "webhook"}
_MOST = 20  # lines; the timeline has them all


async def told(session: AsyncSession, ctx: Context, incident_id: int, *, since: datetime) -> Message:
    """Return who was told since `since` (UTC) by another road than Slack, and when."""
    events = [event for event in await queries.events(session, incident_id) if _is_elsewhere(event, since)]
    lines = [f"{event.at:%H:%M} {_who(ctx, event)}, by {_BY[event.data['road']]}" for event in events]
    more = [f"and {len(lines) - _MOST} more: `/incident timeline`"] if len(lines) > _MOST else []
    text = "Slack did not take everything in time. Told by another road (UTC):"
    body = "\n".join([f":outbox_tray: {text}", *lines[:_MOST], *more])
    return parts.message(f"{text} {'; '.join(lines[:_MOST])}", [parts.section(body)])


def _is_elsewhere(event: records.Event, since: datetime) -> bool:
    return event.kind is EventKind.TOLD and event.at >= since and event.data.get("road") in _BY


def _who(ctx: Context, event: records.Event) -> str:
    person = str(event.data.get("person", ""))
    who = oncall.contact(ctx.settings, person)
    name = mrkdwn.person(who.slack) if who and who.slack else mrkdwn.said(who.name if who else person, 60)
    return f"{name} ({oncall.called(str(event.data.get('audience', '')))})"
