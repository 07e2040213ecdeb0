"""What becomes of a run's steps when it goes on under another definition: kept, set aside, left out, begun anew."""

from collections.abc import Collection, Mapping

from sqlmodel import select

from incidents import outbox, posts, records, store
from incidents.agents.outputs import MODELS
from incidents.definitions import ApprovalKind, StepDefinition, WorkflowDefinition
from incidents.notices import Lane
from incidents.response import approvals, journal, plan, remarks
from incidents.response.plan import StepState
from incidents.service import queries

_HAS_RESULT = frozenset({StepState.DONE, StepState.TAKEN_OVER})

_OLDER = "~"  #: behind the name of work that an older wording of the same workflow left: nothing takes it up again


def serves(before: StepDefinition, after: StepDefinition) -> bool:
    """Tell whether what the step did under the former definition is what it would do under the new one."""
    return (
        _bring_the_same(before.prompt, after.prompt)
        and before.approval is after.approval
        and set(after.outputs) <= {*before.outputs}
    )


def _bring_the_same(before: str, after: str) -> bool:
    """Tell whether two prompts ask for the same typed outputs, as those of neighbouring severities do."""
    models = [MODELS.get(prompt.removesuffix(".md")) for prompt in (before, after)]
    return before == after or (models[0] is not None and models[0] is models[1])


async def adapt(
    tx: store.Tx,
    incident: records.Incident,
    run: records.Run,
    before: WorkflowDefinition,
    after: WorkflowDefinition,
    event: records.Event,
) -> list[str]:
    """Bring the run's rows from one definition to another; return the names of the steps whose work is kept.

    Work that no longer serves is set aside under another name, so that a return to the former definition finds it.
    """
    will = {step.name for step in after.steps()}
    rows = await queries.steps(tx.session, run.number)
    becomes = _becomes({row.name: StepState(row.state) for row in rows}, before, after)
    was = {step.name for step in before.steps()}
    moved: list[tuple[records.Step, str]] = []
    _set_leftovers_aside(rows, was, will, after)
    for row in rows:
        if row.name in becomes:
            if becomes[row.name] != row.name:
                moved.append((row, becomes[row.name]))
            elif row.state == StepState.SKIPPED.value and row.finished_at is not None:
                continue  # people or a fault left it out, not the former plan
            elif row.state in (StepState.SKIPPED.value, StepState.READY.value):
                row.state = StepState.QUEUED.value  # what might start under the former plan may have to wait under this
        elif row.name in was:
            aside = _aside(row.name, before) + _OLDER * (before.name == after.name)
            await _drop(tx, incident, row, rows, aside=aside, wanted=row.name in will)
        tx.session.add(row)
    await _rename(tx, moved)
    await _complete(tx, run, rows, after)
    await _leave_out_what_led_to_a_deploy(tx, run, after)
    await _withdraw_approvals(tx, incident, run, becomes)
    await _withdraw_gates(tx, incident, run, before, after, event)
    kept = {StepState.DONE, StepState.TAKEN_OVER, StepState.RUNNING}
    return [row.name for row in await queries.steps(tx.session, run.number) if row.name in will and row.state in kept]


def _becomes(states: Mapping[str, StepState], before: WorkflowDefinition, after: WorkflowDefinition) -> dict[str, str]:
    """Return under which name the new definition goes on with each step of the former that serves it.

    A step of the same name comes first; what was done, or is being done, under another name serves as well.
    """
    was, will = ({step.name: step for step in each.steps()} for each in (before, after))
    becomes = {name: name for name, step in will.items() if name in was and serves(was[name], step)}
    worth = [name for name in was if states.get(name) in _HAS_RESULT | {StepState.RUNNING}]
    for name, step in will.items():
        if name not in becomes.values():
            found = next((each for each in worth if each not in becomes and serves(was[each], step)), None)
            if found is not None:
                becomes[found] = name
    return becomes


async def _rename(tx: store.Tx, moved: list[tuple[records.Step, str]]) -> None:
    """Give rows their new names; two may change places, and no two may have one name at any moment."""
    for row, name in moved:
        row.name = f"→{name}"
    await tx.session.flush()
    for row, name in moved:
        row.name = name
        tx.session.add(row)
    await tx.session.flush()


async def _drop(
    tx: store.Tx,
    incident: records.Incident,
    row: records.Step,
    rows: list[records.Step],
    *,
    aside: str,
    wanted: bool,
) -> None:
    state = StepState(row.state)
    if state not in plan.FINISHED:
        await remarks.of_what_goes_on(tx, incident, row)
        row.state, row.owner, row.lease_until = StepState.SKIPPED.value, "", None
    if wanted or state in _HAS_RESULT:
        row.name = _unused(aside, rows)


def _set_leftovers_aside(
    rows: list[records.Step], was: Collection[str], will: Collection[str], after: WorkflowDefinition
) -> None:
    """Let go of names that the new plan gives out and that steps of a plan before the former one still have.

    They never came to anything; left where they are, they would pass for steps of the new plan that are to be skipped.
    """
    for row in rows:
        if row.name in will and row.name not in was:
            row.name = _unused(_aside(row.name, after), rows)


def _unused(name: str, rows: list[records.Step]) -> str:
    """Return `name`, with a mark where another row has it: after much going back and forth, work is there twice."""
    while any(row.name == name for row in rows):
        name += "'"
    return name


def _aside(name: str, definition: WorkflowDefinition) -> str:
    return f"{name}@{definition.name}"


def former(name: str) -> tuple[str, str]:
    """Return the name that a row's step had, and the workflow that it was set aside from; none when it was not."""
    step, _, workflow = name.partition("@")
    return step, workflow.rstrip(f"{_OLDER}'")


async def _complete(tx: store.Tx, run: records.Run, rows: list[records.Step], after: WorkflowDefinition) -> None:
    """Give every step of the new definition a row: the one it had before it was set aside, or a new one."""
    by_name = {row.name: row for row in rows}
    for name in [step.name for step in after.steps() if step.name not in by_name]:
        former = by_name.get(_aside(name, after))
        if former is None:
            tx.session.add(records.Step(run_id=run.number, name=name))
            continue
        former.name = name
        if StepState(former.state) not in _HAS_RESULT:
            former.state, former.error = StepState.QUEUED.value, ""
            journal.carry_over(former)
        tx.session.add(former)
    await tx.session.flush()


async def _leave_out_what_led_to_a_deploy(tx: store.Tx, run: records.Run, after: WorkflowDefinition) -> None:
    """Skip what would only lead to a deploy that is done: planning, testing and staging come too late then."""
    rows = {row.name: row for row in await queries.steps(tx.session, run.number)}
    deployed = {
        step.name
        for step in after.steps()
        if step.approval is ApprovalKind.DEPLOY and StepState(rows[step.name].state) in _HAS_RESULT
    }
    for step in after.steps():
        row = rows[step.name]
        if StepState(row.state) is StepState.QUEUED and deployed & {*plan.downstream(after, step.name)}:
            row.state, row.finished_at = StepState.SKIPPED.value, None  # without an end: it was nobody's doing
            tx.session.add(row)
    await tx.session.flush()


async def _withdraw_approvals(
    tx: store.Tx, incident: records.Incident, run: records.Run, becomes: Mapping[str, str]
) -> None:
    found = await tx.session.scalars(
        select(records.Approval).where(
            records.Approval.run_id == run.id,
            (records.Approval.state == "pending") | (records.Approval.state == "approved"),
        )
    )
    for approval in found.all():
        if approval.step in becomes:
            approval.step = becomes[approval.step]
            tx.session.add(approval)
        else:
            await approvals.supersede(tx, incident, approval)


async def _withdraw_gates(
    tx: store.Tx,
    incident: records.Incident,
    run: records.Run,
    before: WorkflowDefinition,
    after: WorkflowDefinition,
    event: records.Event,
) -> None:
    """Take back questions about gates that the new definition does not have, and words that stood for them."""
    still = {(stage.number, gate) for stage in after.stages for gate in stage.gates}
    for attested in await queries.attestations(tx.session, run.number):
        if (attested.stage, attested.gate) not in still:
            await tx.session.delete(attested)
    asked = {notice.key for notice in await queries.deliveries(tx.session, incident.number, f"{incident.key}:gate:")}
    for number, gate in [(stage.number, gate) for stage in before.stages for gate in stage.gates]:
        key = f"{incident.key}:gate:{run.id}:{number}:{gate}"
        if (number, gate) not in still and key in asked:
            params: dict[str, object] = {"run_id": run.id, "stage": number, "gate": gate}
            await outbox.put(tx, incident.id, posts.edit(key, event, "gate_attestation", params, Lane.DECISION))
