"""Adds a regression test to the branch of a fix, made of what was reported."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from incidents.agents.playbook import sources
from incidents.agents.playbook.bugs import reproduction
from incidents.agents.playbook.case import Case
from incidents.tools import changes, filekinds, tracebacks
from incidents.tools.filekinds import FileKind
from incidents.tools.git import Repository
from incidents.tools.tracebacks import Traceback


async def add(case: Case, repository: Repository, folder: Path, base: str, branch: str) -> str:
    """Commit a test that reproduces the report to the branch checked out in `folder`; return the commit, or "".

    Raises:
        ToolFailed: when it cannot be written.
    """
    files = await repository.files(base)
    release = await sources.release(case)
    failures = release.findings.failures if release.findings else ()
    seen: list[Traceback] = [*tracebacks.parse(case.said()), *(each.traceback for each in failures[:3])]
    key = case.request.incident.key
    made = reproduction.write(seen, case.said(), files, key=key, folder=_tests_folder(files))
    if made is None:
        return ""
    case.note(f"The test for `{made.call}` is made of the report: it shows that it no longer raises `{made.raises}`.")
    message = f"Test that {made.call} no longer raises {made.raises}\n\nBug: {key}"
    return await changes.commit(repository, folder, {made.path: made.text}, message=message, branch=branch)


def _tests_folder(files: Sequence[str]) -> str:
    """Return the folder that most tests of the repository are in."""
    folders = [str(PurePosixPath(path).parent) for path in files if _is_test(path)]
    return max(folders, key=folders.count, default="tests").removeprefix(".")


def _is_test(path: str) -> bool:
    return filekinds.kind(path) is FileKind.TEST and PurePosixPath(path).name.startswith("test")
