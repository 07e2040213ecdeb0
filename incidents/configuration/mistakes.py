"""Mistakes in configuration files: collected over all files, told at once."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from rapidfuzz import fuzz, process

from incidents.errors import ConfigurationError

#: Below this likeness (0 to 100) a suggestion confuses more than it helps: `mail` scores 89 against `email`, `director`
#: 36 against `cto`.
LIKE_ENOUGH = 65

#: How the names of shipped files begin.
SHIPPED = "templates/"


class Unreadable(ValueError):
    """A value that cannot be read; carries what is wrong and what to do."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy


@dataclass(frozen=True, order=True)
class Mistake:
    """One thing that is wrong in one file."""

    file: str
    line: int  #: counted from 1; 0 where it is about the file as a whole
    key: str  #: dotted: severity_levels.critical.response_time; empty where it is about the file
    what: str
    remedy: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        stop = "" if self.remedy.endswith("?") else "."
        return f"{place}: {self.key + ': ' if self.key else ''}{self.what}. {self.remedy}{stop}"


@dataclass
class Mistakes:
    """All mistakes found so far."""

    found: set[Mistake] = field(default_factory=set)

    def add(self, file: str, line: int, key: str, *, what: str, remedy: str) -> None:
        """Note one mistake; `what` and `remedy` are sentences without their full stop."""
        self.found.add(Mistake(file, line, key, what, remedy))

    def known_at(self, file: str, line: int, key: str) -> bool:
        """Return whether something is known to be wrong there."""
        return any((each.file, each.line, each.key) == (file, line, key) for each in self.found)

    def raise_if_any(self) -> None:
        """Return when nothing is wrong.

        Raises:
            ConfigurationError: with every mistake, by file and line.
        """
        if self.found:
            # What stands in people's own files comes first: the shipped ones are wrong only because of those.
            ordered = sorted(self.found, key=lambda each: (each.file.startswith(SHIPPED), each))
            raise ConfigurationError([str(mistake) for mistake in ordered])


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the one of `known` that `word` was probably meant to be, or None."""
    best = process.extractOne(word, list(known), scorer=fuzz.ratio, score_cutoff=LIKE_ENOUGH, processor=str.lower)
    return best[0] if best else None


def listing(words: Iterable[str], *, limit: int = 12) -> str:
    """Return `words` as a list for a sentence: `a, b, c and 4 more`."""
    ordered = list(words)
    more = len(ordered) - limit
    return ", ".join(ordered[:limit]) + (f" and {more} more" if more > 0 else "")


def advise(word: str, known: Iterable[str], *, otherwise: str = "") -> str:
    """Return the remedy for a word that is not among `known`; `otherwise` says how to make it known."""
    words = list(known)
    suggestion = nearest(word, words)
    if suggestion:
        return f"Did you mean {suggestion}?" if not otherwise else f"Did you mean {suggestion}? Otherwise {otherwise}"
    if otherwise:
        return otherwise[0].upper() + otherwise[1:]
    return f"Known here: {listing(words)}" if words else "Remove it"
