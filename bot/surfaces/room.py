"""What stands in the incident's channel: the live card, the triage question, phase heads, lines."""

from collections.abc import Mapping

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import select

from bot.surfaces import gates, promised
from bot.views import card, line, phase, triage, trouble
from bot.views.message import Message
from incidents import kpis, records
from incidents.agents.outputs import RootCause
from incidents.context import Context
from incidents.definitions import Phase, WorkflowDefinition
from incidents.errors import NotFound
from incidents.events import EventKind
from incidents.notices import room_of
from incidents.response import approvals, decisions, pipeline, plan, progress
from incidents.response.gates import GateVerdict
from incidents.response.plan import FINISHED, StepState
from incidents.service import queries


async def live_card(session: AsyncSession, ctx: Context, incident_id: int) -> Message:
    """Return the incident's live card."""
    return card.draw(await card_facts(session, ctx, await queries.get(session, incident_id)))


async def card_facts(session: AsyncSession, ctx: Context, incident: records.Incident) -> card.Card:
    """Return what the card shows."""
    now = ctx.clock.now()
    number = incident.number
    run = await queries.latest_run(session, number)
    definition = progress.definition_of(run) if run else None
    steps = await queries.steps(session, run.number) if run else []
    updates = await queries.updates(session, number)
    deliveries = await queries.deliveries(session, number)
    outputs = queries.merged(steps)
    roles = await queries.roles(session, number)
    pending = tuple(await queries.pending_approvals(session, number))
    served = kpis.served(await queries.events_of(session, number, EventKind.RESOLVED, EventKind.REOPENED))
    return card.Card(
        incident=incident,
        now=now,
        roles=roles,
        phase=_current_phase(definition, steps) if definition else None,
        phases=(*_phases(definition), *pipeline.coming(definition)) if definition else (),
        steps=_doing(definition, steps) if definition else (),
        approvals=pending,
        deciders={each.number: approvals.who_may(each, roles, ctx.settings)[:1] for each in pending},
        questions=tuple(await queries.questions(session, number)),
        gates=tuple(each.gate for each in await gates.waiting(session, ctx, incident, run, outputs, steps))
        if run
        else (),
        cause=_cause(outputs),
        measures=tuple(kpis.measure(incident, updates, ctx.library.policies.kpis, now, served=served)),
        told=promised.count(deliveries, incident, now),
        undelivered=sum(row.state == "failed" for row in deliveries),
        links=_links(ctx, incident),
        run_state=run.state if run else "",
        begins_at=run.begins_at if run and progress.waits_to_begin(run, now) else None,
    )


def _phases(definition: WorkflowDefinition) -> tuple[Phase, ...]:
    used = {step.phase for step in definition.steps()}
    return tuple(each for each in Phase if each in used)


def _current_phase(definition: WorkflowDefinition, steps: list[records.Step]) -> Phase | None:
    """Return the first phase with an unfinished step; the last one when all are finished."""
    states = {step.name: StepState(step.state) for step in steps}
    for each in _phases(definition):
        if any(states.get(step.name) not in FINISHED for step in definition.steps() if step.phase is each):
            return each
    return _phases(definition)[-1] if _phases(definition) else None


def _doing(definition: WorkflowDefinition, steps: list[records.Step]) -> tuple[card.Doing, ...]:
    defined = {step.name: step for step in definition.steps()}
    return tuple(
        card.Doing(
            step.name, defined[step.name].title, step.agent or defined[step.name].agent[0], step.state, step.started_at
        )
        for step in steps
        if step.name in defined and step.state in (StepState.RUNNING.value, StepState.FAILED.value)
    )


def _cause(outputs: Mapping[str, object]) -> RootCause | None:
    try:
        return RootCause.model_validate(outputs["preliminary_root_cause"])
    except (KeyError, ValidationError):
        return None


def _links(ctx: Context, incident: records.Incident) -> dict[str, str]:
    service = ctx.service(incident.service)
    if service is None:
        return {}
    links = {"Runbook": service.runbook, "War room": service.war_room, "Dashboard": service.dashboard}
    return {name: url for name, url in links.items() if url.startswith(("https://", "http://"))}


async def refused(session: AsyncSession, incident_id: int) -> Message:
    """Return what is said of a channel that Slack refused to make, or what became of it."""
    incident = await queries.get(session, incident_id)
    return trouble.no_channel(incident, await refusal(session, incident))


async def refusal(session: AsyncSession, incident: records.Incident) -> str:
    """Return why Slack refused the incident's channel, or an empty string where it did not."""
    row = await session.scalar(select(records.Outbox).where(records.Outbox.key == room_of(incident.key)))
    return row.error if row is not None and row.state == "failed" else ""


async def triage_question(session: AsyncSession, incident_id: int) -> Message:
    """Return the question for the triage facts that are missing."""
    return triage.draw(await queries.get(session, incident_id))


async def phase_head(session: AsyncSession, ctx: Context, incident_id: int, shown: Phase) -> Message:
    """Return the head of a phase's thread.

    Raises:
        NotFound: the incident has no run.
    """
    incident = await queries.get(session, incident_id)
    run = await queries.latest_run(session, incident_id)
    if run is None:
        raise NotFound(f"{incident.key} has no response running.")
    definition = progress.definition_of(run)
    rows = {step.name: step for step in await queries.steps(session, run.number)}
    judged = await progress.verdicts(session, ctx, incident, run, await queries.outputs(session, run.number))
    wanted = [step for step in definition.steps() if step.phase is shown and step.name in rows]
    evidence = await queries.evidence(session, incident_id)
    stage = definition.stage_of(wanted[-1].name) if wanted else None
    ends_here = stage is not None and stage.steps[-1].phase is shown
    return phase.draw(
        phase.Head(
            phase=shown,
            place=_phases(definition).index(shown) + 1 if shown in _phases(definition) else 1,
            steps=[
                phase.StepLine(step, rows[step.name], waits(definition, rows, judged, step.name)) for step in wanted
            ],
            gates=judged.get(stage.number, []) if stage and ends_here else [],
            due_at=(run.begins_at or incident.declared_at) + stage.ends_after if stage else None,
            evidence=sum(row.step_id in {rows[step.name].id for step in wanted} for row in evidence),
            now=ctx.clock.now(),
            paused=run.state == "paused",
        )
    )


def waits(
    definition: WorkflowDefinition,
    rows: Mapping[str, records.Step],
    judged: Mapping[int, list[GateVerdict]],
    name: str,
) -> str:
    """Return what a step that has not begun waits for, in a few words; empty where it waits for nothing."""
    states = {each: StepState(row.state) for each, row in rows.items()}
    holds = {number: all(verdict.holds for verdict in verdicts) for number, verdicts in judged.items()}
    held = plan.waits(definition, definition.step(name), states, holds, frozenset())
    if held.steps:
        return f"after {', '.join(held.steps)}"
    if held.gates:
        open_ = [v.gate for number in held.gates for v in judged.get(number, []) if not v.holds]
        return "gates: " + ", ".join(gate.replace("_", " ") for gate in open_[:3])
    return decisions.DECISIONS[held.approval].asked if held.approval else ""


async def event_line(session: AsyncSession, event_id: int) -> Message:
    """Return the line of an event.

    Raises:
        NotFound: there is no such event.
    """
    event = await session.get(records.Event, event_id)
    if event is None:
        raise NotFound(f"There is no event {event_id}.")
    return line.draw(event)
