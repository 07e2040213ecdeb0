"""Makespan of the emergency workflow with 1 s steps, beside the same graph of sleeps with nothing stored.

Approvals and gates are taken out of the definition: what is measured is the engine, not how soon people press.
"""

import asyncio
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from sqlmodel import SQLModel, col, func, select

from bot.workspace.driver import Person
from bot.workspace.server import Workspace
from incidents import loading, records
from incidents.agents import outputs
from incidents.agents.base import StepRequest, StepResult
from incidents.clock import SystemClock
from incidents.context import Context
from incidents.definitions import Severity, WorkflowDefinition
from incidents.response import plan
from incidents.response.dispatch import LocalDispatcher
from incidents.response.engine import Engine
from incidents.response.reactors import Progress
from incidents.response.threads import Threads
from incidents.room import Room
from incidents.service import declare
from incidents.store import Store
from incidents.tools.evidence import Evidence, EvidenceKind, capture
from tests.benchmarks.report import Line
from tests.integration.response.conftest import DEE, SETTINGS, script

AT_ONCE = (1, 20, 50)
_STEP_SECONDS = 1.0
_LIMIT = 1.03


async def measure(_: Workspace, __: Person) -> list[Line]:
    """Return the makespan of 1, 20 and 50 responses that begin together, and the overhead of one step."""
    lines = []
    for count in AT_ONCE:
        with tempfile.TemporaryDirectory() as folder:
            house = await _House.build(Path(folder))
            bare = await _bare(house.definition, count)
            try:
                await house.respond(1)  # a process that has been up: statements are compiled once
                house.agent.seconds = _STEP_SECONDS
                taken = await house.respond(count)
            finally:
                await house.close()
        together = "response" if count == 1 else "responses"
        lines.append(
            Line(f"makespan of {count} {together}, 1 s steps", taken, "s", _LIMIT, bare, "sleeps in the same graph")
        )
        if count == 1:
            depth = round(bare / _STEP_SECONDS)
            lines.append(Line("  overhead of a step on the critical path", (taken - bare) / depth * 1000, "ms", 30.0))
    return lines


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

    @classmethod
    async def build(cls, folder: Path) -> "_House":
        clock = SystemClock()
        store = Store(f"sqlite+aiosqlite:///{folder / 'sitrep.db'}", clock)
        async with store.engine.begin() as connection:
            await connection.run_sync(SQLModel.metadata.create_all)
        library, _ = loading.load(loading.templates_root(), None)
        level = library.policies.severity_levels[Severity.CRITICAL]
        definition = _unattended(library.workflows[level.workflow])
        library.workflows[level.workflow] = definition  # type: ignore[index]
        ctx = Context(store, clock, library, SETTINGS)
        for reactors in (Room(ctx), Progress(ctx), Threads(ctx)):
            reactors.register()
        seen = capture(EvidenceKind.LOG, "log", "KeyError", summary="412 KeyErrors", captured_at=clock.now())
        agent = _Sleeper(seen, results=script(seen.id))
        return cls(ctx, definition, agent, folder / "work")

    async def respond(self, count: int) -> float:
        """Return the seconds from the first step's readiness until the last of `count` responses is done."""
        ended = asyncio.Event()
        self.ctx.store.on_commit(lambda _: ended.set())
        for number in range(count):
            declaration = declare.Declaration(
                title=f"{number} is broken", severity=Severity.CRITICAL, reporter=DEE, service="checkout"
            )
            async with self.ctx.store.transaction() as tx:
                await declare.declare(tx, self.ctx, declaration)
        steps = LocalDispatcher(Engine(self.ctx, self.agent, self.work, "bench"), self.ctx.store)
        began = time.perf_counter()
        await steps.start()
        while True:
            ended.clear()
            if not await self._unfinished():
                break
            await asyncio.wait_for(ended.wait(), 120)
        taken = time.perf_counter() - began
        await steps.stop()
        return taken

    async def _unfinished(self) -> int:
        async with self.ctx.store.read() as session:
            unfinished = select(func.count()).where(col(records.Run.state) != "done")
            return int(await session.scalar(unfinished) or 0)

    async def close(self) -> None:
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


async def _bare(definition: WorkflowDefinition, count: int) -> float:
    async def one() -> None:
        done = {step.name: asyncio.Event() for step in definition.steps()}

        async def step(name: str) -> None:
            for before in plan.dependencies(definition, definition.step(name)):
                await done[before].wait()
            await asyncio.sleep(_STEP_SECONDS)
            done[name].set()

        await asyncio.gather(*(step(name) for name in done))

    began = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(count)))
    return time.perf_counter() - began
