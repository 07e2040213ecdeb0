"""What an agent is handed for a step, and whether the approval it acts under still covers what would be done."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import bindparam
from sqlalchemy import select as columns
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from incidents import areas, records, store
from incidents.agents.base import ApprovedSubject, HandOn, IncidentFacts, StepRequest
from incidents.context import Context
from incidents.definitions import ApprovalKind, StepDefinition, WorkflowDefinition
from incidents.knowledge.solutions import Solution
from incidents.response import approvals, claims, facts, handing_on, journal, plan, progress
from incidents.response.claims import Claim
from incidents.response.decisions import DECISIONS
from incidents.response.journal import StepJournal
from incidents.response.plan import StepState
from incidents.service import queries


@dataclass(frozen=True)
class Prepared:
    """A request, and the engine's own hold on its journal."""

    request: StepRequest
    journal: StepJournal


@dataclass(frozen=True)
class Read:
    """What stands in the rows that an agent is told of, beside those that were taken with its step."""

    known: IncidentFacts
    outputs: dict[str, dict[str, Any]]  #: of the whole run, by step name in the order of its definition
    solutions: tuple[Solution, ...]


# Columns rather than rows: of a run's dozen steps no more is told, and to make objects of them cost more than to ask.
_ROW = records.Step
_OUTPUTS = (
    columns(col(_ROW.id), col(_ROW.name), col(_ROW.output), col(_ROW.state), col(_ROW.owner), col(_ROW.attempt))
    .where(col(_ROW.run_id) == bindparam("run"))
    .order_by(col(_ROW.id))
)


async def read(session: AsyncSession, ctx: Context, claim: Claim) -> Read | None:
    """Read what the step's agent is told, or None when the step is no longer ours: no agent is asked for nothing.

    What took the step may have stopped it in the same commit, or somebody else since.
    """
    step, run, incident = claim.rows.step, claim.rows.run, claim.rows.incident
    rows: Any = (await session.execute(_OUTPUTS, {"run": run.number})).all()
    ours = (claim.step_id, StepState.RUNNING.value, claim.owner, claim.attempt)
    if ours not in [(row.id, row.state, row.owner, row.attempt) for row in rows]:
        return None
    definition = progress.definition_of(run).step(step.name)
    return Read(
        await facts.for_agents(session, ctx, incident, ctx.clock.now()),
        {row.name: row.output for row in rows},
        await facts.past_solutions(session, incident) if _asks_for_precedents(definition) else (),
    )


#: Outputs of the steps that analyse what is broken: each asks whether it was seen before.
_ANALYSES = frozenset({"preliminary_root_cause", "root_cause", "architecture_impact", "detailed_root_cause_report"})


def _asks_for_precedents(definition: StepDefinition) -> bool:
    return not _ANALYSES.isdisjoint(definition.outputs)


def _within_reach(
    workflow: WorkflowDefinition, step: StepDefinition, brought: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """Return the outputs that a step is handed, by output name: in the work on one repository none of another's."""
    elsewhere: set[str] = set()
    if step.repository:
        elsewhere = {each.name for each in workflow.steps() if each.repository not in ("", step.repository)}
    return {name: value for of, output in brought.items() if of not in elsewhere for name, value in output.items()}


async def prepare(ctx: Context, claim: Claim, work: Path, known: Read, hand_on: HandOn) -> Prepared | None:
    """Return what the agent needs, or None when the approval no longer covers what would be done.

    `hand_on` takes first results, where another step waits for no more than these.
    """
    step, workflow = claim.rows.step, progress.definition_of(claim.rows.run)
    definition = workflow.step(step.name)
    approved = None
    if definition.approval is not None:
        approved = await _approved(ctx, claim, definition.approval)
        if approved is None:
            return None
    workdir = work / known.known.key
    await asyncio.to_thread(workdir.mkdir, parents=True, exist_ok=True)
    cleared = str(approved.subject.get("doubt", "")) if approved else ""
    kept = StepJournal(ctx.store, claim, workdir, journal.read(step), cleared, drill=known.known.drill)
    outputs = _within_reach(workflow, definition, known.outputs)
    service = ctx.service(claim.rows.incident.service)
    said = areas.report(known.known.title, known.known.known, known.known.facts)
    request = StepRequest(
        incident=known.known,
        step=definition,
        attempt=claim.attempt,
        inputs=outputs,
        service=service,
        workdir=str(workdir),
        deadline=definition.duration,
        journal=kept,
        approved=approved,
        provider=step.provider,
        feedback=step.feedback,
        solutions=known.solutions,
        earlier={name: output for name, output in known.outputs.items() if output},
        context=handing_on.context(workflow, definition, known.outputs),
        workflow=workflow,
        chosen=areas.choice(workflow, definition, outputs, service, said),
        hand_on=hand_on if plan.is_awaited_early(workflow, step.name) else None,
    )
    return Prepared(request, kept)


async def _approved(ctx: Context, claim: Claim, kind: ApprovalKind) -> ApprovedSubject | None:
    """Return what was approved; a step whose approval is gone, or is for something else, waits for people again."""
    async with ctx.store.transaction() as tx:
        step = await claims.held(tx, claim)
        if step is None:  # stopped or taken over since: what became of it stays
            return None
        run, incident = await claims.whose(tx, step)
        approval = (await approvals.given(tx, run)).get(step.name)
        if approval is not None and await _covers(tx, ctx, incident, run, step, approval, kind):
            subject = approval.decision if DECISIONS[kind].is_choice else approval.subject
            return ApprovedSubject(kind.value, subject, approval.digest, approval.decided_by)
        if approval is not None:
            await approvals.supersede(tx, incident, approval)
        step.state, step.owner, step.lease_until = StepState.WAITING.value, "", None
        tx.session.add(step)
        await progress.advance(tx, ctx, incident, run)
        return None


async def _covers(
    tx: store.Tx,
    ctx: Context,
    incident: records.Incident,
    run: records.Run,
    step: records.Step,
    approval: records.Approval,
    kind: ApprovalKind,
) -> bool:
    """Tell whether what was approved is what the step would do now."""
    if approval.kind != kind.value:
        return False
    if journal.under_way(step) is not None:
        # It cannot be asked about any more: its outcome is adopted under the approval it began with.
        return True
    outputs = await queries.outputs(tx.session, run.number)
    now = await approvals.wanted(tx, ctx, incident, run, step.name, kind, outputs)
    return approval.digest == approvals.digest(now)
