"""What steps began that cannot be undone, in their rows: the engine's side of `incidents.agents.journal`."""

import asyncio
import secrets
from collections.abc import Callable, Collection, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from incidents import records, store, store_errors
from incidents.agents import journal
from incidents.agents.journal import Begun, Telling
from incidents.errors import OutcomeUnknown, StepFailed
from incidents.response import claims
from incidents.response.claims import Claim
from incidents.response.plan import StepState


@dataclass(frozen=True)
class Outcome:
    """What became of a command, in one sentence for people."""

    begun: str  #: the command's id in the journal
    text: str


def read(step: records.Step) -> tuple[Begun, ...]:
    """Return what the step began and whose result is not stored yet, oldest first."""
    return tuple(Begun.model_validate(each) for each in step.begun)


def under_way(step: records.Step) -> Begun | None:
    """Return what an attempt of the step began or adopted last, under the approval that it still acts under.

    None where people are asked about it already, or are asked anew because the step was queued anew.
    """
    begun = read(step)
    return begun[-1] if begun and not (begun[-1].doubt or begun[-1].former) else None


def may_go_on(step: records.Step) -> bool:
    """Tell whether what is under way may still run: nobody was told yet that it has ended."""
    begun = under_way(step)
    return begun is not None and begun.telling is not Telling.TOLD


def ends_by_itself(step: records.Step) -> str:
    """Return what to say when a step is stopped in the middle of a command; empty where none runs."""
    begun = under_way(step)
    if begun is None or step.state != StepState.RUNNING.value:
        return ""
    return f"The {begun.in_words} is under way and is not cut off half-way; what becomes of it will be told here."


def doubt(step: records.Step) -> str:
    """Return what nobody knows of what the step began; empty where nothing is in doubt."""
    return next((each.doubt for each in reversed(read(step)) if each.doubt), "")


def keep(step: records.Step, begun: Sequence[Begun]) -> None:
    """Write into the row what is still open, and whether people are still to hear of any of it."""
    step.begun = [each.model_dump(mode="json") for each in begun]
    step.owes = any(each.telling is Telling.OWED for each in begun)


def owe(step: records.Step) -> None:
    """Note of a step that is stopped that people are to hear what becomes of what it began, whoever finds out.

    They were promised to hear of what is under way, also where they know it since the step was stopped before.
    """
    promised = under_way(step)
    owed = {each.id for each in read(step) if each.telling is Telling.RESULT and not each.doubt}
    _tells(step, owed | ({promised.id} if promised else set()), Telling.OWED)


def told(step: records.Step, ids: Collection[str]) -> None:
    """Note that people know what became of these commands."""
    _tells(step, ids, Telling.TOLD)


def _tells(step: records.Step, ids: Collection[str], telling: Telling) -> None:
    keep(step, [each.model_copy(update={"telling": telling}) if each.id in ids else each for each in read(step)])


def cast_doubt(step: records.Step, error: OutcomeUnknown) -> None:
    """Note what nobody knows; who approves in spite of it approves in spite of all that was begun by now.

    So what is in doubt stands last, and nothing is under way any more.
    """
    doubtful = {"doubt": error.message, "telling": Telling.TOLD}
    begun = sorted(read(step), key=lambda each: each.id == error.begun)
    keep(step, [each.model_copy(update=doubtful) if each.id == error.begun else each for each in begun])


def carry_over(step: records.Step) -> None:
    """Keep what may still run of a step that is queued anew: the next attempt that wants the same adopts it.

    Whatever else it wants was not asked about yet, so no approval goes with it.
    """
    keep(step, [each.model_copy(update={"former": True}) for each in read(step)])


async def _uncut(writing: Coroutine[Any, Any, None]) -> None:
    """Let a transaction come to its end though the agent that asked for it is interrupted; see `dispatch`."""
    written = asyncio.ensure_future(writing)
    try:
        await asyncio.shield(written)
    except asyncio.CancelledError:
        await asyncio.gather(written, return_exceptions=True)
        raise


class StepJournal:
    """One attempt's journal; what it writes is in the row when `begin` returns."""

    def __init__(
        self,
        kept: store.Store,
        claim: Claim,
        workdir: Path,
        begun: Sequence[Begun],
        cleared: str,
        *,
        drill: bool = False,
    ) -> None:
        self._cleared = cleared
        self._drill = drill
        self.outcomes: list[Outcome] = []  #: of what ended during this attempt
        self._store = kept
        self._claim = claim
        self._workdir = workdir
        self._begun = list(begun)
        self._ended: set[str] = set()
        self._running = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._waiting: list[Callable[[], object]] = []

    @property
    def is_idle(self) -> bool:
        """Tell whether no command runs."""
        return self._idle.is_set()

    @property
    def acted(self) -> bool:
        """Tell whether a command was begun or followed in this attempt."""
        return bool(self.outcomes) or not self.is_idle

    @property
    def told_of_ends(self) -> str:
        """Return what became of commands that ended in this attempt, to stand behind why it failed; empty for none."""
        return "".join(f" {each.text}" for each in self.outcomes)

    def still_open(self, step: records.Step) -> tuple[Begun, ...]:
        """Return what the row holds and this attempt did not see end."""
        return tuple(each for each in read(step) if each.id not in self._ended)

    def open(self, verb: str, environment: str, what: str | None = None) -> Begun | None:
        """Return what was begun last of this kind, and still counts; of whatever where `what` is None."""
        return journal.found(self._begun, self._cleared, verb, environment, what)

    def folder(self) -> Path:
        """Return a folder that does not exist yet, also where a work folder outlived its database."""
        name = f"{self._claim.step_id}-{self._claim.attempt}-{secrets.token_hex(4)}"
        return self._workdir.resolve() / "commands" / name

    async def begin(self, begun: Begun) -> None:
        """Write down that this begins, in the place of what was begun of this kind: that is over and settled.

        Raises:
            StepFailed: when the step is no longer ours, or this is a drill; nothing may begin.
        """
        if self._drill:  # whoever carries the step out: no command of a service runs in an exercise
            raise StepFailed(f"This is a drill: the {begun.in_words} was not begun.", remedy="Take the step over.")
        stopped = StepFailed(f"The step was stopped before the {begun.in_words} began.", remedy="Nothing was done.")
        await self._write(lambda kept: journal.with_begun(kept, begun), stopped)
        self._begun = journal.with_begun(self._begun, begun)

    async def adopt(self, begun: Begun) -> Begun:
        """Take on what ran before the step was queued anew: from now on it is under way under this approval.

        Raises:
            StepFailed: when the step is no longer ours; what was begun runs on by itself.
        """
        taken_on = begun.model_copy(update={"former": False, "telling": Telling.RESULT})
        stopped = StepFailed(f"The step was stopped; the {begun.in_words} goes on by itself.", remedy="Wait for it.")

        def with_it(kept: Sequence[Begun]) -> list[Begun]:
            return [*(each for each in kept if each.id != begun.id), taken_on]

        await self._write(with_it, stopped)
        self._begun = with_it(self._begun)
        return taken_on

    async def _write(self, change: Callable[[Sequence[Begun]], Sequence[Begun]], stopped: StepFailed) -> None:
        """Change the row while the step is ours; again where the database is away, as a change made twice is one."""
        await store_errors.outlast(lambda: _uncut(self._change(change, stopped)), claims.LEASE.total_seconds())

    async def _change(self, change: Callable[[Sequence[Begun]], Sequence[Begun]], stopped: StepFailed) -> None:
        async with self._store.transaction() as tx:
            step = await claims.held(tx, self._claim)
            if step is None:
                raise stopped
            keep(step, change(read(step)))
            tx.session.add(step)

    def ended(self, begun: Begun, outcome: str) -> None:
        """Note what became of it, in one sentence for people, in case no result of the step will tell."""
        self._ended.add(begun.id)
        self.outcomes.append(Outcome(begun.id, outcome))

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """Keep the step from being interrupted while a command runs."""
        self._running += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._running -= 1
            if not self._running:
                self._idle.set()
                waiting, self._waiting = self._waiting, []
                for call in waiting:
                    call()

    def once_idle(self, call: Callable[[], object]) -> None:
        """Call `call` as soon as no command runs."""
        if self.is_idle:
            call()
        elif call not in self._waiting:
            self._waiting.append(call)

    async def idle(self) -> None:
        """Wait until no command runs."""
        await self._idle.wait()
