"""One incident whole, as plain values: record, timeline, steps, evidence, approvals, timers, deliveries."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel, col, select

from incidents import records

FORMAT = 1  #: raised when a reader of older exports would misread a newer one

Json = dict[str, Any]


async def whole(session: AsyncSession, incident: records.Incident) -> Json:
    """Return everything that is kept of `incident`; times are ISO 8601 in UTC."""
    mine = records.Run.incident_id == incident.id
    runs = await _rows(session, select(records.Run).where(mine).order_by(col(records.Run.id)))
    numbers = [run["id"] for run in runs]
    return {
        "format": FORMAT,
        "key": incident.key,
        "incident": incident.model_dump(mode="json"),
        "roles": await _of(session, records.RoleHolder, incident, records.RoleHolder.since),
        "memberships": await _of(session, records.Membership, incident, records.Membership.person),
        "timeline": await _of(session, records.Event, incident, records.Event.id),
        "status_updates": await _of(session, records.StatusUpdate, incident, records.StatusUpdate.due_at),
        "runs": runs,
        "steps": await _rows(
            session, select(records.Step).where(col(records.Step.run_id).in_(numbers)).order_by(col(records.Step.id))
        ),
        "versions": await _rows(
            session,
            select(records.StepVersion)
            .join(records.Step, col(records.Step.id) == col(records.StepVersion.step_id))
            .where(col(records.Step.run_id).in_(numbers))
            .order_by(col(records.StepVersion.step_id), col(records.StepVersion.version)),
        ),
        "questions": await _of(session, records.Question, incident, records.Question.id),
        "attestations": await _rows(
            session,
            select(records.Attestation)
            .where(col(records.Attestation.run_id).in_(numbers))
            .order_by(col(records.Attestation.at)),
        ),
        "evidence": await _of(session, records.EvidenceRow, incident, records.EvidenceRow.id),
        "approvals": await _of(session, records.Approval, incident, records.Approval.id),
        "timers": await _of(session, records.Timer, incident, records.Timer.due_at),
        "deliveries": await _of(session, records.Outbox, incident, records.Outbox.id),
        "postmortem": await _of(session, records.PostmortemSection, incident, records.PostmortemSection.at),
        "followups": await _of(session, records.Followup, incident, records.Followup.id),
        "solutions": await _of(session, records.Solution, incident, records.Solution.id),
    }


async def _of(session: AsyncSession, table: Any, incident: records.Incident, order: Any) -> list[Json]:
    return await _rows(session, select(table).where(table.incident_id == incident.id).order_by(order))


async def _rows(session: AsyncSession, asked: Any) -> list[Json]:
    found: list[SQLModel] = list((await session.scalars(asked)).all())
    return [row.model_dump(mode="json") for row in found]
