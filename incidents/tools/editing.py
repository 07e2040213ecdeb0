"""Edits a checked-out repository for somebody who is not trusted, and commits what was edited, nothing else."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from incidents.errors import ToolFailed
from incidents.tools import changes, filekinds, inside, redaction
from incidents.tools.filekinds import FileKind
from incidents.tools.reading import MAX_FILE, Checkout

MAX_EDITED = 20  # files of one fix
MAX_NEW = 40_000  # characters of one edit; a fix is small, and what is larger was generated


@dataclass
class Workbench(Checkout):
    """A checkout on a branch of its own, which may be edited."""

    branch: str
    edited: dict[str, str] = field(default_factory=dict)  #: path -> its whole text now

    async def replace(self, path: str, old: str, new: str) -> str:
        """Replace the only occurrence of `old` in a file by `new`, and say so.

        Raises:
            ToolFailed: when it does not occur exactly once, or may not be edited.
        """
        self._refuse(path, old, new)
        text = await self.text(path)
        count = text.count(old) if old else 0
        if count != 1:
            raise ToolFailed(
                f"`old` occurs {count} times in `{path}`.",
                remedy="Read the lines again and copy them exactly, with enough around them to be unique.",
            )
        await self._write(path, text.replace(old, new, 1))
        return f"`{path}` is changed."

    async def write(self, path: str, text: str) -> str:
        """Write a new file, or one that was written before in this workspace, and say so.

        Raises:
            ToolFailed: when the repository has it already, or it may not be written.
        """
        self._refuse(path, text)
        where = inside.path_of(self.folder, path)
        name = where.relative_to(self.folder).as_posix()
        if name in await self.repository.files(self.commit):
            raise ToolFailed(f"`{name}` exists already.", remedy="Change it by replacing a part of it.")
        await self._write(name, text)
        return f"`{name}` is written."

    async def commit_edits(self, message: str) -> str:
        """Commit what was edited on top of the checkout's commit, and return the full hash; "" without any edit.

        What tests or anybody else left in the folder goes: only texts that were given here are committed.

        Raises:
            ToolFailed: when git refuses.
        """
        await self.repository.ask("reset", "--hard", "--quiet", self.commit, cwd=self.folder)
        await self.repository.ask("clean", "-ffdqx", cwd=self.folder)
        if not self.edited:
            return ""
        text = redaction.redact(message)
        made = await changes.commit(self.repository, self.folder, self.edited, message=text, branch=self.branch)
        return "" if made == self.commit else made

    def _refuse(self, path: str, *texts: str) -> None:
        # By the name that git knows: `conftest.py/.` names the same file, and none of the patterns.
        if why := untouchable(self._name(path)):
            raise ToolFailed(f"`{path}` {why}.", remedy="Leave it as it is; say in your answer what it would need.")
        if any(len(text) > MAX_NEW for text in texts):
            raise ToolFailed(f"One edit may have {MAX_NEW:,} characters.", remedy="Make the smallest change.")
        if any(redaction.MASK in text for text in texts):
            raise ToolFailed(f"{redaction.MASK} stands for a secret you cannot see.", remedy="Edit around that line.")
        if any("\0" in text for text in texts):
            raise ToolFailed("That is no text.", remedy="Write text.")

    async def _write(self, path: str, text: str) -> None:
        where = inside.path_of(self.folder, path)
        name = where.relative_to(self.folder).as_posix()
        if name not in self.edited and len(self.edited) >= MAX_EDITED:
            raise ToolFailed(f"{MAX_EDITED} files are changed already.", remedy="A fix is smaller than that.")
        if len(text.encode()) > MAX_FILE:
            raise ToolFailed(f"`{name}` would be too large.", remedy="Make the smallest change.")
        await asyncio.to_thread(_store, where, text)
        self.edited[name] = text


def untouchable(path: str) -> str:
    """Return why nobody but a person may change the file at `path`, as the rest of a sentence; "" when others may."""
    match filekinds.kind(path):
        case FileKind.MIGRATION:
            return "changes stored data, which is a person's to decide"
        case FileKind.TOOLING:
            return "belongs to the repository's tools, not to a fix"
        case _:
            pass
    if filekinds.decides_how_tests_run(path):
        return "decides how tests run, so a proof by them would be worth nothing"
    if filekinds.is_dependency_list(path):
        return "changes what is installed, which is a person's to decide"
    return ""


def _store(where: Path, text: str) -> None:
    if where.exists() and not where.is_file():  # a pipe that a test left would hold the writer for ever
        raise ToolFailed("There is something else than a file.", remedy="Choose another path.")
    try:
        where.parent.mkdir(parents=True, exist_ok=True)
        where.write_bytes(text.encode())
    except OSError as error:
        raise ToolFailed(f"It cannot be written: {error.strerror}.", remedy="Choose another path.") from error
