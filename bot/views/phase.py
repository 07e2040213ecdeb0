"""The head of a phase's thread, edited in place."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.views import mrkdwn, parts, words
from bot.views.message import Message
from incidents import records
from incidents.definitions import Phase, StepDefinition
from incidents.response.gates import GateVerdict
from incidents.response.plan import FINISHED, StepState


@dataclass(frozen=True)
class StepLine:
    """One step as the head shows it."""

    definition: StepDefinition
    row: records.Step
    waits: str = ""  #: what it waits for: "after 1.1", "approval of …"


@dataclass(frozen=True)
class Head:
    """What the head shows."""

    phase: Phase
    place: int  #: 1 for the first
    steps: Sequence[StepLine]
    gates: Sequence[GateVerdict]  #: of the stage that the phase belongs to, where it ends with this phase
    due_at: datetime | None  #: when the stage should be over
    evidence: int
    now: datetime
    paused: bool = False


def draw(head: Head) -> Message:
    """Return the head."""
    title = f"Phase {head.place}  {words.PHASE_TITLE[head.phase]}"
    return parts.message(
        f"{title}: {mrkdwn.listed(_state(head))}",
        [
            parts.section(mrkdwn.listed([f"*{title}*   {_state(head)[0]}", *_state(head)[1:]])),
            parts.section(parts.fitting(step_line(step, head.now) for step in head.steps)),
            parts.context(*_footer(head)),
        ],
    )


def _state(head: Head) -> list[str]:
    states = [StepState(step.row.state) for step in head.steps]
    started = [step.row.started_at for step in head.steps if step.row.started_at]
    finished = [step.row.finished_at for step in head.steps if step.row.finished_at]
    if states and all(state in FINISHED for state in states):
        spent = f"done in {mrkdwn.spoken(max(finished) - min(started))}" if started and finished else "done"
        late = head.due_at is not None and finished and max(finished) > head.due_at
        found = [spent + (f", {mrkdwn.spoken(max(finished) - head.due_at)} late" if late and head.due_at else "")]
    elif StepState.FAILED in states:
        found = ["*needs a person*: a step failed"]
    elif head.paused:
        found = ["paused"]
    elif StepState.RUNNING in states:
        found = [f"running for {mrkdwn.spoken(head.now - min(started))}" if started else "running"]
    elif StepState.WAITING in states:
        found = ["waiting for a person"]
    else:
        found = [words.STEP_WORD[StepState.STOPPED] if StepState.STOPPED in states else "queued"]
    if head.due_at is not None and not all(state in FINISHED for state in states):
        found.append(f"due by {mrkdwn.clock(head.due_at)}")
    if head.gates:
        holding = sum(gate.holds for gate in head.gates)
        found.append(f"gates {holding} of {len(head.gates)}{' ✓' if holding == len(head.gates) else ''}")
    return found


def step_line(step: StepLine, now: datetime) -> str:
    """Return one step: mark, name, agent, time against budget, what it found or waits for."""
    state = StepState(step.row.state)
    open_ = state is StepState.QUEUED and len(step.definition.agent) > 1
    who = step.row.agent or ("agent by the affected area" if open_ else step.definition.agent[0])
    head = f"{words.STEP_MARK[state]} *{step.definition.name} {mrkdwn.said(step.definition.title, 80)}*"
    told = mrkdwn.prose(step.row.summary, 200) if state in FINISHED else ""
    if state is StepState.FAILED:
        told = mrkdwn.prose(step.row.error, 200)
    return f"{head}  {mrkdwn.said(who, 40)}, {_time(step, state, now)}   {told}".rstrip()


def _time(step: StepLine, state: StepState, now: datetime) -> str:
    budget = mrkdwn.spoken(step.definition.duration)
    row = step.row
    if state is StepState.RUNNING and row.started_at:
        spent = now - row.started_at
        over = ", *over budget*" if spent > step.definition.duration else ""
        again = f", attempt {row.attempt}" if row.attempt > 1 else ""
        return f"running since {mrkdwn.clock(row.started_at)}, {mrkdwn.spoken(spent)} of {budget}{over}{again}"
    if row.started_at and row.finished_at and state in FINISHED | {StepState.FAILED}:
        word = "" if state is StepState.DONE else f"{words.STEP_WORD[state]}, "
        return f"{word}{mrkdwn.spoken(row.finished_at - row.started_at)} of {budget}"
    if step.waits and state in (StepState.QUEUED, StepState.WAITING):
        return f"{'waits for' if state is StepState.WAITING else 'queued'} {step.waits}"
    return words.STEP_WORD[state]


def _footer(head: Head) -> list[str]:
    runners = sorted({step.row.runner for step in head.steps if step.row.runner})
    spent = sum(float(usage.get("usd", 0)) for step in head.steps for usage in step.row.usage)
    cost = f"{mrkdwn.people(runners)}, {f'${spent:.2f}' if spent else 'no model cost'}" if runners else ""
    open_gates = [gate for gate in head.gates if not gate.holds]
    waiting = "open: " + ", ".join(gate.gate.replace("_", " ") for gate in open_gates[:4]) if open_gates else ""
    return [
        f"Evidence {head.evidence}" if head.evidence else "",
        waiting,
        cost,
        "`?` in the thread asks a question, moves nothing",
    ]
