"""The plan of an incident's run, drawn from its rows."""

from collections.abc import Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from bot.surfaces import room
from bot.views import mrkdwn, parts, plan
from bot.views.message import Message
from incidents import areas, records
from incidents.context import Context
from incidents.definitions import ApprovalKind, WorkflowDefinition
from incidents.lifecycle import Status
from incidents.response import approvals, decisions, forecast, pipeline, progress
from incidents.response import plan as planning
from incidents.response.plan import StepState
from incidents.service import permissions, queries


async def draw(session: AsyncSession, ctx: Context, incident_id: int) -> Message:
    """Return the plan of the incident's newest run."""
    incident = await queries.get(session, incident_id)
    run = await queries.latest_run(session, incident_id)
    if run is None:
        words = f"{incident.key} has no response running."
        return parts.message(words, [parts.section(words)])
    return plan.draw(await _facts(session, ctx, incident, run))


async def _facts(session: AsyncSession, ctx: Context, incident: records.Incident, run: records.Run) -> plan.Plan:
    now = ctx.clock.now()
    definition = progress.definition_of(run)
    rows = {step.name: step for step in await queries.steps(session, run.number)}
    stands = {name: forecast.Stand(StepState(row.state), row.started_at, row.finished_at) for name, row in rows.items()}
    to_restore = forecast.forecast(
        definition, stands, now, begins_at=run.begins_at, until=forecast.restores(definition)
    )
    waits = await _waits(session, ctx, incident, run, definition, rows)
    outputs, said = queries.merged(rows.values()), areas.report(incident.title, incident.known, incident.facts)
    service = ctx.service(incident.service)
    return plan.Plan(
        incident=incident,
        title=definition.title,
        run_state=run.state,
        steps=[
            plan.Planned(
                step,
                rows[step.name],
                waits.get(step.name, ""),
                areas.choice(definition, step, outputs, service, said),
                _is_next(definition, rows, step.name),
            )
            for step in definition.steps()
            if step.name in rows
        ],
        restored=to_restore,
        everything=forecast.forecast(definition, stands, now, begins_at=run.begins_at),
        now=now,
        providers=ctx.providers,
        grows=bool(pipeline.coming(definition)),
        alive=incident.status in (Status.OPEN, Status.RESOLVED),
    )


def _is_next(definition: WorkflowDefinition, rows: Mapping[str, records.Step], name: str) -> bool:
    """Tell whether a step waits for nothing but what is at work now."""
    states = {each: StepState(row.state) for each, row in rows.items()}
    before = planning.unmet(definition, definition.step(name), states)
    return states[name] in (StepState.QUEUED, StepState.READY, StepState.WAITING) and all(
        states.get(each) is StepState.RUNNING for each in before
    )


async def _waits(
    session: AsyncSession,
    ctx: Context,
    incident: records.Incident,
    run: records.Run,
    definition: WorkflowDefinition,
    rows: Mapping[str, records.Step],
) -> dict[str, str]:
    """Return for each step that has not begun what it waits for, and for whom since when."""
    judged = await progress.verdicts(session, ctx, incident, run, queries.merged(rows.values()))
    holders = await queries.roles(session, incident.number)
    pending = {each.step: each for each in await queries.pending_approvals(session, incident.number)}
    found = {}
    for name, row in rows.items():
        if row.state not in (StepState.QUEUED.value, StepState.WAITING.value) or not _is_planned(definition, name):
            continue
        waits = room.waits(definition, rows, judged, name)
        if waits.startswith("gates"):
            who = permissions.who_may(permissions.Action.ATTEST, holders=holders, settings=ctx.settings)
            vouching = f"{mrkdwn.people(who[:2]) or 'anybody here'} can vouch"
            waits = f"gates *{waits.removeprefix('gates: ')}* ({vouching})"
        if name in pending:
            asked = pending[name]
            who = approvals.who_may(asked, holders, ctx.settings)
            decision = f"{decisions.DECISIONS[ApprovalKind(asked.kind)].asked}{_of_whom(who, asked)}"
            waits = f"{decision}, and {waits}" if waits.startswith("gates") else decision
        if not waits and progress.waits_to_begin(run, ctx.clock.now()) and run.begins_at is not None:
            waits = f"business to open, {mrkdwn.day_and_time(run.begins_at)}"
        found[name] = waits
    return found


def _is_planned(definition: WorkflowDefinition, name: str) -> bool:
    return any(step.name == name for step in definition.steps())


def _of_whom(who: Sequence[str], asked: records.Approval) -> str:
    return f" by {mrkdwn.people(who[:2]) or 'anybody here'} since {mrkdwn.clock(asked.asked_at)}"
