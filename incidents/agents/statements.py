"""What the typed outputs are made of: claims with their evidence, messages, test runs."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from incidents.definitions import Area as Area


class Verdict(StrEnum):
    """How sure a claim is."""

    CONFIRMED = "confirmed"  #: an execution showed it (revert, bisect, failing test)
    LIKELY = "likely"  #: evidence points there, nothing was executed
    INCONCLUSIVE = "inconclusive"  #: not enough to say


class Output(BaseModel):
    """Base of all outputs: unknown fields are a mistake."""

    model_config = ConfigDict(extra="forbid")


class Claim(Output):
    """A statement and the evidence for it."""

    text: str = Field(max_length=600)
    verdict: Verdict = Verdict.LIKELY
    evidence: list[str] = Field(min_length=1, description="ids of evidence, such as E3f9a2b")


class Message(Output):
    """A text to people, ready to send."""

    audience: str
    subject: str = Field(max_length=150)
    body: str = Field(max_length=2500)
    evidence: list[str] = Field(default_factory=list, description="ids of the evidence that its facts come from")


class TestRun(Output):
    """One run of tests."""

    command: str
    exit_code: int | None
    passed: int
    failed: int
    errors: int = 0
    failing: list[str] = Field(default_factory=list, description="ids of the tests that failed")
    seconds: float
    timed_out: bool = False
    evidence: str
