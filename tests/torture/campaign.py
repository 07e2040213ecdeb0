"""One campaign: a company at work, its Sitrep killed again and again, and the reckoning at the end."""

import asyncio
import contextlib
import random
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bot.workspace.rules.faults import Fault, FaultKind
from bot.workspace.server import Workspace
from tests.processes import Sitrep, slack_variables
from tests.torture import arrivals, debts, reckoning, timeline, town, townsfolk
from tests.torture.doings import Doings
from tests.torture.outside import Executioner, MailServer, PagerServer, WebhookServer
from tests.torture.points import Blow, Kill, Point, Stir
from tests.torture.private import Shown
from tests.torture.reckoning import Verdict
from tests.torture.timeline import Life

_AT_WORK_SECONDS = 0.5  # the workspace takes so long for a call that is to outlive its caller
PATIENCE_SECONDS = 6.0  #: a point that is not reached by then is not waited for
_READY_SECONDS = 40.0
_CAUGHT_UP_SECONDS = 120.0  # one person's conversation takes one message a second: an absence may fill a minute
_SETTLE_SECONDS = 120.0  # until everything owed has arrived, once nothing is killed any more
_CALM_SECONDS = 20.0  # until what an incident's end has caused has arrived
_DELIVERED_SECONDS = (
    300.0  # until nothing is on its way any more about what is over: Slack's pace, after a long absence
)
_LOG_LINES = 12  # of a Sitrep that fell: why it did stands last


@dataclass
class Report:
    """What a campaign came to."""

    seed: int
    database: str
    kills: int = 0
    reached: Counter[str] = field(default_factory=Counter)  #: named points that were reached, by point
    struck: set[tuple[Kill, Stir]] = field(default_factory=set)  #: the same, each with what led to it
    missed: list[str] = field(default_factory=list)  #: named points that were not, killed from outside instead
    calls: int = 0
    incidents: int = 0
    seconds: float = 0.0
    again: dict[str, int] = field(default_factory=dict)  #: what people had to do again
    shown_twice: list[str] = field(default_factory=list)  #: who was shown more than they asked for
    faults: list[str] = field(default_factory=list)  #: ends that nobody caused, and what never came to rest
    verdict: Verdict = field(default_factory=Verdict)

    @property
    def is_good(self) -> bool:
        verdict = self.verdict
        return not (verdict.lost or verdict.doubled or verdict.unowed or self.shown_twice or self.faults)


class Campaign:
    """Use with `async with`; then `run`."""

    def __init__(
        self,
        seed: int,
        folder: Path,
        database: str,
        *,
        database_url: str,
        services: dict[str, Any] | None = None,
    ) -> None:
        self.report = Report(seed, database)
        self._dice = random.Random(seed)  # noqa: S311 - a test's dice
        self._folder = folder
        self._url = database_url
        self._services = services
        self._ahead = 0.0
        self._lives: list[Life] = []
        self._found: list[timeline.Incident] = []  # as they were reckoned last
        self._unended: list[str] = []  # the same
        self.executioners: list[Executioner] = []  #: of the servers that may end the process in the middle of a call
        self._stack = contextlib.AsyncExitStack()

    def now(self) -> float:
        """Return the test's time: the machine's, and what the machine was down for."""
        return time.time() + self._ahead

    async def __aenter__(self) -> "Campaign":
        enter = self._stack.enter_async_context
        self.workspace = await enter(Workspace(town.slack_config(), now=self.now))
        self._count_calls()
        self._shown = Shown.watch(self.workspace.core)
        self.mail = await enter(MailServer(self.now))
        self.pager = await enter(PagerServer(self.now))
        self.webhook = await enter(WebhookServer(self.now))
        self.executioners += [each.executioner for each in (self.mail, self.pager, self.webhook)]
        config = self._folder / "config"
        await asyncio.to_thread(town.write_configuration, config, self._services)
        variables = slack_variables(
            self.workspace.api_url,
            DATABASE_URL=self._url,
            SITREP_CONFIG=config,
            SMTP_URL=self.mail.url,
            PAGER_URL=self.pager.url,
            PAGER_ROUTING_KEY="torture",
            WEBHOOK_URL=self.webhook.url,
        )
        self.sitrep = Sitrep(self._folder, variables, program="tests.torture.launcher")
        self._stack.push_async_exit(self.sitrep)
        self.record = town.Record(self._url)
        self._stack.push_async_callback(self.record.close)
        self.folk = await enter(townsfolk.at_their_screens(self.workspace.url, self.record))
        self.doings = Doings(self.report.seed, self._url, self.folk, self.record, self.now)
        self._stack.push_async_callback(self.doings.close)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    def _count_calls(self) -> None:
        log = self.workspace.core.calls
        record = log.record

        def counting(method: str, caller: str, arguments: dict[str, Any], error: str | None) -> None:
            self.report.calls += caller not in town.PEOPLE.values()
            record(method, caller, arguments, error)

        log.record = counting  # type: ignore[method-assign]

    async def run(self, blows: Iterable[Blow], *, patience: float = PATIENCE_SECONDS) -> Report:
        """Kill again and again, each point waited for `patience` seconds, let everything settle, and reckon."""
        began = time.monotonic()
        for blow in blows:
            await self.strike(blow, patience=patience)
        await self.settle()
        self.report.seconds = time.monotonic() - began
        return self.report

    async def strike(self, blow: Blow, *, patience: float = PATIENCE_SECONDS) -> None:
        """Live once, and be killed: at the point, or from outside when it is not reached within `patience` seconds."""
        if blow.stir is Stir.ARCHIVE:
            await self._grow_old(self.doings.end_one)
        if blow.stir is Stir.WAIT:
            await self._wait()
        await self.doings.prepare(blow.stir)
        up = await self._start(blow.kill)
        stirring = asyncio.create_task(self._stir(blow.stir))
        if blow.stir is Stir.AWAY:
            patience += town.AWAY_SECONDS
        if blow.kill.point is Point.RANDOM:
            patience = self._dice.uniform(0.2, 3.0)
        assert self.sitrep.process is not None
        try:
            async with asyncio.timeout(patience):
                await self.sitrep.process.wait()
        except TimeoutError:
            self.sitrep.signal(signal.SIGKILL)
            await self.sitrep.process.wait()
            self._note_kill(blow, at_its_point=False)
        else:
            self._note_kill(blow, at_its_point=True)
        self._lives.append(Life(up, self.now()))
        stirring.cancel()
        await asyncio.gather(stirring, return_exceptions=True)
        self._disarm()
        self._ahead += blow.down_seconds

    def _note_kill(self, blow: Blow, *, at_its_point: bool) -> None:
        """Count what ended by our SIGKILL alone; at random nothing but the campaign kills."""
        assert self.sitrep.process is not None
        kill = blow.kill
        is_random = kill.point is Point.RANDOM
        if self.sitrep.process.returncode != -signal.SIGKILL or (at_its_point and is_random):
            self._note_fall(f"before it was killed ({kill})")
            return
        self.report.kills += 1
        if at_its_point:
            self.report.reached[kill.point] += 1
            self.report.struck.add((replace(kill, nth=1), blow.stir))
        elif not is_random:
            self.report.missed.append(str(kill))

    def _note_fall(self, when: str) -> None:
        assert self.sitrep.process is not None
        last = "\n".join(self.sitrep.log.splitlines()[-_LOG_LINES:])
        self.report.faults.append(f"Sitrep ended with {self.sitrep.process.returncode} {when}:\n{last}")

    async def _start(self, kill: Kill | None) -> float:
        """Start Sitrep; returns since when it serves, or when it ended before."""
        self.sitrep.variables["TORTURE_AHEAD"] = str(self._ahead)
        self.sitrep.variables["TORTURE_KILL"] = kill.written() if kill and kill.point is not Point.RANDOM else ""
        await self.sitrep.start()
        assert self.sitrep.process is not None
        if kill is not None:
            for executioner in self.executioners:
                executioner.aim(kill, self.sitrep.process.pid)
            if kill.point is Point.SENT and kill.what.startswith("^"):
                method = kill.what.strip("^$").replace("\\", "")
                slow = Fault(method=method, kind=FaultKind.LATENCY, seconds=_AT_WORK_SECONDS)
                await self.workspace.request_faults(slow)
        began = time.monotonic()
        while self.sitrep.is_running and set((checks := await self.sitrep.checks()).values()) != {"ok"}:
            # Whoever is killed again and again before they caught up has, after two minutes, told only what is newest.
            patience = _CAUGHT_UP_SECONDS if _serves(checks) else _READY_SECONDS
            assert time.monotonic() - began < patience, f"{checks}\n{self.sitrep.log[-3000:]}"
            await asyncio.sleep(0.05)
        return self.now()

    def _disarm(self) -> None:
        self.workspace.core.faults.clear()
        for executioner in self.executioners:
            executioner.kill = None

    async def _stir(self, stir: Stir) -> None:
        if stir is Stir.AWAY:
            await self.workspace.request_faults(Fault(method="chat.postMessage", kind=FaultKind.SERVER_ERROR))
        await self.doings.do(stir)

    async def end_life(self, up: float) -> None:
        """Stop it as a deploy does."""
        await self._stop()
        self._lives.append(Life(up, self.now()))

    async def _stop(self) -> None:
        """Ask it to end; that it had ended by itself, does not end, or ends with another code than 0 is a fault."""
        if not self.sitrep.is_running:
            self._note_fall("by itself")
            return
        try:
            if await self.sitrep.stop() != 0:
                self._note_fall("when it was asked to stop")
        except TimeoutError:
            await self.sitrep.kill()
            self._note_fall("by force, for it did not stop when it was asked to")

    async def _while_it_lives(self, doing: Awaitable[None]) -> None:
        """Let people do something, and let go of it when Sitrep ends meanwhile: they would try for ever."""
        assert self.sitrep.process is not None
        ended, done = asyncio.ensure_future(self.sitrep.process.wait()), asyncio.ensure_future(doing)
        await asyncio.wait({ended, done}, return_when=asyncio.FIRST_COMPLETED)
        for task in (ended, done):
            if not task.done():
                task.cancel()
        for failed in await asyncio.gather(ended, done, return_exceptions=True):
            if isinstance(failed, Exception):
                raise failed

    async def _grow_old(self, begin: Callable[[], Awaitable[None]]) -> None:
        """Live undisturbed until all is told, and let the time pass after which rooms go into the archive."""
        up = await self._start(None)
        await self._while_it_lives(begin())
        until = time.monotonic() + _CALM_SECONDS
        while time.monotonic() < until and not await self._is_calm():
            pass
        await self._delivered()
        await self.end_life(up)
        self._ahead += town.ARCHIVE_SECONDS

    async def _wait(self) -> None:
        """Live undisturbed until a critical incident is open, and let the time pass in which its update falls due."""
        up = await self._start(None)
        await self._while_it_lives(self.doings.begin_critical())
        await self.end_life(up)
        self._ahead += town.UPDATES_SECONDS["critical"]

    async def settle(self) -> None:
        """Let nothing fail any more, resolve what is open, wait until nothing is owed, and let the rooms go."""
        self._ahead += timeline.LEASE_SECONDS  # what the last one held is nobody's any more; waiting would say no more
        up = await self._start(None)
        self._lives.append(Life(up, float("inf")))
        until = time.monotonic() + _SETTLE_SECONDS
        while time.monotonic() < until and self.sitrep.is_running:
            # Also what was sent in the last life and is stored in this one.
            await self._while_it_lives(self.doings.resolve_all())
            verdict = await self.reckon()
            if not (verdict.lost or self._undone()) and await self._is_calm():
                break
            await asyncio.sleep(1)
        await self._delivered()
        self._lives.pop()
        await self.end_life(up)
        self._ahead += town.ARCHIVE_SECONDS
        self._lives.append(Life(await self._start(None), float("inf")))
        await self._archived()
        self.report.verdict = await self.reckon()
        self.report.verdict.lost += [*self._left(self.doings.renamed), *self._undone()]
        self.report.again = dict(self.folk.repeated)
        self.report.shown_twice = self._shown.twice(self.folk.asked_privately)
        await self._stop()

    async def _archived(self) -> None:
        await self.folk.open_home()
        until = time.monotonic() + _CALM_SECONDS
        while time.monotonic() < until and self._left({}):  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.2)
        await self._delivered()

    async def _delivered(self) -> None:
        """Wait until nothing is on its way any more to a room whose incident is over, nor an agent at work for it.

        Retention leaves such a room alone. What does not come to rest in time is a fault.
        """
        until = time.monotonic() + _DELIVERED_SECONDS
        while (left := await self.record.on_their_way()) and self.sitrep.is_running:
            if time.monotonic() > until:
                self.report.faults.append(f"still on their way after {_DELIVERED_SECONDS:.0f} s: {', '.join(left)}")
                return
            await asyncio.sleep(0.3)

    def _left(self, renamed: Mapping[str, str]) -> list[str]:
        """Return what does not stand in the workspace as it should once all is over."""
        core = self.workspace.core
        return [*reckoning.astray(core, renamed), *reckoning.home_missing(core, town.PEOPLE["bo"])]

    def _undone(self) -> list[str]:
        """Return what is still to come: ends of steps and responses, and what cards and topics do not say yet."""
        steps = [each for incident in self._found for each in debts.steps_missed(incident, self._lives)]
        return [*steps, *self._unended, *reckoning.outdated(self.workspace.core, self._found)]

    async def _is_calm(self) -> bool:
        calls = self.report.calls
        await asyncio.sleep(3)
        return self.report.calls - calls <= 1

    async def reckon(self) -> Verdict:
        """Return the comparison as it stands."""
        rows = await self.record.rows("SELECT * FROM incident ORDER BY id")
        events = await self.record.rows("SELECT * FROM event ORDER BY id")
        self.report.incidents = len(rows)
        steps = await self.record.steps()
        self._found = found = timeline.incidents(rows, events, steps)
        self._unended = reckoning.unended(steps)
        received = arrivals.gather(self.workspace.core, self.mail.letters, self.pager.rings, self.webhook.posted)
        return reckoning.compare(found, self._lives, received)


def _serves(checks: dict[str, str]) -> bool:
    """Whether a process is in order but for what is late."""
    return {said for name, said in checks.items() if name != "delivery"} == {"ok"}
