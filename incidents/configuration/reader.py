"""Reads entries as what they should be; notes what they are not and goes on, so that one run finds every mistake."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from incidents.configuration.documents import Entry
from incidents.configuration.mistakes import Mistakes, Unreadable, advise

T = TypeVar("T")

_QUOTE = "Put it in quotes"


@dataclass(frozen=True)
class Reference:
    """A word of a file that must be known elsewhere."""

    kind: str  #: audience, gate, workflow …
    name: str
    entry: Entry


@dataclass
class Reader:
    """Typed access to entries. What cannot be read is noted, and an empty value returned in its place."""

    mistakes: Mistakes
    references: list[Reference] = field(default_factory=list)

    def mistake(self, entry: Entry, what: str, remedy: str) -> None:
        """Note what is wrong with `entry`; that it is empty is not worth saying where it could not be read at all."""
        if entry.value is None and self.mistakes.known_at(entry.file, entry.line, entry.key):
            return
        self.mistakes.add(entry.file, entry.line, entry.key, what=what, remedy=remedy)

    def mapping(self, entry: Entry | None, remedy: str = "Write `name: value` lines under it") -> dict[str, Entry]:
        """Return the entries of a mapping by key; any key may stand there."""
        if entry is None:
            return {}
        if isinstance(entry.value, dict):
            return entry.value
        self.mistake(entry, f"should hold names and values, and holds {describe(entry)}", remedy)
        return {}

    def fields(
        self, entry: Entry | None, *, required: Collection[str] = (), optional: Collection[str] = ()
    ) -> dict[str, Entry]:
        """Return the entries of a mapping whose keys are known; notes unknown and missing ones."""
        found = self.mapping(entry)
        known = [*required, *optional]
        for name, value in found.items():
            if name not in known:
                self.mistake(value, "is not a known key", advise(name, known))
        if entry is not None and isinstance(entry.value, dict):
            for name in required:
                if name not in found:
                    self.mistake(entry, f"{name} is missing", f"Add {name}")
        return {name: value for name, value in found.items() if name in known}

    def items(self, entry: Entry | None) -> list[Entry]:
        """Return the entries of a list."""
        if entry is None:
            return []
        if isinstance(entry.value, list):
            return entry.value
        self.mistake(
            entry, f"should be a list, and is {describe(entry)}", "Write [one, two], or lines that begin with -"
        )
        return []

    def pairs(self, entry: Entry | None) -> list[tuple[str, Entry]]:
        """Return the names and values of a list of single-key mappings (`- name: value`) or of a mapping, in order."""
        if entry is None or isinstance(entry.value, dict):
            return list(self.mapping(entry).items())
        found: dict[str, Entry] = {}
        for item in self.items(entry):
            for name, value in self.mapping(item, "Write it like `- name: value`").items():
                if name in found:
                    first = found[name].line
                    self.mistake(value, f"is written twice, first in line {first}", "Keep one of them")
                else:
                    found[name] = value
        return list(found.items())

    def text(self, entry: Entry | None) -> str:
        """Return a text that says something, or an empty one where it does not."""
        if entry is None:
            return ""
        if isinstance(entry.value, str) and entry.value.strip():
            return entry.value.strip()
        remedy = _QUOTE if isinstance(entry.value, int | float) else "Write a text"
        self.mistake(entry, f"should be a text, and is {describe(entry)}", remedy)
        return ""

    def words(self, entry: Entry | None) -> list[tuple[str, Entry]]:
        """Return the words of a list of texts, or of one text, each with its entry; a repeated word is noted."""
        if entry is None:
            return []
        entries = [entry] if isinstance(entry.value, str) else self.items(entry)
        found: dict[str, Entry] = {}
        for item in entries:
            word = self.text(item)
            if word in found:
                self.mistake(item, f"{word} is listed twice", "Keep one of them")
            elif word:
                found[word] = item
        return list(found.items())

    def said(self, entry: Entry | None, parse: Callable[[str], T], default: T) -> T:
        """Return what `parse` reads in a text, or `default`."""
        if entry is None:
            return default
        text = str(entry.value) if _is_number(entry) else self.text(entry)
        return self.parsed(entry, text, parse, default) if text else default

    def parsed(self, entry: Entry, text: str, parse: Callable[[str], T], default: T) -> T:
        """Return what `parse` reads in `text` (a key, say), or `default`; a mistake is noted at `entry`."""
        try:
            return parse(text)
        except Unreadable as error:
            self.mistake(entry, error.what, error.remedy)
            return default

    def choice(self, entry: Entry | None, known: Iterable[str], default: str = "") -> str:
        """Return a text that is one of `known`."""
        word = self.text(entry)
        choices = list(known)
        if entry is None or not word:
            return default
        if word not in choices:
            self.mistake(entry, f"{word} is not known here", advise(word, choices))
            return default
        return word

    def refer(self, kind: str, name: str, entry: Entry) -> str:
        """Return `name`, having noted that it must be known as a `kind`."""
        self.references.append(Reference(kind, name, entry))
        return name

    def names(self, entry: Entry | None, kind: str) -> tuple[str, ...]:
        """Return a list of names that must be known as a `kind`."""
        return tuple(self.refer(kind, word, item) for word, item in self.words(entry))

    def check_references(self, kind: str, known: Collection[str], *, otherwise: str = "") -> None:
        """Note every name referred to as a `kind` that is not `known`; `otherwise` says how to make one known."""
        for reference in self.references:
            if reference.kind == kind and reference.name not in known:
                what = f"there is no {kind} {reference.name}"
                self.mistake(reference.entry, what, advise(reference.name, known, otherwise=otherwise))


def describe(entry: Entry) -> str:
    """Return what stands there, for a sentence: `the number 5`, `a list`, `nothing`."""
    value = entry.value
    if value is None or value == "":
        return "nothing"
    if isinstance(value, bool):
        return f"the truth value {str(value).lower()}"
    if isinstance(value, int | float):
        return f"the number {value}"
    if isinstance(value, str):
        return f"the text {value[:60]!r}"
    return "a list" if isinstance(value, list) else "a mapping"


def _is_number(entry: Entry) -> bool:
    return isinstance(entry.value, int | float) and not isinstance(entry.value, bool)
