"""Past solutions: Markdown files with front matter under `docs/solutions/`, found again by the words they share.

What stands in them comes from a repository and is untrusted: it suggests, it never instructs, and it is cited as
evidence of kind `knowledge`.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path

from incidents.configuration import documents
from incidents.configuration.documents import Entry
from incidents.configuration.mistakes import Mistakes
from incidents.tools.evidence import Evidence, EvidenceKind, capture

FOLDER = "docs/solutions"
CRITICAL = "critical-patterns.md"  # the file of patterns that every analysis looks at

MAX_FILES = 2_000  # about two a week for twenty years; reading them takes under a second
MAX_BYTES = 64 * 1024
LIKE_ENOUGH = 0.2  # share of the query's weight that a solution must hold; below it, matches are coincidence

# Words of the title and the front matter were chosen to be found by; those of the text just occur.
_HEAD_WEIGHT = 2.0
_FRONT_MATTER = re.compile(r"\A---\n(?P<head>.*?)\n---\n(?P<body>.*)\Z", re.DOTALL)
_HEADING = re.compile(r"^#\s+(?P<title>.+)$", re.MULTILINE)
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]{2,}|\d{3,}")
# fmt: off
_COMMON = frozenset({
    "the", "and", "for", "with", "was", "were", "are", "not", "this", "that", "from", "has", "have", "had", "when",
    "then", "its", "but", "all", "can", "could", "would", "should", "into", "after", "before", "because", "which",
    "where", "will", "been", "error", "errors",
})
# fmt: on


@dataclass(frozen=True)
class Solution:
    """One solved problem."""

    path: str  #: inside the repository
    title: str
    head: str  #: the front matter's words: tags, symptoms, category
    body: str


@dataclass(frozen=True)
class Match:
    """A solution that resembles what is asked about."""

    solution: Solution
    score: float  #: share of the query's weight that it holds, 0 to 1
    shared: tuple[str, ...]  #: the words that tell most, the rarest first


def read(repository: Path) -> tuple[Solution, ...]:
    """Return the solutions of a repository, by path; what cannot be read is left out."""
    root = repository.resolve()
    paths = islice(sorted((root / FOLDER).rglob("*.md")), MAX_FILES)
    found = (_solution(path, root) for path in paths)
    return tuple(solution for solution in found if solution is not None)


def search(solutions: Sequence[Solution], text: str, *, limit: int = 3) -> list[Match]:
    """Return the solutions most like `text` (an error, a title, symptoms), best first; nothing where none is."""
    query = set(_words(text))
    held = [(solution, _weights(solution)) for solution in solutions]
    seen = Counter(word for _, weights in held for word in weights)
    rarity = {word: math.log(1 + len(held) / (seen[word] or 1)) for word in query}
    most = sum(rarity.values())
    matches = []
    for solution, weights in held:
        shared = sorted(query & weights.keys(), key=lambda word: (-rarity[word], word))
        score = sum(rarity[word] * weights[word] for word in shared) / (most * _HEAD_WEIGHT) if most else 0.0
        if score >= LIKE_ENOUGH:
            matches.append(Match(solution, round(score, 3), tuple(shared[:8])))
    return sorted(matches, key=lambda match: (-match.score, match.solution.path))[:limit]


def critical_patterns(solutions: Sequence[Solution]) -> tuple[Solution, ...]:
    """Return the files of patterns that every analysis looks at."""
    return tuple(solution for solution in solutions if Path(solution.path).name == CRITICAL)


def cite(solution: Solution, *, captured_at: datetime) -> Evidence:
    """Return the solution as evidence; `captured_at` is UTC."""
    summary = f"past solution: {solution.title}"
    return capture(
        EvidenceKind.KNOWLEDGE,
        solution.path,
        f"{solution.head}\n{solution.body}",
        summary=summary,
        captured_at=captured_at,
    )


def _solution(path: Path, root: Path) -> Solution | None:
    # A link may point out of the repository, to what nobody meant to show.
    if not path.resolve().is_relative_to(root):
        return None
    try:
        if path.stat().st_size > MAX_BYTES:
            return None
        text = path.read_text(encoding="utf-8-sig").replace("\r\n", "\n")
    except (OSError, UnicodeDecodeError):
        return None
    name = str(path.relative_to(root))
    parts = _FRONT_MATTER.match(text)
    head = documents.read(name, parts["head"].encode(), Mistakes()) if parts else None
    body = parts["body"] if parts else text
    heading = _HEADING.search(body)
    fields = head.value if head and isinstance(head.value, dict) else {}
    title = str(fields["title"].value) if "title" in fields else heading["title"] if heading else path.stem
    return Solution(name, title.strip()[:200], "\n".join(_said(head)) if head else "", body.strip())


def _said(entry: Entry) -> list[str]:
    """Return every value below `entry`, as text."""
    if isinstance(entry.value, dict):
        return [text for item in entry.value.values() for text in _said(item)]
    if isinstance(entry.value, list):
        return [text for item in entry.value for text in _said(item)]
    return [] if entry.value is None else [str(entry.value)]


def _weights(solution: Solution) -> dict[str, float]:
    weights = dict.fromkeys(_words(solution.body), 1.0)
    return weights | dict.fromkeys(_words(f"{solution.title} {solution.head}"), _HEAD_WEIGHT)


def _words(text: str) -> list[str]:
    """Return the words of `text` in lower case; an identifier counts whole and in its parts."""
    found = []
    for word in _WORD.findall(text):
        parts = re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])", word)
        found += [part.lower() for part in {word, *(parts if len(parts) > 1 else ())} if len(part) > 2]
    return [word for word in found if word not in _COMMON]
