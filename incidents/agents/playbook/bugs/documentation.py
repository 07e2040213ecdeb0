"""Writes the fix into the repository's changelog, in its own form; where there is none, nothing is founded."""

import re
from pathlib import PurePosixPath

from incidents.agents.outputs import Output
from incidents.agents.planning import DocumentationUpdate, Implementation
from incidents.agents.playbook.bugs import notes, past
from incidents.agents.playbook.case import Case
from incidents.tools import changes, worktrees

_NAMES = re.compile(r"^(changelog|changes|history|news)(\.(md|rst|txt))?$", re.IGNORECASE)
_UNRELEASED = re.compile(r"^(#+\s*\[?unreleased\]?.*)$", re.IGNORECASE | re.MULTILINE)
_SECTION = re.compile(r"^##\s+\S.*$", re.MULTILINE)
_BULLET = re.compile(r"^([-*])\s", re.MULTILINE)


async def run(case: Case) -> tuple[Output, str]:
    """Add one entry to the changelog on the branch of the fix.

    Raises:
        StepFailed: when there is no implementation.
        ToolFailed: when git refuses.
    """
    made = past.require(case, "bug-implementation", Implementation, "implementation").output
    code = past.codebase(case)
    repository = await past.clone(case, code)
    entry = notes.entry(case)
    if not made.commit:
        return _nothing(made, entry, "There is no fix to write about.")
    files = await repository.files(made.commit)
    path = next((path for path in files if _NAMES.fullmatch(path)), None)
    if path is None:
        return _nothing(made, entry, "The repository has no changelog.")
    text = await repository.show(made.commit, path) or ""
    written = _with(text, entry)
    if written is None:
        return _nothing(made, entry, f"The form of `{path}` could not be made out: no section to write into.")
    if entry in text:
        return _nothing(made, entry, f"`{path}` says it already.")
    folder = case.folder(f"docs-{code.name}")
    try:
        await worktrees.add(repository, folder, commit=made.commit)
        message = f"Note the fix in {PurePosixPath(path).name}\n\nBug: {case.request.incident.key}"
        commit = await changes.commit(repository, folder, {path: written}, message=message, branch=made.branch)
    finally:
        await worktrees.remove(repository, folder)
    diff = await repository.diff(made.commit, commit)
    update = DocumentationUpdate(
        changed=True,
        repository=code.name,
        files=[path],
        commit=commit,
        entry=entry,
        reason="",
        evidence=case.see(diff.evidence),
    )
    return update, f"`{path}` of `{code.name}`: {entry}"


def _nothing(made: Implementation, entry: str, reason: str) -> tuple[Output, str]:
    update = DocumentationUpdate(
        changed=False,
        repository=made.repository,
        files=[],
        commit="",
        entry=entry,
        reason=reason[:300],
        evidence=[],
    )
    return update, f"`{made.repository}`: {reason}"


def _with(text: str, entry: str) -> str | None:
    """Return the changelog with the entry under what is not released yet; None where its form is unknown."""
    bullet = _BULLET.search(text)
    line = f"{bullet[1] if bullet else '-'} {entry}"
    unreleased = _UNRELEASED.search(text)
    if unreleased is not None:
        rest = text[unreleased.end() :].lstrip("\n")
        return f"{text[: unreleased.end()]}\n\n{line}\n{rest if rest.startswith(line[:2]) else chr(10) + rest}"
    section = _SECTION.search(text)
    if section is None:
        return None
    return f"{text[: section.start()]}## Unreleased\n\n{line}\n\n{text[section.start() :]}"
