"""Carrying out one step: claim, run the agent with no transaction open, store the result under a fence."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import structlog
from pydantic import ValidationError
from sqlalchemy import ColumnElement, update
from sqlmodel import col, select

from incidents import durations, records, store
from incidents.agents.base import ApprovedSubject, Runner, StepRequest, StepResult
from incidents.context import Context
from incidents.definitions import ApprovalKind, StepDefinition
from incidents.errors import SitrepError, StepFailed
from incidents.events import EventKind
from incidents.lifecycle import Status
from incidents.response import approvals, consequences, expiry, facts, progress
from incidents.response.plan import StepState
from incidents.service import queries

log = structlog.get_logger(__name__)

LEASE = timedelta(seconds=30)  # renewed every 10 s; after a crash another takes the step over within this time


@dataclass(frozen=True)
class Claim:
    """A step that is ours until its lease runs out; stored results are checked against it."""

    step_id: int
    owner: str
    attempt: int


class Engine:
    """Carries out steps."""

    def __init__(self, ctx: Context, runner: Runner, workdir: Path, owner: str) -> None:
        self._ctx = ctx
        self._runner = runner
        self._workdir = workdir
        self.owner = owner  #: names this process in claims
        self._agents: dict[Claim, asyncio.Task[StepResult]] = {}
        self._interrupted = False

    async def waiting(self) -> list[int]:
        """Return the numbers of the steps that anybody may claim."""
        async with self._ctx.store.read() as session:
            return list((await session.scalars(select(records.Step.id).where(_free(self._ctx.clock.now())))).all())

    async def claim(self, limit: int, *, step_id: int | None = None) -> list[Claim]:
        """Take up to `limit` steps that are ready, or whose owner's lease ran out; of them the one named, if any."""
        async with self._ctx.store.transaction() as tx:
            await expiry.ask_anew_what_came_too_late(tx, self._ctx)
            todo = select(records.Step).where(_free(tx.now)).order_by(col(records.Step.id)).limit(limit)
            if step_id is not None:
                await _hold_incident(tx, step_id)
                todo = todo.where(records.Step.id == step_id)
            if self._ctx.store.supports_skip_locked:
                todo = todo.with_for_update(skip_locked=True)
            return [await self._take(tx, step) for step in (await tx.session.scalars(todo)).all()]

    async def _take(self, tx: store.Tx, step: records.Step) -> Claim:
        step.state, step.owner = StepState.RUNNING.value, self.owner
        step.lease_until, step.attempt = tx.now + LEASE, step.attempt + 1
        step.started_at, step.finished_at, step.error = tx.now, None, ""
        tx.session.add(step)
        run, incident = await _whose(tx, step)
        definition = progress.definition_of(run).step(step.name)
        await tx.record(
            incident,
            EventKind.STEP_STARTED,
            step=step.name,
            title=definition.title,
            attempt=step.attempt,
            phase=definition.phase.value,
        )
        await consequences.of_start(tx, incident, definition)
        return Claim(step.number, self.owner, step.attempt)

    async def renew(self, claim: Claim) -> bool:
        """Prolong the lease; False when the step is no longer ours (stopped, paused, taken over)."""
        async with self._ctx.store.transaction() as tx:
            changed = await tx.session.execute(
                update(records.Step).where(*_ours(claim)).values(lease_until=tx.now + LEASE)
            )
            return bool(changed.rowcount)  # type: ignore[attr-defined]

    async def give_back(self, claim: Claim) -> None:
        """Return an unfinished step, to be taken up again at once by whoever runs."""
        async with self._ctx.store.transaction() as tx:
            changed = await tx.session.execute(
                update(records.Step)
                .where(*_ours(claim))
                .values(state=StepState.READY.value, owner="", lease_until=None)
            )
            if changed.rowcount:  # type: ignore[attr-defined]
                tx.offer(claim.step_id)

    def interrupt(self, claim: Claim | None = None) -> None:
        """Interrupt one step's agent, or all for good; interrupted steps are given back."""
        self._interrupted = self._interrupted or claim is None
        for each, agent in self._agents.items():
            if claim in (None, each):
                agent.cancel()

    async def carry_out(self, claim: Claim) -> None:
        """Run the step's agent and store what it brought, or why it failed; an interrupted step is given back."""
        # Whatever breaks must end the attempt: a step left as running would be taken up again every LEASE, for ever.
        try:
            request = await self._request(claim)
            if request is None:
                return
            result = await self._brought(claim, request)
            if result is None:
                await self.give_back(claim)
            else:
                await self._store(claim, request.step, result)
        except SitrepError as error:
            await self._fail(claim, error)
        except Exception as error:
            log.exception("step_crashed", step_id=claim.step_id)
            await self._fail(
                claim,
                StepFailed(
                    f"The step stopped with {type(error).__name__}.",
                    remedy="Retry the step or take it over; the log has the details.",
                ),
            )

    async def _brought(self, claim: Claim, request: StepRequest) -> StepResult | None:
        """Return what the agent brought, or None when it was interrupted."""
        agent = asyncio.create_task(self._run(request), name=f"agent-{request.incident.key}-{request.step.name}")
        self._agents[claim] = agent
        if self._interrupted:
            agent.cancel()
        try:
            await asyncio.wait({agent})
        finally:
            del self._agents[claim]
            agent.cancel()
        return None if agent.cancelled() else agent.result()

    async def _run(self, request: StepRequest) -> StepResult:
        """Have the agent carry the step out within its budget.

        Raises:
            StepFailed: it could not, took too long, or brought something of another form.
        """
        try:
            async with asyncio.timeout(request.deadline.total_seconds()):
                return await self._runner.run(request)
        except TimeoutError as error:
            raise StepFailed(
                f"The step took longer than its budget of {durations.spoken(request.deadline)}.",
                remedy="Retry it, or take it over by hand.",
            ) from error
        except ValidationError as error:
            log.warning("step_output_invalid", step=request.step.name, error=str(error))
            raise StepFailed(
                "The agent's output does not have the form the step needs.", remedy="Retry the step."
            ) from error

    async def _request(self, claim: Claim) -> StepRequest | None:
        """Return what the agent needs, or None when the approval no longer covers what would be done."""
        async with self._ctx.store.transaction() as tx:
            await _hold_incident(tx, claim.step_id)
            step = await tx.session.get_one(records.Step, claim.step_id)
            run, incident = await _whose(tx, step)
            definition = progress.definition_of(run).step(step.name)
            outputs = await queries.outputs(tx.session, run.number)
            approved = None
            if definition.approval is not None:
                approved = await self._approved(tx, incident, run, definition, outputs)
                if approved is None:
                    step.state, step.owner, step.lease_until = StepState.WAITING.value, "", None
                    tx.session.add(step)
                    await progress.advance(tx, self._ctx, incident, run)
                    return None
            known = await facts.for_agents(tx.session, self._ctx, incident, tx.now)
            feedback = step.feedback
        workdir = self._workdir / known.key
        await asyncio.to_thread(workdir.mkdir, parents=True, exist_ok=True)
        return StepRequest(
            incident=known,
            step=definition,
            attempt=claim.attempt,
            inputs=outputs,  # type: ignore[arg-type]
            service=self._ctx.service(incident.service),
            workdir=str(workdir),
            deadline=definition.duration,
            approved=approved,
            feedback=feedback,
        )

    async def _approved(
        self,
        tx: store.Tx,
        incident: records.Incident,
        run: records.Run,
        definition: StepDefinition,
        outputs: dict[str, Any],
    ) -> ApprovedSubject | None:
        kind = definition.approval
        approval = (await approvals.given(tx, run)).get(definition.name)
        if approval is None or kind is None:
            return None
        current = approvals.digest(approvals.subject(kind, outputs, self._ctx.service(incident.service)))
        if approval.digest != current:
            await approvals.supersede(tx, incident, approval)
            return None
        subject = approval.decision if kind is ApprovalKind.CHOOSE_FIX else approval.subject
        return ApprovedSubject(kind.value, subject, approval.digest, approval.decided_by)

    async def _store(self, claim: Claim, definition: StepDefinition, result: StepResult) -> None:
        async with self._ctx.store.transaction() as tx:
            step = await _held(tx, claim)
            if step is None:
                log.info("step_result_late", step=definition.name, attempt=claim.attempt)
                return
            run, incident = await _whose(tx, step)
            step.state, step.owner, step.lease_until = StepState.DONE.value, "", None
            step.version, step.finished_at = step.version + 1, tx.now
            step.output, step.summary, step.runner = result.outputs(), result.summary, result.runner
            step.usage = [usage.model_dump() for usage in result.usage]
            step.notes, step.feedback = list(result.notes), ""
            tx.session.add(step)
            tx.session.add_all(consequences.evidence(incident, step, result))
            await tx.session.flush()
            await tx.record(
                incident,
                EventKind.STEP_DONE,
                actor=result.runner,
                step=step.name,
                step_id=step.id,
                title=definition.title,
                attempt=claim.attempt,
                version=step.version,
                summary=result.summary,
                runner=result.runner,
                phase=definition.phase.value,
            )
            await consequences.of_output(tx, self._ctx, incident, definition, result)
            await progress.advance(tx, self._ctx, incident, run)

    async def _fail(self, claim: Claim, error: SitrepError) -> None:
        async with self._ctx.store.transaction() as tx:
            step = await _held(tx, claim)
            if step is None:
                return
            run, incident = await _whose(tx, step)
            definition = progress.definition_of(run).step(step.name)
            step.state, step.owner, step.lease_until = StepState.FAILED.value, "", None
            step.finished_at, step.error = tx.now, str(error)
            tx.session.add(step)
            await tx.record(
                incident,
                EventKind.STEP_FAILED,
                step=step.name,
                step_id=step.id,
                title=definition.title,
                attempt=claim.attempt,
                error=error.message,
                remedy=error.remedy,
                phase=definition.phase.value,
            )
            if incident.status is Status.RESOLVED:
                await progress.advance(tx, self._ctx, incident, run)


def _free(now: datetime) -> ColumnElement[bool]:
    state, lease_until = col(records.Step.state), col(records.Step.lease_until)
    return (state == StepState.READY.value) | ((state == StepState.RUNNING.value) & (lease_until < now))


def _ours(claim: Claim) -> tuple[Any, ...]:
    return (
        col(records.Step.id) == claim.step_id,
        col(records.Step.state) == StepState.RUNNING.value,
        col(records.Step.owner) == claim.owner,
        col(records.Step.attempt) == claim.attempt,
    )


async def _held(tx: store.Tx, claim: Claim) -> records.Step | None:
    """Return the step while it is still ours: same owner, same attempt."""
    await _hold_incident(tx, claim.step_id)
    found: records.Step | None = await tx.session.scalar(select(records.Step).where(*_ours(claim)).with_for_update())
    return found


async def _hold_incident(tx: store.Tx, step_id: int) -> None:
    # Incident first, then step: see store.incident.
    of_step = select(records.Run.incident_id).join(records.Step).where(records.Step.id == step_id)
    incident_id = await tx.session.scalar(of_step)
    if incident_id is not None:
        await queries.get(tx.session, incident_id)


async def _whose(tx: store.Tx, step: records.Step) -> tuple[records.Run, records.Incident]:
    run = await tx.session.get_one(records.Run, step.run_id)
    return run, await queries.get(tx.session, run.incident_id)
