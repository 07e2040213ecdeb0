"""A model's attempt at a fix: what it may edit and run, and the proof without which nothing of it is offered."""

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from pydantic import Field

from incidents import catalog
from incidents.agents import exploring
from incidents.agents.playbook import sources, wording
from incidents.agents.playbook.bugs import bothways
from incidents.agents.playbook.bugs.bothways import Proof
from incidents.agents.playbook.case import Case
from incidents.agents.toolset import Input, Tool, Toolset
from incidents.errors import ToolFailed
from incidents.tools import testrun, worktrees
from incidents.tools.editing import MAX_NEW, Workbench
from incidents.tools.evidence import EvidenceKind, capture
from incidents.tools.git import Repository
from incidents.tools.testrun import TestResult

MAX_RUNS = 12  # of the tests while it is being written
MAX_PROOFS = 5  # each runs the tests two to four times
_LEAST = timedelta(seconds=20)  # of the step's time, below which nothing more is run

_PATH = Field(min_length=1, max_length=300, description="from the repository's root, such as app/main.py")


class _Replace(Input):
    path: str = _PATH
    old: str = Field(min_length=1, max_length=MAX_NEW, description="copied exactly; must occur once in the file")
    new: str = Field(max_length=MAX_NEW)


class _Write(Input):
    path: str = _PATH
    text: str = Field(min_length=1, max_length=MAX_NEW)


class _Nothing(Input):
    pass


@dataclass(frozen=True)
class Site:
    """Where a fix is made."""

    case: Case
    code: catalog.Repository
    repository: Repository
    base: str  #: full hash that it builds on
    branch: str
    folder: Path  #: of its worktree


@dataclass
class Attempt:
    """One attempt; `begin` makes it."""

    site: Site
    bench: Workbench
    before: TestResult  #: the tests on the base
    runs: int = 0
    _proofs: dict[tuple[tuple[str, str], ...], tuple[str, Proof]] = field(default_factory=dict)

    @property
    def case(self) -> Case:
        """Return the case that it belongs to."""
        return self.site.case

    def tools(self) -> Toolset:
        """Return everything that the model may do."""
        tools = [
            *exploring.tools(self.bench),
            Tool("replace_in_file", "Replaces one part of a file.", _Replace, self._replace, changes=True),
            Tool("write_file", "Writes a new file, such as a test.", _Write, self._write, changes=True),
            Tool("run_tests", "Runs the repository's tests on what is written so far.", _Nothing, self._run),
            Tool("prove_fix", "Runs the proof: the tests without the fix and with it.", _Nothing, self._prove),
        ]
        hidden = (str(self.site.folder), str(self.site.repository.path))
        return Toolset(tools, source=f"repository {self.site.code.name}", clock=self.case.clock, hidden=hidden)

    async def proof(self) -> tuple[str, Proof]:
        """Return the commit of what is written now, and its proof; "" where nothing is written.

        Raises:
            ToolFailed: when git refuses, or it was tried too often.
        """
        content = tuple(sorted(self.bench.edited.items()))
        if content not in self._proofs:
            if len(self._proofs) >= MAX_PROOFS:
                raise ToolFailed(f"The proof was tried {MAX_PROOFS} times.", remedy="Answer with what stands.")
            self._proofs[content] = await self._proven()
        return self._proofs[content]

    @property
    def is_proven(self) -> bool:
        """Tell whether what is written now was put to the proof already."""
        return tuple(sorted(self.bench.edited.items())) in self._proofs

    async def end_at(self, commit: str) -> None:
        """Have the branch end at `commit`: a later proof, of something else, may have moved it on.

        Raises:
            ToolFailed: when git refuses.
        """
        site = self.site
        if await site.repository.resolve(f"refs/heads/{site.branch}") != commit:
            await worktrees.add(site.repository, site.folder, commit=commit, branch=site.branch)

    async def _proven(self) -> tuple[str, Proof]:
        site = self.site
        incident = self.case.request.incident
        title = " ".join(incident.title.split())
        told = "Written by Claude, and proven by tests before it is offered."
        message = f"Fix: {title[:66]}\n\nIncident: {incident.key}\n{told}"
        commit = await self.bench.commit_edits(message)
        if not commit:
            return "", Proof(bothways.NOTHING, "Nothing was changed.", ())
        made = site.case, site.code, site.repository, site.base, commit
        return commit, await bothways.prove_written(*made, before=self.before)

    async def _replace(self, asked: _Replace) -> str:
        return await self.bench.replace(asked.path, asked.old, asked.new)

    async def _write(self, asked: _Write) -> str:
        return await self.bench.write(asked.path, asked.text)

    async def _run(self, _asked: _Nothing) -> str:
        if self.runs >= MAX_RUNS or self.case.left < _LEAST:
            raise ToolFailed("There is no more time for runs.", remedy="Prove what stands, and answer.")
        self.runs += 1
        what = f"`{self.site.base[:7]}` with what Claude has written so far"
        sandbox = self.case.settings.sandbox
        result = await testrun.run(self.bench.folder, self.site.code.tests, sandbox, clock=self.case.clock, what=what)
        self.case.see(result.evidence)
        return f"{result.evidence.summary}\n\n{result.evidence.excerpt}"

    async def _prove(self, _asked: _Nothing) -> str:
        commit, proof = await self.proof()
        if proof.stands:
            return f"Proven: {wording.tests(proof.tests.passed_with_fix)} fails without the fix and passes with it."
        ran = proof.tests.with_fix
        printed = f"\n\n{self.case.seen[ran.evidence].excerpt}" if ran and ran.evidence in self.case.seen else ""
        return f"Not proven: {proof.why_not}{printed}" if commit else f"Not proven: {proof.why_not}"

    def note(self, toolset: Toolset) -> None:
        """Keep as evidence what the model did, one line a call."""
        text = "\n".join(toolset.log)
        if text:
            told = wording.counted(len(toolset.log), "tool call")
            edited = wording.counted(len(self.bench.edited), "file")
            summary = f"What Claude did: {told}, {edited} changed"
            self.case.see(capture(EvidenceKind.RECORD, "Claude", text, summary=summary, captured_at=self.case.now))


async def begin(site: Site, before: TestResult | None = None) -> Attempt:
    """Return an attempt with its branch checked out at the base, after running the tests there.

    Raises:
        ToolFailed: when git refuses, or the tests cannot be run: without them nothing could be proven.
    """
    if before is None:
        told = f"`{site.base[:7]}`, without the fix"
        before = await bothways.run_at(site.case, site.code, site.repository, site.base, what=told)
    await worktrees.add(site.repository, site.folder, commit=site.base, branch=site.branch)
    return Attempt(site, Workbench(site.repository, site.folder, site.base, site.branch), before)


async def task(attempt: Attempt, asked: object) -> dict[str, object]:
    """Return what the model is told of its task: what is asked, from where on, what tests and logs say."""
    release = await sources.release(attempt.case)
    failures = release.findings.failures[:3] if release.findings else ()
    return {
        "asked": asked,
        "starts_at": attempt.site.base,
        "tests_without_the_fix": attempt.before.evidence.excerpt,
        "failures_in_the_logs": [each.evidence.excerpt for each in failures],
    }
