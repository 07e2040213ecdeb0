"""Turns a YAML file into values that know the line they stand on.

The file is composed, not constructed: nodes carry their marks, no tag is ever acted upon, and duplicate keys show.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from incidents.configuration.mistakes import Mistakes

MAX_BYTES = 256 * 1024  # shipped files are under 10 KiB; parsing takes about 3 ms a KiB
MAX_VALUES = 20_000  # counted after aliases are followed, so that a few lines cannot unfold into millions
MAX_DEPTH = 40  # the deepest shipped file is 7 deep

_TAG = "tag:yaml.org,2002:"
_NUMBERS = "Numbers are written plainly, like 5 or 0.01"

Value = str | int | float | bool | None | dict[str, "Entry"] | list["Entry"]


@dataclass(frozen=True)
class Entry:
    """One value of a file, with the place where it stands."""

    value: Value
    file: str
    line: int  #: counted from 1; the line of its key, where it has one
    key: str  #: dotted path from the top of the file


class _TooMuch(Exception):
    """The file unfolds into more than a configuration can be."""


def read(file: str, content: bytes, mistakes: Mistakes) -> Entry | None:
    """Return what `content` says, or None where that cannot be read; then `mistakes` says why.

    `file` is the name by which people know the file. An empty file is an empty mapping.
    """
    text = _decode(file, content, mistakes)
    if text is None:
        return None
    try:
        root = YAML(typ="safe", pure=True).compose(text)
        if root is None:
            return Entry({}, file, 1, "")
        return _Builder(file, mistakes).build(root, line=1, key="", depth=0)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        mistakes.add(file, mark.line + 1 if mark else 0, "", what=_problem(error), remedy=_remedy(error))
    except ReaderError as error:
        line = text[: error.position].count("\n") + 1
        mistakes.add(
            file, line, "", what="holds a control character", remedy="Remove it, or write it as \\x07 in quotes"
        )
    except YAMLError as error:
        mistakes.add(file, 0, "", what=f"is not valid YAML: {error}", remedy="Correct it")
    except (_TooMuch, RecursionError):
        mistakes.add(
            file,
            0,
            "",
            what=f"unfolds into more than {MAX_VALUES} values, or more than {MAX_DEPTH} levels",
            remedy="Use fewer aliases (*) and shallower lists",
        )
    return None


def _decode(file: str, content: bytes, mistakes: Mistakes) -> str | None:
    if len(content) > MAX_BYTES:
        size = f"{len(content) // 1024} KiB"
        mistakes.add(file, 0, "", what=f"is {size} long, more than {MAX_BYTES // 1024} KiB", remedy="Shorten it")
        return None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        what = f"is not UTF-8 (byte {content[error.start]:#04x})"
        mistakes.add(file, line, "", what=what, remedy="Save it as UTF-8")
        return None


def _problem(error: MarkedYAMLError) -> str:
    words = f"{error.context or ''} {error.problem or ''}".strip()
    if "another document" in words:
        return "holds a second document (`---`)"
    return f"is not valid YAML: {words}"


def _remedy(error: MarkedYAMLError) -> str:
    problem = error.problem or ""
    if "another document" in problem:
        return "Keep one document in a file"
    if "\\t" in problem:
        return "Indent with spaces, not with tabs"
    if "mapping values are not allowed" in problem:
        return "Check the indentation, and put text that holds a colon in quotes"
    if "alias" in problem:
        return "Name an anchor (&) that stands further up, or put text that starts with * in quotes"
    return "Check indentation, quotes and brackets here and in the line above"


class _Builder:
    """Builds the entries of one file."""

    def __init__(self, file: str, mistakes: Mistakes) -> None:
        self.file = file
        self.mistakes = mistakes
        self.left = MAX_VALUES

    def build(self, node: Node, *, line: int, key: str, depth: int) -> Entry:
        """Return `node` as an entry. `line` is where its key stands."""
        self.left -= 1
        if self.left < 0 or depth > MAX_DEPTH:
            raise _TooMuch
        if isinstance(node, MappingNode | SequenceNode) and node.tag not in (f"{_TAG}map", f"{_TAG}seq"):
            return self._tagged(node, line=line, key=key)
        if isinstance(node, MappingNode):
            return Entry(self._mapping(node, key=key, depth=depth), self.file, line, key)
        if isinstance(node, SequenceNode):
            items: list[Entry] = [
                self.build(item, line=_line(item), key=f"{key}[{number}]", depth=depth + 1)
                for number, item in enumerate(node.value, start=1)
            ]
            return Entry(items, self.file, line, key)
        return Entry(self._scalar(node, line=line, key=key), self.file, line, key)

    def _mapping(self, node: MappingNode, *, key: str, depth: int) -> dict[str, Entry]:
        entries: dict[str, Entry] = {}
        for name, line, value in self._names(node, key):
            path = f"{key}.{name}" if key else name
            if name in entries:
                first = entries[name].line
                what = f"is written twice, first in line {first}"
                self.mistakes.add(self.file, line, path, what=what, remedy="Keep one of them")
                continue
            entries[name] = self.build(value, line=line, key=path, depth=depth + 1)
        return entries

    def _names(self, node: MappingNode, key: str) -> Iterator[tuple[str, int, Node]]:
        for name, value in node.value:
            line = _line(name)
            if not isinstance(name, ScalarNode):
                remedy = "Write a plain word before the colon"
                self.mistakes.add(self.file, line, key, what="a key is a list or a mapping", remedy=remedy)
            elif name.tag == f"{_TAG}merge":
                what, remedy = "merge keys (<<) are not read", "Write the keys out"
                self.mistakes.add(self.file, line, key, what=what, remedy=remedy)
            else:
                yield str(name.value), line, value

    def _scalar(self, node: Node, *, line: int, key: str) -> str | int | float | bool | None:
        text = str(node.value)
        kind = str(node.tag or "").removeprefix(_TAG)
        try:
            match kind:
                case "str" | "timestamp":
                    return text
                case "null":
                    return None
                case "bool":
                    return text.lower() == "true"
                case "int":
                    return int(text)
                case "float":
                    return float(text)
        except ValueError:  # 0x1F, .inf: valid YAML that no setting here needs
            self.mistakes.add(self.file, line, key, what=f"{text} is not a plain number", remedy=_NUMBERS)
            return None
        self._tagged(node, line=line, key=key)
        return None

    def _tagged(self, node: Node, *, line: int, key: str) -> Entry:
        tag = str(node.tag).replace(_TAG, "!!")
        self.mistakes.add(self.file, line, key, what=f"the tag {tag} is not read", remedy="Write the plain value")
        return Entry(None, self.file, line, key)


def _line(node: Node) -> int:
    return int(node.start_mark.line) + 1
