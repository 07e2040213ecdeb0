"""Typed outputs of bringing a fix in: pull request, check results, merge, summary."""

from enum import StrEnum

from pydantic import Field

from incidents.agents.reviews import Review
from incidents.agents.statements import Output

#: What the steps are told that bring a fix onto the newest state of the branch that it is merged into.
REBASE = "Rebase onto the newest state of the branch that it is merged into."


class ReleaseNote(Output):
    """What a reader of the release learns of a fix; the four parts of the bug pipeline document."""

    component: str = Field(max_length=200)
    fix: str = Field(max_length=400)
    root_cause: str = Field(max_length=400)
    impact: str = Field(max_length=400)


class PullRequest(Output):
    """A branch that was pushed and offered for merging."""

    repository: str = Field(max_length=200)
    url: str = Field(max_length=500, description="of the pull request; empty without GitHub")
    number: int | None = Field(description="null without GitHub")
    branch: str = Field(max_length=200)
    into: str = Field(max_length=200, description="the branch that it is merged into")
    base: str = Field(max_length=40, description="the commit of `into` that the fix builds on")
    head: str = Field(max_length=40, description="full hash of the commit that is offered; what a merge is bound to")
    title: str = Field(max_length=256)
    release_note: ReleaseNote
    remote: str = Field(max_length=300, description="where it was pushed, without credentials; empty for nowhere")
    note: str = Field(max_length=300)
    evidence: list[str]


class ChecksState(StrEnum):
    """What the checks of a commit say together."""

    PASSED = "passed"
    FAILED = "failed"
    PENDING = "pending"  #: some had not ended when the time was over
    NONE = "none"  #: there are no checks


class CheckFailure(Output):
    """A check that failed."""

    name: str = Field(max_length=200)
    summary: str = Field(max_length=1000)
    url: str = Field(max_length=500)


class CheckResults(Review):
    """What automatic checks say of the commit; judged as a review, so that a red one sends the fix back."""

    repository: str = Field(max_length=200)
    head: str = Field(max_length=40)
    state: ChecksState
    failures: list[CheckFailure] = Field(max_length=20)
    conflicts: list[str] = Field(default_factory=list, max_length=50, description="files that conflict with `into`")


class Merge(Output):
    """A fix that was merged, exactly as approved."""

    repository: str = Field(max_length=200)
    into: str = Field(max_length=200)
    head: str = Field(max_length=40, description="the approved commit")
    merged_commit: str = Field(max_length=40)
    url: str = Field(max_length=500)
    how: str = Field(max_length=300)
    evidence: list[str]


class MergeSummary(Output):
    """What was merged, for the channel and for the release's readers."""

    summary: str = Field(max_length=600)
    merged: list[Merge] = Field(max_length=8)
    release_notes: list[ReleaseNote] = Field(max_length=8)
    evidence: list[str]
