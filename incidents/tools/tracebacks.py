"""Reads Python tracebacks, chained ones included."""

import re
from dataclasses import dataclass
from enum import StrEnum


class Link(StrEnum):
    """How an exception came to the one reported after it."""

    NONE = "none"  #: it is the last one
    CAUSE = "cause"  #: `raise … from` it
    CONTEXT = "context"  #: the next was raised while it was handled


@dataclass(frozen=True)
class Frame:
    """One call on the stack."""

    path: str  #: as the traceback writes it
    line: int
    function: str
    code: str  #: the source line; empty where the source was not there


@dataclass(frozen=True)
class Raised:
    """One exception with its stack, outermost call first."""

    type: str  #: `KeyError`, or dotted where it is not built in
    message: str
    frames: tuple[Frame, ...]
    link: Link = Link.NONE

    @property
    def headline(self) -> str:
        """Return `KeyError: 'currency'`, the line that ends the traceback."""
        return f"{self.type}: {self.message}" if self.message else self.type


@dataclass(frozen=True)
class Traceback:
    """What was logged at once: one exception, or a chain of them as printed, first raised first."""

    chain: tuple[Raised, ...]
    text: str

    @property
    def last(self) -> Raised:
        """Return the exception that got out."""
        return self.chain[-1]

    @property
    def origin(self) -> Raised:
        """Return the exception that started it."""
        return self.chain[0]


_START = "Traceback (most recent call last):"
_FRAME = re.compile(r'^\s+File "(?P<path>[^"]+)", line (?P<line>\d+)(?:, in (?P<function>.+))?$')
_RAISED = re.compile(r"^(?P<type>[A-Za-z_][\w.]*)(?:: (?P<message>.*))?$")
_LINKS = {
    "During handling of the above exception, another exception occurred:": Link.CONTEXT,
    "The above exception was the direct cause of the following exception:": Link.CAUSE,
}
_GROUP_MARGIN = re.compile(r"^\s*(?:\| ?|\+ (?=Exception Group))")


def parse(text: str) -> tuple[Traceback, ...]:
    """Return the tracebacks in `text`, in order; what stands between them is skipped."""
    lines = [_unindent(line) for line in text.splitlines()]
    found: list[Traceback] = []
    chain: list[Raised] = []
    begun = position = 0
    while position < len(lines):
        if not lines[position].endswith(_START):
            position += 1
            continue
        if not chain:
            begun = position
        raised, position = _read(lines, position + 1)
        link, after = _link(lines, position)
        if raised is not None:
            chain.append(Raised(raised.type, raised.message, raised.frames, link))
        if link is Link.NONE and chain:
            found.append(Traceback(tuple(chain), "\n".join(lines[begun:position]).rstrip()))
            chain = []
        position = after
    return tuple(found)


def _unindent(line: str) -> str:
    """Return `line` without the margin that exception groups draw."""
    return _GROUP_MARGIN.sub("", line) if "|" in line or "+ Exc" in line else line


def _read(lines: list[str], position: int) -> tuple[Raised | None, int]:
    """Return the exception whose stack begins at `position`, and where it ends."""
    frames: list[Frame] = []
    while position < len(lines):
        line = lines[position]
        if frame := _FRAME.match(line):
            following = lines[position + 1] if position + 1 < len(lines) else ""
            has_code = following.startswith("    ") and not _FRAME.match(following)
            code = following.strip() if has_code else ""
            frames.append(Frame(frame["path"], int(frame["line"]), frame["function"] or "", code))
        elif not line.startswith(" "):
            break
        position += 1
    if position >= len(lines) or not (raised := _RAISED.match(lines[position])):
        return None, position
    return Raised(raised["type"], raised["message"] or "", tuple(frames)), position + 1


def _link(lines: list[str], position: int) -> tuple[Link, int]:
    """Return how the traceback that ended at `position` goes on, and where to read on."""
    for ahead in range(position, min(position + 12, len(lines))):  # a message of several lines may stand in between
        if link := _LINKS.get(lines[ahead].strip()):
            return link, ahead + 1
        if lines[ahead].endswith(_START):
            break
    return Link.NONE, position
