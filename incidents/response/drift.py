"""Bugs whose run began under another configuration than today's: told to people when Sitrep starts, who choose.

A run goes on under its frozen copy whatever the files say; that is safe, and people may rather begin anew.
Source: the review machinery document, config drift detection on resume.
"""

import hashlib

from sqlmodel import col, select

from incidents import records, store
from incidents.context import Context
from incidents.lifecycle import Status
from incidents.response import frozen, pipeline, questions
from incidents.response.questions import About, Choice, Does
from incidents.service import queries
from incidents.stages import BugfixPipeline

_UNFINISHED = ("running", "paused")


async def ask(tx: store.Tx, ctx: Context) -> int:
    """Ask about every unfinished run whose stages are not today's, once for each change; return how many were asked."""
    today = ctx.library.policies.bugfix_pipeline
    runs = await tx.session.scalars(
        select(records.Run).where(records.Run.workflow == pipeline.NAME, col(records.Run.state).in_(_UNFINISHED))
    )
    asked = 0
    for run in runs.all():
        incident = await queries.get(tx.session, run.incident_id)
        if today is None or incident.status is not Status.OPEN or frozen.definition_of(run).pipeline == today:
            continue
        text = (
            "The stages of bugfix_pipeline.yml are not those that this run began with. "
            f"It goes on with its own copy unless you begin anew. (stages {_print(today)})"
        )
        if not await _was_asked(tx, run, text):
            choices = [
                Choice(label="Continue with the original", does=Does.KEEP),
                Choice(label="Start anew with today's", does=Does.ANEW),
            ]
            await questions.ask(tx, incident, run, "", About.DRIFT, text, choices)
            asked += 1
    return asked


def _print(stages: BugfixPipeline) -> str:
    return hashlib.sha256(stages.model_dump_json().encode()).hexdigest()[:7]


async def _was_asked(tx: store.Tx, run: records.Run, text: str) -> bool:
    found = await tx.session.scalar(
        select(records.Question.id).where(
            records.Question.run_id == run.id,
            records.Question.kind == About.DRIFT.value,
            records.Question.text == text,
        )
    )
    return found is not None
