"""Carries the plan out in one repository: the fix on a branch of its own, proven both ways or honestly partial."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from incidents import catalog
from incidents.agents.outputs import FixApproach, Output
from incidents.agents.planning import BothWays, FixPlan, Implementation, ImplementationState
from incidents.agents.playbook import preparation, wording
from incidents.agents.playbook.bugs import bothways, past, rebasing, regression
from incidents.agents.playbook.bugs.bothways import Proof
from incidents.agents.playbook.case import Case
from incidents.errors import StepFailed, ToolFailed
from incidents.tools import remotes, reverts, worktrees
from incidents.tools.git import Commit, Repository


class Author(StrEnum):
    """Who made a change; says how far its own tests are trusted."""

    RULES = "rules"
    PEOPLE = "people"
    AGENT = "agent"  #: a model or an external agent


@dataclass(frozen=True)
class Written:
    """A change that stands on the branch, or why there is none."""

    commit: str  #: full hash; empty when nothing was written
    summary: str
    undone: tuple[str, ...] = ()  #: paths of the commit that was undone
    remaining: list[str] = field(default_factory=list)
    reason: str = ""
    blocked: bool = False
    author: Author = Author.RULES
    proof: Proof | None = None  #: where it was proven already


@dataclass(frozen=True)
class Bench:
    """Where one repository's fix is made."""

    case: Case
    code: catalog.Repository
    repository: Repository
    plan: FixPlan
    base: str  #: full hash: what the fix builds on
    branch: str
    folder: Path  #: its worktree

    @property
    def undoes(self) -> str | None:
        """Return the commit that is undone here; None where the fix is written."""
        return self.plan.undoes(self.code.name)


#: Writes a change into the bench's branch: by rules, by people, by an external agent.
Writer = Callable[[Bench], Awaitable[Written]]


async def run(case: Case) -> tuple[Output, str]:
    """Carry out the plan by rules, or take what people have committed."""
    return await carry_out(case, by_rules)


async def carry_out(case: Case, write: Writer) -> tuple[Output, str]:
    """Let `write` make the change, then prove it both ways.

    Raises:
        StepFailed: when there is no plan or no repository.
        ToolFailed: when git refuses.
    """
    plan = past.require(case, "bug-fix-plan", FixPlan, "plan").output
    code = past.codebase(case)
    repository = await past.clone(case, code)
    base = await _base(case, code, repository)
    name = past.branch_of(case)
    bench = Bench(case, code, repository, plan, base, name, case.folder(f"fix-{code.name}"))
    try:
        written = await (_as_rebased(bench, write) if rebasing.is_asked(case) else write(bench))
        if not written.commit:
            return _nothing(bench, written)
        written, proof = await _proven(bench, written)
    finally:
        # git lets a branch be checked out in one place only: people must be able to take it up.
        await worktrees.remove(repository, bench.folder)
    return await _result(bench, written, proof)


async def _base(case: Case, code: catalog.Repository, repository: Repository) -> str:
    """Return the end of the branch that the fix is merged into; the clone's, where the remote cannot be read."""
    try:
        remote = await past.remote(case, code, repository)
        return await remotes.default_branch_head(repository, remote, code.branch)
    except ToolFailed as fault:
        case.note(f"{fault.message} The clone's `{code.branch}` is taken as it is.")
        return await repository.resolve(code.branch)


async def _as_rebased(bench: Bench, write: Writer) -> Written:
    """Take the branch as people rebased it; where they did not, write the change anew onto what it is merged into.

    Raises:
        StepFailed: what people committed still does not build on it, or the branch is checked out.
    """
    await rebasing.take_up(bench.case, bench.code, bench.repository, bench.branch, bench.base)
    head = await bench.repository.resolve(f"refs/heads/{bench.branch}")
    commits = (await bench.repository.commits(head, since=bench.base)).commits
    if commits and await bench.repository.is_ancestor(bench.base, head):
        undone = (await bench.repository.commit(bench.undoes)).files if bench.undoes else ()
        return replace(await _as_committed(bench, commits), undone=undone)
    return await write(bench)


async def by_rules(bench: Bench) -> Written:
    """Undo the planned commit; where people have committed to the branch, theirs is the fix.

    Raises:
        StepFailed: when it conflicts.
    """
    theirs = await peoples_work(bench)
    if theirs:
        return await _as_committed(bench, theirs)
    if bench.undoes is None:
        branch = bench.branch
        await worktrees.add(bench.repository, bench.folder, commit=bench.base, branch=branch)
        return Written(
            "",
            "Nothing is written yet.",
            remaining=["The test that shows the bug", "The change"],
            reason=f"Nobody has committed to `{branch}` yet, and the playbook writes no code; the branch starts at"
            f" `{bench.base[:7]}`. Commit the fix with its test there, then retry this step.",
            blocked=True,
        )
    return await _undo(bench, await bench.repository.commit(bench.undoes))


async def peoples_work(bench: Bench) -> tuple[Commit, ...]:
    """Return what people have committed to the branch, newest first.

    Raises:
        StepFailed: when it does not build on what the fix is merged into.
    """
    commits = await preparation.peoples_commits(bench.repository, bench.branch, bench.base)
    if not commits:
        return ()
    head = await bench.repository.resolve(f"refs/heads/{bench.branch}")
    if not await bench.repository.is_ancestor(bench.base, head):
        raise StepFailed(
            f"`{bench.branch}` does not build on `{bench.base[:7]}`, the end of `{bench.code.branch}`.",
            remedy=f"Rebase it (`git rebase {bench.base[:7]} {bench.branch}`) and retry.",
        )
    return commits


async def _as_committed(bench: Bench, theirs: tuple[Commit, ...]) -> Written:
    head = await bench.repository.resolve(f"refs/heads/{bench.branch}")
    await worktrees.add(bench.repository, bench.folder, commit=head)
    by = wording.listed(list(dict.fromkeys(commit.author for commit in theirs)))
    said = f"{theirs[0].subject} ({wording.counted(len(theirs), 'commit')} by {by})"
    # What Sitrep committed and no rule undid, an agent wrote.
    by_agent = bench.undoes is None and all(commit.email == preparation.SITREP_EMAIL for commit in theirs)
    return Written(head, said, author=Author.AGENT if by_agent else Author.PEOPLE)


async def _undo(bench: Bench, culprit: Commit) -> Written:
    worktree = await worktrees.add(bench.repository, bench.folder, commit=bench.base, branch=bench.branch)
    incident = bench.case.request.incident
    reason = f"Bug: {incident.key}, {' '.join(incident.title.split())}"
    undone = await reverts.undo(worktree, culprit, reason=reason)
    if not undone.worked:
        files = wording.listed([f"`{path}`" for path in undone.conflicts])
        return Written(
            "",
            f"`{culprit.short}` cannot be undone.",
            remaining=["The change, by hand"],
            reason=f"Undoing `{culprit.short}` conflicts in {files}. Choose another option, or commit the fix to"
            f" `{bench.branch}` and retry.",
            blocked=True,
        )
    bench.case.see(*undone.evidence)
    parts = "Reverts" if undone.approach is FixApproach.REVERT else "Reverts parts of"
    return Written(undone.commit, f"{parts} `{culprit.short}` {culprit.subject}.", culprit.files)


async def _proven(bench: Bench, written: Written) -> tuple[Written, Proof]:
    """Prove the change; where no test shows the bug, with one that is made of the report."""
    case, repository = bench.case, bench.repository
    proof = written.proof or await _prove(bench, written)
    if proof.stands or proof.tests.with_fix is None or proof.tests.failed_without_fix:
        return written, proof
    try:
        added = await regression.add(case, repository, bench.folder, bench.base, bench.branch)
    except ToolFailed as fault:
        case.missing(fault)
        return written, proof
    if not added:
        return written, replace(proof, why_not=f"{proof.why_not} The report spells out no call to make a test of.")
    written = replace(written, commit=added)
    return written, await _prove(bench, written)


async def _prove(bench: Bench, written: Written) -> Proof:
    made = bench.case, bench.code, bench.repository, bench.base, written.commit
    if written.author is Author.AGENT:
        return await bothways.prove_written(*made)
    return await bothways.prove(*made, undone=written.undone)


def _nothing(bench: Bench, written: Written) -> tuple[Output, str]:
    state = ImplementationState.PARTIAL if written.blocked else ImplementationState.FAILED
    output = _output(bench, written, bothways.NOTHING, state, [])
    return output, f"`{bench.code.name}`: {state.value}, {written.reason}"


async def _result(bench: Bench, written: Written, proof: Proof) -> tuple[Output, str]:
    diff = await bench.repository.diff(bench.base, written.commit)
    cited = [*bench.case.see(diff.evidence), *proof.evidence]
    remaining = [*written.remaining, *(["A test that fails without the fix and passes with it"] * (not proof.stands))]
    done = proof.stands and not written.remaining
    state = ImplementationState.COMPLETE if done else ImplementationState.PARTIAL
    output = _output(bench, written, proof.tests, state, cited).model_copy(
        update={
            "files": list(diff.files)[:200],
            "additions": diff.additions,
            "deletions": diff.deletions,
            "diffstat": f"{wording.counted(len(diff.files), 'file')}, +{diff.additions} −{diff.deletions}",
            "remaining": remaining[:10],
            "reason": (written.reason or proof.why_not)[:500],
        }
    )
    shown = wording.tests(proof.tests.passed_with_fix)
    told = f"{shown} failed without it and passed with it" if proof.stands else proof.why_not
    return output, f"`{bench.code.name}`: `{written.commit[:7]}` {state.value}, {output.diffstat}; {told}"


def _output(
    bench: Bench,
    written: Written,
    tests: BothWays,
    state: ImplementationState,
    cited: list[str],
) -> Implementation:
    return Implementation(
        result=state,
        repository=bench.code.name,
        approach=bench.plan.approach,
        branch=bench.branch,
        base=bench.base,
        commit=written.commit,
        files=[],
        additions=0,
        deletions=0,
        diffstat="",
        summary=written.summary[:400],
        tests=tests,
        remaining=written.remaining[:10],
        reason=written.reason[:500],
        blocked=written.blocked,
        evidence=cited,
    )
