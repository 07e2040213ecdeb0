"""A response on the real engine, driven by people who do anything in any order; and what must hold meanwhile."""

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from incidents import records
from incidents.agents.base import StepRequest, StepResult
from incidents.definitions import ApprovalKind, Severity
from incidents.errors import SitrepError
from incidents.events import EventKind
from incidents.lifecycle import Status
from incidents.response import control, gates, intervening, plan, progress, vouching
from incidents.response.claims import LEASE, Claim
from incidents.response.engine import Engine
from incidents.response.plan import FINISHED, StepState
from incidents.service import queries, resolve, respond
from tests.integration.response.conftest import ANA, BO, House
from tests.integration.response.test_story import told

ROUNDS = 20  # by then, whoever decides everything that waits has seen any shipped workflow to its end


class Watched:
    """Lets agents work, and sees that nobody works on a step before its time, or twice on one attempt."""

    def __init__(self, course: "Course") -> None:
        self.course = course
        self.name = "watched"
        self.attempts: Counter[tuple[int, int]] = Counter()
        self.deploys = 0
        self.faults: list[str] = []  # what an agent raises only fails its step

    async def run(self, request: StepRequest) -> StepResult:
        row, states, definition = await self.course.looked_up(request)
        held = plan.unmet(definition, request.step, states, self.course.early(states))
        if held and row.number not in self.course.carried:
            self.faults.append(f"{request.step.name} overtook {held}")
        self.attempts[row.number, request.attempt] += 1
        if self.attempts[row.number, request.attempt] > 1:
            self.faults.append(f"{request.step.name} was worked on twice at once")
        if request.step.approval is ApprovalKind.DEPLOY:
            self.deploys += 1
            if request.approved is None:
                self.faults.append("it was deployed though nobody approved")
        return await self.course.house.agent.run(request)


class Course:
    """One incident, and the hands of everybody in it."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.watched = Watched(self)
        self.engine = self._engine(0)
        self.held: list[tuple[Engine, Claim]] = []
        self.carried: set[int] = (
            set()
        )  # steps that ran when the plan changed: they go on, whatever it says of their order
        self.incident: records.Incident

    def _engine(self, number: int) -> Engine:
        return Engine(self.house.ctx, self.watched, self.house.workdir, f"process {number}")

    async def begin(self, severity: Severity) -> None:
        self.incident = await self.house.declare(severity)
        await self.house.do(respond.acknowledge, self.incident.number, ANA)
        await told(self.house, self.incident)

    # What may happen

    async def act(self, deed: str, what: Any) -> None:
        """Do what `deed` names."""
        await self.DEEDS[deed](self, what)

    async def _do(self, use_case: Callable[..., Any], *arguments: Any, **named: Any) -> None:
        """Do it; what is refused must leave everything as it was."""
        before = await self.snapshot()
        try:
            await self.house.do(use_case, *arguments, **named)
        except SitrepError as error:
            refused = str(error)
        else:
            return
        assert await self.snapshot() == before, f"{refused} was said, and something was left behind"

    async def _work(self, what: int) -> None:
        for claim in await self.engine.claim(what):
            await self.engine.carry_out(claim)

    async def _hold(self, what: int) -> None:
        self.held += [(self.engine, claim) for claim in await self.engine.claim(what)]

    async def _finish(self, what: int) -> None:
        """Carry out what was taken up before, however late."""
        for engine, claim in self.held[:what]:
            await engine.carry_out(claim)
        del self.held[:what]

    async def _freeze(self, what: int) -> None:
        """Let another process take up what this one holds; this one may wake up later."""
        self.house.clock.advance(LEASE + timedelta(seconds=what))
        self.engine = self._engine(int(self.house.clock.now().timestamp()))

    async def _fail(self, what: str) -> None:
        self.house.agent.failing ^= {what}

    async def _severity(self, what: Severity) -> None:
        self.carried |= {row.number for row in (await self.rows()).values() if row.state == StepState.RUNNING.value}
        await self._do(respond.change_severity, self.incident.number, ANA, what, "as it turns out")

    async def _step(self, what: str) -> records.Step:
        rows = await self.rows()
        return rows.get(what) or next(iter(rows.values()))

    async def _retry(self, what: str) -> None:
        await self._do(intervening.retry_step, (await self._step(what)).number, ANA)

    async def _take_over(self, what: str) -> None:
        await self._do(intervening.take_over, (await self._step(what)).number, ANA, "done by hand")

    async def _skip(self, what: str) -> None:
        await self._do(intervening.skip_step, (await self._step(what)).number, ANA, "nobody needs it")

    async def _stop_step(self, what: str) -> None:
        await self._do(intervening.stop_step, (await self._step(what)).number, ANA)

    async def _decide(self, what: str) -> None:
        for approval in await self.house.pending(self.incident):
            option = 1 if approval.kind == ApprovalKind.CHOOSE_FIX.value else None
            said = "" if what == "approve" else "another way"
            await self._do(
                control.decide, approval.number, BO if option is None else ANA, what, option=option, feedback=said
            )

    async def _attest(self, what: int) -> None:
        run = await self.run()
        async with self.house.store.read() as session:
            incident = await queries.get(session, self.incident.number)
            outputs = await queries.outputs(session, run.number)
            judged = await progress.verdicts(session, self.house.ctx, incident, run, outputs)
        open_ = [
            (stage, verdict.gate)
            for stage, verdicts in judged.items()
            for verdict in verdicts
            if not verdict.holds and verdict.state is not gates.GateState.COMING
        ]
        for stage, gate in open_[:what]:
            await self._do(vouching.attest, run.number, stage, gate, ANA, "seen")

    async def _steer(self, what: str) -> None:
        steers: Mapping[str, Callable[..., Any]] = {
            "pause": control.pause, "resume": control.resume, "stop": control.stop, "begin": control.begin
        }  # fmt: skip
        await self._do(steers[what], self.incident.number, ANA)

    async def _end(self, what: str) -> None:
        use_case = resolve.resolve if what == "resolve" else resolve.reopen
        await self._do(use_case, self.incident.number, ANA, "as it looks")

    DEEDS: Mapping[str, Callable[["Course", Any], Any]] = {
        "work": _work, "hold": _hold, "finish": _finish, "freeze": _freeze, "fail": _fail, "severity": _severity,
        "retry": _retry, "take over": _take_over, "skip": _skip, "stop step": _stop_step,
        "decide": _decide, "attest": _attest, "steer": _steer, "end": _end,
    }  # fmt: skip

    # What is looked at

    async def run(self) -> records.Run:
        async with self.house.store.read() as session:
            run = await queries.latest_run(session, self.incident.number)
            assert run is not None
            return run

    async def rows(self) -> dict[str, records.Step]:
        run = await self.run()
        async with self.house.store.read() as session:
            found = await queries.steps(session, run.number)
        assert len({row.name for row in found}) == len(found), "a step is there twice"
        return {row.name: row for row in found}

    async def snapshot(self) -> dict[str, Any]:
        run = await self.run()
        rows = await self.rows()
        return {
            "run": (run.id, run.state, run.digest),
            "steps": {name: (row.state, row.attempt, row.owner) for name, row in rows.items()},
            "asked": sorted(each.number for each in await self.house.pending(self.incident)),
        }

    async def looked_up(self, request: StepRequest) -> tuple[records.Step, dict[str, StepState], Any]:
        rows = await self.rows()
        definition = progress.definition_of(await self.run())
        return rows[request.step.name], {name: StepState(row.state) for name, row in rows.items()}, definition

    @staticmethod
    def early(states: Mapping[str, StepState]) -> frozenset[str]:
        return frozenset(name for name, state in states.items() if state is StepState.RUNNING)

    async def holds(self) -> None:
        """See that nothing is lost, nothing doubled, and nothing runs that must not."""
        assert self.watched.faults == []
        run, rows = await self.run(), await self.rows()
        definition = progress.definition_of(run)
        assert {step.name for step in definition.steps()} <= {*rows}, "a step of the plan is lost"
        states = {name: StepState(row.state) for name, row in rows.items()}
        for step in definition.steps():
            if states[step.name] is StepState.READY:
                assert run.state == "running", f"{step.name} may start in a run that is {run.state}"
                assert plan.unmet(definition, step, states, self.early(states)) == (), f"{step.name} is ready too early"
        if run.state in ("stopped", "superseded"):
            assert StepState.RUNNING not in states.values()
        for name, state in states.items():
            assert state is not StepState.RUNNING or rows[name].owner, f"nobody works on {name}"
        await self._deployed_as_often_as_approved()

    async def _deployed_as_often_as_approved(self) -> None:
        async with self.house.store.read() as session:
            events = await queries.events(session, self.incident.number)
        approved = [
            event
            for event in events
            if event.kind is EventKind.APPROVAL_DECIDED
            and (event.data["about"], event.data["decision"]) == ("deploy", "approved")
        ]
        retried = [event for event in events if event.kind is EventKind.STEP_RETRIED]
        assert self.watched.deploys <= len(approved) + len(retried), "it was deployed again unasked"

    async def finished(self) -> set[str]:
        return {name for name, row in (await self.rows()).items() if row.state in ("done", "taken_over")}

    # How it ends

    async def through_phase(self, number: int) -> None:
        """Let agents work and people decide until every step of the phase is finished."""
        for _ in range(ROUNDS):
            if not number or plan.stage_finished(
                progress.definition_of(await self.run()),
                number,
                {name: StepState(row.state) for name, row in (await self.rows()).items()},
            ):
                return
            for deed, what in (("work", 9), ("decide", "approve"), ("attest", 9)):
                await self.act(deed, what)
        raise AssertionError(f"phase {number} never ends")

    async def to_the_end(self) -> None:
        """Let people decide whatever waits, until the response is over.

        Raises:
            AssertionError: it never is.
        """
        self.house.agent.failing.clear()
        tried: set[str] = set()
        for _ in range(ROUNDS):
            await self.act("freeze", 1)  # what nobody finishes is taken up by another process
            incident = await self.house.incident(self.incident)
            assert incident.status in (Status.OPEN, Status.RESOLVED)
            run = await self.run()
            if run.state == "done":
                break
            for deed, what in (
                ("steer", "begin"),
                ("steer", "resume"),
                ("work", 9),
                ("decide", "approve"),
                ("attest", 9),
            ):
                await self.act(deed, what)
            for name, row in (await self.rows()).items():
                if row.state in (StepState.FAILED.value, StepState.STOPPED.value):
                    # A deploy with nothing to deploy (its fix was skipped) fails again: people do it by hand.
                    await self.act("take over" if name in tried else "retry", name)
                    tried.add(name)
            await self.holds()
        run = await self.run()
        states = {name: row.state for name, row in (await self.rows()).items()}
        assert run.state == "done", f"it never ends: {run.state} {states}"
        wanted = {step.name for step in progress.definition_of(run).steps()}
        assert all(StepState(states[name]) in FINISHED for name in wanted)
