"""Doing again what a person sent back, and all that was built on it."""

from incidents import outbox, posts, records, store
from incidents.notices import Lane
from incidents.response import approvals, checks, plan, progress
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
    """Queue the step `source` anew, with what was said, and all that build on it."""
    again = {source, *plan.downstream(progress.definition_of(run), source)}
    for step in await queries.steps(tx.session, run.number):
        if step.name in again and StepState(step.state) is not StepState.TAKEN_OVER:
            step.state, step.owner, step.begun = StepState.QUEUED.value, "", []
            step.output = {} if step.name != source else step.output
            step.feedback = feedback if step.name == source else ""
            tx.session.add(step)
    for approval in await approvals.approved(tx, run):
        if approval.step in again and approval.step != source:
            approval.state = "superseded"
            tx.session.add(approval)
    await _forget_words(tx, incident, run, again, event)
    await tx.session.flush()


async def _forget_words(
    tx: store.Tx, incident: records.Incident, run: records.Run, again: set[str], event: records.Event
) -> None:
    """Ask anew what people vouched for: words that stood for the former fix do not stand for the next."""
    for attested in await queries.attestations(tx.session, run.number):
        if progress.source_of(run, checks.judged_by(attested.gate)) not in again:
            continue
        await tx.session.delete(attested)
        key = f"{incident.key}:gate:{run.id}:{attested.stage}:{attested.gate}"
        params: dict[str, object] = {"run_id": run.id, "stage": attested.stage, "gate": attested.gate}
        await outbox.put(tx, incident.id, posts.edit(key, event, "gate_attestation", params, Lane.DECISION))
