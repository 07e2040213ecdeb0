"""Runs that began under other files than today's: told to people when Sitrep starts, who choose.

A run goes on under its frozen copy whatever the files say; that is safe, and people may rather follow today's.
Source: the review machinery document, config drift detection on resume.
"""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel
from sqlmodel import col, select

from incidents import records, store
from incidents.context import Context
from incidents.definitions import Kind
from incidents.lifecycle import Status
from incidents.response import frozen, questions, runs
from incidents.response.questions import About, Choice, Does
from incidents.service import queries

_UNFINISHED = ("running", "paused")

# By way of the open incidents, which have an index: past runs are many, and each is as large as its frozen copy.
_UNFINISHED_RUNS = (
    select(col(records.Run.id), records.Run.digest, records.Incident.kind, records.Incident.severity)
    .join(records.Incident, col(records.Incident.id) == col(records.Run.incident_id))
    .where(records.Incident.status == Status.OPEN, col(records.Run.state).in_(_UNFINISHED))
)
_ASKED_BEFORE = (
    select(records.Question.run_id, records.Question.text)
    .join(records.Incident, col(records.Incident.id) == col(records.Question.incident_id))
    .where(records.Incident.status == Status.OPEN, records.Question.kind == About.DRIFT.value)
)


async def ask(ctx: Context) -> int:
    """Ask about every unfinished run whose files are not today's, once for each change; return how many were asked."""
    asked = 0
    for number in await _drifted(ctx):
        async with ctx.store.transaction() as tx:  # one for each: nobody holds two incidents at once
            asked += await _ask(tx, ctx, number)
    return asked


async def _drifted(ctx: Context) -> list[int]:
    """Return the runs to ask about. Of those that are alike one frozen copy is read: hundreds would take a moment."""
    alike: dict[Sequence[object], list[int]] = defaultdict(list)
    async with ctx.store.read() as session:
        rows: Any = await session.execute(_UNFINISHED_RUNS)
        for number, *likeness in rows.all():
            alike[tuple(likeness)].append(number)
        texts: dict[int, str] = {}
        for numbers in alike.values():
            run = await session.get_one(records.Run, numbers[0])
            if told := _told(ctx, await queries.get(session, run.incident_id), run):
                texts |= dict.fromkeys(numbers, told[0])
        before = (await session.execute(_ASKED_BEFORE)).all() if texts else ()
        asked_before = {(number, text) for number, text in before}
    return [number for number, text in sorted(texts.items()) if (number, text) not in asked_before]


async def _ask(tx: store.Tx, ctx: Context, number: int) -> bool:
    run = await tx.session.get_one(records.Run, number)
    incident = await queries.get(tx.session, run.incident_id)
    told = _told(ctx, incident, run) if run.state in _UNFINISHED else None
    if told is None or await _was_asked(tx, run, told[0]):
        return False
    choices = [
        Choice(label="Continue with the original", does=Does.KEEP),
        Choice(label=told[1], does=Does.ANEW),
    ]
    await questions.ask(tx, incident, run, "", About.DRIFT, told[0], choices)
    return True


def _told(ctx: Context, incident: records.Incident, run: records.Run) -> tuple[str, str] | None:
    """Return the question and the way to today's files; None where nothing is to be asked."""
    if incident.status is not Status.OPEN:
        return None
    return _of_bug(ctx, run) if incident.kind is Kind.BUG else _of_incident(ctx, incident, run)


def _of_bug(ctx: Context, run: records.Run) -> tuple[str, str] | None:
    today = ctx.library.policies.bugfix_pipeline
    if today is None or frozen.definition_of(run).pipeline == today:
        return None
    text = (
        "The stages of bugfix_pipeline.yml are not those that this run began with. "
        f"It goes on with its own copy unless you begin anew. (stages {_print(today)})"
    )
    return text, "Start anew with today's"


def _of_incident(ctx: Context, incident: records.Incident, run: records.Run) -> tuple[str, str] | None:
    today = runs.today(ctx, incident, run)
    if frozen.definition_of(run) == today:
        return None
    text = (
        f"{today.name}.yml, or a policy that it follows, is not what this response began with. It goes on with its own"
        f" copy unless you choose today's; work that still serves is kept, and nothing is done twice. ({_print(today)})"
    )
    return text, "Go on with today's"


def _print(files: BaseModel) -> str:
    return hashlib.sha256(files.model_dump_json().encode()).hexdigest()[:7]


async def _was_asked(tx: store.Tx, run: records.Run, text: str) -> bool:
    found = await tx.session.scalar(
        select(records.Question.id).where(
            records.Question.run_id == run.id,
            records.Question.kind == About.DRIFT.value,
            records.Question.text == text,
        )
    )
    return found is not None
