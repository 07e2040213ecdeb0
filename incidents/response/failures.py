"""Steps that fail: recorded where people see it, with what may be done about it."""

from incidents import records, store
from incidents.errors import RebaseNeeded, SitrepError
from incidents.events import EventKind
from incidents.response import frozen
from incidents.response.plan import StepState


async def record(
    tx: store.Tx, incident: records.Incident, run: records.Run, step: records.Step, error: SitrepError
) -> None:
    """Record that the step's attempt failed and what may be done about it."""
    definition = frozen.definition_of(run).step(step.name)
    await tx.record(
        incident,
        EventKind.STEP_FAILED,
        step=step.name,
        step_id=step.id,
        title=definition.title,
        attempt=step.attempt,
        error=error.message,
        remedy=error.remedy,
        phase=definition.phase.value,
        rebase=isinstance(error, RebaseNeeded),
        conflicts=error.conflicts if isinstance(error, RebaseNeeded) else [],
    )


async def unasked(
    tx: store.Tx, incident: records.Incident, run: records.Run, step: records.Step, error: SitrepError
) -> None:
    """Let a step fail that waited for people and was not begun."""
    step.state, step.error, step.finished_at = StepState.FAILED.value, str(error), tx.now
    # No attempt was made; the number only tells this failure's message from those of others.
    step.attempt += 1
    tx.session.add(step)
    await record(tx, incident, run, step, error)
