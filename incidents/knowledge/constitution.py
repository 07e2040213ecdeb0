"""Holds a change against a constitution's principles as far as their words are rules that code can judge. Pure.

Judged are demands for tests, and paths or dependencies that a sentence with MUST NOT or NEVER names in code marks. All
else is for people, and said to be.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from incidents.knowledge.specs import Principle

_SENTENCE = re.compile(r"[^.\n;]*(?:\.(?!\s|$)[^.\n;]*)*")
_FORBIDS = re.compile(r"\b(?:MUST NOT|SHALL NOT|NEVER)\b")
_DEMANDS = re.compile(r"\b(?:MUST|SHALL)\b")
_TESTS = re.compile(r"\b(?:tests?|tested|TDD)\b", re.IGNORECASE)
_CHANGES = re.compile(r"\b(?:change|modif(?:y|ied)|touch|edit|alter)", re.IGNORECASE)
_DEPENDS = re.compile(r"\b(?:depend|import|use|add)", re.IGNORECASE)
_CODE = re.compile(r"`([^`\n]{1,120})`")


@dataclass(frozen=True)
class Change:
    """What a fix does, as git shows it."""

    files: Sequence[str]
    added: Sequence[str]  #: lines that it adds
    has_tests: bool  #: whether a test shows that it repairs something


@dataclass(frozen=True)
class Violation:
    """A principle that the change breaks, and what to do instead."""

    principle: str
    why: str
    instead: str


def judge(principles: Iterable[Principle], change: Change) -> tuple[list[Violation], list[str]]:
    """Return what is violated, and the names of the principles that no rule here can judge."""
    found: list[Violation] = []
    unjudged = []
    for principle in principles:
        judged = False
        for sentence in (each.strip() for each in _SENTENCE.findall(principle.text)):
            if _FORBIDS.search(sentence):
                names = _CODE.findall(sentence)
                if _CHANGES.search(sentence) and names:
                    judged = True
                    found += _paths(principle, names, change)
                elif _DEPENDS.search(sentence) and names:
                    judged = True
                    found += _dependencies(principle, names, change)
            elif _DEMANDS.search(sentence) and _TESTS.search(sentence):
                judged = True
                found += _tests(principle, change)
        if not judged:
            unjudged.append(principle.name)
    return list(dict.fromkeys(found)), unjudged


def _tests(principle: Principle, change: Change) -> list[Violation]:
    if change.has_tests:
        return []
    return [Violation(principle.name, "no test shows what it repairs", "add one that fails without it")]


def _paths(principle: Principle, patterns: Sequence[str], change: Change) -> list[Violation]:
    touched = [path for path in change.files if any(_is_below(path, pattern) for pattern in patterns)]
    if not touched:
        return []
    return [
        Violation(principle.name, f"it changes `{touched[0]}`", "mend it in what calls this, or amend the principle")
    ]


def _is_below(path: str, pattern: str) -> bool:
    return fnmatchcase(path, pattern) or path.startswith(f"{pattern.removesuffix('**').rstrip('/')}/")


def _dependencies(principle: Principle, names: Sequence[str], change: Change) -> list[Violation]:
    for name in names:
        word = re.escape(name)
        imported = rf"^\s*(?:import|from|require|use)\b.*(?<![\w-]){word}(?![\w-])"
        used = re.compile(rf"{imported}|^\s*\"?{word}\"?\s*[=<>~:]")
        if any(used.search(line) for line in change.added):
            return [Violation(principle.name, f"it brings `{name}` in", "do it with what the repository has")]
    return []
