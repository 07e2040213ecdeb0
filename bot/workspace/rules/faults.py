"""Faults on request: what a drill or a test wants Slack to do wrong."""

import fnmatch
import random
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class FaultKind(StrEnum):
    """What goes wrong."""

    LATENCY = "latency"  #: The call takes `seconds` longer
    RATE_LIMITED = "429"  #: HTTP 429 with `retry_after`
    SERVER_ERROR = "5xx"  #: HTTP `status`, nothing happened
    DROP_BEFORE = "drop_before"  #: The connection closes before the call took effect
    DROP_AFTER = "drop_after"  #: The call takes effect, the connection closes without an answer
    ERROR = "error"  #: Answers with Slack's `error`, nothing happened
    SOCKET_DROP = "socket_drop"  #: Open Socket Mode connections are cut, at once
    SOCKET_SILENT = "socket_silent"  #: Socket Mode stays open and loses what it should deliver for `seconds`
    SOCKET_REFRESH = "socket_refresh"  #: Slack asks every connection to be renewed
    SOCKET_WARNING = "socket_warning"  #: Slack announces that it will end every connection


#: These strike Socket Mode at the moment when they are requested and are not kept.
SOCKET_FAULTS = frozenset(kind for kind in FaultKind if kind.startswith("socket_"))


class Fault(BaseModel):
    """One request for a fault.

    `method` is a Web API method, `response_url` or `upload`, and may hold wildcards; `times` None means until it is
    taken back.
    """

    model_config = ConfigDict(extra="forbid")

    method: str = "*"
    kind: FaultKind
    seconds: float = Field(default=0.0, ge=0)
    retry_after: int = Field(default=1, ge=0)
    status: int = Field(default=503, ge=500, le=599)
    error: str = "internal_error"
    times: int | None = Field(default=None, ge=1)
    probability: float = Field(default=1.0, gt=0, le=1)


class Faults:
    """The faults in force; they strike apps, never the people's own page."""

    def __init__(self) -> None:
        self._wanted: list[Fault] = []
        self._dice = random.Random()  # noqa: S311 - chooses faults, no secrets

    def request(self, faults: list[Fault]) -> None:
        """Put faults in force beside those that already are."""
        self._wanted += [fault.model_copy() for fault in faults if fault.kind not in SOCKET_FAULTS]

    def clear(self) -> None:
        """Let everything work again."""
        self._wanted.clear()

    def wanted(self) -> list[Fault]:
        """Return the faults in force, each with the times that it will still strike."""
        return list(self._wanted)

    def strike(self, method: str) -> list[Fault]:
        """Return what goes wrong with this call, and count it."""
        if not self._wanted:
            return []
        return [fault for fault in list(self._wanted) if self._hits(fault, method)]

    def _hits(self, fault: Fault, method: str) -> bool:
        if not fnmatch.fnmatchcase(method, fault.method) or self._dice.random() >= fault.probability:
            return False
        if fault.times is not None:
            fault.times -= 1
            if fault.times == 0:
                self._wanted.remove(fault)
        return True
