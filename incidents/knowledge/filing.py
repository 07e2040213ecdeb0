"""Solutions on record: filed by people, summed up for them, found by the search that every analysis uses.

What a private incident taught is shown to its own people alone, and no agent cites it in another channel.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, SQLColumnExpression, func
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from incidents import lengths, records, store
from incidents.catalog import Settings
from incidents.context import Context
from incidents.errors import InvalidInput
from incidents.knowledge import solutions
from incidents.knowledge.solutions import Solution
from incidents.service import sight

MAX_TITLE = 150
SEARCHED = 300  #: newest solutions that are searched: beyond them, code has moved on
PATTERN = 3  #: similar solutions that make a pattern; "Pattern detected? (3+ similar issues)", seed document 001

#: Share of a problem's words that another must hold to be the same again; a resemblance worth citing needs less.
_SAME = 0.35
_LOOKED_AT = 60  # newest solutions that patterns are looked for in: each is compared with each
_SHOWN = 5


@dataclass(frozen=True)
class Pattern:
    """A problem that came back."""

    title: str  #: of the newest of its solutions
    shared: tuple[str, ...]  #: words that they have in common, the most telling first
    rows: tuple[records.Solution, ...]  #: newest first


@dataclass(frozen=True)
class Learned:
    """What was learned, as one person may see it."""

    count: int  #: of the solutions that were looked through
    newest: tuple[records.Solution, ...]  #: for a search, what it found, best first
    patterns: tuple[Pattern, ...] = ()


async def file(
    tx: store.Tx, ctx: Context, actor: str, problem: str, solution: str, *, service: str = ""
) -> records.Solution:
    """File a solved problem; from now on every analysis finds it.

    Raises:
        InvalidInput: a part is missing or too long, or the catalogue has no such service.
    """
    parts = {"problem": problem, "solution": solution}
    said = {name: lengths.checked(text, lengths.WORDS, field=name) for name, text in parts.items()}
    for name, text in said.items():
        if not text:
            raise InvalidInput(f"Say what the {name} was.", remedy="A sentence is enough.", field=name)
    if service and ctx.service(service) is None:
        raise InvalidInput("The catalogue has no such service.", remedy="Choose one, or none.", field="service")
    row = records.Solution(
        service=service,
        title=" ".join(said["problem"].splitlines()[0].split())[:MAX_TITLE],
        problem=said["problem"],
        solution=said["solution"],
        signature="",
        filed_by=actor,
        created_at=tx.now,
    )
    tx.session.add(row)
    await tx.session.flush()
    return row


async def learned(session: AsyncSession, settings: Settings, person: str, words: str = "") -> Learned:
    """Return the newest solutions that `person` may see and what recurs in them; with `words`, what these find."""
    rows = await _visible(session, settings, person)
    if words.strip():
        found = await asyncio.to_thread(_alike, rows, words, solutions.LIKE_ENOUGH)
        return Learned(len(rows), tuple(row for row, _ in found[:_SHOWN]))
    patterns = await asyncio.to_thread(recurring, rows[:_LOOKED_AT])
    return Learned(len(rows), tuple(rows[:_SHOWN]), patterns[:_SHOWN])


async def _visible(session: AsyncSession, settings: Settings, person: str) -> list[records.Solution]:
    """Return the newest solutions that `person` may see.

    Where neither an incident nor an author is known any more, it may have been a private incident: left out.
    """
    solution = records.Solution
    known = of_its_incident(sight.seen_by(person, settings))
    visible = select(solution).where((col(solution.filed_by) != "") | known)
    return list(await latest(session, visible))


def of_its_incident(holds: SQLColumnExpression[bool]) -> ColumnElement[bool]:
    """Return whether `holds` is true of the incident that taught a solution; False where none is known any more.

    Asked of each row by itself: as a list of all incidents of which it is true, it would be the whole history.
    """
    taught_it = col(records.Incident.id) == col(records.Solution.incident_id)
    return func.coalesce(select(holds).where(taught_it).scalar_subquery(), False).is_(True)


async def latest(session: AsyncSession, asked: SelectOfScalar[records.Solution]) -> Sequence[records.Solution]:
    """Return the newest `SEARCHED` of the solutions asked for, newest first."""
    number = col(records.Solution.id)
    newest_first = asked.order_by(number.desc()).limit(SEARCHED)
    # Nearly always they are among twice as many numbers; where most of those are private or gone, it looks further.
    near = newest_first.where(number > select(func.max(number)).scalar_subquery() - 2 * SEARCHED)
    found = (await session.scalars(near)).all()
    return found if len(found) == SEARCHED else (await session.scalars(newest_first)).all()


def searchable(row: records.Solution) -> Solution:
    """Return a solution on record as the search and the agents read it."""
    return Solution(
        path=f"inc-{row.incident_id}" if row.incident_id else f"solution {row.id}",
        title=row.title[:200],
        head=f"{row.service}\n{row.signature}".strip(),
        body=f"Problem: {row.problem}\nSolution: {row.solution}",
    )


def recurring(rows: Sequence[records.Solution]) -> tuple[Pattern, ...]:
    """Return the problems that came back at least `PATTERN` times, the most frequent first. Pure."""
    left, found = list(rows), []
    while len(left) >= PATTERN:
        newest = left[0]
        same = _alike(left, f"{newest.title} {newest.service}", _SAME)
        members = [row for row in left if row is newest or any(row is each for each, _ in same)]
        left = [row for row in left if not any(row is each for each in members)]
        if len(members) >= PATTERN:
            words = [set(shared) for row, shared in same if row is not newest]
            common = set.intersection(*words)
            told = tuple(word for row, shared in same if row is newest for word in shared if word in common)
            found.append(Pattern(newest.title, told, tuple(members)))
    return tuple(sorted(found, key=lambda pattern: -len(pattern.rows)))


def _alike(
    rows: Sequence[records.Solution], words: str, least: float
) -> list[tuple[records.Solution, tuple[str, ...]]]:
    """Return what `words` finds among `rows` and the words it shares, best first."""
    held = [searchable(row) for row in rows]
    row_of = {id(each): row for each, row in zip(held, rows, strict=True)}
    matches = solutions.search(held, words, limit=len(held))
    return [(row_of[id(match.solution)], match.shared) for match in matches if match.score >= least]
