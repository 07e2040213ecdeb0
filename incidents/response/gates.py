"""What a quality gate is judged by, and the verdict on it; the checks themselves are in `checks`. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from pydantic import JsonValue

from incidents.definitions import Severity


class GateState(StrEnum):
    """Whether a gate holds."""

    PASSED = "passed"  #: evidence shows it
    ATTESTED = "attested"  #: a person vouches for it
    OVERRIDDEN = "overridden"  #: the commander lets the response go on without it, with a reason
    COMING = "coming"  #: closes by itself within seconds; nobody is asked
    OPEN = "open"  #: only a person can say
    FAILED = "failed"  #: evidence speaks against it; the commander alone may override it


@dataclass(frozen=True)
class Word:
    """What a person answers for at a gate."""

    person: str  #: person id
    at: datetime  #: UTC
    note: str = ""
    overridden: bool = False


@dataclass(frozen=True)
class GateVerdict:
    """What is known of one gate."""

    gate: str
    state: GateState
    reason: str  #: one line: what shows it, or what is missing
    evidence: tuple[str, ...] = ()
    word: Word | None = None  #: of the person by whom it holds, where evidence does not show it
    against: str = ""  #: what the evidence says against that word

    @property
    def holds(self) -> bool:
        """Return whether the next stage may rely on it."""
        return self.state in (GateState.PASSED, GateState.ATTESTED, GateState.OVERRIDDEN)


@dataclass(frozen=True)
class GateFacts:
    """What gates are judged by."""

    severity: Severity
    outputs: Mapping[str, JsonValue]  #: outputs of the finished steps, by output name
    told_immediately: tuple[int, int, int]  #: people of the matrix's first row: told, out of reach, promised
    fix_chosen_by: str  #: person id, or empty
    watched: bool  #: Sitrep can watch the service's error rate and health
    missing_facts: tuple[str, ...] = ()  #: triage facts that nobody has given yet
    severity_confirmed_by: str = ""  #: who set the severity by hand after declaring
    words: Mapping[str, Word] = field(default_factory=dict)  #: gate -> who answers for it


def title(gate: str) -> str:
    """Return the gate's name for people: `Root cause identified`."""
    return gate.replace("_", " ").capitalize()
