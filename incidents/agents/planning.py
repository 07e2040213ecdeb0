"""Typed outputs of planning and carrying out a bug's fix: plan, decomposition, implementation, documentation."""

from enum import StrEnum

from pydantic import Field

from incidents.agents.diagnoses import MAX_FILES
from incidents.agents.findings import FixApproach
from incidents.agents.statements import Output, TestRun


class RepositoryTask(Output):
    """What is done in one repository."""

    repository: str = Field(max_length=200, description="the key of the service, or owner/name")
    files: list[str] = Field(max_length=MAX_FILES, description="files that the fix changes")
    tests: list[str] = Field(max_length=MAX_FILES, description="test files that are written or run")
    steps: list[str] = Field(min_length=1, max_length=12, description="in the order in which they are done")
    commit: str | None = Field(default=None, max_length=40, description="taken from the draft: what is undone here")
    asked_for: list[str] = Field(
        default_factory=list, max_length=MAX_FILES, description="taken from the draft: files that people asked for"
    )


class FixPlan(Output):
    """The concrete plan of the chosen option."""

    option: int = Field(ge=1, le=4)
    approach: FixApproach
    commit: str | None = Field(max_length=40, description="the commit to undo; null for a fix that is written")
    summary: str = Field(max_length=400)
    tasks: list[RepositoryTask] = Field(min_length=1, max_length=8)
    risks: list[str] = Field(max_length=10)
    evidence: list[str]

    def undoes(self, repository: str) -> str | None:
        """Return the commit that is undone in `repository`; None where the fix is written there."""
        task = next((task for task in self.tasks if task.repository == repository), None)
        first = task is None or task is self.tasks[0]
        return task.commit if task and task.commit else self.commit if first else None


class Decomposition(Output):
    """One task per repository."""

    tasks: list[RepositoryTask] = Field(min_length=1, max_length=8)


class ImplementationState(StrEnum):
    """How far the implementation came."""

    COMPLETE = "complete"  #: the fix stands, and a test fails without it and passes with it
    PARTIAL = "partial"  #: something is missing; `remaining` says what
    FAILED = "failed"  #: nothing that could be used; `reason` says why


class BothWays(Output):
    """Bidirectional validation: the same tests without the fix and with it."""

    without_fix: TestRun | None
    with_fix: TestRun | None
    failed_without_fix: list[str] = Field(max_length=50, description="ids of tests that failed without the fix")
    passed_with_fix: list[str] = Field(max_length=50, description="those of them that executed and passed with it")
    newly_failing: list[str] = Field(max_length=50)
    test_files: list[str] = Field(max_length=MAX_FILES, description="tests of the fix that were laid over the base")


class Implementation(Output):
    """The fix of one repository on a branch of its own."""

    result: ImplementationState
    repository: str = Field(max_length=200)
    approach: FixApproach
    branch: str = Field(max_length=200)
    base: str = Field(max_length=40)
    commit: str = Field(max_length=40, description="full hash; empty when there is none")
    files: list[str] = Field(max_length=200)
    additions: int = Field(ge=0)
    deletions: int = Field(ge=0)
    diffstat: str = Field(max_length=100)
    summary: str = Field(max_length=400)
    tests: BothWays
    remaining: list[str] = Field(max_length=10)
    reason: str = Field(max_length=500)
    blocked: bool = Field(default=False, description="only a person can go on")
    evidence: list[str]


class DocumentationUpdate(Output):
    """What was written down of the fix in its repository."""

    changed: bool
    repository: str = Field(max_length=200)
    files: list[str] = Field(max_length=10)
    commit: str = Field(max_length=40, description="full hash; empty when nothing was changed")
    entry: str = Field(max_length=500)
    reason: str = Field(max_length=300, description="why nothing was changed; empty otherwise")
    evidence: list[str]
