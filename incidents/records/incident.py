"""What happened and who is in it: the incident, its timeline, its people, what is written of it."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from incidents.definitions import Kind, Severity
from incidents.events import EventKind
from incidents.lifecycle import Milestone, Status
from incidents.records.columns import BY_CODE, Numbered, json, text, time, word


class Incident(Numbered, SQLModel, table=True):
    """One incident."""

    __tablename__: ClassVar[str] = "incident"
    __table_args__ = (
        Index("ix_incident_status", "status", "declared_at"),
        Index("ix_incident_declared", "declared_at"),
        Index("ix_incident_reporter", "reporter", "id"),
        Index("ix_incident_archive", "archived_at", "declared_at"),
        Index("ix_incident_strip", "stripped_at", "declared_at"),
    )

    id: int | None = Field(default=None, primary_key=True)
    title: str
    kind: Kind = word(Kind, default=Kind.INCIDENT)
    severity: Severity = word(Severity)
    status: Status = word(Status, default=Status.OPEN)
    service: str = ""  #: key of the catalogue, or empty
    reporter: str  #: person id
    known: str = text()  #: what the reporter wrote, verbatim
    facts: dict[str, str] = json(dict)  #: the triage facts that are known
    impact: str = text()  #: one line, newest word on who is hurt
    private: bool = False
    drill: bool = False
    channel: str = Field(default="", index=True)  #: Slack id, empty until it exists
    channel_name: str = ""
    declared_at: datetime = time()
    acknowledged_at: datetime | None = time(default=None)
    triaged_at: datetime | None = time(default=None)
    started_at: datetime | None = time(default=None)
    mitigated_at: datetime | None = time(default=None)
    deployed_at: datetime | None = time(default=None)
    resolved_at: datetime | None = time(default=None)
    closed_at: datetime | None = time(default=None)
    next_update_at: datetime | None = time(default=None)
    resolution: str = text()
    duplicate_of: int | None = None
    archived_at: datetime | None = time(default=None)  #: its channel was put away by the retention policy
    stripped_at: datetime | None = time(default=None)  #: excerpts, deliveries and timers were let go by that policy

    @property
    def key(self) -> str:
        """Return the incident's name for people: `inc-7`."""
        return f"inc-{self.id}"

    def reached(self, milestone: Milestone) -> datetime | None:
        """Return when `milestone` was reached (UTC), or None."""
        at: datetime | None = getattr(self, f"{milestone.value}_at")
        return at


class IncidentWord(SQLModel, table=True):
    """A word that an incident is found by: of its title, its service, its channel."""

    __tablename__: ClassVar[str] = "incident_word"

    word: str = Field(primary_key=True, sa_type=BY_CODE)  #: case-folded; see incidents.service.finding
    incident_id: int = Field(foreign_key="incident.id", primary_key=True, index=True)


class Event(Numbered, SQLModel, table=True):
    """One thing that happened; append-only."""

    __tablename__: ClassVar[str] = "event"
    __table_args__ = (Index("ix_event_incident", "incident_id", "id"),)

    id: int | None = Field(default=None, primary_key=True)
    incident_id: int = Field(foreign_key="incident.id")
    kind: EventKind = word(EventKind)
    actor: str = ""  #: person id, `playbook`, `claude`, or empty for Sitrep itself
    at: datetime = time()  #: when it happened
    recorded_at: datetime = time()
    data: dict[str, Any] = json(dict)


class RoleHolder(SQLModel, table=True):
    """Who holds a role now."""

    __tablename__: ClassVar[str] = "role"
    __table_args__ = (Index("ix_role_person", "person", "role", "incident_id"),)

    incident_id: int = Field(foreign_key="incident.id", primary_key=True)
    role: str = Field(primary_key=True)
    person: str = Field(primary_key=True)
    since: datetime = time()


class Membership(SQLModel, table=True):
    """When somebody last joined or left an incident's channel, of all that was heard of so far."""

    __tablename__: ClassVar[str] = "membership"

    incident_id: int = Field(foreign_key="incident.id", primary_key=True, ondelete="CASCADE")
    person: str = Field(primary_key=True)
    changed_at: datetime = time()  #: by Slack's clock


class StatusUpdate(Numbered, SQLModel, table=True):
    """One slot of the regular updates."""

    __tablename__: ClassVar[str] = "status_update"
    __table_args__ = (UniqueConstraint("incident_id", "slot"), Index("ix_status_update_due", "due_at"))

    id: int | None = Field(default=None, primary_key=True)
    incident_id: int = Field(foreign_key="incident.id")
    slot: str  #: `2026-11-21T10:30:00Z`, or `extra-<event id>` for one out of turn
    due_at: datetime = time()
    state: str = "planned"  #: planned, drafted, sent, no_change, missed
    fields: dict[str, str] = json(dict)  #: condition, impact, done, next, needs
    sent_at: datetime | None = time(default=None)
    sent_by: str = ""


class Followup(Numbered, SQLModel, table=True):
    """Something to do after the incident."""

    __tablename__: ClassVar[str] = "followup"
    __table_args__ = (Index("ix_followup_owner", "owner", "state", "due"),)

    id: int | None = Field(default=None, primary_key=True)
    incident_id: int = Field(foreign_key="incident.id", index=True)
    title: str
    why: str = text()
    owner: str = ""  #: person id
    due: datetime | None = time(default=None)
    state: str = "open"  #: open, done, dropped
    created_by: str = ""
    created_at: datetime = time()


class PostmortemSection(SQLModel, table=True):
    """The judgement in a post-mortem, written by people."""

    __tablename__: ClassVar[str] = "postmortem_section"

    incident_id: int = Field(foreign_key="incident.id", primary_key=True)
    section: str = Field(primary_key=True)  #: went_well, went_badly, lucky, summary
    text: str = text()
    author: str = ""
    at: datetime = time()


class Solution(SQLModel, table=True):
    """A solved problem, found again by the next incident."""

    __tablename__: ClassVar[str] = "solution"

    id: int | None = Field(default=None, primary_key=True)
    incident_id: int | None = Field(default=None, foreign_key="incident.id", index=True)
    service: str = Field(default="", index=True)
    title: str
    problem: str = text()
    solution: str = text()
    signature: str = text()  #: the error's type and place
    filed_by: str = ""  #: the person who wrote it down; empty where an incident taught it
    created_at: datetime = time()
