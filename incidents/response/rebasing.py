"""What people do when a fix no longer goes onto the branch that it is merged into: have it rebased.

Nobody knows from rows alone what stands on a branch. Where nothing is known to conflict, the step that offers the fix
rebases it. Where it conflicts, people solve that on the branch; then the implementation takes the branch as it stands,
and it is tested and reviewed anew. Either way what was approved of the former head is void.
"""

from collections.abc import Mapping, Sequence

from incidents import records, store
from incidents.agents.merging import REBASE
from incidents.context import Context
from incidents.definitions import StepDefinition, WorkflowDefinition
from incidents.errors import Conflict, InvalidInput
from incidents.events import EventKind
from incidents.response import frozen, pipeline, plan, progress, rework, standing
from incidents.response.plan import StepState
from incidents.service import queries

#: Prompts of the steps that a rebase is offered at.
OFFERED_AT = frozenset({pipeline.PULL_REQUEST, pipeline.CHECK_RESULTS, pipeline.MERGE})


async def rebase(tx: store.Tx, ctx: Context, incident_id: int, actor: str, named: str = "") -> str:
    """Have a fix rebased onto the newest state of what it is merged into; return the name of its repository.

    `named` is a repository, or the name of one of its steps; it may be empty where one merge alone is open.

    Raises:
        Conflict: no fix is offered that is not merged, the merge is under way, or the run has ended.
        InvalidInput: several are open and none is named, or that one is not.
        NotAllowed: this person may not steer the response.
    """
    incident, run = await standing.steered(tx, ctx, incident_id, actor)
    if run.state in ("stopped", "superseded"):
        raise Conflict(f"The response is already {run.state}.")
    definition = frozen.definition_of(run)
    rows = {row.name: row for row in await queries.steps(tx.session, run.number)}
    merge = _chosen(_open(definition, rows), rows, named)
    if StepState(rows[merge.name].state) is StepState.RUNNING:
        raise Conflict(f"The merge of {merge.repository} is under way.", remedy="Wait until it has ended.")
    failed = await _failures(tx, incident, rows)
    of_repository = [step for step in definition.steps() if step.repository == merge.repository]
    conflicts = any(failed.get(step.name) for step in of_repository) or _known_to_conflict(of_repository, rows)
    source = _source(of_repository, rows, conflicts=conflicts)
    at = next((step for step in of_repository if step.name in failed), merge)
    event = await tx.record(
        incident,
        EventKind.STEP_REBASED,
        actor=actor,
        step=at.name,
        step_id=rows[at.name].id,
        title=at.title,
        phase=at.phase.value,
        repository=merge.repository,
    )
    builds_on = {source.name, *plan.downstream(definition, source.name)}
    again = {step.name for step in of_repository if step.name in builds_on}
    await rework.queue(tx, incident, run, again, event, {source.name: REBASE})
    for name in again:
        rows[name].passes = 0  # people have decided: reviews are counted from here
        tx.session.add(rows[name])
    await progress.advance(tx, ctx, incident, run)
    tx.wake(store.STEPS)
    return merge.repository


def _open(definition: WorkflowDefinition, rows: Mapping[str, records.Step]) -> list[StepDefinition]:
    """Return the merges that are still to come of what was offered."""
    found = []
    for merge in pipeline.steps_with(definition, pipeline.MERGE):
        offered = pipeline.steps_with(definition, pipeline.PULL_REQUEST, repository=merge.repository)
        begun = any(rows[step.name].attempt for step in offered)
        if begun and StepState(rows[merge.name].state) not in plan.FINISHED:
            found.append(merge)
    return found


def _chosen(merges: Sequence[StepDefinition], rows: Mapping[str, records.Step], named: str) -> StepDefinition:
    if not merges:
        raise Conflict("No fix is offered that waits to be merged.", remedy="`/incident plan` says what happens.")
    fitting = [merge for merge in merges if merge.repository in (named, _repository(rows, merges, named))]
    stuck = [merge for merge in merges if StepState(rows[merge.name].state) is StepState.FAILED]
    chosen = fitting if named else stuck if len(stuck) == 1 else merges
    if len(chosen) == 1:
        return chosen[0]
    names = ", ".join(merge.repository for merge in merges)
    raise InvalidInput("Say which repository is rebased.", remedy=f"`/incident rebase …` with one of {names}.")


def _repository(rows: Mapping[str, records.Step], merges: Sequence[StepDefinition], named: str) -> str:
    """Return the repository that the step `named` works in; empty where there is none."""
    chain = named.rpartition(".")[0]
    same = (merge.repository for merge in merges if chain and merge.name.rpartition(".")[0] == chain)
    return next(same, "") if named in rows else ""


async def _failures(
    tx: store.Tx, incident: records.Incident, rows: Mapping[str, records.Step]
) -> dict[str, list[object]]:
    """Return the conflicts that each failed step ended with, by its name."""
    found: dict[str, list[object]] = {}
    for event in await queries.events_of(tx.session, incident.number, EventKind.STEP_FAILED):
        name = str(event.data.get("step", ""))
        if name in rows and event.data.get("step_id") == rows[name].id:
            found[name] = list(event.data.get("conflicts") or ())
    return {name: conflicts for name, conflicts in found.items() if rows[name].state == StepState.FAILED.value}


def _known_to_conflict(steps: Sequence[StepDefinition], rows: Mapping[str, records.Step]) -> bool:
    checks = [rows[step.name].output for step in steps if step.prompt == pipeline.CHECK_RESULTS]
    return any(output.get("conflicts") for output in checks)


def _source(steps: Sequence[StepDefinition], rows: Mapping[str, records.Step], *, conflicts: bool) -> StepDefinition:
    """Return the step to begin with: the one that offers, or where people solve a conflict, the last that writes."""
    written = [
        step
        for step in steps
        if step.prompt == pipeline.IMPLEMENTATION and rows[step.name].state != StepState.TAKEN_OVER.value
    ]
    if conflicts and written:
        return written[-1]
    return next(step for step in steps if step.prompt == pipeline.PULL_REQUEST)
