"""The ways to fix it that a person chooses from."""

from collections.abc import Sequence
from dataclasses import dataclass

from incidents.agents.outputs import FixApproach, FixOption
from incidents.agents.playbook.case import Case
from incidents.agents.playbook.proof import Proof
from incidents.agents.playbook.sources import Release
from incidents.errors import ToolFailed
from incidents.tools import filekinds, reverts
from incidents.tools.filekinds import FileKind
from incidents.tools.git import Commit, Repository

MAX_REVERTS = 2  # of four options; the others are going back a release and writing a hotfix


@dataclass(frozen=True)
class Undoing:
    """What is known about going back a whole release."""

    commits: tuple[Commit, ...]  #: what it takes away
    migrations: tuple[str, ...]


async def offer(
    case: Case, repository: Repository | None, release: Release, undone: Sequence[Proof], *, is_code: bool
) -> list[FixOption]:
    """Return one to four options, numbered; the recommended one first.

    `undone` are the commits that were tried and may be reverted, the accused one first; `is_code` tells whether
    a commit, rather than something outside, is held to be the cause.
    """
    found: list[FixOption] = []
    for proof in undone[:MAX_REVERTS]:
        if proof.undone is not None and proof.undone.worked:
            found.append(await _revert(repository, release, proof))
    if (back := await _rollback(case, repository, release)) is not None:
        found.append(back)
    found.append(_by_hand(case, repository))
    # Going back a release cannot mend what lies outside, nor what failed before it.
    best = next((o for o in found if is_code and o.approach is not FixApproach.HOTFIX and not _is_risky(o)), found[-1])
    ordered = sorted(found, key=lambda option: option is not best)
    return [
        option.model_copy(update={"number": number, "recommended": option is best})
        for number, option in enumerate(ordered, start=1)
    ]


def _is_risky(option: FixOption) -> bool:
    return option.approach is FixApproach.ROLLBACK and "migration" in option.description


async def _revert(repository: Repository | None, release: Release, proof: Proof) -> FixOption:
    commit, undone = proof.suspect.commit, proof.undone
    if undone is None:
        raise ValueError("only what could be undone is offered")
    part = "parts of " if undone.approach is FixApproach.REVERT_HUNKS else ""
    diff = undone.diff
    size = (
        f"{len(diff.files)} file{'s' if len(diff.files) != 1 else ''}, +{diff.additions} −{diff.deletions}"
        if diff
        else ""
    )
    tested = "tested" if proof.proven else "not proven by a test"
    rest = []
    if undone.skipped_hunks:
        rest.append(f"{undone.skipped_hunks} of its hunks no longer fit and stay.")
    if repository is not None and release.bad is not None and (later := await _later(repository, release, commit)):
        rest.append(f"Check with it: {', '.join(f'`{c.short}`' for c in later[:3])} changed the same files later.")
    return FixOption(
        number=1,
        title=f"Revert {part}`{commit.short}`",
        approach=undone.approach,
        description=" ".join((f"Smallest, {tested}, {size}.", *rest))[:300],
        commit=commit.hash,
        loses=f"What `{commit.short}` brought: {commit.subject}"[:200],
    )


async def _later(repository: Repository, release: Release, commit: Commit) -> Sequence[Commit]:
    if release.bad is None:
        return ()
    return await reverts.dependents(repository, commit, release.bad.commit)


async def _rollback(case: Case, repository: Repository | None, release: Release) -> FixOption | None:
    good, bad = release.good, release.bad
    if good is None or bad is None:
        return None
    undoing = await _undoing(case, repository, good.commit, bad.commit)
    if undoing is None:
        description = f"Goes back from release {bad.release}; what lies between could not be read."
        loses = f"Everything that release {bad.release} brought"
    else:
        count = len(undoing.commits)
        description = f"Takes back all {count} commits of release {bad.release}; that release ran before."
        if count == 1:
            description = f"Takes back the one commit of release {bad.release}; that release ran before."
        if undoing.migrations:
            listed = ", ".join(undoing.migrations[:2])
            description = f"Takes back {count} commits, a migration among them ({listed}): check the data first."
        loses = "; ".join(commit.subject for commit in undoing.commits[:3]) + (f" and {count - 3} more" * (count > 3))
    return FixOption(
        number=1,
        title=f"Go back to release {good.release} (`{good.commit[:7]}`)",
        approach=FixApproach.ROLLBACK,
        description=description[:300],
        commit=good.commit,
        loses=loses[:200],
    )


async def _undoing(case: Case, repository: Repository | None, good: str, bad: str) -> Undoing | None:
    if repository is None:
        return None
    try:
        history = await repository.commits(bad, since=good)
    except ToolFailed as fault:
        case.missing(fault)
        return None
    case.see(history.evidence)
    paths = sorted({path for commit in history.commits for path in commit.files})
    migrations = tuple(path for path in paths if filekinds.kind(path) is FileKind.MIGRATION)
    return Undoing(history.commits, migrations)


def _by_hand(case: Case, repository: Repository | None) -> FixOption:
    if repository is None:
        how = "No repository can be read, so the fix is written and deployed by hand; take the next steps over."
        return FixOption(
            number=1, title="Write a hotfix by hand", approach=FixApproach.HOTFIX, description=how, commit=None
        )
    title, how = writing(case, branch_of(case), "hotfix")
    return FixOption(number=1, title=title, approach=FixApproach.HOTFIX, description=how, commit=None)


def writing(case: Case, branch: str, what: str) -> tuple[str, str]:
    """Return title and description of the option to write a fix: who does it, and what becomes of it."""
    if writer := case.settings.writer:
        return (
            f"Let {writer} write a {what}",
            f"With its test, on the branch `{branch}`; offered only when tests prove it, else people write it there."
            " What people have committed there already is taken instead.",
        )
    return (
        f"Write a {what} by hand",
        f"Commit the change with its test to the branch `{branch}`; Sitrep tests it and asks before it is released.",
    )


def branch_of(case: Case) -> str:
    """Return the branch that this incident's fix is prepared on."""
    return f"hotfix/{case.request.incident.key}"
