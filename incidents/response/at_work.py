"""Agents at work in this process: watched for as long as their step is ours, interrupted when it is not."""

import asyncio
import contextlib
import contextvars
from datetime import timedelta

import structlog
from pydantic import ValidationError
from sqlmodel import col, select

from incidents import durations, records, store
from incidents.agents import masking
from incidents.agents.base import Runner, StepResult
from incidents.context import Context
from incidents.errors import StepFailed
from incidents.response.claims import Claim
from incidents.response.journal import StepJournal
from incidents.response.plan import StepState
from incidents.response.requests import Prepared

log = structlog.get_logger(__name__)

_LOOK_SECONDS = 1.0  # how soon it is noticed that another replica stopped a step; our own commits are heard at once
_TELL_SECONDS = 30.0  # for an agent whose time is up to tell what became of a deploy, or to take it back


class AtWork:
    """Runs the agents of claimed steps."""

    def __init__(self, ctx: Context, runner: Runner) -> None:
        self._ctx = ctx
        self._runner = runner
        self._agents: dict[Claim, tuple[asyncio.Task[StepResult], StepJournal]] = {}
        self._interrupted = False
        self._stirred = asyncio.Event()  # steps were committed, or no agent is left
        self._watching: asyncio.Task[None] | None = None
        ctx.store.on_commit(self._hear)

    @property
    def any(self) -> bool:
        """Whether an agent is at work."""
        return bool(self._agents)

    def _hear(self, topics: frozenset[str]) -> None:
        if store.STEPS in topics:
            self._stirred.set()

    def journal_of(self, claim: Claim) -> StepJournal:
        """Return the journal of an attempt whose agent is at work."""
        return self._agents[claim][1]

    def interrupt(self, claim: Claim | None = None) -> None:
        """Interrupt one step's agent, or all for good; interrupted steps are given back.

        A command that must not be cut off ends first, unless this process ends: then it runs on by itself, and the
        next attempt adopts its outcome.
        """
        self._interrupted = self._interrupted or claim is None
        for each, (agent, kept) in self._agents.items():
            if claim is None:
                agent.cancel()
            elif claim == each:
                kept.once_idle(agent.cancel)

    async def bring(self, claim: Claim, prepared: Prepared) -> StepResult | None:
        """Return what the agent brought, or None when it was interrupted.

        Raises:
            StepFailed: it could not, took too long, or brought something of another form.
        """
        request, kept = prepared.request, prepared.journal
        agent = asyncio.create_task(self._runner.run(request), name=f"agent-{request.incident.key}-{request.step.name}")
        self._agents[claim] = agent, kept
        if self._watching is None or self._watching.done():
            # It looks at all agents, so what it logs is not about this one.
            self._watching = asyncio.create_task(self._watch(), name="steps-watch", context=contextvars.Context())
        if self._interrupted:
            agent.cancel()
        try:
            done, _ = await asyncio.wait({agent}, timeout=request.deadline.total_seconds())
            in_time = bool(done) or await _let_finish(agent, kept)
        finally:
            del self._agents[claim]
            if not self._agents:
                self._stirred.set()
            agent.cancel()
        if not in_time:
            await asyncio.wait({agent})
            raise _took_too_long(request.deadline, kept)
        if agent.cancelled():
            return None
        try:
            return masking.result(agent.result())
        except ValidationError as error:
            log.warning("step_output_invalid", step=request.step.name, error=str(error))
            raise StepFailed(
                "The agent's output does not have the form the step needs.", remedy="Retry the step."
            ) from error

    async def _watch(self) -> None:
        """Interrupt the agents of steps that are no longer ours, for as long as any agent is at work."""
        while self._agents:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._stirred.wait()
            self._stirred.clear()
            for claim in await self._lost():
                self.interrupt(claim)

    async def _lost(self) -> list[Claim]:
        """Return the claims of agents at work that were stopped, paused or taken over."""
        watched = list(self._agents)
        if not watched:  # the last of them has just ended, and is being stored
            return []
        step = records.Step
        looked_at = select(step.id, step.owner, step.attempt).where(
            col(step.id).in_([claim.step_id for claim in watched]), step.state == StepState.RUNNING.value
        )
        try:
            async with self._ctx.store.read() as session:
                running = {tuple(row) for row in (await session.execute(looked_at)).all()}
        except Exception:
            # The database may be away for a while; whether the lease lasts is the dispatcher's to watch.
            log.exception("steps_not_looked_at")
            return []
        return [claim for claim in watched if (claim.step_id, claim.owner, claim.attempt) not in running]


async def _let_finish(agent: asyncio.Task[StepResult], kept: StepJournal) -> bool:
    """Let an agent whose time is up end what must not be cut off and tell of it; False when it does not end."""
    while kept.acted and not agent.done():
        await kept.idle()
        await asyncio.wait({agent}, timeout=_TELL_SECONDS)
        if kept.is_idle:
            break
    return agent.done()


def _took_too_long(limit: timedelta, kept: StepJournal) -> StepFailed:
    return StepFailed(
        f"The step took longer than its budget of {durations.spoken(limit)}.{kept.told_of_ends}",
        remedy="Retry it, or take it over by hand.",
    )
