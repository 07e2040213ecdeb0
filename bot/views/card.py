"""The live card: one glance says how bad, what is known, who has it, what is next, and what to press."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from slack_sdk.models.blocks import Block, InteractiveElement

from bot.ids import Act, More
from bot.values import OfIncident, OfMenu, OfRole
from bot.views import mrkdwn, parts, words
from bot.views.message import Message
from incidents import records
from incidents.agents.outputs import RootCause
from incidents.definitions import Kind, Phase
from incidents.kpis import Measure
from incidents.lifecycle import Role, Status
from incidents.response import decisions


@dataclass(frozen=True)
class Doing:
    """A step that is at work, has failed, or waits."""

    name: str
    title: str
    agent: str
    state: str
    started_at: datetime | None = None


class Told(NamedTuple):
    """How the promises of the communication matrix stand."""

    kept: int = 0  #: on time
    due: int = 0  #: fell due, those on their way not counted
    on_their_way: int = 0  #: fell due just now


@dataclass(frozen=True)
class Card:
    """What the card shows."""

    incident: records.Incident
    now: datetime
    roles: Mapping[Role, Sequence[str]] = field(default_factory=dict)
    phase: Phase | None = None
    phases: tuple[Phase, ...] = ()
    steps: tuple[Doing, ...] = ()  #: running and failed ones
    approvals: tuple[records.Approval, ...] = ()  #: pending ones
    deciders: Mapping[int, Sequence[str]] = field(default_factory=dict)  #: approval number -> who is waited for
    questions: tuple[records.Question, ...] = ()  #: pending ones
    gates: tuple[str, ...] = ()  #: names of open quality gates that hold somebody up
    cause: RootCause | None = None
    measures: tuple[Measure, ...] = ()
    told: Told = field(default_factory=Told)
    undelivered: int = 0
    links: Mapping[str, str] = field(default_factory=dict)
    run_state: str = ""
    begins_at: datetime | None = None  #: UTC; where the response still waits for it


def draw(card: Card) -> Message:
    """Return the card."""
    incident = card.incident
    return parts.message(
        f"{incident.key} {mrkdwn.said(incident.title, 150)}: {incident.severity}, {incident.status}",
        [
            parts.header(f"{_mark(incident)} {incident.key}  {incident.title}"),
            parts.facts(*_facts(card)),
            parts.section(now_line(card)),
            _buttons(card),
            parts.context(*_footer(card)),
        ],
    )


def _mark(incident: records.Incident) -> str:
    return words.STATUS_MARK.get(incident.status) or words.SEVERITY_MARK[incident.severity]


def _facts(card: Card) -> list[str]:
    incident = card.incident
    private = ", private" if incident.private else ""
    drill = ", drill" if incident.drill else ""
    promised = incident.kind is not Kind.BUG  # a bug has no audience that was promised to hear of it
    return [
        f"*Severity*  {incident.severity.value.capitalize()}{private}{drill}",
        f"*Phase*  {_phase(card)}",
        f"*Commander*  {_holder(card, Role.COMMANDER)}",
        *([f"*Comms*  {_holder(card, Role.COMMS)}"] if promised else []),
        f"*Impact*  {mrkdwn.with_mentions(incident.impact) if incident.impact else '_not yet known_'}",
        *([f"*Next update*  {_next_update(card)}"] if promised else []),
    ]


def _phase(card: Card) -> str:
    if card.incident.status is not Status.OPEN:
        return card.incident.status.value
    if card.phase is None or card.phase not in card.phases:
        return "_starting_"
    place = card.phases.index(card.phase) + 1
    return f"{place} of {len(card.phases)}, {words.PHASE_TITLE[card.phase].lower()}"


def _holder(card: Card, role: Role) -> str:
    return mrkdwn.people(card.roles.get(role, ())) or "_open_"


def _next_update(card: Card) -> str:
    due = card.incident.next_update_at
    if due is None or card.incident.status is not Status.OPEN:
        return "_none promised_" if card.incident.status is Status.OPEN else "_no more_"
    # The time of day, not how long that is: nobody edits the card as the seconds pass.
    return f"{mrkdwn.clock(due)}, *overdue*" if due < card.now else mrkdwn.clock(due)


def now_line(card: Card) -> str:
    """Return what happens now, and the cause where it is known."""
    cause = ""
    if card.cause is not None:
        place = f"{card.cause.file}:{card.cause.line}" if card.cause.file and card.cause.line else ""
        at = f" {mrkdwn.code(place)}" if place and place not in card.cause.summary else ""
        cause = f"\n*Cause ({card.cause.verdict}):* {mrkdwn.prose(card.cause.summary, 300)}{at}"
    return f"*Now:* {happening(card).rstrip('.')}.{cause}"


def happening(card: Card) -> str:
    """Return what happens now in a few words."""
    incident = card.incident
    if incident.status is not Status.OPEN:
        summary = f": {mrkdwn.paragraphs(incident.resolution, 300)}" if incident.resolution else ""
        return f"{incident.status}{summary}"
    if incident.acknowledged_at is None:
        return f"nobody has acknowledged, declared {mrkdwn.clock(incident.declared_at)}"
    parts_ = ["nobody commands"] if not card.roles.get(Role.COMMANDER) else []
    parts_ += [_asked(card, each) for each in card.approvals]
    parts_ += [_question(card, each) for each in card.questions]
    parts_ += [f"step {each.name} {mrkdwn.said(each.title, 60)} failed" for each in _in_state(card, "failed")]
    parts_ += [f"agents are {card.run_state}"] if card.run_state in ("paused", "stopped") else []
    parts_ += [
        f"{mrkdwn.said(each.agent, 40)} at work on {mrkdwn.said(each.title, 60)}" for each in _in_state(card, "running")
    ]
    return mrkdwn.listed(parts_) or _standing_still(card)


def _standing_still(card: Card) -> str:
    """Return what is waited for where nobody decides and no agent works."""
    if card.begins_at is not None:
        return f"work begins {mrkdwn.day_and_time(card.begins_at)}, when business opens next"
    if card.incident.mitigated_at is not None:
        who = mrkdwn.people(card.roles.get(Role.COMMANDER, ())) or "anybody here"
        return f"users are served again, {who} says when it is resolved"
    released = ["the fix is in production, recovery is not shown yet"] if card.incident.deployed_at is not None else []
    attested = ", ".join(gate.replace("_", " ") for gate in card.gates[:3])
    waiting = released + ([f"waiting for a person to attest {attested}"] if attested else [])
    if waiting:
        return mrkdwn.listed(waiting)
    return "the next step is being prepared"


def _asked(card: Card, approval: records.Approval) -> str:
    who = mrkdwn.people(card.deciders.get(approval.number, ())) or "anybody here"
    return f"{decisions.of(approval.kind).waits} of {who} since {mrkdwn.clock(approval.asked_at)}"


def _question(card: Card, question: records.Question) -> str:
    who = mrkdwn.people(card.roles.get(Role.COMMANDER, ())) or "anybody here"
    step = f" of {mrkdwn.said(question.step, 20)}" if question.step else ""
    return f"a question{step} waits for {who} since {mrkdwn.clock(question.asked_at)}"


def _in_state(card: Card, state: str) -> list[Doing]:
    return [each for each in card.steps if each.state == state]


def _buttons(card: Card) -> Block:
    incident = card.incident
    this = OfIncident(incident=incident.number)
    if incident.status is not Status.OPEN:
        return parts.actions(*_afterwards(incident, this))
    first = _next_action(card, this)
    promised = incident.kind is not Kind.BUG
    others: list[InteractiveElement] = [parts.button("Post update", Act.UPDATE, this)] if promised else []
    for role in (Role.COMMANDER, Role.COMMS) if promised else (Role.COMMANDER,):
        if not card.roles.get(role):
            value = OfRole(incident=incident.number, role=role)
            others.append(parts.button(words.take(role), Act.TAKE_ROLE.numbered(role), value))
            break
    else:
        others.append(parts.button("Roles", Act.ROLES, this))
    if card.phases:
        others.append(parts.button("Plan", Act.PLAN, this))
    return parts.actions(first, *others, _menu(card))


def _next_action(card: Card, this: OfIncident) -> InteractiveElement:
    incident = card.incident
    if incident.acknowledged_at is None:
        return parts.button("Acknowledge", Act.ACK, this, style=parts.PRIMARY)
    if card.approvals:
        label = decisions.of(card.approvals[0].kind).review
        return parts.button(label, Act.REVIEW, this, style=parts.PRIMARY)
    if card.questions:
        return parts.button("Answer", Act.REVIEW, this, style=parts.PRIMARY)
    if card.run_state == "paused":
        return parts.button("Resume agents", Act.RESUME, this, style=parts.PRIMARY)
    if card.begins_at is not None:
        return parts.button("Begin now", Act.BEGIN, this, style=parts.PRIMARY)
    if incident.mitigated_at is not None:
        return parts.button("Resolve", Act.RESOLVE, this, style=parts.PRIMARY)
    if card.gates:
        return parts.button("Review the gate", Act.REVIEW, this, style=parts.PRIMARY)
    return parts.button("Timeline", Act.TIMELINE, this)


def _afterwards(incident: records.Incident, this: OfIncident) -> list[InteractiveElement]:
    timeline = parts.button("Timeline", Act.TIMELINE, this)
    if incident.status is not Status.RESOLVED:
        return [timeline]
    return [
        parts.button("Write my part", Act.WRITE, this, style=parts.PRIMARY),
        timeline,
        parts.button("Reopen", Act.REOPEN, this),
        parts.button("Close", Act.CLOSE, this),
    ]


def _menu(card: Card) -> InteractiveElement:
    number = card.incident.number
    paused = card.run_state == "paused"
    choices = [
        ("Change severity", More.SEVERITY),
        ("Escalate now", More.ESCALATE),
        ("Add to timeline", More.NOTE),
        ("Resume agents", More.RESUME) if paused else ("Pause agents", More.PAUSE),
        ("Resolve", More.RESOLVE),
    ]
    return parts.overflow(Act.MORE, [(label, OfMenu(incident=number, more=more)) for label, more in choices])


def _footer(card: Card) -> list[str]:
    figures = "  ".join(short(measure) for measure in card.measures if measure.reached or measure.met is False)
    running = [measure for measure in card.measures if measure.name == "fix_deployed" and measure.running]
    if card.incident.status is Status.OPEN and running and running[0].met is None:
        due_at = running[0].due if card.incident.kind is not Kind.BUG else None
        until = f", fix due {mrkdwn.clock(due_at)}" if due_at else ""
        figures = f"{figures}  Open since {mrkdwn.clock(card.incident.declared_at)}{until}".strip()
    told = f"Told on time {card.told.kept} of {card.told.due}" if card.told.due else ""
    failed = f":warning: {mrkdwn.plural(card.undelivered, 'notice')} could not be delivered" if card.undelivered else ""
    return [
        figures,
        told,
        failed,
        "  ".join(mrkdwn.link(url, name.replace(" ", "\u00a0")) for name, url in card.links.items()),
    ]


def short(measure: Measure) -> str:
    """Return a figure for small print: `Acknowledged 2 min ✓`."""
    mark = {True: " ✓", False: " ✗", None: ""}[measure.met]
    target = f", target {measure.target}" if measure.target and measure.met is not True else ""
    value = "" if measure.running else f" {measure.value}"
    return f"{measure.title}{value}{target}{mark}"
