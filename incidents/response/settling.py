"""Draws the consequences of what a bug's steps brought: once for each version, before anything further starts.

What follows is decided by `reviewing`; here it is done: sent back, asked, gone on with, grown. Results are settled in
the transaction that moves the run on, so a crash leaves them either unsettled or settled whole.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from incidents import records, store
from incidents.definitions import StepDefinition, WorkflowDefinition
from incidents.events import EventKind
from incidents.response import asking, frozen, growing, pipeline, plan, remarks, reviewing, rework
from incidents.response.plan import StepState
from incidents.response.reviewing import Count, Course, Ruling
from incidents.service import queries
from incidents.stages import Provider, StageType

#: Characters of all critiques together that go back to a step.
_MAX_WORDS = 4_000


@dataclass(frozen=True)
class _Brought:
    """A step with what it brought."""

    step: StepDefinition
    row: records.Step


async def settle(tx: store.Tx, incident: records.Incident, run: records.Run) -> None:
    """Draw every consequence that is due; steps that review side by side are settled together, once all are there."""
    definition = frozen.definition_of(run)
    if definition.pipeline is None:
        return
    rows = {row.name: row for row in await queries.steps(tx.session, run.number)}
    for step in definition.steps():
        row = rows[step.name]
        if row.state != StepState.DONE.value or row.settled >= row.version:
            continue
        if step.reviews:
            await _settle_reviews(tx, incident, run, definition, rows, step)
        else:
            await _settle_own(tx, incident, run, definition, _Brought(step, row))
    await tx.session.flush()


async def _settle_own(
    tx: store.Tx, incident: records.Incident, run: records.Run, definition: WorkflowDefinition, brought: _Brought
) -> None:
    step, row = brought.step, brought.row
    _mark(tx, row)
    if step.type is StageType.IMPLEMENTATION:
        row.passes += 1
        ruling = reviewing.of_implementation(row.output, _count(run, definition, row))
        if ruling.course is Course.AGAIN:
            await _send_back(tx, incident, run, definition, step, (), ruling.words)
        elif ruling.course is Course.ASK:
            await _ask(tx, incident, run, definition, brought, ruling)
    elif step.prompt == pipeline.CONSOLIDATION and not row.output.get("agreed", True):
        await asking.which_diagnosis(tx, incident, run, step, row.output)
        _hold(tx, row)
    elif step.prompt == pipeline.DECOMPOSITION:
        await growing.grow(tx, incident, run, row.output)


async def _settle_reviews(
    tx: store.Tx,
    incident: records.Incident,
    run: records.Run,
    definition: WorkflowDefinition,
    rows: Mapping[str, records.Step],
    step: StepDefinition,
) -> None:
    """Settle the review `step` with those beside it; the critique of all goes back together, so that one fix does."""
    names = (step.name, *step.parallel_with)
    if not all(StepState(rows[name].state) in plan.FINISHED for name in names):
        return  # the last of them settles all
    group = [_Brought(definition.step(name), rows[name]) for name in names]
    due = [each for each in group if each.row.state == StepState.DONE and each.row.settled < each.row.version]
    rulings = {each.step.name: _ruling(run, definition, each) for each in due}
    asked = next((each for each in due if rulings[each.step.name].course is Course.ASK), None)
    if asked is not None:
        # One question at a time; what the others found is settled when it is answered.
        asked.row.passes += 1
        _mark(tx, asked.row)
        await _ask(tx, incident, run, definition, asked, rulings[asked.step.name])
        return
    for each in due:
        each.row.passes += 1
        _mark(tx, each.row)
        if rulings[each.step.name].insisting:
            text = f"{each.step.title} still asks for changes after its last pass; going on. {each.row.summary}"
            await remarks.say(tx, incident, text)
    again = [each for each in due if rulings[each.step.name].course is Course.AGAIN]
    if again:
        judged = definition.step(step.reviews[0])
        words = _together([(each.step.title, rulings[each.step.name].words) for each in again])
        await _send_back(tx, incident, run, definition, judged, [each.step for each in again], words)


def _ruling(run: records.Run, definition: WorkflowDefinition, brought: _Brought) -> Ruling:
    count = _count(run, definition, brought.row)
    # This review counts as well.
    including = Count(count.passes + 1, count.iterations, count.limit)
    wanted = brought.row.provider or brought.step.provider
    stood_in = brought.row.runner if wanted == Provider.COMMAND and brought.row.runner != wanted else ""
    return reviewing.of_review(brought.step, brought.row.output, including, by=stood_in)


def _count(run: records.Run, definition: WorkflowDefinition, row: records.Step) -> Count:
    limit = definition.pipeline.max_iterations if definition.pipeline else 0
    return Count(row.passes, run.iterations, limit)


def _together(critiques: Sequence[tuple[str, str]]) -> str:
    share = _MAX_WORDS // len(critiques)
    return "\n".join(f"{title}: {words}"[:share] for title, words in critiques)


def _mark(tx: store.Tx, row: records.Step) -> None:
    row.settled = row.version
    tx.session.add(row)


def _hold(tx: store.Tx, row: records.Step) -> None:
    row.state = StepState.WAITING.value
    tx.session.add(row)


async def _ask(
    tx: store.Tx,
    incident: records.Incident,
    run: records.Run,
    definition: WorkflowDefinition,
    brought: _Brought,
    ruling: Ruling,
) -> None:
    assert ruling.about is not None, "a ruling that asks says what about"  # noqa: S101 - a fault of ours
    _hold(tx, brought.row)
    await asking.about(tx, incident, run, definition, brought.step, ruling.about, ruling.words)


async def _send_back(
    tx: store.Tx,
    incident: records.Incident,
    run: records.Run,
    definition: WorkflowDefinition,
    judged: StepDefinition,
    reviews: Iterable[StepDefinition],
    words: str,
) -> None:
    """Queue the judged step with the critique, what lies between, and the reviews that asked for it; no other."""
    by = list(reviews)
    run.iterations += max(len(by), 1)
    tx.session.add(run)
    again = {judged.name, *(review.name for review in by), *_between(definition, judged, by)}
    event = await tx.record(
        incident,
        EventKind.STEP_SENT_BACK,
        step=judged.name,
        title=judged.title,
        by=[review.name for review in by],
        critique=words[:300],
        phase=judged.phase.value,
    )
    await rework.queue(tx, incident, run, again, event, {judged.name: words[:_MAX_WORDS]})


def _between(definition: WorkflowDefinition, judged: StepDefinition, reviews: Sequence[StepDefinition]) -> set[str]:
    """Return what builds on the judged step and leads to the reviews: pushing it, say, before checks look at it again.

    Reviews of the same type that approved are not asked again; another kind of check makes them look anew.
    """
    after = set(plan.downstream(definition, judged.name))
    found = set()
    for review in reviews:
        for step in definition.steps():
            leads = step.name in after and review.name in plan.downstream(definition, step.name)
            if leads and (step.type is None or step.type is not review.type):
                found.add(step.name)
    return found
