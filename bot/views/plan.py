"""The plan of a run: what is done, what runs, who is waited for, what is next, and when it should be over."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from slack_sdk.models.blocks import Block, ButtonElement, InteractiveElement

from bot.ids import Act, Steer
from bot.values import OfIncident, OfSteer
from bot.views import mrkdwn, parts, words
from bot.views.message import Message
from incidents import records
from incidents.areas import Choice
from incidents.definitions import Kind, StepDefinition
from incidents.response import rebasing
from incidents.response.forecast import Forecast
from incidents.response.plan import FINISHED, StepState

#: Begins the ids of the plan's blocks; a press in one of them draws the plan anew.
PLAN_BLOCK = "plan"

_OPEN_SHOWN = 20  # unfinished steps that get a row with a menu; a message holds 50 blocks

_FOR_PEOPLE = (StepState.FAILED, StepState.STOPPED, StepState.WAITING)
_AT_WORK = (StepState.RUNNING, StepState.READY)

_STEER_LABELS = {
    Steer.RETRY: "Try this step again",
    Steer.STOP: "Stop this step",
    Steer.SKIP: "Skip with a reason",
    Steer.TAKE_OVER: "Do this step by hand",
    Steer.HAND_OVER: "Hand to another provider",
    Steer.REBASE: "Rebase the fix",
}


@dataclass(frozen=True)
class Planned:
    """One step of the plan."""

    definition: StepDefinition
    row: records.Step
    waits: str = ""  #: what and whom it waits for, ready to show
    chosen: Choice | None = None  #: who does it by the affected area, where it names several agents
    next: bool = False  #: whether nothing but what runs now stands before it


@dataclass(frozen=True)
class Plan:
    """What the plan shows."""

    incident: records.Incident
    title: str  #: of the workflow
    run_state: str
    steps: Sequence[Planned]
    restored: Forecast  #: of the steps up to the analysis
    everything: Forecast
    now: datetime
    providers: Sequence[str] = ()
    alive: bool = True  #: whether the response still takes orders
    grows: bool = False  #: whether steps come that nobody knows yet: a bug's fix, once its plan is approved


def draw(plan: Plan) -> Message:
    """Return the plan."""
    finished = [step for step in plan.steps if _state(step) in FINISHED]
    left = sorted((step for step in plan.steps if _state(step) not in FINISHED), key=_urgency)
    count = f"{len(finished)} of {len(plan.steps)} done"
    lead = mrkdwn.listed([f"*Plan of {plan.incident.key}: {mrkdwn.said(plan.title, 60)}*", count, _run(plan)])
    blocks: list[Block | None] = [
        parts.section(lead),
        parts.section("\n".join(told)) if (told := [*_now(plan), *_ends(plan)]) else None,
        *[
            parts.section(_open_line(step, plan), _menu(step, plan), block_id=f"{PLAN_BLOCK}_{step.row.id}")
            for step in left[:_OPEN_SHOWN]
        ],
        parts.section(f"_{len(left) - _OPEN_SHOWN} more steps wait behind these._")
        if len(left) > _OPEN_SHOWN
        else None,
        parts.section(parts.fitting(_done_line(step) for step in finished)) if finished else None,
        _buttons(plan),
        parts.context(*_footer(plan, left)),
    ]
    return parts.message(f"Plan of {plan.incident.key}: {count}", blocks)


def _state(step: Planned) -> StepState:
    return StepState(step.row.state)


def _urgency(step: Planned) -> int:
    """Return 0 where people are waited for, 1 where an agent is at work; the rest stays in its order."""
    state = _state(step)
    return 0 if state in _FOR_PEOPLE else 1 if state in _AT_WORK else 2


def _run(plan: Plan) -> str:
    return {"running": "", "done": "all done", "superseded": "replaced"}.get(plan.run_state, f"*{plan.run_state}*")


def _now(plan: Plan) -> list[str]:
    """Return what everything hangs on at this moment: people first, then what agents are at."""
    if plan.run_state != "running":
        return []
    states = {
        "*waits for people*": _FOR_PEOPLE,
        "running": _AT_WORK,
    }
    told = [
        f"{said}: {', '.join(names)}"
        for said, wanted in states.items()
        if (names := [step.definition.name for step in plan.steps if _state(step) in wanted])
    ]
    return [f"*Now*  {', '.join(told)}"] if told else []


def _ends(plan: Plan) -> list[str]:
    if plan.run_state in ("stopped", "superseded") or plan.everything.ends_at is None:
        return []
    if plan.run_state == "paused":
        return ["*Expected end*  none while the agents are paused"]
    if plan.grows:
        when = _when(plan.everything.ends_at, plan.now)
        return [f"*Planned by*  {when}   the steps of the fix come with the approved plan"]
    found = []
    if plan.restored.ends_at is not None and plan.incident.status.value == "open":
        found.append(f"*Fixed by*  {_when(plan.restored.ends_at, plan.now)}   {_path(plan.restored)}")
    if plan.everything.ends_at != plan.restored.ends_at or not found:
        found.append(f"*All done by*  {_when(plan.everything.ends_at, plan.now)}   {_path(plan.everything)}")
    return found


def _when(at: datetime, now: datetime) -> str:
    left = at - now
    told = mrkdwn.clock(at) if left < timedelta(hours=12) else mrkdwn.day_and_time(at)
    return f"{told}, in {mrkdwn.spoken(left)}" if left >= timedelta(minutes=1) else f"{told}, any moment"


def _path(forecast: Forecast) -> str:
    shown = forecast.critical if len(forecast.critical) <= 7 else (*forecast.critical[:3], "…", *forecast.critical[-3:])
    return f"critical path {' → '.join(shown)}" if len(shown) > 1 else f"waits only for {shown[0]}"


def _name(step: Planned) -> str:
    return f"*{step.definition.name} {mrkdwn.said(step.definition.title, 70)}*"


def _done_line(step: Planned) -> str:
    row, state = step.row, _state(step)
    spent = f"  {mrkdwn.spoken(row.finished_at - row.started_at)}" if row.started_at and row.finished_at else ""
    by = f"  by {mrkdwn.person(row.runner)}" if state is StepState.TAKEN_OVER and row.runner else ""
    why = f"  {mrkdwn.person(row.runner)}: {mrkdwn.said(row.summary, 100)}" if _is_left_out(step) else ""
    word = "" if state is StepState.DONE else f"  {words.STEP_WORD[state]}"
    return f"{words.STEP_MARK[state]} {_name(step)}{word}{by}{why}{spent if state is StepState.DONE else ''}"


def _is_left_out(step: Planned) -> bool:
    return _state(step) is StepState.SKIPPED and bool(step.row.runner)


def _open_line(step: Planned, plan: Plan) -> str:
    state, row = _state(step), step.row
    critical = "   _critical path_" if step.definition.name in plan.restored.critical else ""
    head = f"{words.STEP_MARK[state]} {_name(step)}{critical}"
    return f"{head}\n{mrkdwn.listed([_doing(step, state, plan), _with_whom(row, step)])}"


def _doing(step: Planned, state: StepState, plan: Plan) -> str:
    row, span = step.row, plan.everything.spans.get(step.definition.name)
    if state is StepState.RUNNING and row.started_at and span:
        due = f"*{mrkdwn.spoken(span.over)} over its budget*" if span.over else f"due {mrkdwn.clock(span.end)}"
        return f"running since {mrkdwn.clock(row.started_at)}, {due}"
    if state in (StepState.FAILED, StepState.STOPPED):
        return f"*{words.STEP_WORD[state]}*: {mrkdwn.with_mentions(row.error, 200)}" if row.error else "*stopped*"
    waits = f"waits for {step.waits.removeprefix('after ')}" if step.waits else "starts at once"
    if not step.next or plan.run_state != "running" or span is None:
        return waits
    return f"*next*, {waits}" if state is StepState.QUEUED else waits


def _with_whom(row: records.Step, step: Planned) -> str:
    if row.provider:
        return f"with {mrkdwn.said(row.provider, 20)}"
    takes = f"takes {mrkdwn.spoken(step.definition.duration)}" if row.state == StepState.QUEUED.value else ""
    if step.chosen is not None:
        by = f"{mrkdwn.said(step.chosen.agent, 40)} ({step.chosen.area.value}: {mrkdwn.said(step.chosen.why, 60)})"
        return mrkdwn.listed([by, takes])
    if len(step.definition.agent) > 1:
        return mrkdwn.listed(["agent by the affected area", takes])
    return mrkdwn.said(row.agent or step.definition.agent[0], 40) if row.state == StepState.RUNNING.value else takes


def _menu(step: Planned, plan: Plan) -> InteractiveElement | None:
    if not plan.alive:
        return None
    state = _state(step)
    offered = {
        StepState.RUNNING: (Steer.STOP, Steer.TAKE_OVER, Steer.HAND_OVER, Steer.SKIP),
        StepState.FAILED: (Steer.RETRY, Steer.TAKE_OVER, Steer.HAND_OVER, Steer.SKIP),
        StepState.STOPPED: (Steer.RETRY, Steer.TAKE_OVER, Steer.HAND_OVER, Steer.SKIP),
    }.get(state, (Steer.TAKE_OVER, Steer.HAND_OVER, Steer.SKIP))
    begun = step.row.attempt > 0 or state is StepState.WAITING
    if step.definition.prompt in rebasing.OFFERED_AT and begun:
        offered = (*offered, Steer.REBASE)
    several = len(plan.providers) > 1
    options = [
        (_STEER_LABELS[each], OfSteer(step=step.row.number, steer=each))
        for each in offered
        if several or each is not Steer.HAND_OVER
    ]
    return parts.overflow(Act.STEER, options)


def _buttons(plan: Plan) -> Block | None:
    if not plan.alive or plan.run_state not in ("running", "paused", "stopped"):
        return None
    if plan.run_state == "stopped":
        return parts.actions(_anew(plan), block_id=f"{PLAN_BLOCK}_run") if plan.incident.kind is Kind.BUG else None
    this = OfIncident(incident=plan.incident.number)
    paused = plan.run_state == "paused"
    pause = parts.button("Resume agents", Act.RESUME, this, style=parts.PRIMARY) if paused else None
    sure = parts.confirm(
        "Stop the agents?",
        "What runs is given up and nothing new starts. People go on by hand; a step can still be retried.",
        yes="Stop them",
        no="Go on",
    )
    return parts.actions(
        pause or parts.button("Pause agents", Act.PAUSE, this),
        parts.button("Stop agents", Act.STOP, this, style=parts.DANGER, confirm=sure),
        _anew(plan) if plan.incident.kind is Kind.BUG else None,
        block_id=f"{PLAN_BLOCK}_run",
    )


def _anew(plan: Plan) -> ButtonElement:
    sure = parts.confirm(
        "Begin anew?",
        "What runs is given up, and the pipeline begins again with the report, by today's stages. What was found so far"
        " stays in the timeline.",
        yes="Begin anew",
        no="Go on",
    )
    return parts.button("Begin anew", Act.RESTART, OfIncident(incident=plan.incident.number), confirm=sure)


def _footer(plan: Plan, left: Sequence[Planned]) -> list[str]:
    if not plan.alive or not left:
        return ["`/incident timeline` says what happened"]
    return [
        "Times by the steps' budgets; people's decisions are not counted",
        f"typed: `/incident skip {left[0].definition.name} why`, `takeover`, `retry`, `stop`, `pause`",
    ]
