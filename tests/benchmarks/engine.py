"""Makespan of the emergency workflow with 1 s steps, beside the same graph of sleeps with nothing stored.

Approvals and gates are taken out of the definition: what is measured is the engine, not how soon people press. Beside
it stands what storing costs at the least: the same graph with one commit as a step starts and one as it ends, through
the same SQLAlchemy and SQLite, and no more. What the engine adds does not grow with the length of the steps; so it is
told how long they must be for it to be within the limit: what was added, for each step on the critical path, over 0.03.

On SQLite a loop claims the first steps, on PostgreSQL procrastinate hands them out; those that a result makes ready are
taken with it. PostgreSQL is measured with one response, each commit on the disk (`fsync`), as on SQLite.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Column, Integer, MetaData, String, Table, insert, update

from bot.workspace.driver import Person
from bot.workspace.server import Workspace
from incidents import loading, migrations, records
from incidents.agents import outputs
from incidents.agents.base import StepRequest, StepResult
from incidents.clock import SystemClock
from incidents.context import Context
from incidents.definitions import Severity, WorkflowDefinition
from incidents.events import EventKind
from incidents.response import plan
from incidents.response.dispatch import LocalDispatcher
from incidents.response.engine import Engine
from incidents.response.queued import QueuedDispatcher
from incidents.response.reactors import Progress
from incidents.response.threads import Threads
from incidents.room import Room
from incidents.service import declare
from incidents.store import Store, Tx
from incidents.tools.evidence import Evidence, EvidenceKind, capture
from tests.benchmarks.report import Line
from tests.integration.response.conftest import DEE, SETTINGS, script
from tests.processes import database_on, postgres_server

AT_ONCE = (1, 20, 50)
_STEP_SECONDS = 1.0
_SHORT_STEP_SECONDS = 0.5  # what is added does not grow with their length: where it alone is asked, half is enough
_LIMIT = 1.03
_OVERHEAD_LIMIT_MS = 30.0

_BARE = Table("bare_step", MetaData(), Column("id", Integer, primary_key=True), Column("state", String))


async def measure(_: Workspace, __: Person) -> list[Line]:
    """Return the makespan of 1, 20 and 50 responses that begin together, and the overhead of one step."""
    lines = []
    added_ms: dict[str, float] = {}
    for count in AT_ONCE:
        with tempfile.TemporaryDirectory() as folder:
            house = await _House.build(Path(folder), f"sqlite+aiosqlite:///{folder}/sitrep.db")
            bare = await _bare(house.definition, count, _STEP_SECONDS)
            least = await house.commit_only(count)
            try:
                await house.warm_up(_STEP_SECONDS)
                taken = await (house.respond(count) if count > 1 else house.typical())
            finally:
                await house.close()
        together = "response" if count == 1 else "responses"
        depth = round(bare / _STEP_SECONDS)
        added, least_added = (max(0.0, each - bare) / depth for each in (taken, least))
        once = [each / (_LIMIT - 1) for each in (added, least_added)]
        lines += [
            Line(f"makespan of {count} {together}, 1 s steps", taken, "s", _LIMIT, bare, "sleeps in the same graph"),
            Line("  two bare commits a step in its place", least, "s", None, bare, "sleeps in the same graph"),
            Line("  within the limit once steps take", once[0], "s", None, once[1], "two bare commits a step"),
        ]
        if count == 1:
            added_ms["SQLite"], added_ms["two bare commits"] = added * 1000, least_added * 1000
    with postgres_server() as server:
        async with database_on(server) as url:
            taken, bare = await _alone(url, _STEP_SECONDS)
    lines.append(
        Line("makespan of 1 response, 1 s steps, PostgreSQL", taken, "s", _LIMIT, bare, "sleeps in the same graph")
    )
    added_ms["PostgreSQL"] = (taken - bare) / round(bare / _STEP_SECONDS) * 1000
    return [*lines, *_overheads(added_ms)]


def _overheads(found: dict[str, float]) -> list[Line]:
    """Return what a step on the critical path takes beside its agent, by who hands it out."""
    ways = (
        ("SQLite (claim loop)", "SQLite", "two bare commits"),
        ("PostgreSQL (procrastinate)", "PostgreSQL", "SQLite"),
    )
    return [
        Line(f"overhead of a step, {what}", found[ours], "ms", _OVERHEAD_LIMIT_MS, found[beside], beside, "value")
        for what, ours, beside in ways
    ]


async def overhead_ms(url: str) -> float:
    """Return what a step on the critical path takes beside its agent, with whatever lies in the database already."""
    taken, bare = await _alone(url, _SHORT_STEP_SECONDS)
    return (taken - bare) / round(bare / _SHORT_STEP_SECONDS) * 1000


async def _alone(url: str, step_seconds: float) -> tuple[float, float]:
    """Return the seconds that one response takes, and those of bare sleeps."""
    with tempfile.TemporaryDirectory() as folder:
        house = await _House.build(Path(folder), url)
        bare = await _bare(house.definition, 1, step_seconds)
        try:
            await house.warm_up(step_seconds)
            return await house.typical(), bare
        finally:
            await house.close()


@dataclass
class _Sleeper:
    """An agent that takes a second."""

    seen: Evidence
    seconds: float = 0.0
    name: str = "sleeper"
    results: dict[str, dict[str, object]] = field(default_factory=dict)

    async def run(self, request: StepRequest) -> StepResult:
        stem = request.step.prompt.removesuffix(".md")
        await asyncio.sleep(self.seconds)
        return StepResult(outputs.MODELS[stem].model_validate(self.results[stem]), "done", (self.seen,), self.name)


@dataclass
class _House:
    ctx: Context
    definition: WorkflowDefinition
    agent: _Sleeper
    work: Path
    queue: QueuedDispatcher | None = None  #: on PostgreSQL; it takes steps up as they are queued

    @classmethod
    async def build(cls, folder: Path, url: str) -> "_House":
        clock = SystemClock()
        store = Store(url, clock)
        await migrations.upgrade(store)
        library, _ = loading.load(loading.templates_root(), None)
        level = library.policies.severity_levels[Severity.CRITICAL]
        definition = _unattended(library.workflows[level.workflow])
        library.workflows[level.workflow] = definition  # type: ignore[index]
        ctx = Context(store, clock, library, SETTINGS)
        for reactors in (Room(ctx), Progress(ctx), Threads(ctx)):
            reactors.register()
        seen = capture(EvidenceKind.LOG, "log", "KeyError", summary="412 KeyErrors", captured_at=clock.now())
        house = cls(ctx, definition, _Sleeper(seen, results=script(seen.id)), folder / "work")
        if store.supports_skip_locked:
            house.queue = QueuedDispatcher(house.engine(), store)
            await house.queue.start()
        return house

    def engine(self) -> Engine:
        return Engine(self.ctx, self.agent, self.work, "bench")

    async def warm_up(self, step_seconds: float) -> None:
        """Be a process that has been up: its statements compiled, and prepared, as psycopg does at their fifth use."""
        for _ in range(3):
            await self.respond(1)
        self.agent.seconds = step_seconds

    async def typical(self) -> float:
        """Return the median seconds of one response, of three."""
        return statistics.median([await self.respond(1) for _ in range(3)])

    async def respond(self, count: int) -> float:
        """Return the seconds from the first step's readiness until the last of `count` responses is done."""
        ended = asyncio.Event()
        left = count

        async def count_down(tx: Tx, _: records.Incident, __: records.Event) -> None:
            def committed() -> None:
                nonlocal left
                left -= 1
                if not left:
                    ended.set()

            tx.then(committed)

        self.ctx.store.react(EventKind.RUN_DONE, count_down)
        for number in range(count):
            declaration = declare.Declaration(
                title=f"{number} is broken", severity=Severity.CRITICAL, reporter=DEE, service="checkout"
            )
            async with self.ctx.store.transaction() as tx:
                await declare.declare(tx, self.ctx, declaration)
        began = time.perf_counter()
        steps = None if self.queue else LocalDispatcher(self.engine(), self.ctx.store)
        if steps is not None:
            await steps.start()
        await asyncio.wait_for(ended.wait(), 120)
        taken = time.perf_counter() - began
        if steps is not None:
            await steps.stop()
        return taken

    async def commit_only(self, count: int) -> float:
        """Return the seconds of `count` runs of the graph of which each step's start and end is committed, no more."""
        numbers = iter(range(1, count * len(self.definition.steps()) + 1))
        async with self.ctx.store.engine.begin() as connection:
            await connection.run_sync(_BARE.metadata.create_all)
            await connection.execute(insert(_BARE), [{"id": number, "state": "ready"} for number in range(1, 1000)])

        async def note(number: int, state: str) -> None:
            async with self.ctx.store.transaction() as tx:
                await tx.session.execute(update(_BARE).where(_BARE.c.id == number).values(state=state))

        async def step() -> None:
            number = next(numbers)
            await note(number, "running")
            await asyncio.sleep(_STEP_SECONDS)
            await note(number, "done")

        return await _graph(self.definition, count, step)

    async def close(self) -> None:
        if self.queue is not None:
            await self.queue.stop()
        await self.ctx.store.close()


def _unattended(definition: WorkflowDefinition) -> WorkflowDefinition:
    stages = tuple(
        stage.model_copy(
            update={
                "gates": (),
                "steps": tuple(step.model_copy(update={"gates": (), "approval": None}) for step in stage.steps),
            }
        )
        for stage in definition.stages
    )
    return definition.model_copy(update={"stages": stages})


async def _bare(definition: WorkflowDefinition, count: int, step_seconds: float) -> float:
    return await _graph(definition, count, lambda: asyncio.sleep(step_seconds))


async def _graph(definition: WorkflowDefinition, count: int, step: Callable[[], Awaitable[None]]) -> float:
    """Return the seconds of `count` runs of the definition's graph, with `step` in the place of each step."""

    async def one() -> None:
        done = {each.name: asyncio.Event() for each in definition.steps()}

        async def in_turn(name: str) -> None:
            for before in plan.dependencies(definition, definition.step(name)):
                await done[before].wait()
            await step()
            done[name].set()

        await asyncio.gather(*(in_turn(name) for name in done))

    began = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(count)))
    return time.perf_counter() - began
