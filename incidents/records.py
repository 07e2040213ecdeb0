"""The rows. They are the truth; everything else is drawn from them."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import JSON, DateTime, Dialect, Index, String, Text, TypeDecorator, UniqueConstraint
from sqlmodel import Field, SQLModel

from incidents.definitions import Severity
from incidents.events import EventKind
from incidents.lifecycle import Milestone, Status


class UtcDateTime(TypeDecorator[datetime]):
    """A timezone-aware UTC time on both databases; SQLite keeps no zone of its own."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return `value` in UTC; naive times are refused."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("times are stored timezone-aware")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the stored time, aware."""
        return value if value is None or value.tzinfo else value.replace(tzinfo=UTC)


class Word(TypeDecorator[StrEnum]):
    """A member of a closed set, stored as its word."""

    impl = Text
    cache_ok = True

    def __init__(self, words: type[StrEnum]) -> None:
        super().__init__()
        self.words = words

    def process_bind_param(self, value: StrEnum | str | None, dialect: Dialect) -> str | None:
        """Return the member's word; a word outside the set is refused."""
        return None if value is None else self.words(value).value

    def process_result_value(self, value: str | None, dialect: Dialect) -> StrEnum | None:
        """Return the member."""
        return None if value is None else self.words(value)


#: Text in the order of its code points on both databases, so that words with one beginning stand together.
_BY_CODE = String().with_variant(String(collation="C"), "postgresql")


def _word(words: type[StrEnum], **options: Any) -> Any:
    return Field(sa_type=Word(words), **options)


def _time(**options: Any) -> Any:
    return Field(sa_type=UtcDateTime, **options)


def _json(default: type) -> Any:
    return Field(default_factory=default, sa_type=JSON)


def _text(default: str = "") -> Any:
    return Field(default=default, sa_type=Text)


class _Numbered:
    """Rows whose number the database gives when they are stored."""

    id: int | None

    @property
    def number(self) -> int:
        """Return the number of a stored row."""
        assert self.id is not None, "the row is not stored yet"  # noqa: S101 - a fault of ours
        return self.id


class Incident(_Numbered, SQLModel, table=True):
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
    severity: Severity = _word(Severity)
    status: Status = _word(Status, default=Status.OPEN)
    service: str = ""  #: key of the catalogue, or empty
    reporter: str  #: person id
    known: str = _text()  #: what the reporter wrote, verbatim
    facts: dict[str, str] = _json(dict)  #: the triage facts that are known
    impact: str = _text()  #: one line, newest word on who is hurt
    private: bool = False
    drill: bool = False
    channel: str = Field(default="", index=True)  #: Slack id, empty until it exists
    channel_name: str = ""
    declared_at: datetime = _time()
    acknowledged_at: datetime | None = _time(default=None)
    triaged_at: datetime | None = _time(default=None)
    started_at: datetime | None = _time(default=None)
    mitigated_at: datetime | None = _time(default=None)
    deployed_at: datetime | None = _time(default=None)
    resolved_at: datetime | None = _time(default=None)
    closed_at: datetime | None = _time(default=None)
    next_update_at: datetime | None = _time(default=None)
    resolution: str = _text()
    duplicate_of: int | None = None
    archived_at: datetime | None = _time(default=None)  #: its channel was put away by the retention policy
    stripped_at: datetime | None = _time(default=None)  #: excerpts, deliveries and timers were let go by that policy

    @property
    def key(self) -> str:
        """Return the incident's name for people: `inc-7`."""
        return f"inc-{self.id}"

    def reached(self, milestone: Milestone) -> datetime | None:
        """Return when `milestone` was reached (UTC), or None."""
        at: datetime | None = getattr(self, f"{milestone.value}_at")
        return at


class Event(_Numbered, SQLModel, table=True):
    """One thing that happened; append-only."""

    __tablename__: ClassVar[str] = "event"
    __table_args__ = (Index("ix_event_incident", "incident_id", "id"),)

    id: int | None = Field(default=None, primary_key=True)
    incident_id: int = Field(foreign_key="incident.id")
    kind: EventKind = _word(EventKind)
    actor: str = ""  #: person id, `playbook`, `claude`, or empty for Sitrep itself
    at: datetime = _time()  #: when it happened
    recorded_at: datetime = _time()
    data: dict[str, Any] = _json(dict)


class RoleHolder(SQLModel, table=True):
    """Who holds a role now."""

    __tablename__: ClassVar[str] = "role"
    __table_args__ = (Index("ix_role_person", "person", "role", "incident_id"),)

    incident_id: int = Field(foreign_key="incident.id", primary_key=True)
    role: str = Field(primary_key=True)
    person: str = Field(primary_key=True)
    since: datetime = _time()


class Timer(SQLModel, table=True):
    """Something that is due."""

    __tablename__: ClassVar[str] = "timer"
    __table_args__ = (Index("ix_timer_due", "state", "due_at"), Index("ix_timer_incident", "incident_id", "state"))

    key: str = Field(primary_key=True)
    incident_id: int = Field(foreign_key="incident.id")
    kind: str
    due_at: datetime = _time()
    state: str = "pending"  #: pending, fired, cancelled
    fired_at: datetime | None = _time(default=None)
    payload: dict[str, Any] = _json(dict)


class Outbox(_Numbered, SQLModel, table=True):
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
    params: dict[str, Any] = _json(dict)
    after_key: str = ""
    of_key: str = ""
    coalesce: str = ""
    holds_while: str = ""
    state: str = "pending"  #: waiting (for `after_key`), pending, sending, done, failed, superseded, dropped
    owner: str = ""
    lease_until: datetime | None = _time(default=None)
    attempts: int = 0
    created_at: datetime = _time()
    due_at: datetime | None = _time(default=None)
    not_before: datetime = _time()
    expires_at: datetime | None = _time(default=None)
    first_tried_at: datetime | None = _time(default=None)
    sent_at: datetime | None = _time(default=None)
    result: dict[str, Any] = _json(dict)
    error: str = _text()


class Run(_Numbered, SQLModel, table=True):
    """One workflow at work for one incident; keeps a frozen copy of its definition."""

    __tablename__: ClassVar[str] = "run"

    id: int | None = Field(default=None, primary_key=True)
    incident_id: int = Field(foreign_key="incident.id", index=True)
    workflow: str
    definition: dict[str, Any] = _json(dict)
    digest: str
    state: str = "running"  #: running, paused, stopped, done, superseded
    created_at: datetime = _time()
    finished_at: datetime | None = _time(default=None)


class Step(_Numbered, SQLModel, table=True):
    """One step of a run."""

    __tablename__: ClassVar[str] = "step"
    __table_args__ = (UniqueConstraint("run_id", "name"), Index("ix_step_state", "state", "lease_until"))

    id: int | None = Field(default=None, primary_key=True)
    run_id: int = Field(foreign_key="run.id")
    name: str
    state: str = "queued"  #: see incidents.response.plan.StepState
    owner: str = ""
    lease_until: datetime | None = _time(default=None)
    attempt: int = 0
    version: int = 0  #: how many outputs were stored
    agent: str = ""
    runner: str = ""  #: who brought the output; of a step that runs: who brought its first results
    started_at: datetime | None = _time(default=None)
    finished_at: datetime | None = _time(default=None)
    summary: str = _text()
    output: dict[str, Any] = _json(dict)
    usage: list[Any] = _json(list)
    notes: list[str] = _json(list)
    error: str = _text()
    feedback: str = _text()
    begun: list[dict[str, Any]] = _json(list)  #: commands that must happen once; see incidents.agents.journal


class EvidenceRow(SQLModel, table=True):
    """One piece of evidence of a step; see incidents.tools.evidence."""

    __tablename__: ClassVar[str] = "evidence"
    __table_args__ = (UniqueConstraint("incident_id", "ref", "step_id", "version"),)

    id: int | None = Field(default=None, primary_key=True)
    incident_id: int = Field(foreign_key="incident.id", index=True)
    step_id: int | None = Field(default=None, foreign_key="step.id", index=True)
    version: int = 1
    ref: str = Field(index=True)  #: E3f9a2b
    kind: str
    source: str = _text()
    summary: str = _text()
    command: list[str] | None = Field(default=None, sa_type=JSON)
    exit_code: int | None = None
    digest: str
    excerpt: str = _text()
    captured_at: datetime = _time()


class Attestation(SQLModel, table=True):
    """What a person vouches for at a quality gate."""

    __tablename__: ClassVar[str] = "attestation"

    run_id: int = Field(foreign_key="run.id", primary_key=True)
    stage: int = Field(primary_key=True)
    gate: str = Field(primary_key=True)
    person: str
    note: str = _text()
    at: datetime = _time()


class Approval(_Numbered, SQLModel, table=True):
    """A decision asked of people, bound to exactly one subject."""

    __tablename__: ClassVar[str] = "approval"
    __table_args__ = (
        Index("ix_approval_state", "state", "incident_id"),
        Index("ix_approval_incident", "incident_id", "id"),
    )

    id: int | None = Field(default=None, primary_key=True)
    incident_id: int = Field(foreign_key="incident.id")
    run_id: int = Field(foreign_key="run.id", index=True)
    step: str  #: the step that waits
    kind: str  #: definitions.ApprovalKind
    subject: dict[str, Any] = _json(dict)
    digest: str
    state: str = "pending"  #: pending, approved, rejected, expired, superseded
    decision: dict[str, Any] = _json(dict)
    asked_at: datetime = _time()
    expires_at: datetime | None = _time(default=None)
    decided_by: str = ""
    decided_at: datetime | None = _time(default=None)


class StatusUpdate(_Numbered, SQLModel, table=True):
    """One slot of the regular updates."""

    __tablename__: ClassVar[str] = "status_update"
    __table_args__ = (UniqueConstraint("incident_id", "slot"), Index("ix_status_update_due", "due_at"))

    id: int | None = Field(default=None, primary_key=True)
    incident_id: int = Field(foreign_key="incident.id")
    slot: str  #: `2026-11-21T10:30:00Z`, or `extra-<event id>` for one out of turn
    due_at: datetime = _time()
    state: str = "planned"  #: planned, drafted, sent, no_change, missed
    fields: dict[str, str] = _json(dict)  #: condition, impact, done, next, needs
    sent_at: datetime | None = _time(default=None)
    sent_by: str = ""


class Followup(_Numbered, SQLModel, table=True):
    """Something to do after the incident."""

    __tablename__: ClassVar[str] = "followup"
    __table_args__ = (Index("ix_followup_owner", "owner", "state", "due"),)

    id: int | None = Field(default=None, primary_key=True)
    incident_id: int = Field(foreign_key="incident.id", index=True)
    title: str
    why: str = _text()
    owner: str = ""  #: person id
    due: datetime | None = _time(default=None)
    state: str = "open"  #: open, done, dropped
    created_by: str = ""
    created_at: datetime = _time()


class Solution(SQLModel, table=True):
    """A solved problem, found again by the next incident."""

    __tablename__: ClassVar[str] = "solution"

    id: int | None = Field(default=None, primary_key=True)
    incident_id: int | None = Field(default=None, foreign_key="incident.id", index=True)
    service: str = Field(default="", index=True)
    title: str
    problem: str = _text()
    solution: str = _text()
    signature: str = _text()  #: the error's type and place
    created_at: datetime = _time()


class PostmortemSection(SQLModel, table=True):
    """The judgement in a post-mortem, written by people."""

    __tablename__: ClassVar[str] = "postmortem_section"

    incident_id: int = Field(foreign_key="incident.id", primary_key=True)
    section: str = Field(primary_key=True)  #: went_well, went_badly, lucky, summary
    text: str = _text()
    author: str = ""
    at: datetime = _time()


class Inbound(SQLModel, table=True):
    """A payload that was already taken in; retries and redeliveries find it here."""

    __tablename__: ClassVar[str] = "inbound"

    key: str = Field(primary_key=True)  #: event id, envelope id, trigger id, or view id and hash
    at: datetime = _time(index=True)


class IncidentWord(SQLModel, table=True):
    """A word that an incident is found by: of its title, its service, its channel."""

    __tablename__: ClassVar[str] = "incident_word"

    word: str = Field(primary_key=True, sa_type=_BY_CODE)  #: case-folded; see incidents.service.finding
    incident_id: int = Field(foreign_key="incident.id", primary_key=True, index=True)


class Spell(SQLModel, table=True):
    """A trouble of Sitrep's own that lasts now; the row ends with it, so that operators hear of each spell once."""

    __tablename__: ClassVar[str] = "spell"

    kind: str = Field(primary_key=True)
    began_at: datetime = _time()
    why: str = _text()


class Allowance(SQLModel, table=True):
    """How many calls Slack still takes of a method, or for a channel; shared by replicas, see bot.delivery.ledger."""

    __tablename__: ClassVar[str] = "allowance"

    scope: str = Field(primary_key=True)  #: a method, and after a space the channel where Slack counts by it
    level: float
    at: datetime = _time()


class KnownPerson(SQLModel, table=True):
    """Whom Slack knows by an e-mail address, as it last said; who starts while Slack is away goes by it."""

    __tablename__: ClassVar[str] = "known_person"

    email: str = Field(primary_key=True)
    slack: str = ""  #: Slack id; empty where Slack knows nobody
