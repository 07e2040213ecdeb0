"""What a repository's specification says: requirements, scenarios, principles; read from text, found by words. Pure.

A repository is in specification mode when it has a folder `.specify/`. What stands there is untrusted: it says what was
meant, it never instructs, and it is cited as evidence of kind `knowledge`.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from incidents.tools import relevance

FOLDER = ".specify/"
CONSTITUTION = ".specify/memory/constitution.md"

MAX_FILES = 200  # specifications read at once; one `git show` each, together about a second
MAX_CHARACTERS = 256 * 1024  # of one file; a specification of 500 requirements has a quarter of it
MAX_REQUIREMENTS = 2_000
MAX_PRINCIPLES = 40

_SPEC = re.compile(r"(?:\.specify/)?specs/[^/]+/spec\.md")
_ITEM = re.compile(r"^\s{0,3}(?:[-*+]|\d+[.)])\s+(?P<text>\S.*)$")
_HEADING = re.compile(r"^(?P<marks>#{1,6})\s+(?P<title>.+?)\s*#*$")
_NAMED = re.compile(r"^\**(?P<id>[A-Z]{2,5}-\d{1,4}[a-z]?)\**\s*[:.\u2013-]*\**\s+(?P<text>.+)$")
_SCENARIO = re.compile(r"\bgiven\b.+\bwhen\b.+\bthen\b(?P<then>.+)", re.IGNORECASE)
_STORY = re.compile(r"user story (?P<number>\d+)", re.IGNORECASE)
_DEMANDS = re.compile(r"\b(?:MUST|SHALL|SHOULD)\b")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
# Words that every requirement has: sharing them relates nothing.
_OF_FORM = {"must", "shall", "should", "system", "user", "given", "when", "then", "able", "requirement", "acceptance"}


@dataclass(frozen=True)
class Requirement:
    """One thing that the specification demands."""

    id: str  #: `FR-002`; of a scenario `US1.2`, the second of the first story; else `path:line`
    text: str  #: without marks
    expected: str  #: what should happen: of a scenario what follows "then"
    path: str
    line: int  #: from 1


@dataclass(frozen=True)
class Principle:
    """One principle of the constitution."""

    name: str
    text: str
    line: int  #: of its heading, from 1


@dataclass(frozen=True)
class Related:
    """A requirement that speaks of what is asked about."""

    requirement: Requirement
    score: float  #: BM25, above 0
    shared: tuple[str, ...]  #: stems of the words in common


def is_specified(files: Iterable[str]) -> bool:
    """Tell whether a repository with these files is in specification mode."""
    return any(path.startswith(FOLDER) for path in files)


def readable(files: Iterable[str]) -> list[str]:
    """Return the paths that hold requirements, at most MAX_FILES, the newest features first; templates are none."""
    every = set(files)
    features = sorted((path for path in every if _SPEC.fullmatch(path)), reverse=True)
    kept = sorted(path for path in every if path.startswith(FOLDER) and _says_requirements(path))
    return [*features, *(path for path in kept if path not in features)][:MAX_FILES]


def _says_requirements(path: str) -> bool:
    parts = PurePosixPath(path).parts
    return path.endswith(".md") and path != CONSTITUTION and not {"templates", "scripts"} & set(parts)


def requirements(path: str, text: str) -> list[Requirement]:
    """Return what the file demands, in its order; items with an id, scenarios, and sentences with MUST or SHALL."""
    found: list[Requirement] = []
    story, scenarios = 0, 0
    for number, kind, said in _parts(text):
        if kind == "heading":
            if told := _STORY.search(said):
                story, scenarios = int(told["number"]), 0
            continue
        plain = _plain(said)
        scenario = _SCENARIO.search(plain)
        named = _NAMED.match(said)
        if scenario:
            scenarios += 1
            name = f"US{story}.{scenarios}" if story else f"{path}:{number}"
            found.append(Requirement(name, plain, scenario["then"].strip(" ,:"), path, number))
        elif named:
            demand = _plain(named["text"])
            found.append(Requirement(named["id"], demand, demand, path, number))
        elif _DEMANDS.search(plain):
            found.append(Requirement(f"{path}:{number}", plain, plain, path, number))
    return found[:MAX_REQUIREMENTS]


def principles(text: str) -> list[Principle]:
    """Return the constitution's principles: the sections below a heading that speaks of principles, else all."""
    sections = list(_sections(text))
    above = next((each for each in sections if "principle" in each[1].lower() and each[0] < 3), None)
    if above is None:
        inner = [each for each in sections if each[0] > 1]
    else:
        rest = sections[sections.index(above) + 1 :]
        end = next((place for place, each in enumerate(rest) if each[0] <= above[0]), len(rest))
        inner = rest[:end]
    if not inner:
        return []
    level = min(each[0] for each in inner)
    found = []
    for place, (depth, title, body, number) in enumerate(inner):
        if depth == level:
            below = "\n".join(f"{each[1]}\n{each[2]}" for each in _below(inner[place + 1 :], level))
            found.append(Principle(_plain(title)[:120], f"{body}\n{below}".strip()[:4000], number))
    return found[:MAX_PRINCIPLES]


async def search(every: Sequence[Requirement], asked: str, *, limit: int = 3) -> list[Related]:
    """Return the requirements that speak of `asked`, best first; nothing where none shares two telling words with it.

    Raises:
        ToolFailed: when scoring breaks.
    """
    query = _telling(asked)
    shared = [query & _telling(each.text) for each in every]
    if not any(len(words) > 1 for words in shared):
        return []
    scores = await relevance.scores(asked, [each.text for each in every])
    found = [
        Related(each, round(score, 3), tuple(sorted(words)))
        for each, score, words in zip(every, scores, shared, strict=True)
        if len(words) > 1 and score > 0
    ]
    ranked = sorted(found, key=lambda each: (-each.score, each.requirement.path, each.requirement.line))
    return [each for each in ranked if each.score >= ranked[0].score / 2][:limit]


def _telling(text: str) -> set[str]:
    # Without the last e, `pricing.py` speaks of what `MUST price` demands.
    return {word.removesuffix("e") for word in relevance.words(text) if len(word) > 2 and word not in _OF_FORM}


def _parts(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield headings and list items with their line; what goes on indented below an item belongs to it."""
    item: list[str] = []
    begun = 0
    for number, line in _lines(text):
        if heading := _HEADING.match(line):
            if item:
                yield begun, "item", " ".join(item)
            item = []
            yield number, "heading", heading["title"]
        elif listed := _ITEM.match(line):
            if item:
                yield begun, "item", " ".join(item)
            item, begun = [listed["text"].strip()], number
        elif item and line.startswith((" ", "\t")) and line.strip():
            item.append(line.strip())
        elif item:
            yield begun, "item", " ".join(item)
            item = []
    if item:
        yield begun, "item", " ".join(item)


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines that are no code and no comment, numbered from 1."""
    spoken = _COMMENT.sub(lambda match: "\n" * match[0].count("\n"), text[:MAX_CHARACTERS])
    fenced = False
    for number, line in enumerate(spoken.splitlines(), start=1):
        if line.lstrip().startswith(("```", "~~~")):
            fenced = not fenced
        elif not fenced:
            yield number, line.rstrip()


def _sections(text: str) -> Iterator[tuple[int, str, str, int]]:
    """Yield each heading's level, title, own text and line."""
    head: tuple[int, str, int] | None = None
    body: list[str] = []
    for number, line in _lines(text):
        if heading := _HEADING.match(line):
            if head:
                yield head[0], head[1], "\n".join(body).strip(), head[2]
            head, body = (len(heading["marks"]), heading["title"], number), []
        else:
            body.append(line)
    if head:
        yield head[0], head[1], "\n".join(body).strip(), head[2]


def _below(rest: Sequence[tuple[int, str, str, int]], level: int) -> Iterator[tuple[int, str, str, int]]:
    for each in rest:
        if each[0] <= level:
            return
        yield each


def _plain(text: str) -> str:
    """Return `text` without emphasis marks, on one line, bounded."""
    return " ".join(re.sub(r"\*+|(?<!\w)__|__(?!\w)", "", text).split())[:600]
