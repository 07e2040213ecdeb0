"""What people are asked so that a run can go on: the diagnoses that differ, the limit that is reached, what is unclear.

A question names the answers that may be given and what each does; what an answer brings about is `answering`'s.
"""

from collections.abc import Sequence
from enum import StrEnum

from pydantic import BaseModel, ConfigDict
from sqlalchemy import bindparam
from sqlmodel import col, select

from incidents import newborn, outbox, posts, records, store
from incidents.events import EventKind
from incidents.notices import Lane

#: Characters of a question; with its answers it stays inside one screen.
MAX_TEXT = 2_500


class About(StrEnum):
    """What a question is about."""

    DISAGREEMENT = "disagreement"  #: the analysts name different causes
    PASSES = "passes"  #: a review still finds faults after all its passes
    ITERATIONS = "iterations"  #: the run has used up its reviews
    PLAN_REJECTED = "plan_rejected"
    CODE_REJECTED = "code_rejected"
    CLARIFICATION = "clarification"  #: an agent asks something
    REVIEWER_AWAY = "reviewer_away"  #: the external agent did not review, and the playbook approved in its place
    BLOCKED = "blocked"  #: the implementation cannot go on by itself
    IMPLEMENTATION_FAILED = "implementation_failed"
    NEWS = "news"  #: somebody added something after the implementation began
    DRIFT = "drift"  #: today's configuration is not the one that the run began with


class Outcome(StrEnum):
    """How a bug's run stands at its end; the four terminal states of the review machinery."""

    COMPLETE = "complete"  #: every review approved, or people said so
    MAX_ITERATIONS_REACHED = "max_iterations_reached"
    CODE_REJECTED = "code_rejected"
    IMPLEMENTATION_FAILED = "implementation_failed"


#: Questions that a run which came to an end asks, with the end it came to.
ENDS: dict[About, Outcome] = {
    About.ITERATIONS: Outcome.MAX_ITERATIONS_REACHED,
    About.CODE_REJECTED: Outcome.CODE_REJECTED,
    About.IMPLEMENTATION_FAILED: Outcome.IMPLEMENTATION_FAILED,
}


class Does(StrEnum):
    """What an answer brings about."""

    GO_ON = "go_on"  #: what the step brought counts as it stands
    REDO = "redo"  #: the step named in the choice is done again with the words, and what builds on it
    RERUN = "rerun"  #: the step that asks is done again with the words
    ANEW = "anew"  #: the run goes by today's files: a bug's begins again, an incident's keeps what still serves
    STOP = "stop"  #: the agents stop; people go on by hand
    KEEP = "keep"  #: nothing changes


class Choice(BaseModel):
    """One answer that may be given."""

    model_config = ConfigDict(frozen=True)

    label: str
    does: Does
    step: str = ""  #: for `redo`; for a diagnosis the analysis that is believed, empty for all of them
    words: bool = False  #: the answer says nothing without words


async def ask(
    tx: store.Tx,
    incident: records.Incident,
    run: records.Run,
    step: str,
    about: About,
    text: str,
    choices: Sequence[Choice],
) -> records.Question:
    """Ask people; what was asked of the same step before, and not answered, is withdrawn."""
    for before in await pending(tx, run):
        if before.step == step and (step or before.kind == about.value):
            await withdraw(tx, incident, before)
    question = records.Question(
        incident_id=incident.number,
        run_id=run.number,
        step=step,
        kind=about.value,
        text=text[:MAX_TEXT],
        choices=[choice.model_dump(mode="json") for choice in choices],
        asked_at=tx.now,
    )
    tx.session.add(question)
    if about in ENDS:
        run.outcome = ENDS[about].value
        tx.session.add(run)
    await tx.session.flush()
    await tx.record(incident, EventKind.QUESTION_ASKED, question=question.id, about=about.value, step=step)
    params = {"question_id": question.id}
    # New files may bring one for every open response at once; the card of a new incident goes before them.
    lane = Lane.STATUS if about is About.DRIFT else Lane.DECISION
    await outbox.put(tx, incident.id, posts.post(incident, key(incident, question), "question", lane, params=params))
    return question


_PENDING = (
    select(records.Question)
    .where(col(records.Question.run_id) == bindparam("run"), col(records.Question.state) == "pending")
    .order_by(col(records.Question.id))
)


_STEPS = (
    select(
        records.Step,
        select(records.Question.id)
        .where(
            col(records.Question.run_id) == col(records.Step.run_id),
            col(records.Question.step) == col(records.Step.name),
            col(records.Question.state) == "pending",
        )
        .exists(),
    )
    .where(col(records.Step.run_id) == bindparam("run"))
    .order_by(col(records.Step.id))
)


async def steps(tx: store.Tx, run: records.Run) -> tuple[list[records.Step], frozenset[str]]:
    """Return the run's steps in the order of its definition, and the names of those that wait for people's answer."""
    found = (await tx.session.execute(_STEPS, {"run": run.id})).all()
    return [step for step, _ in found], frozenset(step.name for step, asked in found if asked)


async def pending(tx: store.Tx, run: records.Run) -> list[records.Question]:
    """Return what the run's people have not answered yet, oldest first."""
    if newborn.has_no(records.Question, tx.session, run.incident_id):
        return []
    return list((await tx.session.scalars(_PENDING, {"run": run.id})).all())


def outcome(waiting: Sequence[records.Question]) -> str:
    """Return how a run stands that has these questions open: of several repositories the first that came to an end."""
    ends = (ENDS.get(About(question.kind)) for question in waiting)
    return next((end.value for end in ends if end is not None), "")


async def withdraw(tx: store.Tx, incident: records.Incident, question: records.Question) -> None:
    """Take back a question that no longer arises."""
    question.state = "withdrawn"
    tx.session.add(question)
    event = await tx.record(incident, EventKind.QUESTION_ANSWERED, question=question.id, about=question.kind, choice="")
    await redraw(tx, incident, question, event)


async def redraw(tx: store.Tx, incident: records.Incident, question: records.Question, event: records.Event) -> None:
    """Edit the question's card to what became of it."""
    params: dict[str, object] = {"question_id": question.id}
    edit = posts.edit(key(incident, question), event, "question", params, Lane.DECISION)
    await outbox.put(tx, incident.id, edit)


def key(incident: records.Incident, question: records.Question) -> str:
    """Return the outbox key of the question's card."""
    return f"{incident.key}:question:{question.id}"


def choices(question: records.Question) -> list[Choice]:
    """Return the answers that may be given."""
    return [Choice.model_validate(each) for each in question.choices]
