"""What responders do to an open incident: acknowledge, change severity, take roles, add notes."""

from datetime import datetime

from sqlmodel import select

from incidents import lengths, records, revenue, store
from incidents.context import Context
from incidents.definitions import Kind, Severity
from incidents.errors import Conflict, InvalidInput
from incidents.events import EventKind
from incidents.lifecycle import IMPLIES, Milestone, Role, Status, way_back
from incidents.service import permissions, queries

#: Roles that one person holds at a time; taking one replaces the holder.
_SINGLE = frozenset({Role.COMMANDER, Role.DEPUTY, Role.COMMS, Role.SCRIBE})


async def open_incident(tx: store.Tx, incident_id: int) -> records.Incident:
    """Return the incident when it is open.

    Raises:
        Conflict: it is resolved, closed or cancelled; says since when.
    """
    incident = await queries.get(tx.session, incident_id)
    if incident.status is not Status.OPEN:
        raise Conflict(f"{incident.key} is already {incident.status}.", remedy=way_back(incident.status))
    return incident


async def reach(
    tx: store.Tx, incident: records.Incident, milestone: Milestone, actor: str, *, implied: bool = False
) -> bool:
    """Set `milestone` once, with the milestones it implies; returns False when it was already reached."""
    if incident.reached(milestone) is not None:
        return False
    for earlier in IMPLIES.get(milestone, ()):
        await reach(tx, incident, earlier, actor, implied=True)
    setattr(incident, f"{milestone.value}_at", tx.now)
    tx.session.add(incident)
    await tx.record(incident, EventKind.MILESTONE, actor=actor, milestone=milestone.value, implied=implied)
    tx.wake(store.VIEWS)
    return True


async def acknowledge(tx: store.Tx, ctx: Context, incident_id: int, actor: str) -> bool:
    """Note that `actor` has it, and make them commander where nobody is; False when somebody had it before."""
    incident = await open_incident(tx, incident_id)
    first = await reach(tx, incident, Milestone.ACKNOWLEDGED, actor)
    if not (await queries.roles(tx.session, incident_id)).get(Role.COMMANDER):
        await take_role(tx, ctx, incident_id, actor, Role.COMMANDER)
    return first


async def change_severity(
    tx: store.Tx, ctx: Context, incident_id: int, actor: str, severity: Severity, reason: str = ""
) -> None:
    """Change the severity; matrix, escalations and workflow are re-planned by their reactors.

    Raises:
        Conflict: not open, or it has this severity already.
        NotAllowed: somebody else commands.
    """
    incident = await open_incident(tx, incident_id)
    holders = await queries.roles(tx.session, incident_id)
    permissions.require(permissions.Action.CHANGE_SEVERITY, actor, holders=holders, settings=ctx.settings)
    if incident.kind is Kind.BUG and severity in (Severity.CRITICAL, Severity.HIGH):
        raise Conflict(
            "A bug is medium or low.", remedy="For what hurts production now, `/incident declare` opens an incident."
        )
    before = incident.severity
    if before is severity:
        raise Conflict(f"{incident.key} is already {severity}.")
    incident.severity = severity
    tx.session.add(incident)
    await tx.record(
        incident,
        EventKind.SEVERITY_CHANGED,
        actor=actor,
        before=before.value,
        after=severity.value,
        reason=lengths.checked(reason, lengths.WORDS, field="reason"),
    )
    await reach(tx, incident, Milestone.TRIAGED, actor)


async def take_role(
    tx: store.Tx,
    ctx: Context,
    incident_id: int,
    actor: str,
    role: Role,
    person: str | None = None,
    *,
    instead: str | None = None,
) -> list[str]:
    """Give `role` to `person` (default: the actor); returns who held it before.

    `instead` is whom the actor sees holding it, empty for nobody; None replaces whoever does.

    Raises:
        Conflict: not open, they hold it already, or somebody took it whom the actor did not see.
    """
    del ctx
    incident = await open_incident(tx, incident_id)
    holder = person or actor
    rows = await tx.session.scalars(
        select(records.RoleHolder).where(
            records.RoleHolder.incident_id == incident_id, records.RoleHolder.role == role.value
        )
    )
    current = list(rows.all())
    before = [row.person for row in current]
    if holder in before:
        raise Conflict(f"<@{holder}> is already {role.value}.")
    if role in _SINGLE:
        for row in current:
            if instead is not None and row.person != instead:
                raise Conflict(
                    f"<@{row.person}> took it at {row.since:%Y-%m-%d %H:%M} UTC.",
                    remedy=f"`/incident {incident.key} role {role.value}` takes it over.",
                )
            await tx.session.delete(row)
    tx.session.add(records.RoleHolder(incident_id=incident_id, role=role.value, person=holder, since=tx.now))
    await tx.record(incident, EventKind.ROLE_TAKEN, actor=actor, role=role.value, person=holder, before=before)
    tx.wake(store.VIEWS)
    return before


async def release_role(
    tx: store.Tx, ctx: Context, incident_id: int, actor: str, role: Role, person: str | None = None
) -> str:
    """Let nobody hold what `person` held, by default the actor where several may hold it; returns who it was.

    Raises:
        Conflict: not open, or they do not hold it.
        NotAllowed: it is somebody else's, and the actor does not lead.
    """
    incident = await open_incident(tx, incident_id)
    holders = await queries.roles(tx.session, incident_id)
    held = holders.get(role, [])
    holder = person or (actor if actor in held or role not in _SINGLE else next(iter(held), ""))
    if holder not in held:
        raise Conflict(f"<@{holder}> is not {role.value}." if holder else f"Nobody is {role.value}.")
    if holder != actor:
        permissions.require(permissions.Action.RELEASE_ROLE, actor, holders=holders, settings=ctx.settings)
    await vacate(tx, incident, role, holder, actor=actor)
    return holder


async def vacate(tx: store.Tx, incident: records.Incident, role: Role, holder: str, *, actor: str) -> None:
    """Let `holder` hold `role` no longer; whoever asks for it was checked before."""
    await tx.session.delete(await tx.session.get_one(records.RoleHolder, (incident.number, role.value, holder)))
    await tx.record(incident, EventKind.ROLE_RELEASED, actor=actor, role=role.value, person=holder)
    tx.wake(store.VIEWS)


async def add_note(
    tx: store.Tx,
    ctx: Context,
    incident_id: int,
    actor: str,
    text: str,
    *,
    at: datetime | None = None,
    link: str = "",
) -> records.Event:
    """Add `text` to the timeline, at its original time (UTC) where it has one.

    Raises:
        InvalidInput: there is no text, or more than fits.
    """
    del ctx
    incident = await queries.get(tx.session, incident_id)
    said = lengths.checked(text, lengths.WORDS, field="note")
    if not said:
        raise InvalidInput("There is nothing to add.", remedy="Write what happened.", field="note")
    return await tx.record(incident, EventKind.NOTE, actor=actor, at=at, text=said, link=link)


async def found_impact(
    tx: store.Tx, ctx: Context, incident_id: int, actor: str, trigger: str, detail: str = ""
) -> bool:
    """Note that an impact or complexity trigger holds; escalation hears it. False when it was known already.

    Raises:
        InvalidInput: no policy has a trigger of this name.
    """
    incident = await open_incident(tx, incident_id)
    policies = ctx.library.policies
    known = {each.name for each in (*policies.impact_based, *policies.complexity_based)}
    if trigger not in known:
        raise InvalidInput(f"There is no trigger {trigger[:60]!r}.", remedy=f"Known: {', '.join(sorted(known))}.")
    said = lengths.checked(detail, lengths.WORDS, field="note")
    for event in await queries.events(tx.session, incident_id):
        if event.kind is EventKind.IMPACT_FOUND and event.data.get("trigger") == trigger:
            return False
    await tx.record(incident, EventKind.IMPACT_FOUND, actor=actor, trigger=trigger, detail=said)
    return True


async def set_impact(tx: store.Tx, ctx: Context, incident_id: int, actor: str, text: str) -> None:
    """Say in one line who is hurt; shown on the card and in every update."""
    incident = await open_incident(tx, incident_id)
    said = lengths.checked(" ".join(text.split()), lengths.LINE, field="impact")
    if not said:
        raise InvalidInput("The impact is empty.", remedy="Say who is hurt and how much.", field="impact")
    incident.impact = said
    tx.session.add(incident)
    await add_note(tx, ctx, incident_id, actor, f"Impact: {said}")
    await note_loss(tx, ctx, incident, actor, said)
    tx.wake(store.VIEWS)


async def note_loss(tx: store.Tx, ctx: Context, incident: records.Incident, actor: str, text: str) -> bool:
    """Fire the trigger of lost revenue where `text` states a loss from the threshold of `sitrep.yml` on."""
    loss = revenue.above_threshold(ctx.settings, text)
    known = {each.name for each in ctx.library.policies.impact_based}
    if not loss or revenue.TRIGGER not in known:
        return False
    return await found_impact(tx, ctx, incident.number, actor, revenue.TRIGGER, loss)


async def pass_page(tx: store.Tx, ctx: Context, incident_id: int, actor: str) -> None:
    """Note that the person paged cannot take it; the next level is paged at once."""
    del ctx
    incident = await open_incident(tx, incident_id)
    await tx.record(incident, EventKind.PAGE_PASSED, actor=actor, person=actor)
