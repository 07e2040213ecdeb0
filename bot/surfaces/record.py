"""What answers a `?` question from the record alone: the lines that hold its words, and how it stands."""

import re

from rapidfuzz import fuzz
from slack_sdk.models.blocks import Block
from sqlalchemy.ext.asyncio import AsyncSession

from bot.surfaces import room
from bot.views import card, mrkdwn, parts
from bot.views.message import Message
from incidents import timeline
from incidents.context import Context
from incidents.lifecycle import ROLE_TITLES
from incidents.service import queries

_LINES = 5
_RELEVANT = 0.3  # share of the question's words that a line must hold
_ALIKE = 85  # rapidfuzz's partial_ratio from 0 to 100; `deploys` finds `deployed`, `log` does not find `lag`
_SMALL = re.compile(
    r"\b(?:an?|and|are|at|by|did|do|does|for|from|has|have|how|in|is|it|of|on|or|that|the|this|to|was|were|what|when"
    r"|where|which|who|why|will|with)\b"
)


async def about(session: AsyncSession, ctx: Context, incident_id: int, question: str) -> Message:
    """Return what the record says about `question`, each line with its source; and how it stands now."""
    incident = await queries.get(session, incident_id)
    facts = await room.card_facts(session, ctx, incident)
    known = [
        f"{mrkdwn.clock(e.at)} {mrkdwn.with_mentions(e.text, 240)}"
        for e in timeline.entries(await queries.events(session, incident_id))
    ]
    known += [
        f"[{row.ref}] {mrkdwn.prose(row.summary, 240)}  _{mrkdwn.said(f'{row.kind}, {row.source}', 120)}_"
        for row in await queries.evidence(session, incident_id)
    ]
    known += [f"*{ROLE_TITLES[role]}* {mrkdwn.people(who)}" for role, who in facts.roles.items()]
    known += [
        f"*{name.replace('_', ' ').capitalize()}* {mrkdwn.said(said, 240)}" for name, said in incident.facts.items()
    ]
    known += [
        line
        for approval in await queries.pending_approvals(session, incident_id)
        for line in _artifact(approval.subject)
    ]
    found = _relevant(question, known)
    lead = "From the record:" if found else "The record says nothing on this yet; here is how it stands."
    blocks: list[Block | None] = [
        parts.section(f"*{lead}*\n" + parts.fitting(f"• {line}" for line in found) if found else f"*{lead}*"),
        parts.section(card.now_line(facts)),
        parts.context("Answered from the record; nothing was moved"),
    ]
    return parts.message(lead, blocks)


def _artifact(value: object, name: str = "") -> list[str]:
    """Return what is decided on now, a line for each text in it, with the name that it stands under."""
    if isinstance(value, dict):
        return [line for key, each in value.items() for line in _artifact(each, str(key))]
    if isinstance(value, list):
        return [line for each in value for line in _artifact(each, name)]
    said = str(value) if value not in (None, "") else ""
    return [f"*{mrkdwn.said(name.replace('_', ' ').capitalize(), 60)}* {mrkdwn.prose(said, 240)}"] if said else []


def _relevant(question: str, known: list[str]) -> list[str]:
    """Return the lines that share most words with the question, best first; of equals, the newest."""
    words = _SMALL.sub(" ", question.lower().strip("? ")).split()
    if not words:
        return []
    scored = [(_shared(words, line.lower()), n, line) for n, line in enumerate(known)]
    found = sorted((each for each in scored if each[0] >= _RELEVANT), reverse=True)
    return [line for _, _, line in found[:_LINES]]


def _shared(words: list[str], line: str) -> float:
    """Return which share of the words stands in the line, give or take an ending or a letter."""
    return sum(len(word) > 2 and fuzz.partial_ratio(word, line) >= _ALIKE for word in words) / len(words)
