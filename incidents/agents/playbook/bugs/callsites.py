"""What a change does to names that others call: which functions went or take other arguments, and who calls them."""

import ast
import re
from dataclasses import dataclass

from incidents.tools.git import Diff, Repository

_MOST = 20  # names that are searched for; a minimal fix changes one or two


@dataclass(frozen=True)
class Changed:
    """A function or class that callers may notice."""

    name: str  #: `PriceList.total`
    path: str
    gone: bool  #: else: takes other arguments
    callers: tuple[str, ...]  #: places outside its own definition that still name it, as `path:line`

    @property
    def is_public(self) -> bool:
        """Tell whether others may use it by its name."""
        return not any(part.startswith("_") for part in self.name.split("."))

    @property
    def in_words(self) -> str:
        """Return what became of it."""
        return f"`{self.name}` {'is gone' if self.gone else 'takes other arguments'}"


async def changed(repository: Repository, base: str, commit: str, diff: Diff) -> list[Changed]:
    """Return the functions and classes of Python files that `commit` removed or whose arguments it changed."""
    found: list[Changed] = []
    for path in diff.files:
        if not path.endswith(".py"):
            continue
        before = _signatures(await repository.show(base, path) or "")
        after = _signatures(await repository.show(commit, path) or "")
        for name, signature in before.items():
            if after.get(name) != signature and len(found) < _MOST:
                found.append(Changed(name, path, name not in after, await _callers(repository, commit, name, path)))
    return found


async def _callers(repository: Repository, commit: str, name: str, defined_in: str) -> tuple[str, ...]:
    """Return where `commit` still names it, less the line that defines it."""
    last = name.rpartition(".")[2]
    done = await repository.grep("-n", "-w", "-F", "-I", "-e", last, commit, "--")
    defines = re.compile(rf"^\s*(async def|def|class) {re.escape(last)}\b")
    places = []
    for line in done.stdout.splitlines():
        _, path, number, text = (*line.split(":", 3), "", "", "")[:4]
        if not (path == defined_in and defines.match(text)):
            places.append(f"{path}:{number}")
    return tuple(places[:_MOST])


def _signatures(source: str) -> dict[str, str]:
    """Return the arguments of every function and class, by dotted name; nothing where it is no Python."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return {}
    found: dict[str, str] = {}
    _collect(tree, "", found)
    return found


def _collect(node: ast.AST, prefix: str, found: dict[str, str]) -> None:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            found[f"{prefix}{child.name}"] = ast.unparse(child.args)
        elif isinstance(child, ast.ClassDef):
            found[f"{prefix}{child.name}"] = "class"
            _collect(child, f"{prefix}{child.name}.", found)
