"""What an answer to a run's question brings about."""

from sqlalchemy import update
from sqlmodel import col

from incidents import lengths, records, store
from incidents.context import Context
from incidents.definitions import Kind
from incidents.errors import Conflict, InvalidInput, NotFound, Repeated
from incidents.events import EventKind
from incidents.lifecycle import Status
from incidents.response import progress, questions, rework, runs
from incidents.response.plan import StepState
from incidents.response.questions import About, Choice, Does
from incidents.service import permissions, presence, queries


async def answer(
    tx: store.Tx, ctx: Context, question_id: int, actor: str, number: int, words: str = ""
) -> records.Question:
    """Give the answer `number` (from 1) to a question, with words where it has some.

    Raises:
        NotFound: there is no such question.
        Conflict: answered already (says by whom and when), or it no longer arises.
        Repeated: this person gave the same answer before.
        NotAllowed: this person may not steer the response.
        InvalidInput: no such answer, or one that says nothing without words.
    """
    question = await tx.session.get(records.Question, question_id)
    if question is None:
        raise NotFound("There is no such question.", remedy="The live card shows what waits for an answer.")
    incident = await queries.get(tx.session, question.incident_id)
    choice = _chosen(question, number)
    said = lengths.checked(words, lengths.WORDS, field="words")
    if question.answered_by == actor and question.answer == _answer(choice, said):
        raise Repeated(f"Your answer stands: {choice.label}.")
    _still_pending(question)
    holders = await queries.roles(tx.session, incident.number)
    permissions.require(permissions.Action.STEER, actor, holders=holders, settings=ctx.settings)
    await presence.require(tx, incident, actor)
    if incident.status is not Status.OPEN:
        raise Conflict(f"{incident.key} is already {incident.status}.")
    if choice.words and not said:
        raise InvalidInput("Say it in a sentence.", remedy=f"`/incident answer {number} …`", field="words")
    if not await _settle(tx, question, actor, choice, said):
        _still_pending(question)
    event = await tx.record(
        incident,
        EventKind.QUESTION_ANSWERED,
        actor=actor,
        question=question.id,
        about=question.kind,
        choice=choice.label,
        words=said,
    )
    await questions.redraw(tx, incident, question, event)
    await _follow(tx, ctx, incident, question, choice, said, event)
    return question


def _still_pending(question: records.Question) -> None:
    if question.state == "answered":
        at = f" at {question.answered_at:%Y-%m-%d %H:%M} UTC" if question.answered_at else ""
        raise Conflict(
            f"Already answered by <@{question.answered_by}>{at}: {question.answer.get('choice', '')}.",
            remedy="Nothing was changed.",
        )
    if question.state != "pending":
        raise Conflict("This question no longer arises.", remedy="`/incident status` says what waits now.")


def _chosen(question: records.Question, number: int) -> Choice:
    known = questions.choices(question)
    if 1 <= number <= len(known):
        return known[number - 1]
    listed = ", ".join(f"{place} {each.label}" for place, each in enumerate(known, start=1))
    raise InvalidInput(f"There is no answer {number}.", remedy=f"Answers: {listed}.")


def _answer(choice: Choice, said: str) -> dict[str, str]:
    return {"choice": choice.label, "step": choice.step, "words": said}


async def _settle(tx: store.Tx, question: records.Question, actor: str, choice: Choice, said: str) -> bool:
    """Answer a pending question; of several who click at once one wins, the others get False."""
    changed = await tx.session.execute(
        update(records.Question)
        .where(col(records.Question.id) == question.id, col(records.Question.state) == "pending")
        .values(
            state="answered",
            answered_by=actor,
            answered_at=tx.now,
            answer=_answer(choice, said),
        )
    )
    await tx.session.refresh(question)
    return bool(changed.rowcount)  # type: ignore[attr-defined]


async def _follow(
    tx: store.Tx,
    ctx: Context,
    incident: records.Incident,
    question: records.Question,
    choice: Choice,
    said: str,
    event: records.Event,
) -> None:
    run = await tx.session.get_one(records.Run, question.run_id)
    if run.state in progress.ENDED:
        raise Conflict(f"The response is already {run.state}.")
    if choice.does not in (Does.KEEP, Does.STOP):  # what is stopped stays at the end it came to
        run.iterations = 0  # people have decided: the limit counts from here
        run.outcome = questions.outcome(await questions.pending(tx, run))
        tx.session.add(run)
    match choice.does:
        case Does.STOP:
            await runs.stop(tx, incident, run, event.actor, f"answered: {choice.label}")
            return
        case Does.ANEW if incident.kind is not Kind.BUG:
            # What was done in an incident is not done twice: a deploy least of all.
            await runs.replan(tx, ctx, incident, run, event)
            return
        case Does.ANEW:
            await runs.give_up(tx, incident, run, "superseded")
            await runs.start(tx, ctx, incident)
            return
        case Does.GO_ON:
            await _go_on(tx, run, question.step)
        case Does.RERUN:
            words = _believed(choice, question) or said
            await rework.queue(tx, incident, run, {question.step}, event, {question.step: words})
        case Does.REDO:
            await rework.redo(tx, incident, run, choice.step, event, said or await _critique(tx, run, question))
        case Does.KEEP:
            pass
    await progress.advance(tx, ctx, incident, run)


def _believed(choice: Choice, question: records.Question) -> str:
    """Return what the consolidation is told of people's choice between diagnoses: the analysis' step, or `all`."""
    return (choice.step or "all") if question.kind == About.DISAGREEMENT else ""


async def _go_on(tx: store.Tx, run: records.Run, name: str) -> None:
    for step in await queries.steps(tx.session, run.number):
        if step.name == name and step.state == StepState.WAITING.value:
            step.state, step.passes = StepState.DONE.value, 0
            tx.session.add(step)
    await tx.session.flush()


async def _critique(tx: store.Tx, run: records.Run, question: records.Question) -> str:
    """Return what the step that asks had to say; of news, the news."""
    name = question.step
    if question.kind == About.NEWS:
        return question.text.partition("\n")[2]
    for step in await queries.steps(tx.session, run.number):
        if step.name == name:
            output = step.output
            return str(output.get("critique") or output.get("reason") or "; ".join(output.get("remaining") or ()))
    return ""
