"""Finds the lines of a traceback in a repository, with the functions around them."""

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from incidents.tools.git import Repository
from incidents.tools.tracebacks import Frame, Traceback

MAX_PLACES = 8  # innermost frames of the whole chain; what lies further out is the way in, not the fault


@dataclass(frozen=True)
class Place:
    """A line of the repository that was on the stack."""

    path: str  #: relative to the repository
    line: int
    function: str
    first: int  #: first and last line of the enclosing function, or of the neighbourhood where there is none
    last: int
    code: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


_AROUND = 3  # lines to each side, where the language gives no function


async def find(repository: Repository, revision: str, tracebacks: Iterable[Traceback]) -> tuple[Place, ...]:
    """Return the places of `tracebacks` in the repository at `revision`, innermost first, each once.

    Paths of a traceback are those of the machine that ran it; a frame belongs to the repository when the end of its
    path is a file there and that file has the frame's line.
    """
    files = await repository.files(revision)
    found: dict[tuple[str, int], Place] = {}
    for frame in _innermost_first(tracebacks):
        path = in_repository(frame.path, files)
        if path is None or (path, frame.line) in found:
            continue
        source = await repository.show(revision, path)
        if place := _place(path, frame, source or ""):
            found[path, frame.line] = place
        if len(found) == MAX_PLACES:
            break
    return tuple(found.values())


def in_repository(path: str, files: Sequence[str]) -> str | None:
    """Return the longest of `files` that `path` ends with, whole names compared; None where there is none."""
    if "site-packages/" in path or "dist-packages/" in path:
        return None
    whole = "/" + path.replace("\\", "/").lstrip("./")
    return max((file for file in files if whole.endswith(f"/{file}")), key=len, default=None)


async def differs(repository: Repository, before: str, after: str, paths: Iterable[str]) -> bool:
    """Tell whether any of `paths` means something else after than before; Python's layout and comments do not count."""
    for path in paths:
        if not path.endswith(".py"):
            return True
        old, new = await repository.show(before, path), await repository.show(after, path)
        if old is None or new is None or _meaning(old) != _meaning(new):
            return True
    return False


def _meaning(source: str) -> str:
    try:
        return ast.dump(ast.parse(source))
    except (SyntaxError, ValueError, RecursionError):
        return source


def _innermost_first(tracebacks: Iterable[Traceback]) -> list[Frame]:
    """Return all frames: of each chain the exception raised first before the later ones, each innermost first."""
    return [frame for traceback in tracebacks for raised in traceback.chain for frame in reversed(raised.frames)]


def _place(path: str, frame: Frame, source: str) -> Place | None:
    lines = source.splitlines()
    if not 1 <= frame.line <= len(lines):
        return None
    first, last = _enclosing(path, source, frame.line, len(lines))
    return Place(path, frame.line, frame.function, first, last, lines[frame.line - 1].strip())


def _enclosing(path: str, source: str, line: int, length: int) -> tuple[int, int]:
    """Return the first and last line of the innermost function around `line`."""
    near = max(1, line - _AROUND), min(length, line + _AROUND)
    if not path.endswith(".py"):
        return near
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return near
    around = [
        (node.lineno, node.end_lineno or node.lineno)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.lineno <= line <= (node.end_lineno or node.lineno)
    ]
    return max(around, default=near)
