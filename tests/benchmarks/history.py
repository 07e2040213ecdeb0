"""A long history, written fast: past incidents with all that they leave behind, open ones, and timers that wait."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from itertools import count, islice
from typing import Any

from pydantic_core import PydanticUndefined
from sqlalchemy import insert, text
from sqlmodel import SQLModel

from incidents import loading, records
from incidents.definitions import Severity, WorkflowDefinition
from incidents.events import EventKind
from incidents.lifecycle import Role, Status
from incidents.service import finding
from incidents.store import Store

SERVICES = ("checkout", "payments", "search", "login", "invoices", "catalogue", "shipping", "mail")
PEOPLE = tuple(f"U0P{number:03}" for number in range(40))
_TROUBLES = ("returns 500s", "is slow", "answers nothing", "loses orders", "loops forever", "shows stale prices")
_SPREAD = timedelta(days=5 * 365)
_INBOUND = 2_000  # payloads of the last hour
_MOST_STEPS = 20  # no workflow has more
_ONE_IN_HAS_A_QUESTION = 10  # of those that are open
_AT_ONCE = 500  # incidents written in one transaction

Row = dict[str, Any]
Rows = dict[type[SQLModel], list[Row]]

#: Parents first: each is written before what refers to it.
ORDER = (
    records.Incident,
    records.IncidentWord,
    records.RoleHolder,
    records.Event,
    records.Timer,
    records.Outbox,
    records.Run,
    records.Step,
    records.StepVersion,
    records.Question,
    records.Attestation,
    records.EvidenceRow,
    records.Approval,
    records.StatusUpdate,
    records.Followup,
    records.Solution,
)


@dataclass(frozen=True)
class Size:
    """How much history there is."""

    past: int
    opened: int = 12  #: incidents that are open, each with a whole response under way
    timers: int = 240  #: that wait, shared out among the open ones


@cache
def _workflow(severity: Severity) -> WorkflowDefinition:
    library, _ = loading.load(loading.templates_root(), None)
    return library.workflows[library.policies.severity_levels[severity].workflow]


@cache
def _frozen(severity: Severity) -> Row:
    """Return what a run keeps of its definition: today's, or Sitrep would ask at its start about files that changed."""
    definition = _workflow(severity)
    return {"definition": definition.model_dump(mode="json"), "digest": definition.digest()}


@cache
def _defaults(table: type[SQLModel]) -> Row:
    fields = table.model_fields
    values = {name: field.get_default(call_default_factory=True) for name, field in fields.items()}
    # The database numbers what has no number.
    return {name: value for name, value in values.items() if value is not PydanticUndefined and name != "id"}


def _row(table: type[SQLModel], **values: Any) -> Row:
    return {**_defaults(table), **values}


async def write(store: Store, size: Size, *, seed: int = 1) -> None:
    """Fill the empty, migrated database of `store`; the newest incidents are the open ones."""
    chance = random.Random(seed)  # noqa: S311 - the same history every time, no secret
    now = store.clock.now()
    numbers = iter(range(1, size.past + size.opened + 1))
    rows_of_steps = count(1)
    while batch := list(islice(numbers, _AT_ONCE)):
        rows: Rows = {table: [] for table in ORDER}
        for number in batch:
            if number <= size.past:
                age = _SPREAD * (1 - number / (size.past + 1)) + timedelta(days=1)
                _past(rows, number, now - age, chance, rows_of_steps)
            else:
                share = range(number - size.past - 1, size.timers, size.opened)
                _open(rows, number, now - timedelta(minutes=chance.randrange(5, 600)), now, share, rows_of_steps)
        async with store.engine.begin() as connection:
            if store.supports_skip_locked:  # what is written refers to what is there: to look it up takes half the time
                await connection.execute(text("SET LOCAL session_replication_role = replica"))
            for table in ORDER:
                if rows[table]:
                    await connection.execute(insert(table), rows[table])
    async with store.engine.begin() as connection:
        taken_in = [{"key": f"Ev{number:09}", "at": now - timedelta(seconds=number)} for number in range(_INBOUND)]
        await connection.execute(insert(records.Inbound), taken_in)
    if store.supports_skip_locked:
        await _settle_postgresql(store, size, next(rows_of_steps))


async def _settle_postgresql(store: Store, size: Size, step: int) -> None:
    """Let PostgreSQL go on counting behind the numbers that were written, and know its tables as after a night."""
    async with store.engine.begin() as connection:
        for name, value in (("incident", size.past + size.opened), ("run", size.past + size.opened), ("step", step)):
            await connection.execute(text(f"SELECT setval('{name}_id_seq', {value})"))
        await connection.execute(text("ANALYZE"))


def _begin(rows: Rows, number: int, at: datetime, **values: Any) -> Row:
    service = SERVICES[number % len(SERVICES)]
    title = f"{service} {_TROUBLES[number % len(_TROUBLES)]} in region {number % 97}"
    incident = _row(
        records.Incident,
        id=number,
        title=title,
        severity=list(Severity)[number % 4],
        service=service,
        reporter=PEOPLE[number % len(PEOPLE)],
        known="It began after the last deploy. " * 6,
        private=number % 50 == 0,
        channel=f"C{number:08}",
        channel_name=f"inc-{number}-{service}",
        declared_at=at,
        **values,
    )
    rows[records.Incident].append(incident)
    rows[records.IncidentWord].extend({"word": word, "incident_id": number} for word in finding.words(title, service))
    for role, person in ((Role.COMMANDER, number), (Role.COMMS, number + 7)):
        rows[records.RoleHolder].append(
            {"incident_id": number, "role": role.value, "person": PEOPLE[person % len(PEOPLE)], "since": at}
        )
    return incident


def _run(rows: Rows, incident: Row, at: datetime, states: Sequence[str], ids: Iterator[int]) -> None:
    number, severity = incident["id"], incident["severity"]
    under_way = len(states) > 1
    # A past run keeps a short definition here: what matters for queries is the row, not its 12 kB.
    kept = _frozen(severity) if under_way else {"definition": {}, "digest": "d"}
    rows[records.Run].append(
        _row(
            records.Run,
            id=number,
            incident_id=number,
            workflow=_workflow(severity).name,
            state="running" if under_way else "done",
            created_at=at,
            **kept,
        )
    )
    for step, state in zip(_workflow(severity).steps(), states, strict=False):
        numbered = next(ids)
        rows[records.Step].append(
            _row(
                records.Step,
                id=numbered,
                run_id=number,
                name=step.name,
                state=state,
                version=1,
                agent=step.agent[0],
                started_at=at,
                finished_at=at if state == "done" else None,
                output={"findings": ["a release changed how prices are rounded"] * 5},
            )
        )
        if state == "done":
            output = {"findings": ["prices are rounded twice"] * 5}
            rows[records.StepVersion].append(
                _row(records.StepVersion, step_id=numbered, version=1, output=output, at=at)
            )
        rows[records.EvidenceRow].append(
            _row(
                records.EvidenceRow,
                incident_id=number,
                step_id=numbered,
                ref=f"E{numbered:07x}",
                kind="log",
                digest="d",
                excerpt="ERROR price() got an unexpected keyword argument\n" * 12,
                captured_at=at,
            )
        )


def _people(rows: Rows, number: int, at: datetime, step: str, answered: str) -> None:
    """Add what people decided and vouched for, and the state of what they were asked."""
    person = PEOPLE[number % len(PEOPLE)]
    rows[records.Approval].append(
        _row(
            records.Approval,
            incident_id=number,
            run_id=number,
            step=step,
            kind="deploy",
            digest="d",
            state="approved",
            asked_at=at,
            expires_at=at + timedelta(minutes=5),
            decided_by=person,
            decided_at=at,
        )
    )
    rows[records.Question].append(
        _row(
            records.Question,
            incident_id=number,
            run_id=number,
            kind="clarification",
            text="Which of the two prices is right?",
            state=answered,
            asked_at=at,
        )
    )
    rows[records.Attestation].append(
        _row(records.Attestation, run_id=number, stage=1, gate="Impact assessed", person=person, note="", at=at)
    )


def _outbox(rows: Rows, number: int, at: datetime, keys: Sequence[str]) -> None:
    rows[records.Outbox].extend(
        _row(
            records.Outbox,
            key=f"inc-{number}:{key}",
            incident_id=number,
            lane=3,
            road="slack",
            action="post",
            surface="line",
            params={"event_id": 1},
            state="done",
            created_at=at,
            due_at=at,
            not_before=at,
            sent_at=at,
            result={"channel": f"C{number:08}", "ts": "1700000000.000100"},
        )
        for key in keys
    )


def _events(rows: Rows, number: int, at: datetime, kinds: Sequence[EventKind]) -> None:
    rows[records.Event].extend(
        _row(
            records.Event,
            incident_id=number,
            kind=kind,
            actor=PEOPLE[number % len(PEOPLE)],
            at=at + timedelta(minutes=minute),
            recorded_at=at,
            data={"text": "seen", "severity": "high"},
        )
        for minute, kind in enumerate(kinds)
    )


def _updates(rows: Rows, number: int, at: datetime, many: int, *, waiting: bool = False) -> None:
    for turn in range(many):
        due = at + timedelta(minutes=30 * (turn + 1))
        rows[records.StatusUpdate].append(
            _row(
                records.StatusUpdate,
                incident_id=number,
                slot=f"{due:%Y-%m-%dT%H:%M:%SZ}",
                due_at=due,
                state="planned" if waiting and turn == many - 1 else "missed" if turn % 7 == 6 else "sent",
            )
        )


def _timers(rows: Rows, number: int, due: Sequence[datetime], state: str) -> None:
    rows[records.Timer].extend(
        _row(
            records.Timer,
            key=f"inc-{number}:escalate:{each}",
            incident_id=number,
            kind="escalate",
            due_at=at,
            state=state,
            payload={"trigger": "critical_bug_not_acknowledged_15_minutes"},
        )
        for each, at in enumerate(due)
    )


def _past(rows: Rows, number: int, at: datetime, chance: random.Random, ids: Iterator[int]) -> None:
    lasted = timedelta(minutes=chance.randrange(10, 400))
    status = (Status.CLOSED, Status.CLOSED, Status.RESOLVED, Status.CANCELLED)[number % 4]
    incident = _begin(
        rows,
        number,
        at,
        status=status,
        acknowledged_at=at + lasted / 20,
        resolved_at=None if status is Status.CANCELLED else at + lasted,
        closed_at=at + lasted * 2 if status is Status.CLOSED else None,
        resolution="The release was taken back.",
    )
    end = EventKind.CANCELLED if status is Status.CANCELLED else EventKind.RESOLVED
    _events(rows, number, at, (EventKind.DECLARED, EventKind.MILESTONE, end))
    _timers(rows, number, [at + timedelta(hours=1)], "cancelled")
    _outbox(rows, number, at, ("room", "card", "matrix:now", "postmortem"))
    _updates(rows, number, at, 2)
    _run(rows, incident, at, ("done",), ids)
    _people(rows, number, at, "Step 3.1", "answered")
    rows[records.Followup].append(
        _row(
            records.Followup,
            incident_id=number,
            title="Test the rounding of prices",
            owner=PEOPLE[number % len(PEOPLE)],
            state="open" if number % 20 == 0 else "done",
            due=at + timedelta(days=14),
            created_at=at,
        )
    )
    rows[records.Solution].append(
        _row(
            records.Solution,
            incident_id=number,
            service=SERVICES[number % len(SERVICES)],
            title="Rounding",
            problem="Prices were rounded twice.",
            solution="Taken back.",
            created_at=at,
        )
    )


def _open(rows: Rows, number: int, at: datetime, now: datetime, timers: range, ids: Iterator[int]) -> None:
    incident = _begin(
        rows, number, at, acknowledged_at=at + timedelta(minutes=2), next_update_at=now + timedelta(minutes=9)
    )
    _events(rows, number, at, [EventKind.DECLARED, *[EventKind.TOLD] * 12, *[EventKind.NOTE] * 12])
    _timers(rows, number, [now + timedelta(minutes=20 + 3 * each) for each in timers], "pending")
    _outbox(rows, number, at, ["room", "card", *[f"matrix:now:{each}" for each in range(12)]])
    _outbox(rows, number, at, [f"card:edit:{each}" for each in range(30)])
    _updates(rows, number, at, 4, waiting=True)
    _run(rows, incident, at, ("done", "done", "running", *["queued"] * _MOST_STEPS), ids)
    # Granted in time: what runs goes on.
    state = "pending" if number % _ONE_IN_HAS_A_QUESTION == 0 else "answered"
    _people(rows, number, at, _workflow(incident["severity"]).steps()[2].name, state)
