"""The tools by which a model reads a repository and its history."""

from pydantic import Field

from incidents.agents.toolset import Input, Tool
from incidents.tools.evidence import EvidenceKind
from incidents.tools.reading import MAX_COMMITS, MAX_LINES, Checkout

_FOLDER = Field(default="", max_length=300, description="folder or file; empty for the whole repository")
_PATH = Field(min_length=1, max_length=300, description="from the repository's root, such as app/main.py")
_LINE = Field(default=1, ge=1, le=1_000_000)


class _List(Input):
    folder: str = _FOLDER


class _Read(Input):
    path: str = _PATH
    first: int = _LINE
    last: int = Field(default=MAX_LINES, ge=1, le=1_000_000, description=f"at most {MAX_LINES} lines are shown")


class _Search(Input):
    text: str = Field(
        min_length=2, max_length=200, pattern=r"^[^\x00\n]+$", description="found as it stands, in one line"
    )
    under: str = _FOLDER


class _History(Input):
    path: str = _FOLDER
    commits: int = Field(default=20, ge=1, le=MAX_COMMITS)


class _Blame(Input):
    path: str = _PATH
    first: int = _LINE
    last: int = _LINE


class _Commit(Input):
    commit: str = Field(pattern="^[0-9a-f]{7,40}$", description="its hash, seven digits or more")


def tools(checkout: Checkout) -> list[Tool]:
    """Return the tools that read `checkout`; none of them changes anything."""

    async def list_files(asked: _List) -> str:
        return await checkout.files(asked.folder)

    async def read_file(asked: _Read) -> str:
        return await checkout.lines(asked.path, asked.first, asked.last)

    async def search(asked: _Search) -> str:
        return await checkout.search(asked.text, asked.under)

    async def read_history(asked: _History) -> str:
        return await checkout.history(asked.path, asked.commits)

    async def read_blame(asked: _Blame) -> str:
        return await checkout.blame(asked.path, asked.first, max(asked.first, asked.last))

    async def read_commit(asked: _Commit) -> str:
        return await checkout.change(asked.commit)

    seen = EvidenceKind.GIT
    return [
        Tool("list_files", "Lists the files of a folder.", _List, list_files, seen),
        Tool("read_file", "Shows lines of a file, each after its number and a tab.", _Read, read_file, seen),
        Tool("search", "Finds a text in all files, as path:line:content.", _Search, search, seen),
        Tool("read_history", "Shows the newest commits, of one path where given.", _History, read_history, seen),
        Tool("read_blame", "Shows which commit last changed each of some lines.", _Blame, read_blame, seen),
        Tool("read_commit", "Shows what a commit changed, with its message.", _Commit, read_commit, EvidenceKind.DIFF),
    ]
