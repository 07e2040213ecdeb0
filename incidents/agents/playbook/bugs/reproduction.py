"""Writes a test that reproduces a bug from what was reported: a call that the report or the traceback spells out.

Only calls with literal arguments of functions that stand on the traceback are taken; nothing is guessed. The test says
no more than that the call no longer raises what was reported.
"""

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from incidents.tools import stackplaces
from incidents.tools.tracebacks import Frame, Raised, Traceback

_SPAN = re.compile(r"```(?:python|py)?\n?(.*?)```|`([^`\n]+)`|^\s*>>> ?(.+)$", re.DOTALL | re.MULTILINE)
_MAX_SOURCE = 400  # characters of a call that is taken over


@dataclass(frozen=True)
class Reproduction:
    """A test file that reproduces a failure."""

    path: str
    text: str
    call: str  #: `total({})`
    raises: str  #: `KeyError`


def write(
    tracebacks: Sequence[Traceback], said: str, files: Sequence[str], *, key: str, folder: str
) -> Reproduction | None:
    """Return the test for the first call that can be made, or None; `folder` is where the tests are."""
    for traceback in tracebacks:
        for raised in (traceback.origin, traceback.last):
            for frame in reversed(raised.frames):
                module = _module(stackplaces.in_repository(frame.path, files))
                if module is None or not frame.function.isidentifier():
                    continue
                call = next(_calls(frame.function, _texts(raised, said)), None)
                if call is not None:
                    return _test(module, frame, call, raised, key=key, folder=folder)
    return None


def _module(path: str | None) -> str | None:
    """Return the dotted name of a Python file that a test at the repository's root can import."""
    if path is None or not path.endswith(".py"):
        return None
    parts = PurePosixPath(path).with_suffix("").parts
    return ".".join(parts) if all(part.isidentifier() for part in parts) else None


def _texts(raised: Raised, said: str) -> Iterator[str]:
    for found in _SPAN.finditer(said):
        yield from (text for text in found.groups() if text)
    for frame in raised.frames:
        yield frame.code.removeprefix("return ").strip()


def _calls(function: str, texts: Iterable[str]) -> Iterator[str]:
    """Yield the calls of `function` with literal arguments that stand in `texts`, as `function(…)`."""
    for text in texts:
        if len(text) > _MAX_SOURCE or function not in text:
            continue
        try:
            tree = ast.parse(text.strip())
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _name(node.func) == function and _is_literal(node):
                arguments = [ast.unparse(each) for each in (*node.args, *node.keywords)]
                yield f"{function}({', '.join(arguments)})"


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _is_literal(node: ast.Call) -> bool:
    values = [*node.args, *(each.value for each in node.keywords if each.arg)]
    if len(values) != len(node.args) + len(node.keywords):
        return False
    try:
        for value in values:
            ast.literal_eval(value)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return False
    return True


def _test(module: str, frame: Frame, call: str, raised: Raised, *, key: str, folder: str) -> Reproduction:
    name = re.sub(r"\W", "_", key)
    type_ = raised.type.rpartition(".")[2]
    text = f'''"""Reproduces {key}: {call} raised {type_}."""

import unittest

from {module} import {frame.function}


class Regression(unittest.TestCase):
    def test_{name}_{frame.function}_no_longer_raises(self):
        {call}
'''
    prefix = f"{folder}/" if folder else ""
    return Reproduction(f"{prefix}test_{name}.py", text, call, type_)
