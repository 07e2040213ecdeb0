"""Who may see a private incident outside its channel, and what of the open ones is counted; on both databases."""

from typing import Any

import pytest

from incidents import migrations, records
from incidents.catalog import Approvers, Person, Settings
from incidents.definitions import ApprovalKind, Severity
from incidents.events import EventKind
from incidents.knowledge import filing
from incidents.lifecycle import Role, Status
from incidents.service import queries, sight
from incidents.store import Store, Tx

SETTINGS = Settings(
    people={name: Person(key=name, name=name, slack=f"U0{name.upper()}") for name in ("ben", "cy")},
    approvers=Approvers(deploy=("ben", "cy")),
)
OUTSIDER = "U0OUT"


@pytest.fixture
async def store(empty_store: Store) -> Store:
    await migrations.upgrade(empty_store)
    return empty_store


async def _incident(tx: Tx, **values: Any) -> records.Incident:
    fields = {"title": "Data leaked", "severity": Severity.HIGH, "reporter": "U0REP", "declared_at": tx.now, **values}
    incident = records.Incident(**fields)
    tx.session.add(incident)
    await tx.session.flush()
    return incident


async def _approval(tx: Tx, incident: records.Incident, **values: Any) -> None:
    run = records.Run(incident_id=incident.number, workflow="w", digest="d", created_at=tx.now)
    tx.session.add(run)
    await tx.session.flush()
    kind = ApprovalKind.DEPLOY.value
    asked = {"step": "Step 3.1", "kind": kind, "digest": "d", "asked_at": tx.now, **values}
    tx.session.add(records.Approval(incident_id=incident.number, run_id=run.number, **asked))


async def _seeing(store: Store, people: set[str]) -> set[str]:
    """Return which of `people` see the only incident: asked for by its number, in the list, in what was learned."""
    async with store.read() as session:
        (incident,) = await queries.open_incidents(session)
        asked = {each for each in people if await sight.sees(session, SETTINGS, incident, each)}
        listed = {each for each in people if await queries.open_incidents(session, sight.seen_by(each, SETTINGS))}
        learned = {each for each in people if (await filing.learned(session, SETTINGS, each)).count}
    assert asked == listed == learned
    return asked


async def test_a_private_incident_is_seen_by_whoever_has_a_part_in_it_and_by_nobody_else(store: Store) -> None:
    async with store.transaction() as tx:
        incident = await _incident(tx, private=True)
        taught = {"title": "Leak", "problem": "a token in the log", "solution": "masked", "signature": ""}
        tx.session.add(records.Solution(incident_id=incident.number, created_at=tx.now, **taught))
        other = await _incident(tx, status=Status.CLOSED)
        for there, people in ((incident, "IN"), (other, "OUT")):
            holder = {"role": Role.COMMS.value, "person": f"U0ROLE{people}", "since": tx.now}
            tx.session.add(records.RoleHolder(incident_id=there.number, **holder))
            await tx.record(there, EventKind.PAGED, audience="on_call", people=["bo", f"U0PAGE{people}"], level=1)
            await tx.record(there, EventKind.ESCALATED, trigger="t", audience="cto", people=[f"U0ESC{people}"])
            await tx.record(there, EventKind.TOLD, audience="ceo", person=f"U0TOLD{people}", road="slack")
        # Who is only spoken of was not brought in; nor who is called like the beginning of somebody who was.
        await tx.record(incident, EventKind.NOTE, text=f"{OUTSIDER} left", people=[OUTSIDER], person=OUTSIDER)
    known = {"U0REP", "U0ROLEIN", "U0PAGEIN", "U0ESCIN", "U0TOLDIN"}
    strangers = {OUTSIDER, "U0PAGEI", "U0ROLEOUT", "U0PAGEOUT", "U0ESCOUT", "U0TOLDOUT", "U0BEN", "U0%"}
    assert await _seeing(store, known | strangers) == known


async def test_whoever_is_waited_for_sees_a_private_incident_until_it_is_decided(store: Store) -> None:
    async with store.transaction() as tx:
        incident = await _incident(tx, private=True)
        await _approval(tx, incident, state="approved")
        taught = {"title": "Leak", "problem": "a token in the log", "solution": "masked", "signature": ""}
        tx.session.add(records.Solution(incident_id=incident.number, created_at=tx.now, **taught))
    assert await _seeing(store, {"U0BEN", OUTSIDER}) == set()
    async with store.transaction() as tx:
        await _approval(tx, incident, kind=ApprovalKind.MERGE.value)  # another's to decide
    assert await _seeing(store, {"U0BEN", OUTSIDER}) == set()
    async with store.transaction() as tx:
        await _approval(tx, incident)
    assert await _seeing(store, {"U0BEN", OUTSIDER}) == {"U0BEN"}
