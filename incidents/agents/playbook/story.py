"""The facts that the analysis after an incident rests on: what earlier steps found, and what history shows."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from incidents.agents.playbook import past, sources
from incidents.agents.playbook.case import Case
from incidents.agents.playbook.past import Past
from incidents.agents.playbook.sources import Release
from incidents.errors import ToolFailed
from incidents.tools import filekinds
from incidents.tools.filekinds import FileKind
from incidents.tools.git import Commit, Repository

_PIPELINE = re.compile(r"(^|/)(\.github/workflows|\.circleci|\.ci)/|(^|/)(\.gitlab-ci\.yml|Jenkinsfile|tox\.ini)$")
_LOOK_BACK = 300  # commits


@dataclass(frozen=True)
class PipelineChange:
    """A change of what the pipeline runs."""

    commit: Commit
    line: str  #: the line on tests that it brought
    evidence: tuple[str, ...]


@dataclass(frozen=True)
class Story:
    """What is known once it is over. Each fact comes with the evidence ids that show it."""

    case: Case
    past: Past
    release: Release
    culprit: Commit | None
    culprit_seen: tuple[str, ...]  #: evidence of the culprit's change
    onset: datetime | None
    onset_seen: tuple[str, ...]
    is_on_main: bool | None  #: the fix is on the service's branch; None where that cannot be read
    pipeline: PipelineChange | None  #: the last change of how tests are run before a release

    @property
    def gap(self) -> timedelta | None:
        """Return the time from the first failure to the declaration."""
        return self.case.request.incident.declared_at - self.onset if self.onset else None

    def changed(self, kind: FileKind) -> list[str]:
        """Return the culprit's paths of one kind."""
        return [path for path in self.culprit.files if filekinds.kind(path) is kind] if self.culprit else []


async def tell(case: Case) -> Story:
    """Gather the facts."""
    known = past.read(case)
    release = await sources.release(case)
    repository = await sources.repository(case)
    culprit, on_main, pipeline = None, None, None
    seen: list[str] = []
    try:
        if repository is not None and known.cause is not None and known.cause.commit:
            culprit = await repository.commit(known.cause.commit)
            seen = case.see((await repository.changed_by(culprit)).evidence)
        if repository is not None and known.fix is not None:
            on_main = await repository.is_ancestor(known.fix.commit, await repository.resolve(case.service.branch))
            pipeline = await _pipeline(case, repository, known.fix.base)
    except ToolFailed as fault:
        case.missing(fault)
    onset, shown = _onset(case, known, release)
    return Story(case, known, release, culprit, tuple(seen), onset, tuple(shown), on_main, pipeline)


async def _pipeline(case: Case, repository: Repository, until: str) -> PipelineChange | None:
    """Return the newest change of a pipeline's file that brought a line on tests."""
    for commit in (await repository.commits(until, limit=_LOOK_BACK)).commits:
        files = tuple(path for path in commit.files if _PIPELINE.search(path))
        if not files or not commit.parents:
            continue
        change = await repository.diff(commit.parents[0], commit.hash, paths=files)
        lines = [
            line[1:].strip(" -") for line in change.text.splitlines() if line.startswith("+") and "+++" not in line
        ]
        runs = [line for line in lines if "test" in line and not line.startswith("#")]
        if runs:
            return PipelineChange(commit, runs[0][:120], tuple(case.see(change.evidence)))
    return None


def _onset(case: Case, known: Past, release: Release) -> tuple[datetime | None, list[str]]:
    findings = release.findings
    if known.impact is not None and known.impact.since is not None:
        seen = [case.record("impact_assessment")]
        return known.impact.since, seen + (case.see(findings.evidence) if findings else [])
    if findings is not None and findings.onset is not None:
        return findings.onset, case.see(*findings.all_evidence()[:2])
    return None, []
