"""A run as a whole: started for an incident's severity, planned anew when that changes, stopped, given up."""

from datetime import datetime

from sqlalchemy import insert

from incidents import hours, records, store
from incidents.context import Context
from incidents.definitions import Begin, Kind, WorkflowDefinition
from incidents.errors import ConfigurationError
from incidents.events import EventKind
from incidents.response import approvals, mitigations, pipeline, plan, progress, questions, remarks, replanning
from incidents.response.plan import StepState
from incidents.service import queries
from incidents.stages import BugfixPipeline


async def start(tx: store.Tx, ctx: Context, incident: records.Incident) -> records.Run:
    """Start the workflow of the incident's severity and make its first steps ready."""
    definition = _definition_for(ctx, incident)
    run = records.Run(
        incident_id=incident.number,
        workflow=definition.name,
        definition=definition.model_dump(mode="json"),
        digest=definition.digest(),
        created_at=tx.now,
        begins_at=_beginning(ctx, definition, tx.now),
    )
    tx.session.add(run)
    await tx.session.flush()
    # In one statement: the channel waits for this commit, and eleven statements take 5 ms.
    names = [step.name for step in definition.steps()]
    await tx.session.execute(insert(records.Step), [{"run_id": run.number, "name": name} for name in names])
    await tx.record(incident, EventKind.RUN_STARTED, workflow=definition.name, digest=run.digest)
    await _tell_beginning(tx, incident, run)
    await progress.advance(tx, ctx, incident, run)
    return run


def _beginning(ctx: Context, definition: WorkflowDefinition, now: datetime) -> datetime | None:
    """Return when business opens next (UTC), where the workflow waits for it; else None."""
    if definition.begins is Begin.AT_ONCE:
        return None
    return hours.opens_next(now, ctx.settings)


async def _has_begun(tx: store.Tx, incident: records.Incident, run: records.Run) -> bool:
    """Tell whether the run waited for business to open, and that is over: it does not wait a second time."""
    told = (EventKind.RUN_SCHEDULED, EventKind.RUN_BEGUN)
    events = [
        each for each in await queries.events_of(tx.session, incident.number, *told) if each.data["run"] == run.id
    ]
    return any(
        each.kind is EventKind.RUN_BEGUN or datetime.fromisoformat(each.data["begins_at"]) <= tx.now for each in events
    )


async def _tell_beginning(tx: store.Tx, incident: records.Incident, run: records.Run) -> None:
    if run.begins_at is not None:
        await tx.record(incident, EventKind.RUN_SCHEDULED, run=run.id, begins_at=run.begins_at.isoformat())


def _definition_for(ctx: Context, incident: records.Incident) -> WorkflowDefinition:
    if incident.kind is Kind.BUG:
        return pipeline.compile_(_stages(ctx), ctx.library.policies.affected_areas)
    level = ctx.library.policies.severity_levels[incident.severity]
    return ctx.library.workflows[level.workflow]


def _stages(ctx: Context) -> BugfixPipeline:
    stages = ctx.library.policies.bugfix_pipeline
    if stages is None:
        raise ConfigurationError(["bugfix_pipeline.yml: there are no stages. Write some, or remove the file."])
    return stages


async def replan(
    tx: store.Tx, ctx: Context, incident: records.Incident, run: records.Run, event: records.Event
) -> None:
    """Follow a change of severity, or of the files: what serves is kept, the rest withdrawn, what is new added.

    A bug's way through the response does not follow from its severity.
    """
    if incident.kind is Kind.BUG:
        return
    definition = today(ctx, incident, run)
    if run.state in progress.ENDED - {"done"} or definition.digest() == run.digest:
        return
    kept = await replanning.adapt(tx, incident, run, progress.definition_of(run), definition, event)
    run.workflow, run.digest = definition.name, definition.digest()
    run.definition = definition.model_dump(mode="json")
    run.begins_at = None if await _has_begun(tx, incident, run) else _beginning(ctx, definition, tx.now)
    states = [StepState(step.state) for step in await queries.steps(tx.session, run.number)]
    if run.state == "done" and not plan.FINISHED.issuperset(states):
        run.state, run.finished_at = "running", None
    tx.session.add(run)
    await tx.session.flush()
    await tx.record(incident, EventKind.RUN_STARTED, workflow=definition.name, digest=run.digest, kept=kept)
    left = len(definition.steps()) - len(kept)
    await tx.record(incident, EventKind.REPLANNED, title=definition.title, kept=kept, left=left)
    await _tell_beginning(tx, incident, run)
    await progress.advance(tx, ctx, incident, run)


def today(ctx: Context, incident: records.Incident, run: records.Run) -> WorkflowDefinition:
    """Return the definition that the incident's run would have by today's files, with what relieves users."""
    return mitigations.carried(progress.definition_of(run), _definition_for(ctx, incident))


async def stop(tx: store.Tx, incident: records.Incident, run: records.Run, actor: str, reason: str) -> None:
    """Stop the run: no further step starts, what runs is given up, what waits for a person is withdrawn."""
    if run.state in progress.ENDED:
        return
    await give_up(tx, incident, run, "stopped")
    await tx.record(incident, EventKind.RUN_STOPPED, actor=actor, reason=reason)


async def give_up(tx: store.Tx, incident: records.Incident, run: records.Run, state: str) -> None:
    """End the run in `state`, and with it what has not ended."""
    run.state, run.finished_at = state, tx.now
    tx.session.add(run)
    for step in await queries.steps(tx.session, run.number):
        if StepState(step.state) not in plan.FINISHED:
            await remarks.of_what_goes_on(tx, incident, step)
            step.state, step.owner = StepState.STOPPED.value, ""
            tx.session.add(step)
    for approval in await queries.pending_approvals(tx.session, incident.number):
        await approvals.supersede(tx, incident, approval)
    for question in await questions.pending(tx, run):
        await questions.withdraw(tx, incident, question)
    tx.wake(store.STEPS)
