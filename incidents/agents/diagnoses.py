"""Typed outputs of a bug's diagnosis: triage check, root-cause analysis, consolidation; shapes of the bug documents.

Sources: the bug pipeline (`rca.json`: summary, code location, mechanism, confidence, 1 to 4 fix options) and the
bug-fix pipeline orchestrator (consolidation; user story and plan as artifacts, manifest last).
"""

from pydantic import Field

from incidents.agents.findings import FixOption, Hypothesis, RootCause
from incidents.agents.specified import Specified
from incidents.agents.statements import Claim, Output, Verdict

MAX_FILES = 50  # named in one output; a fix that touches more is no minimal change


class KnownFact(Output):
    """One of the seven triage fields, as somebody stated it."""

    name: str = Field(max_length=40)
    said: str = Field(max_length=300)
    evidence: list[str]


class TriageCheck(Output):
    """Whether a bug report says enough to be analysed."""

    complete: bool
    known_facts: list[KnownFact] = Field(max_length=7)
    missing_facts: list[str] = Field(max_length=7, description="names of the fields that nobody has given")
    question: str = Field(max_length=600, description="asks for exactly what is missing; empty when nothing is")


class DiagnosedCause(Output):
    """What is broken, where, and how that leads to what people see."""

    verdict: Verdict
    summary: str = Field(max_length=400)
    root_file: str | None = Field(max_length=300)
    root_line: int | None = Field(ge=1)
    root_function: str | None = Field(max_length=200)
    mechanism: str = Field(max_length=800)
    explanation: str = Field(max_length=2500)
    impact: str = Field(max_length=600)
    affected_files: list[str] = Field(max_length=MAX_FILES)
    constraints: list[str] = Field(max_length=20, description="what a fix must preserve")
    base: str | None = Field(max_length=40, description="the commit that was analysed; files and lines are those of it")
    commit: str | None = Field(max_length=40, description="the commit that brought it")
    commit_subject: str | None = Field(default=None, max_length=300)
    author: str | None = Field(default=None, max_length=200)
    claims: list[Claim] = Field(max_length=30)
    specified: Specified | None = Field(default=None, description="taken from the draft: what the specification says")


class Diagnosis(Output):
    """One analyst's root-cause analysis."""

    root_cause: DiagnosedCause
    hypotheses: list[Hypothesis] = Field(max_length=20)
    confidence: Verdict
    options: list[FixOption] = Field(min_length=1, max_length=4)


class Criterion(Output):
    """One acceptance criterion."""

    id: str = Field(max_length=10)
    text: str = Field(max_length=300)


class UserStory(Output):
    """What the fix is for, and how anybody can tell that it is done."""

    title: str = Field(max_length=200)
    criteria: list[Criterion] = Field(min_length=1, max_length=12)


class PlanStep(Output):
    """One step of a plan, and the files that it is about."""

    text: str = Field(max_length=400)
    files: list[str] = Field(max_length=MAX_FILES)


class Disagreement(Output):
    """What one analyst says, where the analysts differ."""

    step: str = Field(max_length=40, description="the step that brought it")
    summary: str = Field(max_length=400)
    place: str = Field(max_length=320, description="file:line, or empty")


class ArtifactManifest(Output):
    """What the consolidation consists of; written last, so that whoever reads it finds the rest."""

    artifacts: list[str] = Field(max_length=8)
    criteria_count: int = Field(ge=0)
    step_count: int = Field(ge=0)


class Consolidation(Output):
    """The analysts' results joined into one, or their disagreement laid open.

    `preliminary_root_cause` and `investigation_priorities` are the chosen diagnosis in the shape that the choice of a
    fix is made of.
    """

    agreed: bool
    preliminary_root_cause: RootCause
    investigation_priorities: list[Hypothesis] = Field(max_length=40)
    diagnosis: DiagnosedCause
    disagreements: list[Disagreement] = Field(max_length=8)
    user_story: UserStory
    plan_draft: list[PlanStep] = Field(min_length=1, max_length=12)
    believed: list[str] = Field(default_factory=list, max_length=8, description="steps of the analyses that count")
    manifest: ArtifactManifest
