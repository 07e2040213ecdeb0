"""The drift verdict: people say whether the specification or the code is wrong.

Source: the production operations document, spec drift check ("Spec says X, but code does Y: update spec or fix code?").
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from incidents import lengths, records, store
from incidents.context import Context
from incidents.errors import Conflict
from incidents.events import EventKind
from incidents.lifecycle import Status, way_back
from incidents.service import permissions, queries


class Drift(StrEnum):
    """Which of the two is wrong."""

    SPEC = "spec"
    CODE = "code"

    @property
    def in_words(self) -> str:
        """Return the verdict and what follows from it, for people."""
        if self is Drift.SPEC:
            return "The specification is wrong: it is brought up to date, the code stays"
        return "The code is wrong: it is fixed, the specification stays"


@dataclass(frozen=True)
class Judged:
    """A verdict, and whose it is."""

    drift: Drift
    person: str
    why: str


def specified(output: Mapping[str, Any] | None) -> list[str]:
    """Return the ids of the requirements that a step's stored output cites; none where it is no such analysis."""
    for name in ("diagnosis", "preliminary_root_cause", "root_cause"):
        cause = (output or {}).get(name)
        found = cause.get("specified") if isinstance(cause, dict) else None
        if isinstance(found, dict):
            return [str(each.get("id", "")) for each in found.get("requirements", ())]
    return []


def latest(events: Iterable[records.Event]) -> Judged | None:
    """Return the newest verdict; what was said before it stays in the record."""
    told = [event for event in events if event.kind is EventKind.DRIFT_JUDGED]
    if not told:
        return None
    last = told[-1]
    return Judged(Drift(last.data["verdict"]), last.actor, str(last.data.get("why", "")))


async def judge(tx: store.Tx, ctx: Context, incident_id: int, actor: str, drift: Drift, why: str = "") -> None:
    """Record the verdict on what the newest analysis cites; a later one replaces it, the incident may be resolved.

    Raises:
        Conflict: the incident is over, no analysis cites a requirement, or this is the verdict already.
        NotAllowed: somebody else leads.
    """
    incident = await queries.get(tx.session, incident_id)
    if incident.status in (Status.CLOSED, Status.CANCELLED):
        raise Conflict(f"{incident.key} is already {incident.status}.", remedy=way_back(incident.status))
    holders = await queries.roles(tx.session, incident_id)
    permissions.require(permissions.Action.JUDGE_DRIFT, actor, holders=holders, settings=ctx.settings)
    run = await queries.latest_run(tx.session, incident_id)
    steps = await queries.steps(tx.session, run.number) if run else []
    citing = [step for step in steps if specified(step.output)]
    if not citing:
        raise Conflict(
            "No analysis cites a requirement.",
            remedy="It does once step root cause is done and the service's repository has `.specify/`.",
        )
    said = lengths.checked(why, lengths.LINE, field="reason")
    before = latest(await queries.events(tx.session, incident_id))
    if before is not None and (before.drift, before.why) == (drift, said or before.why):
        raise Conflict(f"<@{before.person}> said so already.", remedy="Nothing was changed by this click.")
    await tx.record(
        incident,
        EventKind.DRIFT_JUDGED,
        actor=actor,
        verdict=drift.value,
        why=said,
        requirements=list(dict.fromkeys(specified(citing[-1].output))),
        steps=[{"step_id": step.number, "version": step.version} for step in citing],
    )
