"""What gates are judged by and agents are told, gathered from the rows."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from incidents import kpis, newborn, records, timeline, triage
from incidents.agents.base import IncidentFacts
from incidents.context import Context
from incidents.definitions import ApprovalKind
from incidents.events import EventKind
from incidents.knowledge import filing
from incidents.knowledge.solutions import Solution
from incidents.notices import Action
from incidents.response.gates import GateFacts, Word
from incidents.service import queries


async def for_gates(
    session: AsyncSession, ctx: Context, incident: records.Incident, run: records.Run, outputs: Mapping[str, Any]
) -> dict[int, GateFacts]:
    """Return the gate facts of each stage, by its number."""
    chosen = [
        approval
        for approval in await queries.approvals(session, incident.number)
        if approval.run_id == run.id and approval.kind == ApprovalKind.CHOOSE_FIX.value and approval.state == "approved"
    ]
    changes = await queries.events_of(session, incident.number, EventKind.SEVERITY_CHANGED)
    service = ctx.service(incident.service)
    told = await _told_immediately(session, ctx, incident)
    unattested = newborn.has_no(records.Attestation, session, incident.number)
    attested = [] if unattested else await queries.attestations(session, run.number)
    return {
        number: GateFacts(
            severity=incident.severity,
            outputs=outputs,
            told_immediately=told,
            fix_chosen_by=chosen[-1].decided_by if chosen else "",
            watched=bool(service and service.production.health),
            missing_facts=triage.missing(incident.facts),
            severity_confirmed_by=changes[-1].actor if changes else "",
            words={
                row.gate: Word(row.person, row.at, row.note, row.overridden) for row in attested if row.stage == number
            },
        )
        for number in _stages(run)
    }


def _stages(run: records.Run) -> list[int]:
    return [stage["number"] for stage in run.definition.get("stages", ())]


async def _told_immediately(session: AsyncSession, ctx: Context, incident: records.Incident) -> tuple[int, int, int]:
    """Return how many people of the matrix's first row were told, could not be reached, and were promised."""
    rows = ctx.library.policies.communication_matrix.get(incident.severity, ())
    kept: set[str] = set()
    failed: set[str] = set()
    made: set[str] = set()
    for row in rows:
        if row.within:
            continue
        prefix = f"{incident.key}:matrix:{row.label}:"
        for notice in await queries.deliveries(session, incident.number, prefix):
            if notice.action == Action.EDIT.value:
                continue  # it repeats what somebody was told, and often gives way to a newer one
            person = notice.key.removeprefix(prefix)
            made.add(person)
            if notice.state == "done":
                kept.add(person)
            if notice.state == "failed":
                failed.add(person)
    return len(kept), len(failed - kept), len(made)


async def for_agents(session: AsyncSession, ctx: Context, incident: records.Incident, now: datetime) -> IncidentFacts:
    """Return what an agent is told of the incident."""
    events = await queries.events(session, incident.number)
    updates = await queries.updates(session, incident.number)
    measures = kpis.measure(incident, updates, ctx.library.policies.kpis, now, served=kpis.served(events))
    return IncidentFacts(
        key=incident.key,
        title=incident.title,
        severity=incident.severity.value,
        declared_at=incident.declared_at,
        known=incident.known,
        facts=incident.facts,
        reporter=incident.reporter,
        timeline=tuple(f"{entry.at:%Y-%m-%dT%H:%M:%SZ} {entry.text}" for entry in timeline.entries(events)),
        told=tuple(timeline.told(events)),
        measures={each.name: each.sentence for each in measures},
        drill=incident.drill,
    )


async def past_solutions(session: AsyncSession, incident: records.Incident) -> tuple[Solution, ...]:
    """Return what earlier incidents left behind, the newest first: those of the same service, and the latest of all.

    Agents cite it in the incident's channel, so what a private incident taught is not among it.
    """
    row = records.Solution
    others = select(row).where(
        col(row.incident_id).is_distinct_from(incident.id), ~filing.of_its_incident(col(records.Incident.private))
    )
    same = others.where(row.service == incident.service).order_by(col(row.id).desc()).limit(filing.SEARCHED)
    found = list((await session.scalars(same)).all()) if incident.service else []
    found += await filing.latest(session, others)
    return tuple(filing.searchable(each) for each in {each.id: each for each in found}.values())
