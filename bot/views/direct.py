"""What one person gets directly: a page, a promise of the matrix, an escalation."""

from dataclasses import dataclass
from datetime import datetime

from slack_sdk.models.blocks import Block, InteractiveElement

from bot.ids import Act
from bot.values import OfIncident, OfRole
from bot.views import mrkdwn, parts, words
from bot.views.message import Message
from escalation import oncall
from incidents import records
from incidents.lifecycle import Role, Status


@dataclass(frozen=True)
class Letter:
    """What all of them say."""

    incident: records.Incident
    now: datetime
    audience: str
    person: str = ""
    summary: str = ""  #: what happens now, ready to show
    holder: str = ""  #: who commands, ready to show
    url: str = ""  #: the channel in the browser


@dataclass(frozen=True)
class Paging:
    """Where in the chain of pages this one stands."""

    level: int
    of: int
    next_people: str = ""  #: ready to show
    next_at: datetime | None = None
    roads: tuple[str, ...] = ()  #: other roads it was sent by
    relief: bool = False  #: whether it is still asked how users are relieved
    relief_url: str = ""  #: where that is asked


def page(letter: Letter, paging: Paging) -> Message:
    """Return the page: who is hurt, and one green button."""
    incident = letter.incident
    answered = incident.acknowledged_at is not None or incident.status is not Status.OPEN
    value = OfIncident(incident=incident.number)
    buttons = [
        None if answered else parts.button("Acknowledge", Act.ACK, value, style=parts.PRIMARY),
        _open_button(letter),
        None if answered else parts.button("Cannot take it", Act.PASS, value, style=parts.DANGER),
    ]
    on = f" for {mrkdwn.said(incident.service, 60)}" if incident.service else ""
    return parts.message(
        f"{_spoken(incident)}: {mrkdwn.said(incident.title, 150)}. Acknowledge it.",
        [
            parts.section(f"{_headline(incident)}   you are {oncall.called(letter.audience)}{on}"),
            parts.section(_story(letter)),
            _relief(incident, paging) if paging.relief else None,
            parts.actions(*buttons) if any(buttons) else None,
            parts.context(*_chain(letter, paging, answered=answered)),
        ],
    )


def _relief(incident: records.Incident, paging: Paging) -> Block:
    """Return the line that names the most urgent decision: everything else can wait until users are served."""
    asked = mrkdwn.link(paging.relief_url, "How are users relieved?")  # the words alone where no address is known
    return parts.section(f"🩹 {asked}  Rollback, switch or hotfix: `/incident {incident.key} mitigate`")


def _headline(incident: records.Incident) -> str:
    return f"{words.SEVERITY_MARK[incident.severity]} *{_spoken(incident)}: {mrkdwn.said(incident.title, 150)}*"


def _spoken(incident: records.Incident) -> str:
    """Return the severity as the first word that a telephone's lock screen shows: an exercise is known as one."""
    severity = incident.severity.value
    return f"Drill, {severity}" if incident.drill else severity.capitalize()


def _story(letter: Letter) -> str:
    incident = letter.incident
    impact = f"{mrkdwn.with_mentions(_sentence(incident.impact))}\n" if incident.impact else _first_words(incident)
    # The time of day, not how long ago: nobody edits the message as the minutes pass.
    at = f"at {mrkdwn.clock(incident.declared_at)}"
    held = f"{letter.holder} has it." if letter.holder else _unheld(incident)
    room = mrkdwn.channel(incident.channel) if incident.channel else ""
    return f"{impact}Declared by {mrkdwn.person(incident.reporter)} {at}. {held} {room}".rstrip()


def _unheld(incident: records.Incident) -> str:
    if incident.acknowledged_at is None:
        return "Nobody has acknowledged."
    return "It was acknowledged; nobody commands."


def _sentence(text: str) -> str:
    """Return the agents' or a person's phrase as a sentence."""
    plain = text.strip()
    return plain[:1].upper() + plain[1:].rstrip(".") + "."


def _first_words(incident: records.Incident) -> str:
    return f"{mrkdwn.said(incident.known, 250)}\n" if incident.known else ""


def _open_button(letter: Letter) -> InteractiveElement | None:
    if not letter.url:
        return None
    return parts.button("Open the channel", Act.OPEN, letter.incident.key, url=letter.url)


def _chain(letter: Letter, paging: Paging, *, answered: bool) -> list[str]:
    following = ""
    if paging.next_people and not answered:
        at = f" at {mrkdwn.clock(paging.next_at)}" if paging.next_at else " next"
        following = f"{paging.next_people} is paged{at}"
    roads = f"also sent by {' and '.join(paging.roads)}" if paging.roads else ""
    typed = "" if answered else f"typed: `/incident {letter.incident.key} ack`"
    return [f"Level {paging.level} of {paging.of}", following, roads, typed]


def matrix(letter: Letter, within: str) -> Message:
    """Return the notice that the communication matrix promises; to be read in ten seconds."""
    incident = letter.incident
    updates = f"   ·   next update {mrkdwn.clock(incident.next_update_at)}" if incident.next_update_at else ""
    return parts.message(
        f"{_spoken(incident)}: {mrkdwn.said(incident.title, 150)}",
        [
            parts.section(_headline(incident)),
            parts.section(f"{_story(letter)}\n{letter.summary}".rstrip()),
            _open_row(letter),
            parts.context(
                f"You hear this as {oncall.called(letter.audience)}, promised {within}{updates}",
                "nothing is asked of you",
            ),
        ],
    )


def _open_row(letter: Letter) -> Block | None:
    button = _open_button(letter)
    return parts.actions(button) if button else None


def escalation(letter: Letter, reason: str, *, offered: Role | None = None, instead: str = "") -> Message:
    """Return the notice that something took too long, or turned out to be worse.

    `offered` is a role to take, `instead` who holds it still.
    """
    incident = letter.incident
    first = None
    if offered is not None:
        role = OfRole(incident=incident.number, role=offered, instead=instead)
        first = parts.button(words.take(offered), Act.TAKE_ROLE.numbered(offered), role, style=parts.PRIMARY)
    elif incident.acknowledged_at is None and incident.status is Status.OPEN:
        first = parts.button("Acknowledge", Act.ACK, OfIncident(incident=incident.number), style=parts.PRIMARY)
    row = [each for each in (first, _open_button(letter)) if each]
    return parts.message(
        f"Escalated to you: {mrkdwn.said(incident.title, 150)}. {mrkdwn.with_mentions(reason, 200)}",
        [
            parts.section(f":arrow_double_up: *Escalated to you*   {_headline(incident)}"),
            parts.section(f"*Why:* {mrkdwn.with_mentions(reason, 300)}\n{_story(letter)}\n{letter.summary}".rstrip()),
            parts.actions(*row) if row else None,
            parts.context(f"You hear this as {oncall.called(letter.audience)}", "you are invited to the channel"),
        ],
    )
