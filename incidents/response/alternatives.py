"""What is offered when a deploy failed or was taken back: the fixes that were not tried yet."""

from typing import Any

from incidents import records, store
from incidents.agents import outputs
from incidents.agents.base import StepResult
from incidents.context import Context
from incidents.definitions import ApprovalKind, StepDefinition
from incidents.lifecycle import Status
from incidents.response import approvals, plan, progress
from incidents.response.plan import StepState
from incidents.service import queries


def taken_back(result: StepResult) -> str:
    """Return why a deploy that was carried out does not count, or nothing where it does."""
    if not isinstance(result.output, outputs.DeploymentOutput):
        return ""
    status = result.output.deployment_status
    counts = status.rehearsed or (status.deployed and not status.rolled_back)
    return "" if counts else result.output.user_impact_resolution.summary


async def offer(
    tx: store.Tx, ctx: Context, incident: records.Incident, run: records.Run, deploy: str, why: str
) -> None:
    """Ask which of the other fixes is prepared, now that the chosen one failed in the step `deploy`.

    Retrying the deploy or taking it over remain possible; either withdraws the question (`withdraw`).
    """
    choosing = _choice_before(run, deploy)
    if choosing is None or incident.status is not Status.OPEN or run.state in progress.ENDED:
        return
    chosen = (await approvals.given(tx, run)).get(choosing.name)
    if chosen is None:
        return
    if await _was_prepared(tx, run, choosing.name):
        chosen.decision = {**chosen.decision, "failed": why[:300]}
        tx.session.add(chosen)
        await tx.session.flush()
        await approvals.redraw(tx, incident, chosen, "failed")
    found: dict[str, Any] = await queries.outputs(tx.session, run.number)
    await approvals.ask(tx, ctx, incident, run, choosing.name, ApprovalKind.CHOOSE_FIX, found)


async def _was_prepared(tx: store.Tx, run: records.Run, name: str) -> bool:
    """Tell whether the chosen fix was what failed, rather than what people made by hand in its place."""
    return any(
        step.name == name and step.state == StepState.DONE.value for step in await queries.steps(tx.session, run.number)
    )


async def withdraw(tx: store.Tx, incident: records.Incident, run: records.Run) -> None:
    """Withdraw the question for another fix once the deploy that failed is no longer where it stopped."""
    steps = {step.name: step for step in await queries.steps(tx.session, run.number)}
    failed = {name for name, step in steps.items() if step.state == StepState.FAILED.value}
    for approval in await queries.pending_approvals(tx.session, incident.number):
        if approval.run_id != run.id or approval.kind != ApprovalKind.CHOOSE_FIX.value:
            continue
        asks_again = StepState(steps[approval.step].state) in plan.FINISHED
        if asks_again and not failed & set(plan.downstream(progress.definition_of(run), approval.step)):
            await approvals.supersede(tx, incident, approval)


def _choice_before(run: records.Run, deploy: str) -> StepDefinition | None:
    definition = progress.definition_of(run)
    if definition.step(deploy).approval is not ApprovalKind.DEPLOY:
        return None
    return next(
        (
            step
            for step in definition.steps()
            if step.approval is ApprovalKind.CHOOSE_FIX and deploy in plan.downstream(definition, step.name)
        ),
        None,
    )
