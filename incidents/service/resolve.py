"""Ending an incident: what is missing for it, resolving, reopening, closing, cancelling."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from incidents import lengths, lifecycle, postmortem, records, store
from incidents.context import Context
from incidents.errors import Conflict, InvalidInput
from incidents.events import EventKind
from incidents.lifecycle import UNDONE, Milestone, Role, Status
from incidents.service import permissions, queries, respond


@dataclass(frozen=True)
class Missing:
    """Something that should be there before an incident ends, and the way to get it."""

    what: str  #: "Nobody is commander."
    remedy: str  #: "Take the role."
    action: str  #: what a button does, or empty: role | impact | approve | takeover | postmortem | followup | attest


async def missing_for_resolve(session: AsyncSession, ctx: Context, incident_id: int) -> list[Missing]:
    """Return what speaks against resolving, each with its remedy."""
    del ctx
    incident = await queries.get(session, incident_id)
    found = []
    if not (await queries.roles(session, incident_id)).get(Role.COMMANDER):
        found.append(Missing("Nobody is commander.", "Take the role.", "role"))
    if not incident.impact:
        found.append(Missing("Nobody has said who is hurt.", "Write the impact in one line.", "impact"))
    if incident.mitigated_at is None and incident.deployed_at is not None:
        found.append(
            Missing(
                "The fix is in production; nothing shows yet that users are served again.",
                "Wait for the watch after the deploy, or say in the summary how you know.",
                "",
            )
        )
    elif incident.mitigated_at is None:
        found.append(
            Missing(
                "No fix is deployed and no mitigation is noted.",
                "Approve the deploy, or say in the summary what restored it.",
                "approve",
            )
        )
    return found


async def resolve(
    tx: store.Tx, ctx: Context, incident_id: int, actor: str, summary: str = "", *, force_reason: str = ""
) -> None:
    """Resolve: users are served again. What is missing needs `force_reason` or a `summary` that says how.

    Raises:
        Conflict: not open, or something is missing and no reason is given.
        NotAllowed: somebody else commands.
    """
    incident = await respond.open_incident(tx, incident_id)
    holders = await queries.roles(tx.session, incident_id)
    permissions.require(permissions.Action.RESOLVE, actor, holders=holders, settings=ctx.settings)
    missing = await missing_for_resolve(tx.session, ctx, incident_id)
    said = lengths.checked(summary.strip() or force_reason, lengths.WORDS, field="summary")
    if missing and not said:
        raise Conflict(
            "Before resolving: " + " ".join(each.what for each in missing),
            remedy="Mend these, or say in the summary how service was restored.",
            field="summary",
        )
    incident.status = Status.RESOLVED
    incident.resolution = said
    await respond.reach(tx, incident, Milestone.RESOLVED, actor)
    if incident.mitigated_at is None:
        await respond.reach(tx, incident, Milestone.MITIGATED, actor, implied=True)
    tx.session.add(incident)
    await tx.record(incident, EventKind.RESOLVED, actor=actor, summary=said, missing=[each.what for each in missing])
    tx.wake(store.VIEWS)


async def reopen(tx: store.Tx, ctx: Context, incident_id: int, actor: str, reason: str) -> None:
    """Take a resolved incident up again: what it reached by a fix that did not hold is to be reached anew.

    Raises:
        Conflict: it is open, closed or cancelled.
        InvalidInput: no reason.
    """
    incident = await queries.get(tx.session, incident_id)
    lifecycle.check_transition(incident.status, Status.OPEN, incident=incident.key)
    holders = await queries.roles(tx.session, incident_id)
    permissions.require(permissions.Action.RESOLVE, actor, holders=holders, settings=ctx.settings)
    said = lengths.checked(reason, lengths.WORDS, field="reason")
    if not said:
        raise InvalidInput("Say why it is opened again.", remedy="`/incident reopen errors are back`", field="reason")
    incident.status = Status.OPEN
    for milestone in UNDONE:
        setattr(incident, f"{milestone.value}_at", None)  # the events keep when they were
    tx.session.add(incident)
    await tx.record(incident, EventKind.REOPENED, actor=actor, reason=said)
    tx.wake(store.VIEWS)


async def missing_for_close(session: AsyncSession, ctx: Context, incident_id: int) -> list[Missing]:
    """Return what speaks against closing, each with its remedy."""
    del ctx
    found = []
    if not await postmortem.is_written(session, incident_id):
        found.append(Missing("The post-mortem lacks what people write.", "Write your part.", "postmortem"))
    filed = await queries.followups(session, incident_id)
    if not filed:
        found.append(Missing("No follow-up is filed.", "Add one, or say that none is needed.", "followup"))
    if unowned := [each.number for each in filed if each.state == "open" and not each.owner]:
        found.append(_unowned(unowned))
    run = await queries.latest_run(session, incident_id)
    if run is not None and run.state in ("running", "paused"):
        found.append(Missing("The response still has steps to do.", "Let them finish, or stop it.", "stop"))
    return found


def _unowned(numbers: list[int]) -> Missing:
    several = f"Follow-ups {', '.join(f'#{each}' for each in numbers[:5])}{' and more' * (len(numbers) > 5)} have"
    said = f"Follow-up #{numbers[0]} has" if len(numbers) == 1 else several
    return Missing(f"{said} no owner.", f"`/incident followup {numbers[0]} @name` gives one.", "")


async def close(tx: store.Tx, ctx: Context, incident_id: int, actor: str, *, force_reason: str = "") -> None:
    """Close a resolved incident; what is missing needs a reason.

    Raises:
        Conflict: not resolved, or something is missing and no reason is given.
    """
    incident = await queries.get(tx.session, incident_id)
    lifecycle.check_transition(incident.status, Status.CLOSED, incident=incident.key)
    holders = await queries.roles(tx.session, incident_id)
    permissions.require(permissions.Action.CLOSE, actor, holders=holders, settings=ctx.settings)
    missing = await missing_for_close(tx.session, ctx, incident_id)
    said = lengths.checked(force_reason, lengths.WORDS, field="reason")
    if missing and not said:
        raise Conflict(
            "Before closing: " + " ".join(each.what for each in missing),
            remedy="Mend these, or close with a reason: `/incident close nothing to learn here`.",
            field="reason",
        )
    incident.status = Status.CLOSED
    await respond.reach(tx, incident, Milestone.CLOSED, actor)
    tx.session.add(incident)
    await tx.record(incident, EventKind.CLOSED, actor=actor, reason=said)
    tx.wake(store.VIEWS)


async def cancel(
    tx: store.Tx, ctx: Context, incident_id: int, actor: str, reason: str, *, duplicate_of: int | None = None
) -> None:
    """End an open incident that is none: a false alarm, or a duplicate.

    Raises:
        Conflict: not open, or the other was itself cancelled.
        InvalidInput: no reason, or it would be a duplicate of itself.
        NotFound: there is no such other.
    """
    # Both are held, always in this order: of two that are cancelled as each other's duplicate one sees the other's end,
    # and neither waits for who waits for it.
    for number in sorted({incident_id, duplicate_of or incident_id}):
        await queries.get(tx.session, number)
    incident = await respond.open_incident(tx, incident_id)
    holders = await queries.roles(tx.session, incident_id)
    permissions.require(permissions.Action.RESOLVE, actor, holders=holders, settings=ctx.settings)
    said = lengths.checked(reason, lengths.WORDS, field="reason")
    if not said and duplicate_of is None:
        raise InvalidInput("Say why it is cancelled.", remedy="`/incident cancel false alarm`", field="reason")
    if duplicate_of == incident_id:
        raise InvalidInput(
            f"{incident.key} is this incident itself.",
            remedy="Name the other one: `/incident cancel duplicate of inc-…`; `/incident list` shows what is open.",
            field="reason",
        )
    if duplicate_of is not None:
        await _require_goes_on(tx.session, incident, await queries.get(tx.session, duplicate_of))
        incident.duplicate_of = duplicate_of
    incident.status = Status.CANCELLED
    tx.session.add(incident)
    await tx.record(incident, EventKind.CANCELLED, actor=actor, reason=said, duplicate_of=duplicate_of)
    tx.wake(store.VIEWS)


async def _require_goes_on(session: AsyncSession, incident: records.Incident, other: records.Incident) -> None:
    """Return unless `other` was cancelled: nobody works there."""
    if other.status is not Status.CANCELLED:
        return
    who = [event.actor for event in await queries.events_of(session, other.number, EventKind.CANCELLED)]
    by = f", by <@{who[-1]}>," if who else ""
    as_what = f"as a duplicate of inc-{other.duplicate_of}" if other.duplicate_of else "as no incident"
    raise Conflict(
        f"{other.key} was itself cancelled{by} {as_what}.",
        remedy=f"Go on here, or cancel {incident.key} with a reason of its own: `/incident cancel false alarm`.",
        field="reason",
    )
