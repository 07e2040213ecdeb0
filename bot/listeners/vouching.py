"""Answering by name: quality gates (look, attest, override), and whether specification or code is wrong."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from bot.ids import Field
from bot.listeners import replies
from bot.listeners.desk import Desk
from bot.listeners.order import Order
from bot.listeners.payloads import View
from bot.surfaces import gates as gate_surface
from bot.surfaces import work
from bot.values import FormMeta, OfGate
from bot.views import forms, mrkdwn
from bot.views.message import Message
from incidents.errors import InvalidInput, NotFound
from incidents.response import gates, progress, specdrift, vouching
from incidents.response.gates import GateVerdict
from incidents.response.specdrift import Drift
from incidents.service import queries

_OVERRIDE = "override"


@dataclass(frozen=True)
class _Found:
    of: OfGate
    verdict: GateVerdict


async def attest(desk: Desk, order: Order) -> Message:
    """Vouch for the quality gate that was named, or for the only one that is open."""
    async with desk.once(order.key) as tx:
        found, note = await _named(desk, tx.session, order)
        gate = found.of
        await vouching.attest(tx, desk.ctx, gate.run, gate.stage, gate.gate, order.actor, note)
    return replies.note(f"✓ {gates.title(gate.gate)}: your name stands for it.\n_{_asks(desk, gate.gate)}_")


async def attest_one(desk: Desk, order: Order, run_id: int, stage: int, gate: str) -> None:
    """Vouch for a quality gate by its button."""
    async with desk.once(order.key) as tx:
        await vouching.attest(tx, desk.ctx, run_id, stage, gate, order.actor)


async def drift(desk: Desk, order: Order) -> Message:
    """Say which is wrong: `spec why`, `code why`."""
    word, _, why = order.argument.partition(" ")
    if word.lower() not in tuple(Drift):
        raise InvalidInput("Say which is wrong.", remedy="`/incident drift spec why` or `/incident drift code why`.")
    verdict = Drift(word.lower())
    async with desk.once(order.key) as tx:
        await specdrift.judge(tx, desk.ctx, order.incident_id, order.actor, verdict, why)
    return replies.note(f"✓ {verdict.in_words}.")


async def drift_one(desk: Desk, order: Order, verdict: Drift) -> None:
    """Say which is wrong by its button."""
    async with desk.once(order.key) as tx:
        await specdrift.judge(tx, desk.ctx, order.incident_id, order.actor, verdict)


async def gate(desk: Desk, order: Order) -> Message | None:
    """Show the gates that are open or the one that is named; `<gate> override why` overrides it."""
    words = order.argument.split(None, 2)
    if _OVERRIDE in words[:2]:
        return await _override(desk, order)
    async with desk.ctx.store.read() as session:
        if not words:
            return await gate_surface.asked(session, desk.ctx, order.incident_id) or replies.note("Every gate holds.")
        of = (await _named(desk, session, order))[0].of
        return await work.gate_attestation(session, desk.ctx, of.run, of.stage, of.gate)


async def _override(desk: Desk, order: Order) -> Message | None:
    async with desk.ctx.store.read() as session:
        found, said = await _named(desk, session, order)
    reason = said.removeprefix(_OVERRIDE).strip()
    if not reason:
        await open_override(desk, order, found.of)
        return None
    of = found.of
    async with desk.once(order.key) as tx:
        await vouching.override(tx, desk.ctx, of.run, of.stage, of.gate, order.actor, reason)
    return replies.note(f"✓ {gates.title(of.gate)} is overridden; the reason stands under your name.")


async def open_override(desk: Desk, order: Order, of: OfGate) -> None:
    """Open the form that asks for the reason.

    Raises:
        Conflict: it holds, or somebody answered for it; says who.
        NotAllowed: this person is not the commander.
    """
    async with desk.ctx.store.transaction() as tx:
        verdict = await vouching.may_override(tx, desk.ctx, of.run, of.stage, of.gate, order.actor)
    described = desk.ctx.library.policies.gates.get(of.gate)
    asks = described.asks if described else ""
    view = forms.override(of, gates.title(of.gate), reason=verdict.reason, asks=asks)
    await replies.show(desk, order.place, view)


async def submit_override(desk: Desk, order: Order, view: View, meta: FormMeta) -> None:
    """Override a gate for the reason that the form says.

    Raises:
        NotFound: the form names no gate.
    """
    of = meta.gate
    if of is None:
        raise NotFound("There is no such quality gate.")
    async with desk.once(order.key) as tx:
        reason = view.text(Field.REASON)
        await vouching.override(tx, desk.ctx, of.run, of.stage, of.gate, order.actor, reason)


def _asks(desk: Desk, gate: str) -> str:
    described = desk.ctx.library.policies.gates.get(gate)
    return mrkdwn.said(described.asks) if described else gates.title(gate)


async def _named(desk: Desk, session: AsyncSession, order: Order) -> tuple[_Found, str]:
    """Return the gate that was named first, or the only open one, and what was said behind its name."""
    incident = await queries.get(session, order.incident_id)
    run = await queries.latest_run(session, order.incident_id)
    if run is None:
        raise NotFound(f"{incident.key} has no response running.")
    judged = await progress.verdicts(session, desk.ctx, incident, run, await queries.outputs(session, run.number))
    known = [
        _Found(OfGate(incident=incident.number, run=run.number, stage=stage, gate=each.gate), each)
        for stage, verdicts in judged.items()
        for each in verdicts
    ]
    word, _, rest = order.argument.partition(" ")
    named = next((each for each in known if each.of.gate == word), None)
    if named is not None:
        return named, rest.strip()
    open_ = [each for each in known if not each.verdict.holds]
    if len(open_) == 1:
        return open_[0], order.argument
    lines = "\n".join(f"• `{each.of.gate}`  {_asks(desk, each.of.gate)}" for each in open_)
    raise InvalidInput("Say which quality gate.", remedy=f"Open:\n{lines}" if lines else "None is open.")
