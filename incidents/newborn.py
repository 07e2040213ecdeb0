"""What a transaction knows of an incident that it declares itself: nobody else can have stored anything of it.

People wait for a declaration, so what it has just written it does not read back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import event as sqlalchemy_event
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from incidents import records

_NEW = "new incidents"  # in a session's info: what it knows of each, by its number
_KINDS = "kinds of rows made"  # in a session's info


@dataclass
class Put:
    """A notice that this transaction put, and that nobody has begun: as its row in the outbox."""

    key: str
    state: str
    coalesce: str
    surface: str
    params: dict[str, Any]
    lane: int
    first_tried_at: None = None


class _Known:
    def __init__(self) -> None:
        self.events: list[records.Event] = []
        self.put: list[Put] | None = []  # None once rows may have moved on


class Making(Session):
    """A session that knows of which kinds it has stored rows."""


@sqlalchemy_event.listens_for(Making, "pending_to_persistent")
def _made(session: Session, row: object) -> None:
    session.info.setdefault(_KINDS, set()).add(type(row))


def declared(session: AsyncSession, incident_id: int) -> None:
    """Note that the incident is declared in this transaction."""
    session.info.setdefault(_NEW, {})[incident_id] = _Known()


def is_new(session: AsyncSession, incident_id: int | None) -> bool:
    """Return whether the incident was declared in this transaction: of it is stored what this one stored, no more."""
    return incident_id in session.info.get(_NEW, {})


def recorded(session: AsyncSession, event: records.Event) -> None:
    """Note an event of an incident that is new."""
    _known(session, event.incident_id).events.append(event)


def events(session: AsyncSession, incident_id: int) -> list[records.Event]:
    """Return the events of an incident that is new, as they were recorded."""
    return list(_known(session, incident_id).events)


def has_no(kind: type[Any], session: AsyncSession, incident_id: int) -> bool:
    """Return whether the incident is new and this transaction has made no row of `kind`: there is none to look for."""
    if not is_new(session, incident_id) or kind in session.info.get(_KINDS, ()):
        return False
    return not any(isinstance(row, kind) for row in session.new)


def put(session: AsyncSession, incident_id: int, notice: Put) -> None:
    """Note a notice of an incident that is new."""
    known = _known(session, incident_id)
    if known.put is not None:
        known.put.append(notice)


def notices(session: AsyncSession, incident_id: int | None) -> Sequence[Put] | None:
    """Return the notices of a new incident, as they stand in the outbox; None where only the outbox knows."""
    known = session.info.get(_NEW, {}).get(incident_id)
    return None if known is None or known.put is None else list(known.put)


def forget_notices(session: AsyncSession) -> None:
    """Look into the outbox from now on: what was put is being begun."""
    for known in session.info.get(_NEW, {}).values():
        known.put = None


def _known(session: AsyncSession, incident_id: int) -> _Known:
    known: _Known = session.info[_NEW][incident_id]
    return known
