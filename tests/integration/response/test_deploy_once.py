"""A deploy whose process dies, whose step is stopped, or whose time is up: done once, never cut off, told truly."""

import asyncio
import dataclasses
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from incidents import catalog, records, store_errors
from incidents.agents.base import StepRequest, StepResult
from incidents.agents.journal import Begun
from incidents.clock import SystemClock
from incidents.definitions import Severity
from incidents.errors import Conflict, StepFailed
from incidents.events import EventKind
from incidents.response import at_work, control, engine, intervening, journal
from incidents.response.engine import Claim, Engine
from incidents.service import queries, resolve, respond
from incidents.store import Store, Tx
from incidents.tools import deploys, recorder
from tests.clock import START
from tests.integration.response.conftest import ANA, BO, SETTINGS, House, Scripted
from tests.integration.response.test_replanning import high_runs, without
from tests.integration.response.test_story import until_deploy_is_asked
from tests.integration.tools.test_launches import recorder_of, until

SCRIPT = """
import json, pathlib, sys, time
here, asked = pathlib.Path(sys.argv[1]), sys.argv[2]
with (here / "ran").open("a") as file: file.write("x")
while not (here / "go").exists(): time.sleep(0.02)
print(json.dumps({"release": 43, "commit": asked}))
"""


class Deployer:
    """Carries steps out as scripted, but deploys for real."""

    name = "scripted"

    def __init__(self, scripted: Scripted, watch_seconds: float = 0.0) -> None:
        self.scripted = scripted
        self.watch_seconds = watch_seconds

    async def run(self, request: StepRequest) -> StepResult:
        if request.step.name != "3.1":
            return await self.scripted.run(request)
        assert request.service is not None
        assert request.approved is not None
        commit = str(request.approved.subject["commit"])
        done = await deploys.deploy(
            request.service,
            "production",
            commit=commit,
            approved=request.approved,
            journal=request.journal,
            clock=SystemClock(),
        )
        await asyncio.sleep(self.watch_seconds)
        result = await self.scripted.run(request)
        notes = ("adopted",) if done.adopted else ()
        return dataclasses.replace(result, evidence=(*result.evidence, done.evidence), notes=notes)


class Mortal(Engine):
    """An engine that can end without a word, as kill -9 ends it; no transaction of this process is cut off."""

    dead = False

    async def give_back(self, claim: Claim) -> None:
        if not self.dead:
            await super().give_back(claim)

    def die(self) -> None:
        self.dead = True
        self.interrupt()


class Site:
    """A house whose service is deployed by a command that waits until it may go on."""

    def __init__(self, house: House, folder: Path) -> None:
        self.house = house
        self.folder = folder
        command = (sys.executable, "-c", SCRIPT, str(folder), "{commit}")
        production = SETTINGS.services["checkout"].production.model_copy(update={"deploy": command})
        self.log = folder / "deploys.jsonl"
        service = catalog.Service(key="checkout", title="Checkout", production=production, deploys=str(self.log))
        # Whoever asks people reads the same sitrep.yml as who acts: what is approved names its command.
        object.__setattr__(house.ctx, "settings", SETTINGS.model_copy(update={"services": {"checkout": service}}))
        self.ctx = house.ctx
        self.agent = Deployer(house.agent)
        self.engine = self.process("here")

    def process(self, owner: str) -> Mortal:
        """Let a process take up the steps from now on."""
        self.house.engine = engine = Mortal(self.ctx, self.agent, self.folder / "work", owner)
        return engine

    def go(self) -> None:
        (self.folder / "go").touch()

    def logged(self, release: int, commit: str) -> None:
        """Write a line of the deploy log, as whatever deploys does."""
        with self.log.open("a") as file:
            at = SystemClock().now().isoformat()
            file.write(json.dumps({"at": at, "release": release, "commit": commit}) + "\n")

    def plan_may_do_without_a_deploy(self) -> None:
        """Let high severity run the same plan but the deploy; not in the library of other tests."""
        library = self.ctx.library.model_copy(update={"workflows": dict(self.ctx.library.workflows)})
        object.__setattr__(self.ctx, "library", library)
        high_runs(self.house, without("3.1"))

    @property
    def times(self) -> int:
        return len((self.folder / "ran").read_text()) if (self.folder / "ran").exists() else 0

    async def approved(self) -> records.Incident:
        incident, deploy = await until_deploy_is_asked(self.house)
        await self.house.do(control.decide, deploy.number, BO, "approve")
        return incident

    async def begun(self) -> tuple[records.Incident, Claim, asyncio.Task[None]]:
        """Approve the deploy and begin it."""
        incident = await self.approved()
        [claim] = await self.engine.claim(1)
        work = asyncio.create_task(self.engine.carry_out(claim))
        await until(lambda: self.times > 0)
        return incident, claim, work

    async def step(self, claim: Claim) -> records.Step:
        async with self.house.store.read() as session:
            return await session.get_one(records.Step, claim.step_id)

    async def under_way(self, claim: Claim) -> None:
        """Wait until a command of the step is under way under its approval."""
        async with asyncio.timeout(20):
            while journal.under_way(await self.step(claim)) is None:  # noqa: ASYNC110 - a row tells nobody
                await asyncio.sleep(0.01)

    async def notes(self, incident: records.Incident) -> list[str]:
        async with self.house.store.read() as session:
            found = await queries.events(session, incident.number)
        return [event.data["text"] for event in found if event.kind is EventKind.NOTE]


@pytest.fixture
async def site(house: House, tmp_path: Path) -> AsyncIterator[Site]:
    folder = tmp_path / "site"
    folder.mkdir()
    site = Site(house, folder)
    yield site
    site.go()


async def lost(site: Site, work: asyncio.Task[None]) -> None:
    """Let the process of `work` end without a word, as kill -9 does, and its lease run out."""
    site.engine.die()
    await work
    site.house.clock.advance(timedelta(seconds=31))
    site.engine = site.process("successor")


async def test_the_next_process_adopts_a_deploy_that_outlives_the_first(site: Site) -> None:
    _, claim, work = await site.begun()
    await lost(site, work)
    site.go()
    assert "3.1" in await site.house.work()
    step = await site.step(claim)
    assert (step.state, step.attempt, step.notes, site.times) == ("done", 2, ["adopted"], 1)
    assert step.begun == []


async def test_a_process_that_ends_leaves_the_deploy_running_and_another_adopts_it(site: Site) -> None:
    incident, claim, work = await site.begun()
    site.engine.interrupt()
    await work
    assert (await site.step(claim)).state == "ready"
    site.house.clock.advance(timedelta(minutes=31))  # the approval's time is over meanwhile: it has begun in time
    site.engine = site.process("successor")
    site.go()
    assert "3.1" in await site.house.work()
    assert site.times == 1
    assert await site.house.pending(incident) == []


async def test_a_process_that_ends_while_it_watches_the_new_release_says_nothing_of_a_stop(site: Site) -> None:
    site.agent.watch_seconds = 60
    incident, claim, work = await site.begun()
    site.go()
    kept = site.engine.at_work.journal_of(claim)
    await until(lambda: bool(kept.outcomes))
    site.engine.interrupt()
    await work
    assert (await site.step(claim)).state == "ready"
    site.engine, site.agent.watch_seconds = site.process("successor"), 0
    before = await site.notes(incident)
    assert "3.1" in await site.house.work()
    step = await site.step(claim)
    assert (step.state, step.attempt, step.notes, site.times) == ("done", 2, ["adopted"], 1)
    assert not [note for note in [*before, *await site.notes(incident)] if "stopped" in note]


def kill(step: records.Step) -> None:
    """End the recorder and the command that the step began last."""
    folder = Path(journal.read(step)[-1].folder)
    command = int(json.loads((folder / "begun.json").read_text())["pid"])
    for each in (recorder_of(folder), command):
        os.kill(each, signal.SIGKILL)


async def vanished(site: Site) -> tuple[records.Incident, Claim]:
    """Lose the process, the recorder and the command: there is no trace of what became of the deploy."""
    incident, claim, work = await site.begun()
    await lost(site, work)
    kill(await site.step(claim))
    site.go()
    return incident, claim


async def test_where_nobody_can_know_people_are_asked_and_nothing_is_run(site: Site) -> None:
    incident, claim = await vanished(site)
    await site.house.work()
    assert (await site.step(claim)).state == "waiting"
    [asked] = await site.house.pending(incident)
    assert "what became of it is not known" in asked.subject["doubt"]
    assert "It is not done again unless" in (await site.notes(incident))[-1]
    assert site.times == 1


async def test_whoever_approves_in_spite_of_the_doubt_has_it_done_again(site: Site) -> None:
    incident, claim = await vanished(site)
    await site.house.work()
    [asked] = await site.house.pending(incident)
    await site.house.do(control.decide, asked.number, BO, "approve")
    assert "3.1" in await site.house.work()
    assert (await site.step(claim)).state == "done"
    assert site.times == 2


async def test_a_second_doubt_is_asked_about_again(site: Site) -> None:
    incident, claim = await vanished(site)
    await site.house.work()
    [asked] = await site.house.pending(incident)
    (site.folder / "go").unlink()
    await site.house.do(control.decide, asked.number, BO, "approve")
    [second] = await site.house.engine.claim(1)
    work = asyncio.create_task(site.house.engine.carry_out(second))
    await until(lambda: site.times == 2)
    await lost(site, work)
    kill(await site.step(claim))
    site.go()
    await site.house.work()
    [anew] = await site.house.pending(incident)
    assert anew.id != asked.id
    assert site.times == 2


async def test_a_deploy_taken_over_while_in_doubt_is_not_asked_about_any_more(site: Site) -> None:
    incident, claim = await vanished(site)
    await site.house.work()
    await site.house.do(intervening.take_over, claim.step_id, ANA, "release 43 runs")
    assert await site.house.pending(incident) == []


async def test_a_fix_that_is_sent_back_while_its_deploy_is_in_doubt_is_not_deployed_again_unasked(site: Site) -> None:
    incident, _ = await vanished(site)
    await site.house.work()
    [asked] = await site.house.pending(incident)
    await site.house.do(control.decide, asked.number, BO, "reject", feedback="Look once more.")
    await site.house.work()
    [anew] = await site.house.pending(incident)
    assert (anew.subject["commit"], anew.subject["doubt"]) == (asked.subject["commit"], asked.subject["doubt"])
    assert site.times == 1


async def test_a_deploy_that_runs_on_while_the_plan_changes_there_and_back_is_adopted(site: Site) -> None:
    """Its approval went with the plan: people are asked anew, and the new word is good for what it names alone."""
    incident, claim, work = await site.begun()
    await lost(site, work)
    site.plan_may_do_without_a_deploy()
    await site.house.do(respond.change_severity, incident.number, ANA, Severity.HIGH, "fewer hurt")
    await site.house.do(respond.change_severity, incident.number, ANA, Severity.CRITICAL, "more hurt")
    assert "3.1" not in await site.house.work()
    [anew] = await site.house.pending(incident)
    await site.house.do(control.decide, anew.number, BO, "approve")
    assert journal.under_way(await site.step(claim)) is None
    [second] = await site.engine.claim(1)
    work = asyncio.create_task(site.engine.carry_out(second))
    await site.under_way(claim)
    # From now on it is under way under its new approval, as if this attempt had begun it.
    object.__setattr__(site.ctx, "providers", ("playbook", "claude"))
    with pytest.raises(Conflict, match="under way and is not cut off"):
        await site.house.do(intervening.hand_over, claim.step_id, ANA, "claude")
    await site.house.do(intervening.stop_step, claim.step_id, ANA)
    assert "is under way and is not cut off" in (await site.notes(incident))[-1]
    await site.house.do(intervening.retry_step, claim.step_id, ANA)
    site.go()
    await work
    assert "3.1" in await site.house.work()
    step = await site.step(claim)
    assert (step.state, step.notes, step.begun, site.times) == ("done", ["adopted"], [], 1)
    assert await site.house.pending(incident) == []


async def test_a_deploy_that_was_rolled_back_while_the_plan_changed_there_and_back_is_done_again(site: Site) -> None:
    """Its exit code of then says nothing of what runs now, and people have approved it anew."""
    incident, claim, work = await site.begun()
    site.plan_may_do_without_a_deploy()
    await site.house.do(respond.change_severity, incident.number, ANA, Severity.HIGH, "fewer hurt")
    site.go()
    await work
    assert "went through" in (await site.notes(incident))[-1]
    site.logged(43, "9f8e7d6")
    site.logged(40, "0000000")
    await site.house.do(respond.change_severity, incident.number, ANA, Severity.CRITICAL, "more hurt")
    await site.house.work()
    [anew] = await site.house.pending(incident)
    await site.house.do(control.decide, anew.number, BO, "approve")
    assert "3.1" in await site.house.work()
    step = await site.step(claim)
    assert (step.state, step.notes, step.begun, site.times) == ("done", [], [], 2)


async def test_a_deploy_that_was_stopped_and_rolled_back_is_asked_about_when_it_is_retried(site: Site) -> None:
    incident, claim, work = await site.begun()
    await site.house.do(intervening.stop_step, claim.step_id, ANA)
    site.go()
    await work
    site.logged(43, "9f8e7d6")
    site.logged(40, "0000000")
    await site.house.do(intervening.retry_step, claim.step_id, ANA)
    await site.house.work()
    [asked] = await site.house.pending(incident)
    assert "went through, but release 40 (0000000) runs now." in asked.subject["doubt"]
    assert ((await site.step(claim)).state, site.times) == ("waiting", 1)


async def test_a_deploy_that_was_stopped_is_told_though_service_is_restored_and_asked_anew_after_reopening(
    site: Site,
) -> None:
    incident, claim, work = await site.begun()
    await site.house.do(intervening.stop_step, claim.step_id, ANA)
    await site.house.do(resolve.resolve, incident.number, ANA, "the vendor mended it")
    before = len(await site.notes(incident))
    await lost(site, work)
    site.go()
    folder = Path(journal.read(await site.step(claim))[-1].folder)
    await until((folder / recorder.ENDED).exists)
    told = "The deploy of 9f8e7d6 to production went through. Step 3.1 was stopped or taken over meanwhile."
    assert await told_since(site, incident, before) == [told]
    assert (await site.house.states(incident))["4.3"] == "done"
    await site.house.do(resolve.reopen, incident.number, ANA, "errors are back")
    assert "3.1" not in await site.house.work()
    [anew] = await site.house.pending(incident)
    assert (anew.kind, site.times) == ("deploy", 1)


async def test_stopping_the_response_lets_a_running_deploy_end_and_tells_what_became_of_it(site: Site) -> None:
    incident, claim, work = await site.begun()
    await site.house.do(control.stop, incident.number, ANA, "by hand now")
    assert any("is not cut off" in note for note in await site.notes(incident))
    await asyncio.wait({work}, timeout=0.5)
    assert not work.done()
    site.go()
    await work
    assert (await site.step(claim)).state == "stopped"
    assert "The deploy of 9f8e7d6 to production went through." in (await site.notes(incident))[-1]
    assert "3.1" not in await site.house.work()


async def test_a_deploy_that_was_stopped_after_its_end_is_not_done_again_when_it_is_retried(site: Site) -> None:
    incident, claim, work = await site.begun()
    await site.house.do(control.stop, incident.number, ANA, "by hand now")
    site.go()
    await work
    await site.house.do(intervening.retry_step, claim.step_id, ANA)
    await site.house.work()
    assert ((await site.step(claim)).state, site.times) == ("done", 1)


class Overtaken(Deployer):
    """Goes on to deploy after another replica stopped the step; this process has not heard of it yet."""

    def __init__(self, scripted: Scripted, stop: Callable[[], Awaitable[None]]) -> None:
        super().__init__(scripted)
        self.stop = stop
        self.refusal = ""

    async def run(self, request: StepRequest) -> StepResult:
        if request.step.name != "3.1":
            return await super().run(request)
        with request.journal.under_way():  # so nothing but the row's fence is in the way of the command
            await self.stop()
            try:
                return await super().run(request)
            except StepFailed as refused:
                self.refusal = refused.message
                raise


async def test_a_step_that_is_stopped_first_begins_no_deploy(site: Site) -> None:
    incident = await site.approved()
    elsewhere = Store(str(site.ctx.store.engine.url), site.house.clock)

    async def stop() -> None:
        async with elsewhere.transaction() as tx:
            await control.stop(tx, site.ctx, incident.number, ANA, "by hand now")

    site.agent = agent = Overtaken(site.house.agent, stop)
    site.go()
    [claim] = await site.process("overtaken").claim(1)
    await site.house.engine.carry_out(claim)
    await elsewhere.close()
    assert agent.refusal == "The step was stopped before the deploy of 9f8e7d6 to production began."
    step = await site.step(claim)
    assert (step.state, step.begun, site.times) == ("stopped", [], 0)


async def short_of_time(site: Site, incident: records.Incident, budget: str) -> None:
    """Give the deploy step less time than it takes."""
    async with site.house.store.transaction() as tx:
        run = await queries.latest_run(tx.session, incident.number)
        assert run is not None
        definition = json.loads(json.dumps(run.definition))
        for stage in definition["stages"]:
            for step in stage["steps"]:
                step["duration"] = budget if step["name"] == "3.1" else step["duration"]
        run.definition, run.digest = definition, f"with a budget of {budget}"
        tx.session.add(run)


async def test_a_deploy_over_its_budget_ends_and_its_result_counts(site: Site) -> None:
    incident = await site.approved()
    await short_of_time(site, incident, "0.3s")
    [claim] = await site.house.engine.claim(1)
    work = asyncio.create_task(site.house.engine.carry_out(claim))
    await until((site.folder / "ran").exists)
    await asyncio.wait({work}, timeout=0.6)
    assert not work.done()
    site.go()
    await work
    assert ((await site.step(claim)).state, site.times) == ("done", 1)


async def test_a_deploy_step_that_hangs_after_its_deploy_fails_and_says_that_it_went_through(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(at_work, "_TELL_SECONDS", 0.2)
    site.agent.watch_seconds = 60
    site.go()
    incident = await site.approved()
    await short_of_time(site, incident, "5s")  # several times what the deploy takes
    [claim] = await site.house.engine.claim(1)
    await site.house.engine.carry_out(claim)
    step = await site.step(claim)
    assert step.state == "failed"
    assert "longer than its budget" in step.error
    assert "The deploy of 9f8e7d6 to production went through." in step.error


async def test_a_deploy_step_that_breaks_after_its_deploy_fails_and_says_that_it_went_through(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = site.agent.run

    async def breaks(request: StepRequest) -> StepResult:
        await run(request)
        raise RuntimeError("a fault of ours")

    site.go()
    await site.approved()
    monkeypatch.setattr(site.agent, "run", breaks)
    [claim] = await site.engine.claim(1)
    await site.engine.carry_out(claim)
    step = await site.step(claim)
    assert step.state == "failed"
    assert "stopped with RuntimeError. The deploy of 9f8e7d6 to production went through." in step.error


async def told_since(site: Site, incident: records.Incident, before: int) -> list[str]:
    """Return what the channel hears after `before` notes, looked after twice by the process that lives."""
    await site.house.work()
    for _ in range(2):
        await site.engine.belated.look()
    return (await site.notes(incident))[before:]


async def test_a_database_that_is_away_for_a_moment_keeps_no_deploy_from_beginning(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_errors, "_AGAIN_SECONDS", 0.01)
    refused: list[OperationalError] = []
    run, transaction = site.agent.run, site.house.store.transaction

    def away_once() -> AbstractAsyncContextManager[Tx]:
        if not refused:
            refused.append(OperationalError("BEGIN", {}, OSError("connection refused")))
            raise refused[0]
        return transaction()

    async def deploys_while_it_is_away(request: StepRequest) -> StepResult:
        monkeypatch.setattr(site.house.store, "transaction", away_once)
        return await run(request)

    site.go()
    await site.approved()
    monkeypatch.setattr(site.agent, "run", deploys_while_it_is_away)
    [claim] = await site.engine.claim(1)
    await site.engine.carry_out(claim)
    step = await site.step(claim)
    assert (step.state, step.attempt, site.times, len(refused)) == ("done", 1, 1, 1)


async def test_a_deploy_keeps_its_outcome_though_the_database_is_away_for_longer_than_its_lease(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database is back before it would have been given up for a failure, too."""
    lease = timedelta(seconds=0.2)
    monkeypatch.setattr(engine, "LEASE", lease)
    monkeypatch.setattr(store_errors, "_AGAIN_SECONDS", 0.02)
    back_at: list[float] = []
    run, transaction = site.agent.run, site.house.store.transaction

    async def deploys_then_is_away(request: StepRequest) -> StepResult:
        result = await run(request)
        if request.step.name == "3.1" and not back_at:
            back_at.append(time.monotonic() + 1.5 * lease.total_seconds())
        return result

    def away() -> AbstractAsyncContextManager[Tx]:
        if back_at and time.monotonic() < back_at[0]:
            raise OperationalError("BEGIN", {}, OSError("connection refused"))
        return transaction()

    monkeypatch.setattr(site.agent, "run", deploys_then_is_away)
    monkeypatch.setattr(site.house.store, "transaction", away)
    site.go()
    incident = await site.approved()
    [claim] = await site.engine.claim(1)
    await site.engine.carry_out(claim)
    await until(lambda: time.monotonic() > back_at[0])
    site.house.clock.advance(2 * lease)
    await site.house.work()
    step = await site.step(claim)
    assert (step.state, step.begun, site.times) == ("done", [], 1)
    async with site.house.store.read() as session:
        kinds = [event.kind for event in await queries.events(session, incident.number)]
    assert EventKind.STEP_FAILED not in kinds


@pytest.mark.parametrize("end", ["kill", "term"])
async def test_a_deploy_that_is_stopped_and_loses_its_process_is_told_by_another(site: Site, end: str) -> None:
    incident, claim, work = await site.begun()
    await site.house.do(intervening.stop_step, claim.step_id, ANA)
    before = len(await site.notes(incident))
    if end == "kill":
        await lost(site, work)
    else:
        site.engine.interrupt()
        await work
        site.engine = site.process("successor")
    assert await told_since(site, incident, before) == []  # it runs on
    site.go()
    folder = Path(journal.read(await site.step(claim))[-1].folder)
    await until((folder / recorder.ENDED).exists)
    told = "The deploy of 9f8e7d6 to production went through. Step 3.1 was stopped or taken over meanwhile."
    assert await told_since(site, incident, before) == [told]
    site.engine.belated.let_go()
    assert ((await site.step(claim)).state, site.times) == ("stopped", 1)


@pytest.mark.parametrize("process", ["lives", "died"])
async def test_a_stopped_deploy_of_which_nobody_can_know_is_told_as_such(site: Site, process: str) -> None:
    incident, claim, work = await site.begun()
    await site.house.do(intervening.stop_step, claim.step_id, ANA)
    before = len(await site.notes(incident))
    if process == "died":
        await lost(site, work)
    kill(await site.step(claim))
    await work
    [told] = await told_since(site, incident, before)
    assert "what became of it is not known" in told
    assert "Look which release runs. Step 3.1 was stopped" in told
    assert ((await site.step(claim)).state, site.times) == ("stopped", 1)


async def test_an_agent_that_is_interrupted_cuts_off_no_transaction_of_its_journal(site: Site) -> None:
    await site.approved()
    [claim] = await site.engine.claim(1)
    kept = journal.StepJournal(site.house.store, claim, site.folder, (), "")
    begun = Begun(id="b", verb="deploy", environment="production", what="c0ffee", at=START, machine="m", folder="f")
    async with site.house.store.transaction():
        writing = asyncio.create_task(kept.begin(begun))
        await asyncio.sleep(0.05)  # it waits for its turn to write
        writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert journal.read(await site.step(claim)) == (begun,)
