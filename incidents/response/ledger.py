"""What became of quality gates, as events: shown by evidence once its stage is looked at, or spoken against later."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam
from sqlmodel import col, select

from incidents import newborn, records, store
from incidents.events import EventKind
from incidents.response.gates import GateState, GateVerdict
from incidents.service import queries

_KINDS = (EventKind.GATE_PASSED, EventKind.GATE_ATTESTED, EventKind.GATE_OVERRIDDEN, EventKind.GATE_CONTRADICTED)

_TOLD = (
    select(records.Event)
    .where(col(records.Event.incident_id) == bindparam("incident"), col(records.Event.kind).in_(_KINDS))
    .order_by(col(records.Event.id))
)


async def record(
    tx: store.Tx,
    incident: records.Incident,
    run: records.Run,
    judged: Mapping[int, Sequence[GateVerdict]],
    looked_at: Collection[int],
) -> None:
    """Record what is new since the last look: what evidence shows of the stages `looked_at`, and what it contradicts.

    What a person answered for still counts; it is told that the evidence now says otherwise.
    """
    if not any(judged.values()):
        return
    last = await _last_told(tx, incident, run)
    for stage, verdicts in judged.items():
        for verdict in verdicts:
            told = last.get((stage, verdict.gate), "")
            about: dict[str, Any] = {"run": run.id, "stage": stage, "gate": verdict.gate}
            if verdict.state is GateState.PASSED and stage in looked_at and told != verdict.reason:
                await tx.record(
                    incident, EventKind.GATE_PASSED, reason=verdict.reason, evidence=list(verdict.evidence), **about
                )
            elif verdict.word is not None and verdict.against and told != verdict.against:
                await tx.record(
                    incident,
                    EventKind.GATE_CONTRADICTED,
                    person=verdict.word.person,
                    against=verdict.against,
                    overridden=verdict.word.overridden,
                    **about,
                )


async def _last_told(tx: store.Tx, incident: records.Incident, run: records.Run) -> dict[tuple[int, str], str]:
    """Return what was last told of each gate of the run, by stage and name."""
    if newborn.is_new(tx.session, incident.number):
        events = await queries.events_of(tx.session, incident.number, *_KINDS)
    else:
        events = list((await tx.session.scalars(_TOLD, {"incident": incident.id})).all())
    return {
        (event.data["stage"], event.data["gate"]): str(event.data.get("against") or event.data.get("reason") or "")
        for event in events
        if event.data.get("run") == run.id
    }
