"""What is done about it: runs of workflows, their steps with evidence, what people vouch for and decide."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import JSON, Index, UniqueConstraint
from sqlalchemy import text as sql
from sqlmodel import Field, SQLModel

from incidents.records.columns import Numbered, json, text, time


class Run(Numbered, SQLModel, table=True):
    """One workflow at work for one incident; keeps a frozen copy of its definition."""

    __tablename__: ClassVar[str] = "run"

    id: int | None = Field(default=None, primary_key=True)
    incident_id: int = Field(foreign_key="incident.id", index=True)
    workflow: str
    definition: dict[str, Any] = json(dict)
    digest: str
    state: str = "running"  #: running, paused, stopped, done, superseded
    created_at: datetime = time()
    begins_at: datetime | None = time(default=None)  #: no step starts before; None: at once
    finished_at: datetime | None = time(default=None)
    iterations: int = 0  #: reviews that were done again since people last decided on that
    outcome: str = ""  #: of a bug's run that ended or waits for people: see incidents.response.questions.Outcome


class Step(Numbered, SQLModel, table=True):
    """One step of a run."""

    __tablename__: ClassVar[str] = "step"
    __table_args__ = (
        UniqueConstraint("run_id", "name"),
        Index("ix_step_state", "state", "lease_until"),
        Index("ix_step_owes", "owes", sqlite_where=sql("owes = 1"), postgresql_where=sql("owes")),
    )

    id: int | None = Field(default=None, primary_key=True)
    run_id: int = Field(foreign_key="run.id")
    name: str
    state: str = "queued"  #: see incidents.response.plan.StepState
    owner: str = ""
    lease_until: datetime | None = time(default=None)
    attempt: int = 0
    version: int = 0  #: how many outputs were stored
    agent: str = ""
    provider: str = ""  #: who is to carry it out, where a person chose; else the installation's first
    runner: str = ""  #: who brought the output; of a step that runs: who brought its first results
    started_at: datetime | None = time(default=None)
    finished_at: datetime | None = time(default=None)
    summary: str = text()
    output: dict[str, Any] = json(dict)
    usage: list[Any] = json(list)  #: each call's incidents.agents.base.Usage with its attempt, over all attempts
    notes: list[str] = json(list)
    error: str = text()
    feedback: str = text()
    passes: int = 0  #: times that it judged or was judged since people last decided on that
    settled: int = 0  #: the newest version of which the consequences were drawn; see incidents.response.settling
    begun: list[dict[str, Any]] = json(list)  #: commands that must happen once; see incidents.agents.journal
    owes: bool = False  #: people are still to hear what became of one of them; see incidents.response.belated


class StepVersion(SQLModel, table=True):
    """One output of a step as it was stored; the step itself holds the newest."""

    __tablename__: ClassVar[str] = "step_version"

    step_id: int = Field(foreign_key="step.id", primary_key=True)
    version: int = Field(primary_key=True)
    runner: str = ""
    summary: str = text()
    output: dict[str, Any] = json(dict)
    feedback: str = text()  #: what it was to do better than the version before
    at: datetime = time()


class Question(Numbered, SQLModel, table=True):
    """What people are asked so that a run can go on, with the answers they may give."""

    __tablename__: ClassVar[str] = "question"
    __table_args__ = (Index("ix_question_incident", "incident_id", "state"),)

    id: int | None = Field(default=None, primary_key=True)
    incident_id: int = Field(foreign_key="incident.id")
    run_id: int = Field(foreign_key="run.id", index=True)
    step: str = ""  #: the step that waits for the answer; empty where the run as a whole does
    kind: str  #: incidents.response.questions.Kind
    text: str = text()
    choices: list[dict[str, Any]] = json(list)  #: incidents.response.questions.Choice
    state: str = "pending"  #: pending, answered, withdrawn
    answer: dict[str, Any] = json(dict)  #: choice, words
    asked_at: datetime = time()
    answered_by: str = ""
    answered_at: datetime | None = time(default=None)


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
    source: str = text()
    summary: str = text()
    command: list[str] | None = Field(default=None, sa_type=JSON)
    exit_code: int | None = None
    digest: str
    excerpt: str = text()
    captured_at: datetime = time()


class Attestation(SQLModel, table=True):
    """What a person answers for at a quality gate."""

    __tablename__: ClassVar[str] = "attestation"

    run_id: int = Field(foreign_key="run.id", primary_key=True)
    stage: int = Field(primary_key=True)
    gate: str = Field(primary_key=True)
    person: str
    note: str = text()
    at: datetime = time()
    overridden: bool = False  #: the commander lets the response go on without the gate; `note` says why


class Approval(Numbered, SQLModel, table=True):
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
    subject: dict[str, Any] = json(dict)
    digest: str
    state: str = "pending"  #: pending, approved, rejected, expired, superseded
    decision: dict[str, Any] = json(dict)
    asked_at: datetime = time()
    expires_at: datetime | None = time(default=None)
    decided_by: str = ""
    decided_at: datetime | None = time(default=None)

    @property
    def key(self) -> str:
        """Return its card's name, with which those of its timers and reminders begin: `inc-7:approval:3`."""
        return f"inc-{self.incident_id}:approval:{self.id}"
