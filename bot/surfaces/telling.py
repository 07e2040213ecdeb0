"""What people are told: status updates, pages, promises of the matrix, escalations."""

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from bot.surfaces import room
from bot.views import card, direct, mrkdwn, status
from bot.views.message import Message
from escalation import oncall, policies
from escalation.timers import Kind
from incidents import durations, outbox_queries, records
from incidents.catalog import Settings
from incidents.context import Context
from incidents.errors import NotFound
from incidents.lifecycle import Role, Status
from incidents.response import mitigating
from incidents.service import queries, updates


async def update_of(session: AsyncSession, update_id: int) -> records.StatusUpdate:
    """Return a status update.

    Raises:
        NotFound: there is none with this number.
    """
    row = await session.get(records.StatusUpdate, update_id)
    if row is None:
        raise NotFound("There is no such status update.", remedy="`/incident update` writes one now.")
    return row


async def status_draft(session: AsyncSession, ctx: Context, update_id: int) -> Message:
    """Return the draft of an update, or what became of it."""
    row = await update_of(session, update_id)
    incident = await queries.get(session, row.incident_id)
    before = await updates.last_settled(session, incident.number)
    overdue = await _timer(session, incident.number, Kind.UPDATE_OVERDUE, update=update_id)
    holders = await queries.roles(session, incident.number)
    missed_to = holders.get(Role.DEPUTY) or holders.get(Role.COMMANDER) or []
    return status.draft(
        status.Update(
            row=row,
            incident=incident,
            since=before.sent_at if before else incident.declared_at,
            next_at=_after(ctx, incident, row.due_at),
            mailed=await _mailed(session, incident),
            overdue_at=overdue.due_at if overdue else None,
            missed_to=mrkdwn.people(missed_to[:1]),
        )
    )


async def status_update(session: AsyncSession, ctx: Context, update_id: int) -> Message:
    """Return an update as everybody reads it."""
    row = await update_of(session, update_id)
    incident = await queries.get(session, row.incident_id)
    next_at = incident.next_update_at
    if next_at is None or next_at <= (row.sent_at or row.due_at):
        next_at = _after(ctx, incident, row.due_at)
    return status.sent(status.Update(row=row, incident=incident, next_at=next_at))


def _after(ctx: Context, incident: records.Incident, due_at: datetime) -> datetime | None:
    every = ctx.library.policies.regular_updates.frequency.get(incident.severity)
    return due_at + every if every is not None and incident.status is Status.OPEN else None


async def _mailed(session: AsyncSession, incident: records.Incident) -> int:
    rows = await queries.deliveries(session, incident.number, f"{incident.key}:matrix:")
    return len({row.params.get("person") or row.key for row in rows if row.road == "email" and row.state == "done"})


async def _timer(session: AsyncSession, incident_id: int, kind: str, **payload: object) -> records.Timer | None:
    rows = await session.scalars(
        select(records.Timer)
        .where(
            records.Timer.incident_id == incident_id, records.Timer.kind == str(kind), records.Timer.state == "pending"
        )
        .order_by(col(records.Timer.due_at))
    )
    return next((row for row in rows.all() if all(row.payload.get(k) == v for k, v in payload.items())), None)


async def letter(
    session: AsyncSession, ctx: Context, incident_id: int, *, audience: str, person: str, workspace_url: str
) -> direct.Letter:
    """Return what every direct notice says."""
    incident = await queries.get(session, incident_id)
    facts = await room.card_facts(session, ctx, incident)
    holders = facts.roles.get(Role.COMMANDER, ()) if incident.acknowledged_at else ()
    return direct.Letter(
        incident=incident,
        now=facts.now,
        audience=audience,
        person=person,
        summary=card.now_line(facts) if incident.acknowledged_at else "",
        holder=mrkdwn.people(holders),
        url=channel_url(workspace_url, incident.channel),
    )


def channel_url(workspace_url: str, channel: str) -> str:
    """Return the address of a channel in the browser, or nothing where it is not known."""
    return f"{workspace_url.rstrip('/')}/archives/{channel}" if workspace_url and channel else ""


def message_url(channel_url: str, ts: str) -> str:
    """Return the address of a message in the channel at `channel_url`, or nothing where that is not known."""
    return f"{channel_url}/p{ts.replace('.', '')}" if channel_url and ts else ""


async def page(session: AsyncSession, ctx: Context, written: direct.Letter, *, level: int, of: int) -> Message:
    """Return the page of one level."""
    incident = written.incident
    policy = policies.paging(ctx.library.policies, incident.severity)
    following = policies.audiences_of_level(policy.levels, level + 1) if policy else ()
    timer = await _timer(session, incident.number, Kind.PAGE)
    return direct.page(
        written,
        direct.Paging(
            level=level,
            of=of,
            next_people=_named(ctx.settings, following),
            next_at=timer.due_at if timer else None,
            roads=await _other_roads(session, incident, written.person, level),
            relief=mitigating.is_grave(incident) and incident.mitigated_at is None,
            relief_url=await _asked_at(session, incident, written.url),
        ),
    )


async def _asked_at(session: AsyncSession, incident: records.Incident, channel_url: str) -> str:
    """Return the address of the message that asks how users are relieved; of its channel until that is posted."""
    posted = await outbox_queries.result_of(session, mitigating.card_key(incident))
    ts = str((posted or {}).get("ts") or "")
    return message_url(channel_url, ts) or channel_url


def _named(settings: Settings, audiences: tuple[str, ...]) -> str:
    people = [who for audience in audiences for who in oncall.people(settings, audience)]
    return ", ".join(mrkdwn.person(who.slack) if who.slack else mrkdwn.said(who.name, 60) for who in people[:3])


async def _other_roads(session: AsyncSession, incident: records.Incident, person: str, level: int) -> tuple[str, ...]:
    rows = await queries.deliveries(session, incident.number)
    suffix = f":{level}:{person}"
    roads = {row.road for row in rows if row.key.endswith(suffix) and row.road != "slack" and row.state != "failed"}
    return tuple({"email": "e-mail", "pager": "pager"}.get(road, road) for road in sorted(roads))


def within(ctx: Context, incident: records.Incident, label: str) -> str:
    """Return a promise of the matrix in words: `at once`, `within 30 min`."""
    for row in ctx.library.policies.communication_matrix.get(incident.severity, ()):
        if row.label == label:
            return f"within {durations.spoken(row.within)}" if row.within > timedelta(0) else "at once"
    return label.replace("_", " ")
