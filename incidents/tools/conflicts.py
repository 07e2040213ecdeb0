"""What two sides made of the same place of a file: read out of a rebase that stopped, put in a few words."""

import asyncio
import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from incidents.tools import redaction
from incidents.tools.git import Repository

MAX_FILES = 10  #: conflicts that are looked into; further files are named alone
_MAX_LINES = 5_000  # of one side; comparing longer files would take minutes
_SHOWN = 160  # characters of what one side made of the place
_BASE, _THERE, _HERE = 1, 2, 3  # stages of git's index: before both, the branch that is rebased onto, what is rebased


@dataclass(frozen=True)
class Conflict:
    """One file that both sides changed."""

    path: str
    there: str = ""  #: what the branch that is rebased onto made of the place; empty where it was not looked into
    here: str = ""  #: what the rebased commits made of it
    by: str = ""  #: the newest commit there that changed the file: hash, subject, author


async def read(repository: Repository, folder: Path, paths: Sequence[str], since: str, onto: str) -> list[Conflict]:
    """Return what each side made of `paths`, on which the rebase in the worktree `folder` has stopped.

    `since` is where the two parted.
    """
    looked_into = [await _conflict(repository, folder, path, since, onto) for path in paths[:MAX_FILES]]
    return [*looked_into, *(Conflict(path) for path in paths[MAX_FILES:])]


async def _conflict(repository: Repository, folder: Path, path: str, since: str, onto: str) -> Conflict:
    base, there, here = [await _stage(repository, folder, path, stage) for stage in (_BASE, _THERE, _HERE)]
    log = await repository.git("log", "-1", "--format=%h %s (%an)", f"{since}..{onto}", "--", f":(literal){path}")
    by = redaction.redact(log.stdout.strip())[:120] if log.ok else ""
    if there is None or here is None:
        return Conflict(path, "deleted" if there is None else "changed", "deleted" if here is None else "changed", by)
    lines_there, lines_here = await asyncio.to_thread(overlapping, base or [], there, here)
    return Conflict(path, _shown(lines_there), _shown(lines_here), by)


async def _stage(repository: Repository, folder: Path, path: str, stage: int) -> list[str] | None:
    """Return the lines of one side; None where it has no such file."""
    done = await repository.git("show", f":{stage}:{path}", cwd=folder)
    return done.stdout.splitlines()[:_MAX_LINES] if done.ok else None


def overlapping(base: Sequence[str], there: Sequence[str], here: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return what both sides made of the first place that both changed: its lines there, and here. Pure.

    Places that touch count as one, as they do for git.
    """
    of_here = _changes(base, here)
    for first, last, made_there in _changes(base, there):
        for begin, end, made_here in of_here:
            if first <= end and begin <= last:
                return made_there, made_here
    return [], []


def _changes(base: Sequence[str], side: Sequence[str]) -> list[tuple[int, int, list[str]]]:
    """Return first and last line of each change in `base`, with what stands there instead."""
    above = _alike(base, side)
    below = _alike(base[above:][::-1], side[above:][::-1])
    # Lines that recur all over a long file are no landmarks: to try them all took a minute where every line is `}`.
    matched = difflib.SequenceMatcher(None, base[above : len(base) - below], side[above : len(side) - below])
    return [
        (above + begin, above + end, list(side[above + start : above + stop]))
        for kind, begin, end, start, stop in matched.get_opcodes()
        if kind != "equal"
    ]


def _alike(base: Sequence[str], side: Sequence[str]) -> int:
    """Return with how many of the same lines both begin."""
    pairs = enumerate(zip(base, side, strict=False))
    return next((number for number, (one, other) in pairs if one != other), min(len(base), len(side)))


def _shown(lines: Sequence[str]) -> str:
    """Return the first lines that say anything as one; what reads as markup is left out."""
    said = [" ".join(line.split()).replace("`", "'") for line in lines if line.strip()]
    if not said:
        return "removed"
    text = redaction.redact(" ⏎ ".join(said[:3]))
    cut = text[: _SHOWN - 1] + "…" if len(text) > _SHOWN else text
    more = f" and {len(said) - 3} more lines" if len(said) > 3 else ""
    return f"`{cut}`{more}"
