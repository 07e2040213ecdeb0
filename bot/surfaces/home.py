"""The App Home of one person, and the list that `/incident list` answers with."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import median

from sqlalchemy import ColumnElement, func
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from bot.surfaces import room
from bot.views import card, home, mrkdwn, overview
from bot.views.message import Message
from incidents import records
from incidents.context import Context
from incidents.lifecycle import Role, Status
from incidents.response import approvals, decisions
from incidents.service import finding, permissions, queries, sight

_LOOK_BACK = timedelta(days=30)
_SHOWN = 20
_OFFERED = 50  # where one is asked which is meant; a section of text has room for fewer
_LED_SHOWN = 10
_LED_LOOKED_AT = 50  # a post-mortem that nobody wrote in so many incidents is not written any more


async def draw(session: AsyncSession, ctx: Context, person: str) -> Message:
    """Return the home of `person`."""
    now = ctx.clock.now()
    shown, count = await _open(session, ctx, person)
    followups = await session.scalars(
        select(records.Followup)
        .where(records.Followup.owner == person, records.Followup.state == "open")
        .order_by(col(records.Followup.due))
        .limit(10)
    )
    return home.draw(
        home.Home(
            now=now,
            open_rows=shown,
            open_count=count,
            waiting=await _waiting(session, ctx, person),
            followups=tuple(followups.all()),
            figures=await _figures(session, now),
            workspace_name=ctx.settings.workspace_name,
        )
    )


async def rows(session: AsyncSession, ctx: Context, incidents: Sequence[records.Incident]) -> tuple[overview.Row, ...]:
    """Return the incidents as lists show them."""
    found = []
    for incident in incidents:
        facts = await room.card_facts(session, ctx, incident)
        refused = "" if incident.channel else await room.refusal(session, incident)
        found.append(overview.Row(incident, card.happening(facts), refused))
    return tuple(found)


async def listing(session: AsyncSession, ctx: Context, person: str) -> Message:
    """Return the open incidents that `person` may see."""
    shown, count = await _open(session, ctx, person)
    return overview.listing(shown, ctx.clock.now(), count=count)


async def _open(session: AsyncSession, ctx: Context, person: str) -> tuple[tuple[overview.Row, ...], int]:
    """Return the open incidents that `person` may see, as many as are shown, and how many there are in all."""
    incidents, count = await _most_severe(session, sight.seen_by(person, ctx.settings), _SHOWN)
    return await rows(session, ctx, incidents), count


async def _most_severe(
    session: AsyncSession, which: ColumnElement[bool], limit: int
) -> tuple[list[records.Incident], int]:
    found = await queries.open_incidents(session, which, limit=limit)
    return found, len(found) if len(found) < limit else await queries.count_open(session, which)


async def which(session: AsyncSession, ctx: Context, person: str, to: str, words: str) -> Message:
    """Return the question which incident `words` are about: one of theirs, else one of those that are open."""
    theirs, count = await _most_severe(session, sight.has_part(person, ctx.settings), _OFFERED)
    if theirs:
        return overview.which(theirs, to, words, theirs=True, count=count)
    visible, count = await _most_severe(session, sight.seen_by(person, ctx.settings), _OFFERED)
    return overview.which(visible, to, words, theirs=False, count=count)


async def found(session: AsyncSession, ctx: Context, person: str, text: str, *, before: int | None) -> Message:
    """Return a page of the incidents, past ones too, that `text` finds and `person` may see."""
    page = await finding.search(session, text, before=before)
    visible = [each for each in page.incidents if await sight.sees(session, ctx.settings, each, person)]
    return overview.found(visible, ctx.clock.now(), text=text, older=page.older)


async def _waiting(session: AsyncSession, ctx: Context, person: str) -> tuple[str, ...]:
    """Return what waits for `person`: decisions, and their part of a post-mortem."""
    found = []
    part = sight.holds_role(person) | sight.decides(person, ctx.settings)
    pending = await session.scalars(
        select(records.Approval)
        .join(records.Incident, col(records.Incident.id) == col(records.Approval.incident_id))
        .where(records.Approval.state == "pending", part)
        .order_by(col(records.Approval.id))
        .limit(50)
    )
    for approval in pending.all():
        holders = await queries.roles(session, approval.incident_id)
        if person in approvals.who_may(approval, holders, ctx.settings):
            incident = await queries.get(session, approval.incident_id)
            what = decisions.of(approval.kind).noun
            found.append(f"{what} of {incident.key} waits for you in {mrkdwn.channel(incident.channel, incident.key)}")
    found += await _asked(session, ctx, person)
    newest_led = (
        select(records.RoleHolder.incident_id)
        .where(records.RoleHolder.person == person, records.RoleHolder.role == Role.COMMANDER.value)
        .order_by(col(records.RoleHolder.incident_id).desc())
        .limit(_LED_LOOKED_AT)
    )
    led = await session.execute(
        # Which of them are resolved is not asked: SQLite would then read all that are, whoever led them.
        select(records.Incident.id, records.Incident.status)
        .where(col(records.Incident.id).in_(newest_led))
        .order_by(col(records.Incident.id).desc())
    )
    resolved = [number for number, status in led.all() if number is not None and status is Status.RESOLVED]
    for number in resolved[:_LED_SHOWN]:
        if not await queries.sections(session, number):
            found.append(f"the post-mortem of inc-{number} waits for your part")
    return tuple(found)


async def _asked(session: AsyncSession, ctx: Context, person: str) -> list[str]:
    """Return the questions of open bugs that `person` may answer."""
    # First where they hold a role: joined, PostgreSQL would go through all questions that were ever asked.
    theirs = {each.number: each for each in await queries.open_incidents(session, sight.holds_role(person))}
    asked, number = records.Question, col(records.Question.incident_id)
    pending = await session.scalars(select(number).where(number.in_(theirs), asked.state == "pending").limit(50))
    found = []
    for incident in (theirs[each] for each in pending.all()):
        holders = await queries.roles(session, incident.number)
        if person in permissions.who_may(permissions.Action.STEER, holders=holders, settings=ctx.settings):
            where = mrkdwn.channel(incident.channel, incident.key)
            found.append(f"a question of {incident.key} waits for your answer in {where}")
    return found


async def _figures(session: AsyncSession, now: datetime) -> tuple[str, ...]:
    """Return medians of the last 30 days, each with its n; drills do not count."""
    since = now - _LOOK_BACK
    incident, update = records.Incident, records.StatusUpdate
    # Columns, not records: a busy organisation has thousands, and an App Home is opened often.
    found = await session.execute(
        select(incident.declared_at, incident.acknowledged_at, incident.resolved_at).where(
            col(incident.declared_at) >= since, col(incident.drill).is_(False), incident.status != Status.CANCELLED
        )
    )
    incidents = found.all()
    if not incidents:
        return ()
    settled = await session.execute(
        select(update.state, func.count())
        .where(
            col(update.due_at) >= since,
            col(update.state).in_(("sent", "no_change", "missed")),
            col(update.slot).not_like("extra-%"),
        )
        .group_by(col(update.state))
    )
    counts: dict[str, int] = dict(settled.all())
    owed, kept = sum(counts.values()), sum(counts.values()) - counts.get("missed", 0)
    return (
        f"30 days: {mrkdwn.plural(len(incidents), 'incident')}",
        _median("acknowledged", [i.acknowledged_at - i.declared_at for i in incidents if i.acknowledged_at]),
        _median("resolved", [i.resolved_at - i.declared_at for i in incidents if i.resolved_at]),
        f"updates on time {kept / owed * 100:.0f} % (n={owed})" if owed else "",
    )


def _median(word: str, spans: list[timedelta]) -> str:
    if not spans:
        return ""
    middle = timedelta(seconds=median(span.total_seconds() for span in spans))
    return f"{word} {mrkdwn.spoken(middle)} (median, n={len(spans)})"
