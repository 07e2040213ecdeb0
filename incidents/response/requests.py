"""What an agent is handed for a step, and whether the approval it acts under still covers what would be done."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import bindparam
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

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
    """What stands in the rows that an agent is told of."""

    step: records.Step
    run: records.Run
    service: str
    known: IncidentFacts
    steps: list[records.Step]  #: of the whole run
    solutions: tuple[Solution, ...]


_OF_STEP = (
    select(records.Step, records.Run, records.Incident)
    .join(records.Run, col(records.Run.id) == col(records.Step.run_id))
    .join(records.Incident, col(records.Incident.id) == col(records.Run.incident_id))
    .where(col(records.Step.id) == bindparam("step"))
)


async def read(session: AsyncSession, ctx: Context, claim: Claim) -> Read | None:
    """Read what the step's agent is told, or None when the step is no longer ours: no agent is asked for nothing.

    What took the step may have stopped it in the same commit, or somebody else since.
    """
    step, run, incident = (await session.execute(_OF_STEP, {"step": claim.step_id})).one()
    if (step.state, step.owner, step.attempt) != (StepState.RUNNING.value, claim.owner, claim.attempt):
        return None
    definition = progress.definition_of(run).step(step.name)
    return Read(
        step,
        run,
        incident.service,
        await facts.for_agents(session, ctx, incident, ctx.clock.now()),
        await queries.steps(session, run.number),
        await facts.past_solutions(session, incident) if _asks_for_precedents(definition) else (),
    )


#: Outputs of the steps that analyse what is broken: each asks whether it was seen before.
_ANALYSES = frozenset({"preliminary_root_cause", "root_cause", "architecture_impact", "detailed_root_cause_report"})


def _asks_for_precedents(definition: StepDefinition) -> bool:
    return not _ANALYSES.isdisjoint(definition.outputs)


def _within_reach(workflow: WorkflowDefinition, step: StepDefinition, rows: list[records.Step]) -> list[records.Step]:
    """Return the rows whose outputs a step is handed: in the work on one repository none of another's."""
    if not step.repository:
        return rows
    elsewhere = {each.name for each in workflow.steps() if each.repository not in ("", step.repository)}
    return [row for row in rows if row.name not in elsewhere]


async def prepare(ctx: Context, claim: Claim, work: Path, known: Read, hand_on: HandOn) -> Prepared | None:
    """Return what the agent needs, or None when the approval no longer covers what would be done.

    `hand_on` takes first results, where another step waits for no more than these.
    """
    step, workflow = known.step, progress.definition_of(known.run)
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
    outputs = queries.merged(_within_reach(workflow, definition, known.steps))
    service = ctx.service(known.service)
    said = areas.report(known.known.title, known.known.known, known.known.facts)
    request = StepRequest(
        incident=known.known,
        step=definition,
        attempt=claim.attempt,
        inputs=outputs,  # type: ignore[arg-type]
        service=service,
        workdir=str(workdir),
        deadline=definition.duration,
        journal=kept,
        approved=approved,
        provider=step.provider,
        feedback=step.feedback,
        solutions=known.solutions,
        earlier={row.name: row.output for row in known.steps if row.output},
        context=handing_on.context(workflow, definition, {row.name: row.output for row in known.steps}),
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
