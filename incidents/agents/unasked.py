"""What nobody is asked of a step that people did by hand, because git says it or later steps can do without it."""

from pydantic import BaseModel

from incidents.agents.merging import ReleaseNote
from incidents.agents.outputs import (
    CheckResults,
    DeploymentStatus,
    DocumentationUpdate,
    FixApproach,
    FixCode,
    HealthMetrics,
    Implementation,
    LongTermFix,
    Merge,
    PullRequest,
    Review,
    RollbackProcedure,
    TestRun,
)
from incidents.agents.planning import ImplementationState

#: Models of a change on a `branch` -> the field that names its newest commit.
HEADS: dict[type[BaseModel] | None, str] = {
    FixCode: "commit",
    Implementation: "commit",
    LongTermFix: "commit",
    PullRequest: "head",
}
#: Fields that later steps can do without, and what they find there where git does not say it either: `{commit}` and
#: `{summary}` are what was typed.
FOUND: dict[type[BaseModel], dict[str, str]] = {
    FixCode: {
        "approach": FixApproach.HOTFIX.value,
        "base": "{commit}^",
        "additions": "0",
        "deletions": "0",
        "summary": "{summary}",
        "diff": "Not shown: it was written by hand.",
    },
    Implementation: {
        "result": ImplementationState.COMPLETE.value,
        "repository": "",
        "approach": FixApproach.HOTFIX.value,
        "base": "",
        "additions": "0",
        "deletions": "0",
        "diffstat": "",
        "summary": "{summary}",
        "reason": "",
    },
    PullRequest: {
        "repository": "",
        "url": "",
        "into": "",
        "base": "",
        "title": "{summary}",
        "remote": "",
        "note": "Offered by hand.",
    },
    Merge: {"repository": "", "into": "", "url": "", "how": "{summary}"},
    DocumentationUpdate: {"repository": "", "commit": "", "entry": "", "reason": ""},
    Review: {"critique": ""},
    CheckResults: {"critique": "", "repository": ""},
    ReleaseNote: {"component": "", "fix": "{summary}", "root_cause": "", "impact": ""},
    DeploymentStatus: {"seconds": "0"},
    HealthMetrics: {"watched_seconds": "0", "checks": "0"},
    TestRun: {"command": "run by hand", "seconds": "0"},
    RollbackProcedure: {"command": "not told"},
}
