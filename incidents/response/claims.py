"""A step that is ours until its lease runs out, and the fence that every result of it must pass."""

from dataclasses import dataclass
from typing import Any

from sqlmodel import col, select

from incidents import holding, records, store
from incidents.response.plan import StepState
from incidents.service import queries


@dataclass(frozen=True)
class Claim:
    """A step that is ours until its lease runs out; stored results are checked against it."""

    step_id: int
    owner: str
    attempt: int


def ours(claim: Claim) -> tuple[Any, ...]:
    """Return the conditions that hold while the step is ours: same owner, same attempt."""
    return (
        col(records.Step.id) == claim.step_id,
        col(records.Step.state) == StepState.RUNNING.value,
        col(records.Step.owner) == claim.owner,
        col(records.Step.attempt) == claim.attempt,
    )


async def held(tx: store.Tx, claim: Claim) -> records.Step | None:
    """Return the step while it is still ours, locked until the end of the transaction."""
    await hold_incident(tx, claim.step_id)
    found: records.Step | None = await tx.session.scalar(select(records.Step).where(*ours(claim)).with_for_update())
    return found


async def hold_incident(tx: store.Tx, step_id: int) -> None:
    """Hold the step's incident, before the step is taken: see holding.incident."""
    if not holding.holds(tx.session):
        return
    of_step = select(records.Run.incident_id).join(records.Step).where(records.Step.id == step_id)
    incident_id = await tx.session.scalar(of_step)
    if incident_id is not None:
        await queries.get(tx.session, incident_id)


async def whose(tx: store.Tx, step: records.Step) -> tuple[records.Run, records.Incident]:
    """Return the run and the incident of a step."""
    run = await tx.session.get_one(records.Run, step.run_id)
    return run, await queries.get(tx.session, run.incident_id)
