"""A journal in memory, for tests that ask tools and agents without the engine."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from incidents.agents.journal import Begun


class Jotter:
    """Keeps what was begun; one kept over two attempts stands for the step's row."""

    def __init__(self, folder: Path, cleared: str = "") -> None:
        self.cleared = cleared
        self.begun: list[Begun] = []
        self.outcomes: list[str] = []
        self.running = 0
        self._folder = folder

    def open(self, verb: str, environment: str, what: str) -> Begun | None:
        return next((each for each in reversed(self.begun) if each.is_for(verb, environment, what)), None)

    def folder(self) -> Path:
        return self._folder.resolve() / "commands" / secrets.token_hex(4)

    async def begin(self, begun: Begun) -> None:
        self.begun = [each for each in self.begun if not each.is_for(begun.verb, begun.environment, begun.what)]
        self.begun.append(begun)

    async def adopt(self, begun: Begun) -> Begun:
        self.begun.remove(begun)
        self.begun.append(begun.model_copy(update={"former": False}))
        return self.begun[-1]

    def ended(self, begun: Begun, outcome: str) -> None:
        self.outcomes.append(outcome)

    @contextmanager
    def under_way(self) -> Iterator[None]:
        self.running += 1
        try:
            yield
        finally:
            self.running -= 1
