"""Steps on PostgreSQL: queued with the decision that makes them ready, carried out once, by whoever is there."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import select

from incidents import migrations, records
from incidents.agents.base import StepRequest, StepResult
from incidents.clock import SystemClock
from incidents.context import Context
from incidents.errors import Conflict
from incidents.events import EventKind
from incidents.response import control, queued, requests
from incidents.response.claims import Claim
from incidents.response.engine import Engine
from incidents.response.expiry import Expiry
from incidents.response.queued import QueuedDispatcher
from incidents.response.reactors import Progress
from incidents.response.threads import Threads
from incidents.room import Room
from incidents.service import queries
from incidents.store import STEPS, Store
from incidents.tools.evidence import EvidenceKind, capture
from tests import installation
from tests.clock import START
from tests.integration.response.conftest import ANA, SETTINGS, House, Scripted, script
from tests.processes import database_on

PHASE_1 = ("1.1", "1.2", "1.3")  # what a critical incident's response does before it asks people


@dataclass
class Patient(Scripted):
    """An agent that can be held up."""

    may_end: asyncio.Event = field(default_factory=asyncio.Event)
    begun: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.may_end.set()

    async def run(self, request: StepRequest) -> StepResult:
        self.begun.set()
        result = await super().run(request)
        await self.may_end.wait()
        return result


@dataclass
class Replica(House):
    """One replica's parts; the rows are shared."""

    agent: Patient
    steps: QueuedDispatcher

    async def rows(self, query: str) -> list[Any]:
        async with self.store.read() as session:
            return list((await session.execute(text(query))).all())

    async def jobs(self) -> Counter[str]:
        """Jobs in the queue, by state."""
        return Counter(state for (state,) in await self.rows("SELECT status::text FROM procrastinate_jobs"))


@dataclass
class Replicas:
    """A database and the replicas on it."""

    url: str
    folder: Path
    stack: AsyncExitStack
    made: list[Replica] = field(default_factory=list)

    async def add(self) -> Replica:
        name = f"replica-{len(self.made)}"
        store = Store(self.url, SystemClock())
        self.stack.push_async_callback(store.close)
        await migrations.upgrade(store)
        ctx = Context(store, store.clock, installation.library(), SETTINGS)
        for reactors in (Room(ctx), Progress(ctx), Expiry(ctx), Threads(ctx)):
            reactors.register()
        seen = capture(EvidenceKind.LOG, "app.log", "KeyError", summary="412 KeyErrors", captured_at=START)
        agent = Patient(seen, script(seen.id))
        workdir = self.folder / name
        engine = Engine(ctx, agent, workdir, name)
        dispatcher = QueuedDispatcher(engine, store)
        replica = Replica(ctx, engine, agent, store.clock, workdir, dispatcher)  # type: ignore[arg-type]
        self.made.append(replica)
        return replica

    async def started(self) -> Replica:
        replica = await self.add()
        await replica.steps.start()
        self.stack.push_async_callback(replica.steps.stop)
        return replica

    def asked(self) -> Counter[str]:
        """How often an agent was asked for each step, over all replicas."""
        return Counter(request.step.name for replica in self.made for request in replica.agent.asked)


@pytest.fixture
async def replicas(postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Replicas]:
    monkeypatch.setattr(queued, "SWEEP_SECONDS", 0.2)
    monkeypatch.setattr(queued, "_REST_SECONDS", 0.05)
    async with database_on(postgres) as url, AsyncExitStack() as stack:
        yield Replicas(url, tmp_path, stack)


async def until(look: Callable[[], Awaitable[bool]], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not await look():  # noqa: ASYNC110 - other processes' rows tell nobody
            await asyncio.sleep(0.02)


async def until_asked(replica: Replica, incident: records.Incident) -> None:
    """Wait until the response waits for people: phase 1 is done."""

    async def waits() -> bool:
        states = await replica.states(incident)
        return all(states[name] == "done" for name in PHASE_1) and states["2.1"] == "waiting"

    await until(waits)


async def test_a_step_is_queued_by_the_transaction_that_makes_it_ready(replicas: Replicas) -> None:
    replica = await replicas.add()
    await replica.declare()
    assert await replica.jobs() == {"todo": 2}


async def test_a_decision_that_is_not_committed_leaves_nothing_in_the_queue(replicas: Replicas) -> None:
    replica = await replicas.add()

    async def breaks(*_: object) -> None:
        raise RuntimeError("the last one that writes breaks")

    replica.store.before_commit(breaks)
    with pytest.raises(RuntimeError):
        await replica.declare()
    assert await replica.jobs() == {}
    assert await replica.rows("SELECT 1 FROM incident") == []


async def test_several_replicas_carry_each_step_out_once(replicas: Replicas) -> None:
    made = [await replicas.started() for _ in range(3)]
    incidents = [await made[number % 3].declare() for number in range(6)]
    for incident in incidents:
        await until_asked(made[0], incident)
    assert replicas.asked() == dict.fromkeys(PHASE_1, 6)
    await until(lambda: _is_empty(made[0]))


async def _is_empty(replica: Replica) -> bool:
    return await replica.jobs() == {}


async def test_decisions_of_two_replicas_on_one_incident_come_one_after_the_other(replicas: Replicas) -> None:
    first, second = await replicas.add(), await replicas.add()
    incident = await first.declare()

    async def waits() -> bool:
        waiting = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        return bool(await first.rows(waiting))

    async with first.store.transaction() as tx:
        await control.stop(tx, first.ctx, incident.number, ANA, "by hand now")
        await tx.session.flush()
        pausing = asyncio.create_task(second.do(control.pause, incident.number, ANA))
        await until(waits)  # begun before the other's commit, and in its way
    with pytest.raises(Conflict, match="The response is stopped"):
        await pausing
    assert await first.rows("SELECT state FROM run") == [("stopped",)]


async def test_a_replica_that_stops_gives_its_steps_to_another(
    replicas: Replicas, monkeypatch: pytest.MonkeyPatch
) -> None:
    leaving = await replicas.started()
    leaving.agent.may_end.clear()
    incident = await leaving.declare()
    await until(lambda: _begun(leaving, 2))
    jobs = leaving.steps._app.job_manager
    fetch, fetching, given_back = jobs.fetch_job, asyncio.Event(), asyncio.Event()

    async def fetch_slowly(**which: Any) -> Any:  # begun before the replica stops, and done after it gave a step back
        fetching.set()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(given_back.wait(), 0.3)
        return await fetch(**which)

    monkeypatch.setattr(jobs, "fetch_job", fetch_slowly)
    leaving.store.on_commit(lambda topics: given_back.set() if STEPS in topics else None)
    await fetching.wait()
    async with asyncio.timeout(5):
        await leaving.steps.stop()
    staying = await replicas.started()
    await until_asked(staying, incident)
    # What was under way is done anew, 1.3 for the first time; who ends takes up nothing that it gave back.
    assert {request.attempt for request in staying.agent.asked} == {1, 2}


async def test_steps_of_a_replica_that_died_are_taken_up_when_its_lease_and_heartbeat_ran_out(
    replicas: Replicas,
) -> None:
    staying = await replicas.add()
    incident = await staying.declare()
    worker = "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '31 s') RETURNING id"
    async with staying.store.transaction() as tx:
        dead = await tx.session.scalar(text(worker))
        await tx.session.execute(
            text("UPDATE procrastinate_jobs SET status = 'doing', worker_id = :dead"), {"dead": dead}
        )
        await tx.session.execute(
            text("UPDATE step SET state = 'running', owner = 'dead', lease_until = now() + interval '1 s', attempt = 1 "
                 "WHERE state = 'ready'")
        )  # fmt: skip
    await staying.steps.start()
    replicas.stack.push_async_callback(staying.steps.stop)
    await until_asked(staying, incident)
    assert replicas.asked() == dict.fromkeys(PHASE_1, 1)
    await until(lambda: _is_empty(staying))


@pytest.mark.parametrize(("at_hand", "at_once"), [(8, True), (1, False)], ids=["free", "full"])
async def test_who_stores_a_result_takes_what_it_made_ready_while_hands_are_free(
    replicas: Replicas, monkeypatch: pytest.MonkeyPatch, at_hand: int, at_once: bool
) -> None:
    monkeypatch.setattr(queued, "_AT_HAND", at_hand)
    replica = await replicas.started()
    incident = await replica.declare()
    await until_asked(replica, incident)
    async with replica.store.read() as session:
        events = await queries.events(session, incident.number)
    at = {(event.kind, event.data.get("step")): event.recorded_at for event in events}
    assert (at[EventKind.STEP_DONE, "1.1"] == at[EventKind.STEP_STARTED, "1.3"]) is at_once


async def test_results_of_one_incident_share_a_transaction_and_those_of_two_never(replicas: Replicas) -> None:
    replica = await replicas.started()
    replica.agent.may_end.clear()
    incidents = [await replica.declare(), await replica.declare()]
    await until(lambda: _begun(replica, 4))
    replica.agent.may_end.set()
    stored = []
    for incident in incidents:
        await until_asked(replica, incident)
        async with replica.store.read() as session:
            done = await queries.events_of(session, incident.number, EventKind.STEP_DONE)
        stored.append({event.recorded_at for event in done if event.data["step"] in ("1.1", "1.2")})
    assert [len(times) for times in stored] == [1, 1]
    assert stored[0] != stored[1]


async def test_a_read_that_hangs_holds_up_no_step_of_another_response(
    replicas: Replicas, monkeypatch: pytest.MonkeyPatch
) -> None:
    replica = await replicas.started()
    read, hanging, answers = requests.read, asyncio.Event(), asyncio.Event()

    async def read_late(session: AsyncSession, ctx: Context, claim: Claim) -> requests.Read | None:
        if claim.incident_id == 1:
            hanging.set()
            await answers.wait()
        return await read(session, ctx, claim)

    monkeypatch.setattr(requests, "read", read_late)
    hangs = await replica.declare()
    try:
        await hanging.wait()
        await until_asked(replica, await replica.declare())
        assert hangs.key not in {request.incident.key for request in replica.agent.asked}
    finally:
        answers.set()
    await until_asked(replica, hangs)


async def test_a_step_that_a_result_took_is_taken_up_by_another_when_its_process_dies(
    replicas: Replicas, monkeypatch: pytest.MonkeyPatch
) -> None:
    dying = await replicas.started()
    monkeypatch.setattr(dying.steps, "set_off", lambda _: None)  # killed between the commit and the agent
    incident = await dying.declare()
    await until(lambda: _runs(dying, incident, "1.3"))
    await dying.steps.stop()
    staying = await replicas.started()
    async with staying.store.transaction() as tx:
        await tx.session.execute(
            text("UPDATE step SET lease_until = now() + interval '1 s' WHERE state = 'running'")  # 30 s later
        )
    await until_asked(staying, incident)
    assert [each.attempt for each in staying.agent.asked if each.step.name == "1.3"] == [2]


async def _runs(replica: Replica, incident: records.Incident, step: str) -> bool:
    return (await replica.states(incident))[step] == "running"


async def test_a_step_that_a_last_result_took_is_given_to_another_when_the_replica_ends(replicas: Replicas) -> None:
    leaving = await replicas.started()
    stopping: list[asyncio.Task[None]] = []

    async def stop(*_: object) -> None:
        stopping.append(asyncio.create_task(leaving.steps.stop()))

    leaving.store.react(EventKind.STEP_DONE, stop)
    incident = await leaving.declare()
    await until(lambda: _is_any(stopping))
    await asyncio.gather(*stopping)
    assert "running" not in (await leaving.states(incident)).values()
    staying = await replicas.started()
    await until_asked(staying, incident)


async def _is_any(found: list[Any]) -> bool:
    return bool(found)


async def test_a_step_whose_job_was_lost_is_queued_again(replicas: Replicas) -> None:
    replica = await replicas.started()
    replica.agent.may_end.clear()
    incident = await replica.declare()
    await replica.agent.begun.wait()
    async with replica.store.transaction() as tx:  # as a replica of a version that knew no queue would leave it
        step = (await tx.session.scalars(select(records.Step).where(records.Step.name == "1.3"))).one()
        step.state = "ready"
    replica.agent.may_end.set()
    await until_asked(replica, incident)
    assert replicas.asked()["1.3"] == 1


async def test_a_database_that_breaks_every_connection_costs_no_step_and_runs_none_twice(replicas: Replicas) -> None:
    replica = await replicas.started()
    replica.agent.may_end.clear()
    first = await replica.declare()
    await until(lambda: _begun(replica, 2))
    async with replica.store.transaction() as tx:
        await tx.session.execute(
            text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                 "WHERE datname = current_database() AND pid <> pg_backend_pid()")
        )  # fmt: skip
    second = await replica.declare()  # taken up while the first one's steps go on
    await until(lambda: _begun(replica, 4))
    replica.agent.may_end.set()
    await until_asked(replica, first)
    await until_asked(replica, second)
    assert replicas.asked() == dict.fromkeys(PHASE_1, 2)


async def _begun(replica: Replica, count: int) -> bool:
    return len(replica.agent.asked) >= count
