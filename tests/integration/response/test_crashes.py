"""A response when the process dies, the disk refuses, or something of ours breaks in the middle of a step."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from incidents import records, store, store_errors
from incidents.agents.base import StepRequest, StepResult
from incidents.agents.journal import Begun
from incidents.events import EventKind
from incidents.response import control, dispatch, engine
from incidents.response.dispatch import LocalDispatcher
from incidents.response.engine import Claim, Engine
from incidents.service import queries, resolve
from tests.clock import START
from tests.integration.response.conftest import ANA, BO, House
from tests.integration.response.test_story import until_deploy_is_asked

pytestmark = pytest.mark.long


async def test_a_new_process_takes_over_in_mid_deploy_and_ends_the_story(house: House) -> None:
    incident, deploy = await until_deploy_is_asked(house)
    await house.do(control.decide, deploy.number, BO, "approve")
    lost = await house.engine.claim(10)  # kill -9: nothing is given back, no result is stored
    house.succeed()
    assert await house.engine.claim(10) == []
    house.clock.advance(timedelta(seconds=31))
    house.succeed()  # one that did not see the clock move by itself
    assert "3.1" in await house.work()
    await house.do(resolve.resolve, incident.number, ANA, "reverted")
    await house.work()
    assert "postmortem" in await house.outbox(incident)
    attempts = [each.attempt for each in house.agent.asked if each.step.name == "3.1"]
    assert attempts == [2]  # the agent is told that it is not the first
    async with house.store.read() as session:
        decided = [e for e in await queries.events(session, incident.number) if e.kind is EventKind.APPROVAL_DECIDED]
    assert len(decided) == 2
    assert len(lost) == 1


async def test_a_result_that_cannot_be_stored_fails_its_step_instead_of_running_it_for_ever(house: House) -> None:
    async def broken(tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        raise RuntimeError("a reactor broke")

    house.store.react(EventKind.STEP_DONE, broken)
    incident = await house.declare()
    await house.work()
    assert (await house.states(incident))["1.1"] == "failed"


@pytest.mark.parametrize("kind", [EventKind.STEP_DONE, EventKind.STEP_FAILED])
async def test_what_came_of_a_step_outlasts_a_database_that_went_away(
    house: House, monkeypatch: pytest.MonkeyPatch, kind: EventKind
) -> None:
    monkeypatch.setattr(store_errors, "_AGAIN_SECONDS", 0.01)
    away = [OperationalError("COMMIT", {}, OSError("server closed the connection unexpectedly"))] * 2

    async def broken(tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        if away and event.data["step"] == "1.1":
            raise away.pop()

    house.store.react(kind, broken)
    if kind is EventKind.STEP_FAILED:
        house.agent.failing.add("1.1")
    incident = await house.declare()
    await house.work()
    assert (await house.states(incident))["1.1"] == ("failed" if kind is EventKind.STEP_FAILED else "done")
    assert [each.step.name for each in house.agent.asked].count("1.1") == 1
    assert not away


async def test_a_result_that_a_database_that_is_there_never_takes_fails_its_step(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_errors, "_AGAIN_SECONDS", 0.01)
    monkeypatch.setattr(engine, "LEASE", timedelta(seconds=0.05))

    async def broken(tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        raise OperationalError("INSERT", {}, OSError("the row is too big"))

    house.store.react(EventKind.STEP_DONE, broken)
    incident = await house.declare()
    await house.work()
    assert (await house.states(incident))["1.1"] == "failed"


@pytest.mark.parametrize("kind", [EventKind.STEP_DONE, EventKind.STEP_FAILED])
async def test_a_result_whose_commit_was_not_answered_is_not_told_as_one_that_came_too_late(
    house: House, monkeypatch: pytest.MonkeyPatch, kind: EventKind
) -> None:
    monkeypatch.setattr(store_errors, "_AGAIN_SECONDS", 0.01)
    lost: list[str] = []
    run = house.agent.run

    async def deploy(request: StepRequest) -> StepResult:
        begun = Begun(id="b", verb="deploy", environment="staging", what="c0ffee", at=START, machine="m", folder="f")
        if request.step.name == "1.1":
            await request.journal.begin(begun)
            request.journal.ended(begun, "The deploy ended.")
        return await run(request)

    def lose() -> None:
        raise OperationalError("COMMIT", {}, OSError("server closed the connection unexpectedly"))

    async def broken(tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        if not lost and event.data["step"] == "1.1":
            lost.append(event.data["step"])
            tx.then(lose)  # what fails from here on fails behind the commit

    house.store.react(kind, broken)
    monkeypatch.setattr(house.agent, "run", deploy)
    if kind is EventKind.STEP_FAILED:
        house.agent.failing.add("1.1")
    incident = await house.declare()
    await house.work()
    assert lost
    async with house.store.read() as session:
        events = await queries.events(session, incident.number)
    assert [each.data["text"] for each in events if each.kind is EventKind.NOTE] == []
    assert [each.kind for each in events if each.data.get("step") == "1.1"].count(kind) == 1


async def test_a_work_folder_that_cannot_be_made_fails_the_step(house: House, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    house.engine = Engine(house.ctx, house.agent, tmp_path / "file", "here")
    incident = await house.declare()
    await house.work()
    assert (await house.states(incident))["1.1"] == "failed"


class Unsure(Engine):
    """An engine whose database is away whenever a lease is prolonged."""

    def __init__(self, house: House, workdir: Path) -> None:
        super().__init__(house.ctx, house.agent, workdir, "here")
        self.refused = asyncio.Event()

    async def renew(self, claim: Claim) -> bool:
        self.refused.set()
        raise OSError("the database is away")


async def test_a_database_that_is_away_for_a_moment_cancels_no_step(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "_RENEW", 0.01)
    unsure = Unsure(house, tmp_path / "work")
    done = asyncio.Event()
    run = house.agent.run

    async def slow(request: StepRequest) -> StepResult:
        await unsure.refused.wait()
        return await run(request)

    async def note(tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        if event.data["step"] == "1.3":
            done.set()

    house.store.react(EventKind.STEP_DONE, note)

    monkeypatch.setattr(house.agent, "run", slow)
    await house.declare()
    steps = LocalDispatcher(unsure, house.store)
    await steps.start()
    async with asyncio.timeout(20):
        await done.wait()
    await steps.stop()
    assert [each.step.name for each in house.agent.asked].count("1.1") == 1
