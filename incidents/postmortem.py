"""The post-mortem: facts from the record, judgement from named people."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import jinja2
from sqlalchemy.ext.asyncio import AsyncSession

from incidents import durations, hours, kpis, outbox, posts, records, store, timeline
from incidents.context import Context
from incidents.errors import Conflict, InvalidInput
from incidents.events import EventKind
from incidents.lifecycle import Role, Status
from incidents.notices import Lane
from incidents.service import permissions, queries

#: Section -> what its author is asked. The judgement is people's; Sitrep fills in none of it.
SECTIONS = {
    "went_well": "What went well",
    "went_badly": "What went badly",
    "lucky": "Where we were lucky",
}
REVIEW_WITHIN = timedelta(days=7)  # five working days, as responders expect
_FARTHEST = timedelta(days=60)
_MAX_SECTION = 3000


@dataclass(frozen=True)
class Postmortem:
    """Everything that is known of an incident, ready to be drawn."""

    incident: records.Incident
    owner: str  #: person id: the commander, else the reporter
    writers: Mapping[str, str]  #: section -> the person asked to write it
    review_by: datetime  #: UTC
    duration: str  #: declared to resolved, or empty while open
    cause: dict[str, Any]  #: the root cause's fields, or {}
    factors: tuple[str, ...]
    tried: tuple[str, ...]
    fix: dict[str, Any]  #: the fix's fields (branch, commit, summary …), or {}
    deployed: dict[str, Any]  #: the deploy's fields, or {}
    measures: tuple[kpis.Measure, ...]
    entries: tuple[timeline.Entry, ...]
    told: tuple[str, ...]  #: who was told when
    vouched: tuple[timeline.Entry, ...]  #: what people answered for: gates attested or overridden, four eyes
    followups: tuple[records.Followup, ...]
    sections: Mapping[str, records.PostmortemSection]
    evidence: int  #: pieces kept
    model_usd: float


async def build(session: AsyncSession, ctx: Context, incident_id: int) -> Postmortem:
    """Gather the post-mortem from the rows."""
    incident = await queries.get(session, incident_id)
    events = await queries.events(session, incident_id)
    holders = await queries.roles(session, incident_id)
    known: dict[str, Any] = await queries.outputs_of_all_runs(session, incident_id)
    report = known.get("detailed_root_cause_report") or {}
    owner = owner_of(incident, holders)
    deputy = next(iter(holders.get(Role.DEPUTY, holders.get(Role.COMMS, []))), owner)
    updates = await queries.updates(session, incident_id)
    end = incident.resolved_at
    return Postmortem(
        incident=incident,
        owner=owner,
        writers={"went_well": owner, "went_badly": owner, "lucky": deputy},
        review_by=due(events) or (end or ctx.clock.now()) + REVIEW_WITHIN,
        duration=durations.spoken(end - incident.declared_at) if end else "",
        cause=known.get("preliminary_root_cause") or {},
        factors=tuple(claim["text"] for claim in report.get("contributing_factors", [])),
        tried=tuple(claim["text"] for claim in report.get("tried", [])),
        fix=known.get("emergency_fix_code") or {},
        deployed=known.get("deployment_status") or {},
        measures=tuple(
            kpis.measure(
                incident, updates, ctx.library.policies.kpis, end or ctx.clock.now(), served=kpis.served(events)
            )
        ),
        entries=tuple(timeline.entries(events)),
        told=tuple(timeline.told(events)),
        vouched=tuple(timeline.vouched(events)),
        followups=tuple(await queries.followups(session, incident_id)),
        sections={row.section: row for row in await queries.sections(session, incident_id)},
        evidence=len(await queries.evidence(session, incident_id)),
        model_usd=await queries.model_usd(session, incident_id),
    )


def due(events: Sequence[records.Event]) -> datetime | None:
    """Return when the post-mortem is to be written (UTC), as scheduled or moved last; None where it has no date."""
    scheduled = [event for event in events if event.kind is EventKind.POSTMORTEM_SCHEDULED]
    return datetime.fromisoformat(scheduled[-1].data["due"]) if scheduled else None


def a_week_later(due: datetime) -> str:
    """Return the date a week after `due` as people type it, to show how the post-mortem is moved."""
    return f"{due + timedelta(days=7):%Y-%m-%d}"


def is_complete(sections: Collection[str]) -> bool:
    """Tell whether `sections` are all of a post-mortem that people must write."""
    return {"went_well", "went_badly"} <= set(sections)


async def is_written(session: AsyncSession, incident_id: int) -> bool:
    """Tell whether the people's part of the incident's post-mortem is written."""
    return is_complete([row.section for row in await queries.sections(session, incident_id)])


async def move(tx: store.Tx, ctx: Context, incident_id: int, actor: str, day: date) -> datetime:
    """Let the post-mortem be due on `day`, or when business opens next after it begins; return when (UTC).

    Raises:
        Conflict: the incident is not resolved, or its post-mortem is written.
        InvalidInput: the day is past, or too far away.
        NotAllowed: somebody else leads.
    """
    incident = await queries.get(tx.session, incident_id)
    if incident.status is not Status.RESOLVED:
        raise Conflict(f"{incident.key} is {incident.status}.", remedy="A post-mortem has a date once it is resolved.")
    holders = await queries.roles(tx.session, incident_id)
    permissions.require(permissions.Action.CLOSE, actor, holders=holders, settings=ctx.settings)
    if await is_written(tx.session, incident_id):
        raise Conflict("The post-mortem is written already.", remedy="Nothing was changed.")
    today = tx.now.astimezone(ZoneInfo(ctx.settings.timezone)).date()
    if not today <= day <= today + _FARTHEST:
        raise InvalidInput(
            f"{day} is {'past' if day < today else 'too far away'}.",
            remedy=f"Name a day from {today} to {today + _FARTHEST}.",
        )
    at = max(hours.opens_on(day, ctx.settings), tx.now)
    await schedule(tx, incident, at, actor)
    return at


async def schedule(tx: store.Tx, incident: records.Incident, at: datetime, actor: str = "") -> None:
    """Let the post-mortem be due at `at` (UTC), and tell the channel."""
    owner = owner_of(incident, await queries.roles(tx.session, incident.number))
    event = await tx.record(incident, EventKind.POSTMORTEM_SCHEDULED, actor=actor, due=at.isoformat(), owner=owner)
    await outbox.put(tx, incident.id, posts.line(incident, event, Lane.STATUS))


def owner_of(incident: records.Incident, holders: Mapping[Role, Sequence[str]]) -> str:
    """Return who writes the post-mortem: the commander, else the reporter."""
    return next(iter(holders.get(Role.COMMANDER, ())), incident.reporter)


def markdown(postmortem: Postmortem, names: Mapping[str, str], template: str) -> str:
    """Return the post-mortem as Markdown; `names` says who each person id is."""
    environment = jinja2.Environment(
        autoescape=False,  # noqa: S701 - Markdown, not HTML; what it is shown in escapes it
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["people"] = lambda text: _named(str(text), names)
    environment.filters["line"] = lambda text: " ".join(str(text).split())
    return environment.from_string(template).render(pm=postmortem, incident=postmortem.incident, titles=SECTIONS)


def _named(text: str, names: Mapping[str, str]) -> str:
    for person, name in names.items():
        text = text.replace(f"<@{person}>", name)
    return text


async def write_section(tx: store.Tx, ctx: Context, incident_id: int, actor: str, section: str, text: str) -> None:
    """Store what a person writes into the post-mortem; the newest words stand, signed.

    Raises:
        InvalidInput: no such section, or no text.
    """
    del ctx
    incident = await queries.get(tx.session, incident_id)
    if section not in SECTIONS:
        raise InvalidInput(f"There is no section {section[:40]!r}.", remedy=f"Sections: {', '.join(SECTIONS)}.")
    if not text.strip():
        raise InvalidInput("There is no text.", remedy="Write a sentence, or cancel.", field=section)
    row = await tx.session.get(records.PostmortemSection, (incident_id, section))
    if row is None:
        row = records.PostmortemSection(incident_id=incident_id, section=section, at=tx.now)
    row.text, row.author, row.at = text.strip()[:_MAX_SECTION], actor, tx.now
    tx.session.add(row)
    await tx.session.flush()
    await tx.record(incident, EventKind.POSTMORTEM_WRITTEN, actor=actor, section=section)
