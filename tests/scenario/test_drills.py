"""An exercise is driven to its end with every approval given, and nothing of it leaves the channel."""

import sys
from pathlib import Path

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import select

from incidents import records
from incidents.agents import outputs
from incidents.agents.base import StepRequest, StepResult
from incidents.agents.playbook.runner import PlaybookRunner
from incidents.catalog import Environment, Service
from incidents.clock import SystemClock
from incidents.definitions import Severity
from incidents.events import EventKind
from incidents.service import queries
from incidents.service.declare import Declaration, declare
from tests.scenario.office import PEOPLE, Office, PlayedAgents, eventually, opened

#: Steps that would touch production.
ACTING = ("immediate-mitigation", "emergency-deployment-execution")


class RealActs(PlayedAgents):
    """Played agents, but for what touches production."""

    async def run(self, request: StepRequest) -> StepResult:
        if request.step.prompt.removesuffix(".md") in ACTING:
            return await PlaybookRunner(SystemClock()).run(request)
        return await super().run(request)

    def _finding(self, model: type[outputs.Output]) -> BaseModel:
        found = super()._finding(model)
        if isinstance(found, outputs.HotfixOutput):
            found.emergency_fix_code.commit = "9f8e7d6"
        if isinstance(found, outputs.TestingOutput):
            found.deployment_readiness_confirmation.commit = "9f8e7d6"
        return found


def shop(folder: Path) -> Service:
    """Return a service each of whose commands leaves a trace."""
    script = folder / "act.py"
    script.write_text(f"import sys\nopen({str(folder / 'ran')!r}, 'a').write(' '.join(sys.argv[1:]))\n")
    act = (sys.executable, str(script))
    production = Environment(
        deploy=(*act, "{commit}"), rollback=(*act, "{release}"), switches={"new-prices": (*act, "off")}
    )
    return Service(key="checkout", title="Checkout", production=production, staging=production)


async def step_states(session: AsyncSession) -> dict[str, str]:
    run = await queries.latest_run(session, 1)
    return {step.name: step.state for step in await queries.steps(session, run.number)} if run else {}


async def answered(office: Office) -> bool:
    """Give every approval and vouch for every gate that is asked by now; tell whether the deploy is done."""
    async with office.ctx.store.read() as session:
        waiting = await queries.pending_approvals(session, 1)
        rows = await session.scalars(select(records.Outbox).where(records.Outbox.surface == "gate_attestation"))
        vouched = {each.gate for each in await queries.attestations(session, 1)}
        gates = {str(row.params["gate"]) for row in rows.all()} - vouched
        done = (await step_states(session)).get("3.1") == "done"
    for approval in waiting:
        word = "option 1" if approval.kind == "choose_fix" else f"approve {approval.step}"
        await office.ana.command("/incident", f"inc-1 {word}")
    for gate in gates:
        await office.ana.command("/incident", f"inc-1 attest {gate}")
    return done


async def test_a_critical_drill_with_every_approval_given_touches_nothing_outside_its_channel(tmp_path: Path) -> None:
    async with opened(tmp_path, "ana", runner=RealActs(), services={"checkout": shop(tmp_path)}) as office:
        exercise = Declaration(
            title="Checkout returns 500s",
            severity=Severity.CRITICAL,
            reporter=PEOPLE["ana"],
            service="checkout",
            drill=True,
        )
        async with office.ctx.store.transaction() as tx:
            await declare(tx, office.ctx, exercise)
        for word in ("ack", "role commander", "mitigate flag"):
            await office.ana.command("/incident", f"inc-1 {word}")
        await eventually(lambda: answered(office), 20)
        await office.ana.command("/incident", "inc-1 resolve The exercise is over")
        await eventually(lambda: is_over(office), 20)
        async with office.ctx.store.read() as session:
            states = await step_states(session)
            approved = {each.kind: each.subject for each in await queries.approvals(session, 1)}
            sent = (await session.scalars(select(records.Outbox))).all()
            owed = (await session.scalars(select(records.Timer).where(records.Timer.state == "pending"))).all()
            learned = (await session.scalars(select(records.Solution))).all()
    assert (states["0.1"], states["3.1"]) == ("done", "done")
    assert not (tmp_path / "ran").exists()
    assert approved["mitigate"]["drill"] is approved["deploy"]["drill"] is True
    assert {row.road for row in sent} == {"slack"}
    assert {row.target for row in sent if row.target.startswith(("user:", "mail:"))} <= {f"user:{PEOPLE['ana']}"}
    assert {who for row in sent if row.action == "invite" for who in row.params["people"]} == {PEOPLE["ana"]}
    assert [timer.kind for timer in owed] == [], "no post-mortem is called for"
    assert learned == [], "what was made up teaches the next incident nothing"


async def is_over(office: Office) -> bool:
    async with office.ctx.store.read() as session:
        return any(each.kind is EventKind.POSTMORTEM_POSTED for each in await queries.events(session, 1))
