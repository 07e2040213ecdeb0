"""Reads a checked-out repository for somebody who is not trusted: bounded, inside its folder, without secrets."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from incidents.errors import ToolFailed
from incidents.tools import inside, redaction
from incidents.tools.git import Repository

MAX_FILE = 400_000  # bytes of a file that is read or edited; beyond lie generated files and data
MAX_LINES = 400  # of a file at once
MAX_LISTED = 400  # paths at once
MAX_FOUND = 80  # lines that a search brings at once
MAX_COMMITS = 40  # of a history at once
MAX_TEXT = 24_000  # characters at once, some 8,000 tokens
_MAX_LINE = 400  # characters; longer lines are minified or data


@dataclass
class Checkout:
    """A commit of a repository, checked out in a folder of its own."""

    repository: Repository
    folder: Path
    commit: str  #: full hash

    async def files(self, under: str = "") -> str:
        """Return the paths of the files in the folder `under`, one a line; of the whole repository without it.

        Raises:
            ToolFailed: when there is none, or there are too many.
        """
        place = "" if under.strip("./") == "" else self._name(under) + "/"
        found = [path for path in await self.repository.files(self.commit) if path.startswith(place)]
        if not found:
            raise ToolFailed(f"There is no folder `{under[:100]}`.", remedy="List the whole repository first.")
        if len(found) > MAX_LISTED:
            folders = sorted({path[len(place) :].partition("/")[0] for path in found})[:MAX_LISTED]
            raise ToolFailed(
                f"{len(found)} files lie there. It holds: {', '.join(folders)[:2000]}.", remedy="List one of these."
            )
        return "\n".join(found)

    async def lines(self, path: str, first: int = 1, last: int = MAX_LINES) -> str:
        """Return the lines `first` to `last` of a file, each after its number.

        Raises:
            ToolFailed: when there is no such file, or it is none of text.
        """
        text = redaction.redact(await self.text(path))
        found = text.splitlines()
        chosen = found[first - 1 : min(last, first - 1 + MAX_LINES)]
        if not chosen:
            raise ToolFailed(f"`{path}` has {len(found)} lines.", remedy="Ask for lines that it has.")
        end = first - 1 + len(chosen)
        rest = "" if end >= len(found) else f"\n({len(found) - end} more lines; ask for them by number)"
        return bounded("\n".join(f"{number}\t{line}" for number, line in enumerate(chosen, first))) + rest

    async def text(self, path: str) -> str:
        """Return the whole text of a file, unmasked: for code, not for showing.

        Raises:
            ToolFailed: when there is no such file, it is too large, or none of text.
        """
        where = inside.path_of(self.folder, path)
        return await asyncio.to_thread(_text, where, path)

    async def search(self, text: str, under: str = "") -> str:
        """Return the lines that contain `text`, as `path:line:content`.

        Raises:
            ToolFailed: when none does, or too many do.
        """
        place = [f":(literal){self._name(under)}"] if under.strip("./") else []
        found = ("-n", "-I", "-F", "--no-color", "--untracked", "-e", text, "--", *place)
        done = await self.repository.grep(*found, cwd=self.folder)
        lines = done.stdout.splitlines()
        if not lines:
            raise ToolFailed(f"Nothing contains `{text[:80]}`.", remedy="Search for a shorter part of it.")
        shown = redaction.redact("\n".join(line[:_MAX_LINE] for line in lines[:MAX_FOUND]))
        rest = f"\n({len(lines) - MAX_FOUND} more; narrow the search)" if len(lines) > MAX_FOUND else ""
        return bounded(shown) + rest

    async def history(self, path: str = "", commits: int = 20) -> str:
        """Return the newest commits, of one file or folder where given: hash, date, author and subject.

        Raises:
            ToolFailed: when nothing ever changed there.
        """
        place = [f":(literal){self._name(path)}"] if path.strip("./") else []
        count = f"--max-count={min(commits, MAX_COMMITS)}"
        log = ("log", "--format=%h %cI %an: %s", count, "--end-of-options", self.commit, "--", *place)
        said = (await self.repository.ask(*log)).stdout.strip()
        if not said:
            raise ToolFailed(f"No commit ever changed `{path[:100]}`.", remedy="Check the path by listing files.")
        return bounded(redaction.redact(said))

    async def blame(self, path: str, first: int, last: int) -> str:
        """Return who last changed the lines `first` to `last` of a file, by commit.

        Raises:
            ToolFailed: when there are no such lines.
        """
        blame = await self.repository.blame(self.commit, self._name(path), first, min(last, first + MAX_LINES - 1))
        return bounded(redaction.redact("\n".join(f"{b.commit[:12]} {b.path}:{b.line}: {b.text}" for b in blame.lines)))

    async def change(self, commit: str) -> str:
        """Return what a commit of the history changed: its message, and the difference against its parent.

        Raises:
            ToolFailed: when it is none of this history, or changed too much.
        """
        found = await self.repository.commit(commit)
        if not await self.repository.is_ancestor(found.hash, self.commit):
            raise ToolFailed(f"`{found.short}` is not in the history of `{self.commit[:7]}`.", remedy="Read its log.")
        diff = await self.repository.changed_by(found)
        head = f"{found.hash}\n{found.committed_at:%Y-%m-%d %H:%M}Z {found.author}\n{found.subject}\n\n{found.body}"
        return bounded(redaction.redact(f"{head}\n\n{diff.text}"))

    def _name(self, path: str) -> str:
        """Return the name of a path for git, after it was found to lie inside."""
        return inside.path_of(self.folder, path).relative_to(self.folder).as_posix()


def bounded(text: str) -> str:
    """Return `text`, cut at what is shown at once."""
    return text if len(text) <= MAX_TEXT else text[:MAX_TEXT] + "\n(cut here; ask for less at once)"


def _text(where: Path, name: str) -> str:
    if not where.is_file():
        raise ToolFailed(f"There is no file `{name[:100]}`.", remedy="List the files, or search for its name.")
    if where.stat().st_size > MAX_FILE:
        raise ToolFailed(f"`{name}` has more than {MAX_FILE // 1000} kB.", remedy="Search in it instead.")
    try:
        return where.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise ToolFailed(f"`{name}` is no text.", remedy="Leave it as it is.") from error
