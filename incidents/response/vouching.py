"""What people answer for at quality gates, by name: attested where no evidence can say, overridden against it.

Evidence, words and what speaks against them later are events; the words that count are rows.
"""

from incidents import lengths, records, store
from incidents.context import Context
from incidents.errors import Conflict, InvalidInput, NotFound, Repeated
from incidents.events import EventKind
from incidents.response import checks, gates, plan, progress, standing
from incidents.response.gates import GateState, GateVerdict, Word
from incidents.response.plan import StepState
from incidents.service import permissions, presence, queries


async def attest(tx: store.Tx, ctx: Context, run_id: int, stage: int, gate: str, actor: str, note: str = "") -> None:
    """Vouch by name that a quality gate holds.

    Raises:
        Conflict: somebody answered for it already, says who; or evidence speaks against it.
        NotFound: the run has no such gate.
        Repeated: this person vouched for it before.
        NotAllowed: this person may not attest, or left the incident.
    """
    run, incident = await _asked(tx, run_id, stage, gate)
    holders = await queries.roles(tx.session, incident.number)
    permissions.require(permissions.Action.ATTEST, actor, holders=holders, settings=ctx.settings)
    await presence.require(tx, incident, actor)
    await standing.require_latest(tx, incident, run)
    verdict = await _verdict(tx, ctx, incident, run, stage, gate)
    said = lengths.checked(note, lengths.WORDS)
    if verdict.word == Word(actor, verdict.word.at, said or verdict.word.note) if verdict.word else False:
        raise Repeated(f"Your name stands for it: {gates.title(gate)}.")
    _nobody_did(verdict)
    if verdict.state is GateState.FAILED:
        raise Conflict(
            f"The evidence speaks against it: {verdict.reason}.",
            remedy=f"Only the commander can override it: `/incident gate {gate} override why`.",
        )
    await _is_looked_at(tx, run, gate)
    await _keep(tx, run, stage, gate, actor, said, overridden=False)
    await tx.record(incident, EventKind.GATE_ATTESTED, actor=actor, run=run_id, stage=stage, gate=gate, note=said)
    await progress.advance(tx, ctx, incident, run)


async def override(tx: store.Tx, ctx: Context, run_id: int, stage: int, gate: str, actor: str, reason: str) -> None:
    """Let the response go on although a quality gate does not hold, for a reason that stays in the record.

    Raises:
        Conflict: it holds already.
        InvalidInput: there is no reason.
        NotFound: the run has no such gate.
        NotAllowed: this person is not the commander.
    """
    verdict = await may_override(tx, ctx, run_id, stage, gate, actor)
    run, incident = await _asked(tx, run_id, stage, gate)
    said = lengths.checked(reason, lengths.WORDS, field="reason")
    if not said:
        raise InvalidInput("Say why it may go on without this.", remedy="One sentence is enough.", field="reason")
    await _keep(tx, run, stage, gate, actor, said, overridden=True)
    await tx.record(
        incident,
        EventKind.GATE_OVERRIDDEN,
        actor=actor,
        run=run_id,
        stage=stage,
        gate=gate,
        reason=said,
        against=verdict.reason if verdict.state is GateState.FAILED else "",
    )
    await progress.advance(tx, ctx, incident, run)


async def may_override(tx: store.Tx, ctx: Context, run_id: int, stage: int, gate: str, actor: str) -> GateVerdict:
    """Return the verdict that `actor` may override.

    Raises:
        Conflict: it holds already.
        NotFound: the run has no such gate.
        NotAllowed: this person is not the commander.
    """
    run, incident = await _asked(tx, run_id, stage, gate)
    holders = await queries.roles(tx.session, incident.number)
    permissions.require_commander(permissions.Action.OVERRIDE, actor, holders=holders)
    await standing.require_latest(tx, incident, run)
    verdict = await _verdict(tx, ctx, incident, run, stage, gate)
    _nobody_did(verdict)
    if verdict.holds:
        raise Conflict(f"{gates.title(gate)} holds already: {verdict.reason}.", remedy="There is nothing to override.")
    return verdict


async def _asked(tx: store.Tx, run_id: int, stage: int, gate: str) -> tuple[records.Run, records.Incident]:
    run = await tx.session.get(records.Run, run_id)
    if run is None or not any(
        each.number == stage and gate in each.gates for each in progress.definition_of(run).stages
    ):
        raise NotFound("There is no such quality gate.")
    return run, await queries.get(tx.session, run.incident_id)


async def _verdict(
    tx: store.Tx, ctx: Context, incident: records.Incident, run: records.Run, stage: int, gate: str
) -> GateVerdict:
    outputs = await queries.outputs(tx.session, run.number)
    judged = await progress.verdicts(tx.session, ctx, incident, run, outputs)
    return next(each for each in judged[stage] if each.gate == gate)


def _nobody_did(verdict: GateVerdict) -> None:
    if verdict.word is not None:
        done = "overridden" if verdict.word.overridden else "attested"
        when = f" at {verdict.word.at:%Y-%m-%d %H:%M} UTC"
        raise Conflict(f"Already {done} by <@{verdict.word.person}>{when}.", remedy="Nothing was changed.")


async def _keep(
    tx: store.Tx, run: records.Run, stage: int, gate: str, actor: str, said: str, *, overridden: bool
) -> None:
    tx.session.add(
        records.Attestation(
            run_id=run.number, stage=stage, gate=gate, person=actor, note=said, at=tx.now, overridden=overridden
        )
    )
    await tx.session.flush()


async def _is_looked_at(tx: store.Tx, run: records.Run, gate: str) -> None:
    source = progress.source_of(run, checks.judged_by(gate))
    for step in await queries.steps(tx.session, run.number):
        if step.name == source and StepState(step.state) not in {*plan.FINISHED, StepState.FAILED, StepState.STOPPED}:
            raise Conflict(
                f"Step {step.name} has not looked at it yet.", remedy="Vouch for it when that is done, or take it over."
            )
