"""The response that people see now: which run it is, and whether they may still steer it."""

from incidents import records, store
from incidents.context import Context
from incidents.errors import Conflict, NotFound
from incidents.lifecycle import Status
from incidents.service import permissions, queries


async def steered(tx: store.Tx, ctx: Context, incident_id: int, actor: str) -> tuple[records.Incident, records.Run]:
    """Return the incident and its newest run, where `actor` may steer it.

    Raises:
        Conflict: the incident is cancelled or closed.
        NotAllowed: somebody else commands.
        NotFound: it has no run.
    """
    incident = await queries.get(tx.session, incident_id)
    holders = await queries.roles(tx.session, incident_id)
    permissions.require(permissions.Action.STEER, actor, holders=holders, settings=ctx.settings)
    run = await latest_run(tx, incident)
    return incident, run


async def latest_run(tx: store.Tx, incident: records.Incident) -> records.Run:
    """Return the newest run of an incident that still takes orders.

    Raises:
        Conflict: the incident is cancelled or closed.
        NotFound: it has no run.
    """
    if incident.status in (Status.CANCELLED, Status.CLOSED):
        raise Conflict(
            f"{incident.key} is already {incident.status}.", remedy="Declare a new incident if the trouble is back."
        )
    run = await queries.latest_run(tx.session, incident.number)
    if run is None:
        raise NotFound(f"{incident.key} has no response running.")
    return run


async def require_latest(tx: store.Tx, incident: records.Incident, run: records.Run) -> None:
    """Return where `run` is the incident's newest.

    Raises:
        Conflict: the incident was reopened since, and has another.
    """
    if (await latest_run(tx, incident)).id != run.id:
        raise Conflict(
            "This belongs to a response that ended when the incident was reopened.",
            remedy="The newest one stands below in the channel.",
        )


async def step(tx: store.Tx, step_id: int) -> tuple[records.Step, records.Run]:
    """Return a step and its run.

    Raises:
        NotFound: there is no such step.
    """
    step = await tx.session.get(records.Step, step_id)
    if step is None:
        raise NotFound("There is no such step.")
    return step, await tx.session.get_one(records.Run, step.run_id)
