"""Looks up in a repository what an agent says of it: files, lines, functions, commits."""

import re
from dataclasses import dataclass, field

from incidents.agents import citations
from incidents.agents.diagnoses import DiagnosedCause, Diagnosis
from incidents.errors import ToolFailed
from incidents.tools.evidence import Evidence
from incidents.tools.git import Commit, Repository

_MOST = 40  # places that are looked up in one analysis


@dataclass
class Existence:
    """What of the things named is there."""

    there: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)  #: as sentences without their end


async def existence(repository: Repository, base: str, diagnosis: Diagnosis) -> Existence:
    """Look up every file, line, function and commit that `diagnosis` names, at `base`."""
    cause, found = diagnosis.root_cause, Existence()
    files = set(await repository.files(base))
    if cause.root_file is not None:
        await _place(repository, base, files, cause.root_file, cause.root_line, found)
        await _function(repository, base, cause, files, found)
    for path in cause.affected_files[:_MOST]:
        _note(found, path in files, f"`{path}`", f"there is no file `{path}` at `{base[:7]}`")
    texts = " ".join((cause.summary, cause.mechanism, cause.explanation, *(claim.text for claim in cause.claims)))
    for path, line in dict.fromkeys(citations.PLACE.findall(texts)[:_MOST]):
        if path in files:
            await _place(repository, base, files, path, int(line), found)
    named = [*citations.COMMIT.findall(texts), *(each.commit for each in diagnosis.options if each.commit)]
    for revision in dict.fromkeys(named[:_MOST]):
        commit = await commit_of(repository, revision)
        _note(found, commit is not None, f"commit `{revision[:7]}`", f"there is no commit `{revision[:7]}`")
    return found


async def commit_of(repository: Repository, revision: str) -> Commit | None:
    """Return the commit; None where the repository has none by that name."""
    try:
        return await repository.commit(revision)
    except ToolFailed:
        return None


async def attribution(repository: Repository, base: str, cause: DiagnosedCause) -> tuple[bool, str, list[Evidence]]:
    """Return whether git says of the accused commit what the diagnosis says, in which words, and what showed it."""
    if cause.commit is None:
        return True, "It accuses no commit.", []
    commit = await commit_of(repository, cause.commit)
    if commit is None:
        return False, f"There is no commit `{cause.commit[:7]}` in this repository.", []
    if not await repository.is_ancestor(commit.hash, base):
        return False, f"`{commit.short}` is no part of the history of `{base[:7]}`.", []
    if cause.commit_subject and cause.commit_subject.strip() != commit.subject.strip():
        return False, f"`{commit.short}` is called “{commit.subject[:100]}”, not “{cause.commit_subject[:100]}”.", []
    if cause.author and cause.author.strip() != commit.author.strip():
        return False, f"git names another author of `{commit.short}`.", []
    return await _touched(repository, base, cause, commit)


async def _touched(
    repository: Repository, base: str, cause: DiagnosedCause, commit: Commit
) -> tuple[bool, str, list[Evidence]]:
    """Return whether the commit changed the place that it is accused for: the file, and by blame the line."""
    if cause.root_file is None:
        return True, f"`{commit.short}` {commit.subject[:100]} is in the history of `{base[:7]}`.", []
    if cause.root_file not in commit.files:
        return False, f"`{commit.short}` did not change `{cause.root_file}`.", []
    if cause.root_line is None:
        return True, f"`{commit.short}` changed `{cause.root_file}`.", []
    try:
        blame = await repository.blame(base, cause.root_file, cause.root_line, cause.root_line)
    except ToolFailed:
        return False, f"`{cause.root_file}` has no line {cause.root_line} at `{base[:7]}`.", []
    last = blame.lines[0].commit if blame.lines else ""
    if last == commit.hash:
        return True, f"blame gives `{cause.root_file}:{cause.root_line}` to `{commit.short}`.", [blame.evidence]
    told = f"`{commit.short}` changed `{cause.root_file}`; blame gives line {cause.root_line} to `{last[:7]}`."
    return True, told, [blame.evidence]


async def _place(
    repository: Repository, base: str, files: set[str], path: str, line: int | None, found: Existence
) -> None:
    if path not in files:
        found.absent.append(f"there is no file `{path}` at `{base[:7]}`")
        return
    length = len((await repository.show(base, path) or "").splitlines())
    where = f"`{path}:{line}`" if line else f"`{path}`"
    _note(found, line is None or 1 <= line <= length, where, f"`{path}` has {length} lines at `{base[:7]}`, no {line}")


async def _function(
    repository: Repository, base: str, cause: DiagnosedCause, files: set[str], found: Existence
) -> None:
    name = (cause.root_function or "").rpartition(".")[2]
    if not name.isidentifier() or cause.root_file is None or cause.root_file not in files:
        return
    source = await repository.show(base, cause.root_file) or ""
    there = re.search(rf"\b{re.escape(name)}\b", source) is not None
    _note(found, there, f"`{name}`", f"`{cause.root_file}` has no `{name}`")


def _note(found: Existence, there: bool, what: str, absent: str) -> None:
    if there:
        found.there.append(what)
    elif absent not in found.absent:
        found.absent.append(absent)
