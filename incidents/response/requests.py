"""What an agent is handed for a step, and whether the approval it acts under still covers what would be done."""

import asyncio
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from incidents import records, store
from incidents.agents.base import ApprovedSubject, StepRequest
from incidents.context import Context
from incidents.definitions import ApprovalKind
from incidents.response import approvals, claims, facts, handing_on, journal, plan, progress, results
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


async def prepare(ctx: Context, claim: Claim, work: Path) -> Prepared | None:
    """Return what the agent needs, or None when the approval no longer covers what would be done."""
    async with ctx.store.read() as session:
        step = await session.get_one(records.Step, claim.step_id)
        run = await session.get_one(records.Run, step.run_id)
        incident = await queries.get(session, run.incident_id)
        workflow = progress.definition_of(run)
        rows = await queries.steps(session, run.number)
        known = await facts.for_agents(session, ctx, incident, ctx.clock.now())
        solutions = await facts.past_solutions(session, incident)
    definition = workflow.step(step.name)
    approved = None
    if definition.approval is not None:
        approved = await _approved(ctx, claim, definition.approval)
        if approved is None:
            return None
    workdir = work / known.key
    await asyncio.to_thread(workdir.mkdir, parents=True, exist_ok=True)
    cleared = str(approved.subject.get("doubt", "")) if approved else ""
    kept = StepJournal(ctx.store, claim, workdir, journal.read(step), cleared)
    request = StepRequest(
        incident=known,
        step=definition,
        attempt=claim.attempt,
        inputs=queries.merged(rows),  # type: ignore[arg-type]
        service=ctx.service(incident.service),
        workdir=str(workdir),
        deadline=definition.duration,
        journal=kept,
        approved=approved,
        feedback=step.feedback,
        solutions=solutions,
        earlier={row.name: row.output for row in rows if row.output},
        context=handing_on.context(workflow, definition, {row.name: row.output for row in rows}),
        workflow=workflow,
        hand_on=partial(results.hand_on, ctx, claim) if plan.is_awaited_early(workflow, step.name) else None,
    )
    return Prepared(request, kept)


async def _approved(ctx: Context, claim: Claim, kind: ApprovalKind) -> ApprovedSubject | None:
    """Return what was approved; a step whose approval is gone, or is for something else, waits for people again."""
    async with ctx.store.transaction() as tx:
        await claims.hold_incident(tx, claim.step_id)
        step = await tx.session.get_one(records.Step, claim.step_id)
        run, incident = await claims.whose(tx, step)
        approval = (await approvals.given(tx, run)).get(step.name)
        if approval is not None and await _is_current(tx, ctx, incident, run, step, approval):
            subject = approval.decision if DECISIONS[kind].is_choice else approval.subject
            return ApprovedSubject(kind.value, subject, approval.digest, approval.decided_by)
        if approval is not None:
            await approvals.supersede(tx, incident, approval)
        step.state, step.owner, step.lease_until = StepState.WAITING.value, "", None
        tx.session.add(step)
        await progress.advance(tx, ctx, incident, run)
        return None


async def _is_current(
    tx: store.Tx,
    ctx: Context,
    incident: records.Incident,
    run: records.Run,
    step: records.Step,
    approval: records.Approval,
) -> bool:
    if journal.under_way(step) is not None:
        # It cannot be asked about any more: its outcome is adopted under the approval it began with.
        return True
    outputs = await queries.outputs(tx.session, run.number)
    now = await approvals.wanted(tx, ctx, incident, run, step.name, ApprovalKind(approval.kind), outputs)
    return approval.digest == approvals.digest(now)
