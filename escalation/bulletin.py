"""Where a status update goes: the channel, the stakeholders, and at the end everybody told before."""

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from escalation import telling
from escalation.oncall import Contact
from escalation.telling import Desk
from incidents import newborn, outbox, posts, records, store
from incidents.notices import Action, Lane, Notice, Road
from incidents.service import queries, updates

#: The seed's words for the roads of regular updates.
CHANNEL, STAKEHOLDERS = "slack_incident_channel", "email_stakeholders"


async def publish(tx: store.Tx, desk: Desk, incident: records.Incident, row: records.StatusUpdate) -> None:
    """Post the update in the channel, and send it to the stakeholders told so far who are not in it."""
    channels = desk.ctx.library.policies.regular_updates.channels
    notices = []
    if CHANNEL in channels:
        key, params = f"{incident.key}:update:{row.slot}", {"update_id": row.id}
        notices.append(posts.post(incident, key, "status_update", Lane.STATUS, params=params, due_at=row.due_at))
    if STAKEHOLDERS in channels:
        for who in await stakeholders(desk, tx.session, incident):
            notices.append(_by_mail(desk, incident, row, who) or _by_slack(incident, row, who))
    await outbox.put(tx, incident.id, *notices)


async def tell_everybody(tx: store.Tx, desk: Desk, incident: records.Incident, row: records.StatusUpdate) -> None:
    """Send the update to everybody told before, by the roads on which they heard."""
    mailed = STAKEHOLDERS in desk.ctx.library.policies.regular_updates.channels
    notices = []
    for who in await telling.audience_so_far(desk, tx.session, incident):
        if who.slack:
            notices.append(_by_slack(incident, row, who))
        letter = _by_mail(desk, incident, row, who)
        if letter is not None and (mailed or not who.slack):
            notices.append(letter)
    await outbox.put(tx, incident.id, *notices)


async def stakeholders(desk: Desk, session: AsyncSession, incident: records.Incident) -> tuple[Contact, ...]:
    """Return who was told before and does not read along in the channel."""
    held = await queries.roles(session, incident.number)
    invited = {
        person
        for row in await queries.deliveries(session, incident.number, f"{incident.key}:invite:")
        for person in row.params.get("people", ())
    }
    inside = invited | {incident.reporter} | {person for people in held.values() for person in people}
    everybody = await telling.audience_so_far(desk, session, incident)
    return tuple(who for who in everybody if who.person not in inside and desk.reaches(who))


async def settled(session: AsyncSession, incident: records.Incident) -> list[records.StatusUpdate]:
    """Return the updates of the cadence that went out, by whatever hand."""
    if newborn.has_no(records.StatusUpdate, session, incident.number):
        return []
    rows = await session.scalars(
        select(records.StatusUpdate).where(
            records.StatusUpdate.incident_id == incident.number,
            col(records.StatusUpdate.state).not_in(updates.WAITING),
            col(records.StatusUpdate.slot).not_like(f"{updates.EXTRA}%"),
        )
    )
    return list(rows.all())


def _by_slack(incident: records.Incident, row: records.StatusUpdate, who: Contact) -> Notice:
    return Notice(
        key=f"{incident.key}:update:{row.slot}:to:{who.person}",
        lane=Lane.STATUS,
        action=Action.DIRECT,
        target=f"user:{who.slack}",
        surface="status_update",
        params={"update_id": row.id, "person": who.person},
        due_at=row.due_at,
    )


def _by_mail(desk: Desk, incident: records.Incident, row: records.StatusUpdate, who: Contact) -> Notice | None:
    if Road.EMAIL not in desk.roads or not who.email:
        return None
    key = f"{incident.key}:mail:update:{row.slot}:{who.person}"
    return telling.mail(who, key, "mail_status_update", Lane.STATUS, params={"update_id": row.id}, due_at=row.due_at)
