"""A journal in memory, for tests that ask tools and agents without the engine."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from incidents.agents import journal
from incidents.agents.journal import Begun
from incidents.errors import OutcomeUnknown


class Jotter:
    """Keeps what was begun; one kept over two attempts stands for the step's row."""

    def __init__(self, folder: Path, cleared: str = "") -> None:
        self.cleared = cleared
        self.begun: list[Begun] = []
        self.outcomes: list[str] = []
        self.running = 0
        self._ended: set[str] = set()
        self._folder = folder

    def open(self, verb: str, environment: str, what: str | None = None) -> Begun | None:
        return journal.found(self.begun, self.cleared, verb, environment, what)

    def ask_people(self, error: OutcomeUnknown) -> None:
        """Let people approve in spite of what nobody knows."""
        doubtful = next(each for each in self.begun if each.id == error.begun)
        self.begun.remove(doubtful)
        self.begun.append(doubtful.model_copy(update={"doubt": error.message}))
        self.cleared = error.message

    def folder(self) -> Path:
        return self._folder.resolve() / "commands" / secrets.token_hex(4)

    async def begin(self, begun: Begun) -> None:
        self.begun = journal.with_begun(self.begun, begun)

    async def adopt(self, begun: Begun) -> Begun:
        self.begun.remove(begun)
        self.begun.append(begun.model_copy(update={"former": False}))
        return self.begun[-1]

    def ended(self, begun: Begun, outcome: str) -> None:
        self._ended.add(begun.id)
        self.outcomes.append(outcome)

    def store_result(self) -> None:
        """Let the result of the attempt be stored: what it saw end is over."""
        self.begun = [each for each in self.begun if each.id not in self._ended]

    @contextmanager
    def under_way(self) -> Iterator[None]:
        self.running += 1
        try:
            yield
        finally:
            self.running -= 1
