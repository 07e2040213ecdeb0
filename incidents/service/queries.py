"""Reading incidents. Every query here begins with an index; none grows with the number of past incidents."""

import re
from collections.abc import Iterable

from sqlalchemy import ColumnElement, Integer, String, bindparam, case, func
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from incidents import holding, newborn, records
from incidents.definitions import Severity
from incidents.errors import NotFound
from incidents.events import EventKind
from incidents.lifecycle import Role, Status

_KEY = re.compile(r"(?:inc-)?(\d{1,9})$", re.IGNORECASE)
# The place of an incident's severity, the worst first.
_SEVERITY = case({each: place for place, each in enumerate(Severity)}, value=col(records.Incident.severity))

# What every step of a response asks: built once, as building a statement costs the processor as much as asking it.
_EVENTS = (
    select(records.Event)
    .where(col(records.Event.incident_id) == bindparam("incident"))
    .order_by(col(records.Event.at), col(records.Event.id))
)
_EVENTS_OF = (
    select(records.Event)
    .where(
        col(records.Event.incident_id) == bindparam("incident"),
        col(records.Event.kind).in_(bindparam("kinds", expanding=True)),
    )
    .order_by(col(records.Event.at), col(records.Event.id))
)
_STEPS = select(records.Step).where(col(records.Step.run_id) == bindparam("run")).order_by(col(records.Step.id))
_APPROVALS = (
    select(records.Approval)
    .where(col(records.Approval.incident_id) == bindparam("incident"))
    .order_by(col(records.Approval.id))
)
_DELIVERIES = (
    select(records.Outbox)
    .where(
        col(records.Outbox.incident_id) == bindparam("incident"),
        func.substr(records.Outbox.key, 1, bindparam("length", type_=Integer)) == bindparam("prefix", type_=String),
    )
    .order_by(col(records.Outbox.id))
)
_ROLES = (
    select(records.RoleHolder)
    .where(col(records.RoleHolder.incident_id) == bindparam("incident"))
    .order_by(col(records.RoleHolder.since))
)
_LATEST_RUN = (
    select(records.Run)
    .where(col(records.Run.incident_id) == bindparam("incident"))
    .order_by(col(records.Run.id).desc())
    .limit(1)
)
_QUESTIONS = (
    select(records.Question)
    .where(col(records.Question.incident_id) == bindparam("incident"), col(records.Question.state) == "pending")
    .order_by(col(records.Question.id))
)
_UPDATES = (
    select(records.StatusUpdate)
    .where(col(records.StatusUpdate.incident_id) == bindparam("incident"))
    .order_by(col(records.StatusUpdate.due_at), col(records.StatusUpdate.id))
)


async def get(session: AsyncSession, incident_id: int) -> records.Incident:
    """Return the incident; in a transaction nobody else decides on it until that ends.

    Raises:
        NotFound: there is none with this number.
    """
    incident = await holding.incident(session, incident_id)
    if incident is None:
        raise NotFound(f"There is no incident inc-{incident_id}.", remedy="`/incident list` shows the open ones.")
    return incident


async def by_key(session: AsyncSession, word: str) -> records.Incident:
    """Return the incident called `word`: `inc-7`, `7`, or the id of its channel.

    Raises:
        NotFound: neither an incident nor an incident's channel.
    """
    number = _KEY.match(word.strip())
    if number:
        return await get(session, int(number[1]))
    incident = await session.scalar(select(records.Incident).where(records.Incident.channel == word))
    if incident is None:
        raise NotFound(
            "This is not an incident's channel.",
            remedy="Say which: `/incident status inc-7`, or type it in the incident's channel.",
        )
    return incident


async def in_channel(session: AsyncSession, channel: str) -> records.Incident | None:
    """Return the incident of `channel`, or None."""
    if not channel:
        return None
    found: records.Incident | None = await session.scalar(
        select(records.Incident).where(records.Incident.channel == channel)
    )
    return found


async def open_incidents(
    session: AsyncSession, *which: ColumnElement[bool], limit: int | None = None
) -> list[records.Incident]:
    """Return the open incidents of which `which` holds, most severe and then newest first, no more than `limit`."""
    found = await session.scalars(
        select(records.Incident)
        .where(records.Incident.status == Status.OPEN, *which)
        .order_by(_SEVERITY, col(records.Incident.declared_at).desc())
        .limit(limit)
    )
    return list(found.all())


async def count_open(session: AsyncSession, *which: ColumnElement[bool]) -> int:
    """Return how many incidents are open of which `which` holds."""
    asked = select(func.count()).select_from(records.Incident).where(records.Incident.status == Status.OPEN, *which)
    return int(await session.scalar(asked) or 0)


async def roles(session: AsyncSession, incident_id: int) -> dict[Role, list[str]]:
    """Return who holds which role, first holder first."""
    found = await session.scalars(_ROLES, {"incident": incident_id})
    held: dict[Role, list[str]] = {}
    for row in found.all():
        held.setdefault(Role(row.role), []).append(row.person)
    return held


async def events(session: AsyncSession, incident_id: int) -> list[records.Event]:
    """Return the incident's events in the order in which they happened."""
    if newborn.is_new(session, incident_id):  # asked eight times while an incident is declared, which people wait for
        return sorted(newborn.events(session, incident_id), key=lambda event: (event.at, event.number))
    return list((await session.scalars(_EVENTS, {"incident": incident_id})).all())


async def events_of(session: AsyncSession, incident_id: int, *kinds: EventKind) -> list[records.Event]:
    """Return the incident's events of these kinds in the order in which they happened."""
    if newborn.is_new(session, incident_id):
        return [event for event in await events(session, incident_id) if event.kind in kinds]
    return list((await session.scalars(_EVENTS_OF, {"incident": incident_id, "kinds": kinds})).all())


async def latest_run(session: AsyncSession, incident_id: int) -> records.Run | None:
    """Return the incident's newest run, or None."""
    found: records.Run | None = await session.scalar(_LATEST_RUN, {"incident": incident_id})
    return found


async def steps(session: AsyncSession, run_id: int) -> list[records.Step]:
    """Return the run's steps in the order of its definition."""
    return list((await session.scalars(_STEPS, {"run": run_id})).all())


async def outputs(session: AsyncSession, run_id: int) -> dict[str, object]:
    """Return the outputs of the run's steps by output name; a later step's overrides an earlier one's."""
    return merged(await steps(session, run_id))


def merged(found: Iterable[records.Step]) -> dict[str, object]:
    """Return the outputs of these steps by output name; a later step's overrides an earlier one's."""
    return {name: value for step in found for name, value in step.output.items()}


async def outputs_of_all_runs(session: AsyncSession, incident_id: int) -> dict[str, object]:
    """Return the outputs of all the incident's runs by output name; what a reopened incident brought anew counts."""
    return merged(await _steps_of_all_runs(session, incident_id))


async def _steps_of_all_runs(session: AsyncSession, incident_id: int) -> list[records.Step]:
    found = await session.scalars(
        select(records.Step)
        .join(records.Run, col(records.Run.id) == col(records.Step.run_id))
        .where(records.Run.incident_id == incident_id)
        .order_by(col(records.Step.id))
    )
    return list(found.all())


async def approvals(session: AsyncSession, incident_id: int) -> list[records.Approval]:
    """Return the incident's approvals, oldest first."""
    if newborn.has_no(records.Approval, session, incident_id):
        return []
    return list((await session.scalars(_APPROVALS, {"incident": incident_id})).all())


async def pending_approvals(session: AsyncSession, incident_id: int) -> list[records.Approval]:
    """Return what waits for a decision, oldest first."""
    return [approval for approval in await approvals(session, incident_id) if approval.state == "pending"]


async def questions(session: AsyncSession, incident_id: int) -> list[records.Question]:
    """Return what people are asked so that the incident's runs can go on, oldest first."""
    return list((await session.scalars(_QUESTIONS, {"incident": incident_id})).all())


async def versions(session: AsyncSession, step_id: int) -> list[records.StepVersion]:
    """Return every output of the step as it was stored, oldest first."""
    found = await session.scalars(
        select(records.StepVersion)
        .where(records.StepVersion.step_id == step_id)
        .order_by(col(records.StepVersion.version))
    )
    return list(found.all())


async def evidence(
    session: AsyncSession, incident_id: int, ref: str | None = None, step_id: int | None = None
) -> list[records.EvidenceRow]:
    """Return the incident's evidence, all of it or that called `ref` or of one step, oldest first."""
    query = select(records.EvidenceRow).where(records.EvidenceRow.incident_id == incident_id)
    if ref is not None:
        query = query.where(records.EvidenceRow.ref == ref)
    if step_id is not None:
        query = query.where(records.EvidenceRow.step_id == step_id)
    return list((await session.scalars(query.order_by(col(records.EvidenceRow.id)))).all())


async def updates(session: AsyncSession, incident_id: int) -> list[records.StatusUpdate]:
    """Return the incident's status updates by due time."""
    return list((await session.scalars(_UPDATES, {"incident": incident_id})).all())


async def deliveries(session: AsyncSession, incident_id: int, prefix: str = "") -> list[records.Outbox]:
    """Return the incident's outbox rows whose key starts with `prefix`, oldest first."""
    put = newborn.notices(session, incident_id)
    if put is not None and not any(notice.key.startswith(prefix) for notice in put):
        return []
    asked = {"incident": incident_id, "prefix": prefix, "length": len(prefix)}
    return list((await session.scalars(_DELIVERIES, asked)).all())


async def followups(session: AsyncSession, incident_id: int) -> list[records.Followup]:
    """Return the incident's follow-ups that stand, oldest first."""
    found = await session.scalars(
        select(records.Followup)
        .where(records.Followup.incident_id == incident_id, records.Followup.state != "dropped")
        .order_by(col(records.Followup.id))
    )
    return list(found.all())


async def sections(session: AsyncSession, incident_id: int) -> list[records.PostmortemSection]:
    """Return what people wrote into the incident's post-mortem."""
    found = await session.scalars(
        select(records.PostmortemSection).where(records.PostmortemSection.incident_id == incident_id)
    )
    return list(found.all())


async def attestations(session: AsyncSession, run_id: int) -> list[records.Attestation]:
    """Return what people attested at the run's quality gates."""
    found = await session.scalars(select(records.Attestation).where(records.Attestation.run_id == run_id))
    return list(found.all())


async def model_usd(session: AsyncSession, incident_id: int) -> float:
    """Return what the incident's model calls have cost so far, in US dollars."""
    rows = await _steps_of_all_runs(session, incident_id)
    return sum(float(usage.get("usd", 0)) for step in rows for usage in step.usage)
