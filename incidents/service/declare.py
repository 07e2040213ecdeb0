"""Declaring an incident."""

import re
import unicodedata
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field
from rapidfuzz import fuzz
from sqlalchemy import select as columns
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from incidents import records, store, triage
from incidents.context import Context
from incidents.definitions import Kind, Severity
from incidents.errors import InvalidInput
from incidents.events import EventKind
from incidents.lifecycle import Status
from incidents.service import finding, respond

MAX_TITLE = 150  # Slack's header block takes 150 characters
MAX_KNOWN = 12_500  # a message as long as Slack's composer sends, and the link it is declared from
_RECENT = timedelta(hours=24)
_ALIKE = 70  # token_set_ratio from 0 to 100; below it titles of different troubles begin to match
_INVISIBLE = {"Cc", "Cf", "Cs", "Co"}


class Declaration(BaseModel):
    """What the reporter said."""

    model_config = ConfigDict(frozen=True)

    title: str
    severity: Severity
    reporter: str  #: person id
    service: str = ""  #: key of the catalogue, or empty
    known: str = ""
    private: bool = False
    drill: bool = False
    kind: Kind = Kind.INCIDENT
    facts: dict[str, str] = Field(default_factory=dict)  #: triage facts as given, by name; others are recognised


def _is_visible(character: str) -> bool:
    # Emoji younger than the interpreter's tables are "unassigned" to it: only what never will be assigned is left out.
    point = ord(character)
    never_assigned = 0xFDD0 <= point <= 0xFDEF or point & 0xFFFE == 0xFFFE
    return unicodedata.category(character) not in _INVISIBLE and not never_assigned


def clean_title(raw: str) -> str:
    """Return `raw` as one line without control characters; joiners of emoji and scripts stay.

    Raises:
        InvalidInput: when nothing readable is left, or it is too long.
    """
    kept = "".join(
        character
        for character in unicodedata.normalize("NFC", raw)
        if character.isspace() or character in "\u200d\u200c" or _is_visible(character)
    )
    title = re.sub(r"\s+", " ", kept).strip()
    if not title.strip("\u200d\u200c"):
        raise InvalidInput("The title is empty.", remedy="Say in a few words what is happening.", field="title")
    if len(title) > MAX_TITLE:
        raise InvalidInput(
            f"The title has {len(title):,} characters; {MAX_TITLE} fit.",
            remedy="Shorten it here and put the rest into what you know.",
            field="title",
        )
    return title


async def declare(tx: store.Tx, ctx: Context, declaration: Declaration) -> records.Incident:
    """Write the incident and its first event; matrix, escalations, room and run follow in the same transaction.

    Raises:
        InvalidInput: title or service cannot be used.
    """
    title = clean_title(declaration.title)
    if declaration.drill and declaration.kind is Kind.BUG:
        # Its branches, pull requests and merges are no exercise.
        raise InvalidInput("A bug cannot be a drill.", remedy="Report it as a bug, or practise with an incident.")
    if declaration.service and ctx.service(declaration.service) is None:
        raise InvalidInput(
            f"There is no service called {declaration.service[:60]!r} in the catalogue.",
            remedy="Choose one from the list, or leave it empty.",
            field="service",
        )
    if len(declaration.known) > MAX_KNOWN:
        raise InvalidInput(
            f"This has {len(declaration.known):,} characters; {MAX_KNOWN:,} fit.",
            remedy="Shorten it; the rest can be posted in the channel.",
            field="known",
        )
    recognised = triage.recognise(f"{title}\n{declaration.known}", service=declaration.service)
    facts = recognised | {name: said for name, said in declaration.facts.items() if name in triage.FACTS}
    incident = records.Incident(
        title=title,
        kind=declaration.kind,
        severity=declaration.severity,
        service=declaration.service,
        reporter=declaration.reporter,
        known=declaration.known.strip(),
        facts=facts,
        private=declaration.private,
        drill=declaration.drill,
        declared_at=tx.now,
    )
    tx.session.add(incident)
    await tx.session.flush()
    await tx.record(
        incident,
        EventKind.DECLARED,
        actor=declaration.reporter,
        title=title,
        severity=declaration.severity.value,
        service=declaration.service,
    )
    await finding.take_in(tx, incident)
    await respond.note_loss(tx, ctx, incident, declaration.reporter, f"{title}\n{declaration.known}")
    tx.wake(store.VIEWS)
    return incident


async def recent_like(session: AsyncSession, service: str, title: str, now: datetime) -> list[records.Incident]:
    """Return open, public incidents of the last 24 hours on the same service or with a like title, newest first."""
    incident = records.Incident
    # Somebody is typing while this is asked: of a hundred the words alone, and whole rows of the few that are shown.
    recent = await session.execute(
        columns(col(incident.id), col(incident.service), col(incident.title))
        .where(
            col(incident.status) == Status.OPEN,
            col(incident.declared_at) >= now - _RECENT,
            col(incident.private).is_(False),
        )
        .order_by(col(incident.declared_at).desc())
        .limit(100)
    )
    alike = [number for number, *its in recent.all() if _is_like(service, title, *its)][:3]
    if not alike:
        return []
    found = {each.id: each for each in await session.scalars(select(incident).where(col(incident.id).in_(alike)))}
    return [found[number] for number in alike]


def _is_like(service: str, title: str, its_service: str, its_title: str) -> bool:
    same_service = bool(service) and its_service == service
    return same_service or (bool(title) and fuzz.token_set_ratio(its_title.lower(), title.lower()) >= _ALIKE)
