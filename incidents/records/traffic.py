"""What comes and goes: timers, notices, payloads taken in, and what replicas must know of each other."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from incidents.records.columns import Numbered, json, text, time


class Timer(SQLModel, table=True):
    """Something that is due."""

    __tablename__: ClassVar[str] = "timer"
    __table_args__ = (Index("ix_timer_due", "state", "due_at"), Index("ix_timer_incident", "incident_id", "state"))

    key: str = Field(primary_key=True)
    incident_id: int = Field(foreign_key="incident.id")
    kind: str
    due_at: datetime = time()
    state: str = "pending"  #: pending, fired, cancelled
    fired_at: datetime | None = time(default=None)
    payload: dict[str, Any] = json(dict)


class Outbox(Numbered, SQLModel, table=True):
    """One notice on its way out, and what came of it."""

    __tablename__: ClassVar[str] = "outbox"
    __table_args__ = (
        Index("ix_outbox_todo", "state", "lane", "not_before"),
        Index("ix_outbox_due", "state", "not_before"),
        Index("ix_outbox_incident", "incident_id", "id"),
        Index("ix_outbox_coalesce", "coalesce", "state"),
        Index("ix_outbox_after", "after_key", "state"),
    )

    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(unique=True)
    incident_id: int | None = Field(default=None, foreign_key="incident.id")
    lane: int
    road: str
    action: str
    target: str = ""
    surface: str = ""
    params: dict[str, Any] = json(dict)
    after_key: str = ""
    of_key: str = ""
    coalesce: str = ""
    holds_while: str = ""
    state: str = "pending"  #: waiting (for `after_key`), pending, sending, done, failed, superseded, dropped
    owner: str = ""
    lease_until: datetime | None = time(default=None)
    attempts: int = 0
    created_at: datetime = time()
    due_at: datetime | None = time(default=None)
    not_before: datetime = time()
    expires_at: datetime | None = time(default=None)
    first_tried_at: datetime | None = time(default=None)
    sent_at: datetime | None = time(default=None)
    result: dict[str, Any] = json(dict)
    error: str = text()


class Inbound(SQLModel, table=True):
    """A payload that was already taken in; retries and redeliveries find it here."""

    __tablename__: ClassVar[str] = "inbound"

    key: str = Field(primary_key=True)  #: event id, envelope id, trigger id, or view id and hash
    at: datetime = time(index=True)


class Allowance(SQLModel, table=True):
    """How many calls Slack still takes of a method, or for a channel; shared by replicas, see bot.delivery.ledger."""

    __tablename__: ClassVar[str] = "allowance"

    scope: str = Field(primary_key=True)  #: a method, and after a space the channel where Slack counts by it
    level: float
    at: datetime = time()


class Spell(SQLModel, table=True):
    """A trouble of Sitrep's own that lasts now; the row ends with it, so that operators hear of each spell once."""

    __tablename__: ClassVar[str] = "spell"

    kind: str = Field(primary_key=True)
    began_at: datetime = time()
    why: str = text()


class KnownPerson(SQLModel, table=True):
    """Whom Slack knows by an e-mail address, as it last said; who starts while Slack is away goes by it."""

    __tablename__: ClassVar[str] = "known_person"

    email: str = Field(primary_key=True)
    slack: str = ""  #: Slack id; empty where Slack knows nobody
