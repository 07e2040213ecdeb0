"""Doing again what people or a review sent back, and all that was built on it."""

from collections.abc import Collection, Mapping

from incidents import outbox, posts, records, store
from incidents.notices import Lane
from incidents.response import approvals, checks, frozen, gates, journal, pipeline, plan, questions, remarks
from incidents.response.plan import StepState
from incidents.service import queries


async def run_again(
    tx: store.Tx,
    incident: records.Incident,
    run: records.Run,
    source: str,
    event: records.Event,
    feedback: str,
) -> None:
    """Queue the step `source` anew because people said so, with what was said, and all that build on it."""
    again = {source, *plan.downstream(frozen.definition_of(run), source)}
    await queue(tx, incident, run, again, event, {source: feedback})
    for step in await queries.steps(tx.session, run.number):
        if step.name in again:
            step.passes = 0  # people have decided: reviews are counted from here
            tx.session.add(step)
    await tx.session.flush()


async def choose_again(
    tx: store.Tx, incident: records.Incident, run: records.Run, name: str, event: records.Event
) -> None:
    """Queue the step `name` anew, which carries out what people chose just now, and all that build on it.

    Their choice is newer than what somebody did by hand in the place of the former one.
    """
    for step in await queries.steps(tx.session, run.number):
        if step.name == name and StepState(step.state) is StepState.TAKEN_OVER:
            step.state, step.output = StepState.QUEUED.value, {}
            tx.session.add(step)
    *former, _ = [each for each in await approvals.approved(tx, run) if each.step == name]
    for approval in former:
        if not approval.decision.get("failed"):  # nobody tried it, and nobody will by this word
            await approvals.supersede(tx, incident, approval)
    await run_again(tx, incident, run, name, event, "")


async def redo(
    tx: store.Tx, incident: records.Incident, run: records.Run, name: str, event: records.Event, words: str
) -> None:
    """Do the step `name` again by people's words, and what builds on it.

    A bug's diagnosis is not reworded: its analyses are done again from the first, and every one hears the words.
    """
    definition = frozen.definition_of(run)
    analyses = [step.name for step in pipeline.steps_with(definition, pipeline.ANALYSIS)]
    if analyses and definition.step(name).prompt in (pipeline.ANALYSIS, pipeline.CONSOLIDATION):
        name = analyses[0]
    await run_again(tx, incident, run, name, event, words)
    if name in analyses:
        for step in await queries.steps(tx.session, run.number):
            if step.name in analyses:
                step.feedback = words
                tx.session.add(step)
    await tx.session.flush()


async def queue(
    tx: store.Tx,
    incident: records.Incident,
    run: records.Run,
    again: Collection[str],
    event: records.Event,
    feedback: Mapping[str, str],
) -> None:
    """Queue the steps `again` anew; those that `feedback` names keep their output, to better it by those words.

    What a person did by hand stays done. What people were asked of these steps no longer arises.
    """
    for step in await queries.steps(tx.session, run.number):
        if step.name in again and StepState(step.state) is not StepState.TAKEN_OVER:
            await remarks.of_what_goes_on(tx, incident, step)
            step.state, step.owner = StepState.QUEUED.value, ""
            journal.carry_over(step)
            step.output = {} if step.name not in feedback else step.output
            step.feedback = feedback.get(step.name, "")
            tx.session.add(step)
    for approval in await approvals.approved(tx, run):
        if approval.step in again and approval.step not in feedback:
            approval.state = "superseded"
            tx.session.add(approval)
    await withdraw(tx, incident, run, again)
    await _forget_words(tx, incident, run, again, event)
    await tx.session.flush()


async def withdraw(tx: store.Tx, incident: records.Incident, run: records.Run, steps: Collection[str]) -> None:
    """Take back what waits for people's word on these steps: an answer would speak of something that is no more."""
    for approval in await queries.pending_approvals(tx.session, incident.number):
        if approval.run_id == run.id and approval.step in steps:
            await approvals.supersede(tx, incident, approval)
    for question in await questions.pending(tx, run):
        if question.step in steps:
            await questions.withdraw(tx, incident, question)


async def _forget_words(
    tx: store.Tx, incident: records.Incident, run: records.Run, again: Collection[str], event: records.Event
) -> None:
    """Ask anew what people answered for: words that stood for the former fix do not stand for the next."""
    for attested in await queries.attestations(tx.session, run.number):
        if frozen.source_of(run, checks.judged_by(attested.gate)) not in again:
            continue
        await tx.session.delete(attested)
        if attested.overridden:
            said = f"{gates.title(attested.gate)} was overridden for what is done again now: it is asked anew."
            await remarks.say(tx, incident, said)
        key = f"{incident.key}:gate:{run.id}:{attested.stage}:{attested.gate}"
        params: dict[str, object] = {"run_id": run.id, "stage": attested.stage, "gate": attested.gate}
        await outbox.put(tx, incident.id, posts.edit(key, event, "gate_attestation", params, Lane.DECISION))
