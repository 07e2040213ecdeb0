"""What people are asked to decide, bound by a digest to exactly what would be done."""

import hashlib
import json
from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import bindparam, update
from sqlmodel import col, select

from incidents import newborn, outbox, posts, records, store
from incidents.catalog import Settings
from incidents.context import Context
from incidents.definitions import ApprovalKind
from incidents.events import EventKind
from incidents.lifecycle import Role
from incidents.notices import Action, Lane, Notice
from incidents.response import decisions, four_eyes, frozen, journal
from incidents.response.decisions import Wanted
from incidents.service import permissions, queries


def who_may(approval: records.Approval, holders: Mapping[Role, list[str]], settings: Settings) -> tuple[str, ...]:
    """Return who may approve this, the commander first; who made it by hand left out; empty where anybody may."""
    may = permissions.who_may(decisions.of(approval.kind).action, holders=holders, settings=settings)
    return tuple(person for person in may if person not in four_eyes.made_by(approval))


def digest(subject: Mapping[str, Any]) -> str:
    """Return the sha256 of the subject's canonical JSON."""
    return hashlib.sha256(json.dumps(subject, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


async def wanted(
    tx: store.Tx,
    ctx: Context,
    incident: records.Incident,
    run: records.Run,
    step: str,
    kind: ApprovalKind,
    outputs: Mapping[str, Any],
) -> dict[str, Any]:
    """Return what would be done now by `step`, as the rows say.

    Where nobody knows whether an earlier attempt has done it, `doubt` says why; who approves, approves in spite of it.
    Where people made by hand what would go out, `made_by` names them: they do not approve it. What a drill asks for
    says so, and is good for nothing else.
    """
    rows = {row.name: row for row in await queries.steps(tx.session, run.number)}
    upstream = frozen.upstream(run, step)
    subject = decisions.DECISIONS[kind].subject(
        Wanted(
            step=step,
            outputs=outputs,
            service=ctx.service(incident.service),
            brought={each.prompt.removesuffix(".md"): rows[each.name].output for each in upstream if each.name in rows},
            tried=[each.decision for each in await approved(tx, run) if each.decision.get("failed")],
        )
    )
    doubt = journal.doubt(rows[step]) if step in rows else ""
    built_on = [rows[each.name] for each in upstream if each.name in rows]
    people = four_eyes.by_hand(decisions.DECISIONS[kind].made_of, built_on)
    marks = {"doubt": doubt, "made_by": people, "drill": incident.drill and decisions.DECISIONS[kind].acts}
    return {**subject, **{name: value for name, value in marks.items() if value}}


async def ask(
    tx: store.Tx,
    ctx: Context,
    incident: records.Incident,
    run: records.Run,
    step: str,
    kind: ApprovalKind,
    outputs: Mapping[str, Any],
) -> records.Approval:
    """Ask for a decision on what `step` would do now; one that is pending for the same subject stays as it is."""
    now = await wanted(tx, ctx, incident, run, step, kind, outputs)
    print_ = digest(now)
    pending = await tx.session.scalars(
        select(records.Approval).where(
            records.Approval.run_id == run.id, records.Approval.step == step, records.Approval.state == "pending"
        )
    )
    for approval in pending.all():
        if approval.digest == print_:
            return approval
        await supersede(tx, incident, approval)
    approval = records.Approval(
        incident_id=incident.number,
        run_id=run.number,
        step=step,
        kind=kind.value,
        subject=now,
        digest=print_,
        asked_at=tx.now,
        expires_at=tx.now + ctx.library.policies.approvals[kind].valid,
    )
    tx.session.add(approval)
    await tx.session.flush()
    await tx.record(incident, EventKind.APPROVAL_ASKED, approval=approval.id, about=kind.value, step=step)
    params = {"approval_id": approval.id}
    await outbox.put(tx, incident.id, posts.post(incident, approval.key, "approval", Lane.DECISION, params=params))
    return approval


async def expire(tx: store.Tx, incident: records.Incident, approval: records.Approval) -> None:
    """Withdraw an approval whose time has run out."""
    approval.state = "expired"
    tx.session.add(approval)
    await tx.record(
        incident,
        EventKind.APPROVAL_DECIDED,
        approval=approval.id,
        about=approval.kind,
        decision="expired",
        subject=decisions.of(approval.kind).kept(approval.subject),
        feedback="",
    )
    await redraw(tx, incident, approval, "expired")


async def supersede(tx: store.Tx, incident: records.Incident, approval: records.Approval) -> None:
    """Withdraw an approval whose subject is no longer what would be done."""
    approval.state = "superseded"
    tx.session.add(approval)
    await redraw(tx, incident, approval, f"superseded-{approval.id}")


async def spend(tx: store.Tx, incident: records.Incident, run: records.Run, step: records.Step) -> None:
    """Withdraw what was approved for an attempt that is over: another one is asked about anew.

    What was chosen stays chosen; and a command that is still under way is adopted under the approval it began with.
    """
    if journal.under_way(step) is not None:
        return
    for approval in await approved(tx, run):
        if approval.step == step.name and decisions.of(approval.kind).acts:
            await supersede(tx, incident, approval)


async def redraw(tx: store.Tx, incident: records.Incident, approval: records.Approval, word: str) -> None:
    """Edit the approval's card to what became of it."""
    await outbox.put(
        tx,
        incident.id,
        Notice(
            key=f"{approval.key}:{word}",
            lane=Lane.DECISION,
            action=Action.EDIT,
            target="channel",
            of=approval.key,
            after=approval.key,
            surface="approval",
            params={"approval_id": approval.id},
            coalesce=approval.key,
        ),
    )


async def settle(tx: store.Tx, approval: records.Approval, state: str, actor: str, decision: dict[str, Any]) -> bool:
    """Decide a pending approval; of several who click at once one wins, the others get False."""
    changed = await tx.session.execute(
        update(records.Approval)
        .where(col(records.Approval.id) == approval.id, col(records.Approval.state) == "pending")
        .values(state=state, decided_by=actor, decided_at=tx.now, decision=decision)
    )
    await tx.session.refresh(approval)
    return bool(changed.rowcount)  # type: ignore[attr-defined]


async def still_good(
    tx: store.Tx, incident: records.Incident, run: records.Run, unstarted: Collection[str]
) -> dict[str, records.Approval]:
    """Return what `given` does, having expired what was approved for steps that did not start in time.

    Production has moved on since.
    """
    good: dict[str, records.Approval] = {}
    if not any(step.approval for step in frozen.definition_of(run).steps()):
        return good
    for approval in await approved(tx, run):
        overdue = approval.expires_at is not None and approval.expires_at <= tx.now
        if overdue and approval.step in unstarted and not approval.decision.get("failed"):
            await expire(tx, incident, approval)
        else:
            good[approval.step] = approval
    await tx.session.flush()
    return good


async def given(tx: store.Tx, run: records.Run) -> dict[str, records.Approval]:
    """Return the newest approved decision of each step of `run`, by step name."""
    return {approval.step: approval for approval in await approved(tx, run)}


_APPROVED = (
    select(records.Approval)
    .where(col(records.Approval.run_id) == bindparam("run"), col(records.Approval.state) == "approved")
    .order_by(col(records.Approval.id))
)


async def approved(tx: store.Tx, run: records.Run) -> list[records.Approval]:
    """Return every approved decision of `run`, oldest first."""
    if newborn.has_no(records.Approval, tx.session, run.incident_id):
        return []
    return list((await tx.session.scalars(_APPROVED, {"run": run.id})).all())
