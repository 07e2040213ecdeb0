"""A change that people committed by hand, looked up in git: that it exists, and what nobody should type of it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel

from incidents import catalog
from incidents.agents import blanks, unasked
from incidents.clock import Clock
from incidents.errors import InvalidInputs, ToolFailed
from incidents.tools import filekinds, git, redaction, remotes
from incidents.tools.evidence import shorten
from incidents.tools.filekinds import FileKind
from incidents.tools.git import Diff, Repository

#: Seconds that a branch may be looked for where people pushed it; a form is answered within Slack's three.
PATIENCE = 1.5

_MAX_DIFF = 4000  # FixCode.diff
_MAX_FILES = 200  # Implementation.files


@dataclass
class _Looking:
    """What is known so far."""

    repository: Repository
    code: catalog.Repository
    typed: Mapping[str, str]
    asked: frozenset[str]  #: paths of the step's fields
    found: dict[str, str] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)


async def look_up(
    prompt: str, typed: Mapping[str, str], code: catalog.Repository | None, clock: Clock
) -> dict[str, str]:
    """Return what git knows of the branches and commits that were typed, by the paths of `blanks.fields`.

    Commits are named in full; a branch's newest commit, its base, its files and its difference need not be typed.
    Without a repository nothing is looked up.

    Raises:
        InvalidInputs: the repository has no such branch or commit; says so at each field.
    """
    given = {path: text.strip() for path, text in typed.items() if text.strip()}
    changes = {path: model for path, model in blanks.parts(prompt).items() if model in unasked.HEADS}
    commits = [path for path in given if path.rpartition(".")[2] in blanks.COMMITS]
    asked = frozenset(blank.path for blank in blanks.fields(prompt))
    if code is None or not code.path or not given:
        return {}
    where = {name: said for name, said in {"repository": code.name, "into": code.branch}.items() if name in asked}
    where = {name: said for name, said in where.items() if name not in given}
    if not (commits or any(_beside(path, "branch") in given for path in changes)):
        return where
    try:
        repository = await git.open_repository(Path(code.path), clock)
    except ToolFailed:
        return where  # `sitrep doctor` names it; what people type is all there is
    looking = _Looking(repository, code, given, asked, where)
    for path, model in changes.items():
        await _change(looking, path, model)
    for path in commits:
        if path not in looking.found and path not in looking.faults:
            await _commit(looking, path)
    if looking.faults:
        raise InvalidInputs(looking.faults)
    return looking.found


def _beside(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


async def _change(looking: _Looking, path: str, model: type[BaseModel]) -> None:
    """Look up one change: its branch, the commit that it ends with, and what lies between that and its base."""
    where, named = _beside(path, "branch"), looking.typed.get(_beside(path, "branch"), "")
    head = _beside(path, unasked.HEADS[model])
    tip = await _tip(looking, where, named) if named else ""
    commit = await _commit(looking, head) if head in looking.typed else tip
    if looking.faults or not commit:
        return
    looking.found[head] = commit
    if tip and commit != tip and not await looking.repository.is_ancestor(commit, tip):
        looking.faults[head] = f"`{commit[:7]}` is not on `{named}`, which ends at `{tip[:7]}`."
        return
    base = await _base(looking, commit)
    diff = await looking.repository.diff(base, commit)
    facts = {_beside(path, name): said for name, said in _facts(base, diff).items()}
    looking.found |= {name: said for name, said in facts.items() if name in looking.asked - looking.typed.keys()}


def _facts(base: str, diff: Diff) -> dict[str, str]:
    files = list(diff.files)[:_MAX_FILES]
    count = f"{len(diff.files)} file{'' if len(diff.files) == 1 else 's'}"
    return {
        "base": base,
        "files": "\n".join(files),
        "additions": str(diff.additions),
        "deletions": str(diff.deletions),
        "diffstat": f"{count}, +{diff.additions} −{diff.deletions}",
        "diff": shorten(redaction.redact(diff.text), _MAX_DIFF),
        "tests.test_files": "\n".join([path for path in files if filekinds.kind(path) is FileKind.TEST][:50]),
    }


async def _base(looking: _Looking, commit: str) -> str:
    """Return where the change left the branch that it is merged into; of a commit that is on it, what came before."""
    repository = looking.repository
    forked = await repository.git("merge-base", "--end-of-options", looking.code.branch, commit)
    base = forked.stdout.strip()
    if forked.ok and base != commit:
        return base
    parents = (await repository.commit(commit)).parents
    return parents[0] if parents else commit


async def _commit(looking: _Looking, path: str) -> str:
    """Return the full hash of the commit that was typed at `path`; empty, with a fault, where there is none."""
    try:
        looking.found[path] = await looking.repository.resolve(looking.typed[path])
    except ToolFailed:
        looking.faults[path] = (
            f"{looking.code.name} has no commit {looking.typed[path][:60]!r} here."
            " Push its branch and name that, or correct the hash."
        )
        return ""
    return looking.found[path]


async def _tip(looking: _Looking, path: str, branch: str) -> str:
    """Return the newest commit of a branch; one that was pushed and is not known here yet is fetched."""
    repository, ref = looking.repository, f"refs/heads/{branch}"
    said = f"{looking.code.name} has no branch {branch[:60]!r}. Push it, or correct its name."
    if not (await repository.git("check-ref-format", ref)).ok:
        looking.faults[path] = said
        return ""
    if (await repository.git("show-ref", "--verify", "--quiet", ref)).ok:
        return await repository.resolve(ref)
    try:
        async with asyncio.timeout(PATIENCE):
            return await _fetched(repository, branch)
    except TimeoutError:
        looking.faults[path] = (
            f"{looking.code.name} did not answer in time whether it has {branch[:60]!r}. Send it again."
        )
    except ToolFailed:
        looking.faults[path] = said
    return ""


async def _fetched(repository: Repository, branch: str) -> str:
    remote = await remotes.of_clone(repository)
    if remote is None:
        raise ToolFailed(f"{repository.path} has no branch `{branch}`.")
    tip = await remotes.fetch(repository, remote, branch)
    # Later steps go on from the clone's own branch.
    await repository.ask("update-ref", f"refs/heads/{branch}", tip, "0" * len(tip))
    return tip
