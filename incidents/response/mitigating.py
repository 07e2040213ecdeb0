"""Choosing how users are relieved at once: offered where it is grave, chosen, put before who may approve it."""

from pathlib import Path
from typing import Any

from incidents import outbox, outbox_queries, posts, records, store
from incidents.agents.outputs import RollbackReadiness
from incidents.catalog import Service
from incidents.clock import Clock
from incidents.context import Context
from incidents.errors import Conflict, InvalidInput, Repeated, ToolFailed
from incidents.events import EventKind
from incidents.lifecycle import Role, Status
from incidents.notices import Lane
from incidents.response import frozen, journal, mitigations, progress
from incidents.response.mitigations import Means, WayBack
from incidents.response.plan import FINISHED, StepState
from incidents.service import permissions, presence, queries, respond
from incidents.tools import deploylog
from incidents.tools.deploylog import DeployLog

SURFACE = "mitigation"

#: After which the same may be chosen again.
_OVER = FINISHED | {StepState.FAILED, StepState.STOPPED}
_NAME_IT = "Name the release: `/incident mitigate rollback 41`."


def card_key(incident: records.Incident) -> str:
    """Return the key of the message that asks how users are relieved."""
    return f"{incident.key}:mitigation"


def is_grave(incident: records.Incident) -> bool:
    """Tell whether it is asked unasked how users are relieved: the incident is open, and grave enough."""
    return mitigations.is_offered(incident.severity, incident.kind) and incident.status is Status.OPEN


async def way_back(service: Service | None, outputs: dict[str, Any], clock: Clock, *, named: str = "") -> WayBack:
    """Return the release that a rollback goes to: the one `named`, as assessed, or the one before what runs.

    Reads the deploy log; what people name must stand in it, where there is one.
    """
    log, trouble = await _log(service, clock)
    running = log.current() if log else None
    runs = running.release if running else ""
    if named:
        return _named(named, log, runs)
    assessed = outputs.get("rollback_readiness_assessment")
    if assessed:
        readiness = RollbackReadiness.model_validate(assessed)
        if deploylog.RELEASE.fullmatch(readiness.release or "") and readiness.release != runs:
            return WayBack(str(readiness.release), runs, caution="" if readiness.ready else readiness.reason)
    if log is None or running is None:
        return WayBack(missing=f"{trouble or 'The deploy log names no release.'} {_NAME_IT}")
    if any(each.commit == running.commit for each in log.deploys[: log.deploys.index(running)]):
        # What ran before was put out of service by this: it is no way back.
        return WayBack(running=runs, missing=f"Release {runs} was put back already. {_NAME_IT}")
    before = log.before(running)
    if before is None:
        return WayBack(running=runs, missing=f"The deploy log names no release before {runs}. {_NAME_IT}")
    if not deploylog.RELEASE.fullmatch(before.release):
        return WayBack(running=runs, missing=f"The release before {runs} has no name that a command could take.")
    return WayBack(before.release, runs)


async def _log(service: Service | None, clock: Clock) -> tuple[DeployLog | None, str]:
    if service is None or not service.deploys:
        return None, "No deploy log is configured, so the release before is not known."
    try:
        return await deploylog.read(Path(service.deploys), clock), ""
    except ToolFailed as fault:
        return None, fault.message


def _named(named: str, log: DeployLog | None, runs: str) -> WayBack:
    known = [each.release for each in log.deploys if each.environment == "production"] if log else []
    if (known and named not in known) or not deploylog.RELEASE.fullmatch(named):
        newest = ", ".join(list(dict.fromkeys(reversed(known)))[:5])
        raise InvalidInput(
            f"The deploy log names no release {named[:40]!r}.", remedy=f"Newest: {newest}." if newest else ""
        )
    return WayBack(named, runs)


async def choose(
    tx: store.Tx, ctx: Context, incident_id: int, actor: str, means: Means, *, back: WayBack, switch: str = ""
) -> str:
    """Note how users are to be relieved, and ask for approval of what touches production; return it in words.

    Raises:
        Conflict: it cannot be done here, says what is missing; it was chosen already; or another mitigation is being
            carried out.
        Repeated: this person chose the same before, and it still waits or goes on.
        InvalidInput: there is no such switch.
        NotAllowed: this person may not choose it.
    """
    incident = await respond.open_incident(tx, incident_id)
    holders = await queries.roles(tx.session, incident_id)
    permissions.require(permissions.Action.CHOOSE_FIX, actor, holders=holders, settings=ctx.settings)
    await presence.require(tx, incident, actor)
    service = ctx.service(incident.service)
    if means is Means.HOTFIX or service is None:
        if means is not Means.HOTFIX:
            raise Conflict("No service is named, so nothing of it can be changed.", remedy="Relieve users by hand.")
        words = "by a hotfix, the response's own way"
        await _require_new(tx, incident, actor, words)
        await _tell(tx, incident, actor, means, words, "")
        return words
    run = await _run(tx, incident)
    _require_possible(service, means, back, switch)
    chosen = mitigations.choice(service, means, back, switch)
    words = mitigations.said(chosen)
    await _require_new(tx, incident, actor, words)
    step = await _step(tx, run, words)
    step.output, step.state = {mitigations.kept_as(step.name): chosen}, StepState.QUEUED.value
    tx.session.add(step)
    await tx.session.flush()
    await _tell(tx, incident, actor, means, words, step.name)
    await progress.advance(tx, ctx, incident, run)
    return words


async def _require_new(tx: store.Tx, incident: records.Incident, actor: str, words: str) -> None:
    """Return unless this was chosen last, and has neither ended nor been given up since."""
    chosen = await queries.events_of(tx.session, incident.number, EventKind.MITIGATION_CHOSEN, EventKind.REOPENED)
    last = chosen[-1] if chosen else None
    if last is None or last.data.get("what") != words:
        return
    run = await queries.latest_run(tx.session, incident.number)
    states = {row.name: StepState(row.state) for row in await queries.steps(tx.session, run.number)} if run else {}
    if states.get(last.data["step"]) in _OVER:
        return
    if last.actor == actor:
        raise Repeated(f"Your choice stands: {words}.")
    raise Conflict(
        f"Already chosen by <@{last.actor}> at {last.at:%Y-%m-%d %H:%M} UTC: {words}.", remedy="Nothing was changed."
    )


def _require_possible(service: Service, means: Means, back: WayBack, switch: str) -> None:
    offered = [each for each in mitigations.offers(service, back) if each.means is means]
    possible = [each for each in offered if each.can]
    if not possible:
        raise Conflict("That cannot be done here.", remedy=offered[0].what)
    if means is Means.FLAG and switch not in [each.switch for each in possible]:
        names = ", ".join(each.switch for each in possible)
        raise InvalidInput(f"There is no switch {switch[:40]!r}.", remedy=f"Switches of {service.key}: {names}.")


async def _run(tx: store.Tx, incident: records.Incident) -> records.Run:
    run = await queries.latest_run(tx.session, incident.number)
    if run is None or run.state in progress.ENDED:
        raise Conflict("The response has ended.", remedy="Relieve users by hand, and say so with `/incident note`.")
    if run.state == "paused":
        raise Conflict("The response is paused.", remedy="`/incident resume` lets it go on, then choose again.")
    if progress.waits_to_begin(run, tx.now):
        raise Conflict("The response has not begun.", remedy="`/incident begin` begins it now, then choose again.")
    return run


async def _step(tx: store.Tx, run: records.Run, words: str) -> records.Step:
    """Return the step that is to carry it out: the last one where that has not begun, else one more."""
    definition = frozen.definition_of(run)
    stage = mitigations.stage_of(definition)
    names = [step.name for step in stage.steps] if stage else []
    rows = {row.name: row for row in await queries.steps(tx.session, run.number)}
    last = rows.get(names[-1]) if names else None
    if last is not None and StepState(last.state) not in FINISHED:
        if last.state in (StepState.RUNNING.value, StepState.READY.value) or journal.may_go_on(last):
            raise Conflict(
                "Another mitigation is being carried out.", remedy=f"Wait for step {last.name}, or stop it first."
            )
        if StepState(last.state) not in _OVER:
            frozen.keep(tx, run, mitigations.retitled(definition, last.name, words))
            return last
    grown, name = mitigations.grown(definition, words)
    frozen.keep(tx, run, grown)
    row = records.Step(run_id=run.number, name=name)
    tx.session.add(row)
    await tx.session.flush()
    return row


async def _tell(
    tx: store.Tx, incident: records.Incident, actor: str, means: Means, words: str, step: str
) -> records.Event:
    event = await tx.record(
        incident, EventKind.MITIGATION_CHOSEN, actor=actor, means=means.value, what=words, step=step
    )
    await outbox.put(tx, incident.id, posts.line(incident, event))
    return event


class Offering:
    """Reactors that put the choice before people where it is grave, and keep what it shows true."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    def register(self) -> None:
        """Listen to what makes it grave, and to what changes the choice."""
        react = self._ctx.store.react
        for kind in (EventKind.DECLARED, EventKind.SEVERITY_CHANGED):
            react(kind, self.offer)
        for kind in (EventKind.MITIGATION_CHOSEN, EventKind.RESOLVED, EventKind.CANCELLED, EventKind.REOPENED):
            react(kind, self.redraw)
        for kind in (EventKind.STEP_DONE, EventKind.ROLE_TAKEN):
            react(kind, self.redraw_when_it_matters)

    async def offer(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Ask at once how users are relieved, once an incident."""
        if is_grave(incident):
            # Below the live card, which tells what it is about and is what people wait for.
            asked = posts.post(incident, card_key(incident), SURFACE, Lane.DECISION, after=f"{incident.key}:card")
            await outbox.put(tx, incident.id, asked)
        elif event.kind is EventKind.SEVERITY_CHANGED:
            await self.redraw(tx, incident, event)

    async def redraw_when_it_matters(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Show what the assessment of production brought, and who decides."""
        assessed = False
        if event.kind is EventKind.STEP_DONE:
            step = await tx.session.get_one(records.Step, int(event.data["step_id"]))
            assessed = "rollback_readiness_assessment" in step.output or "mitigation_effect" in step.output
        if assessed or event.data.get("role") == Role.COMMANDER.value:
            await self.redraw(tx, incident, event)

    async def redraw(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Edit the question to what is true now."""
        if await outbox_queries.was_put(tx.session, card_key(incident)):
            await outbox.put(tx, incident.id, posts.edit(card_key(incident), event, SURFACE))
