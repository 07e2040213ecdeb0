"""A bug in two repositories with two analysts who differ: real git, the playbook's agents, the engine between them."""

from dataclasses import replace
from pathlib import Path

import pytest

from incidents import records
from incidents.agents.base import StepRequest, StepResult
from incidents.agents.diagnoses import Diagnosis
from incidents.agents.planning import FixPlan
from incidents.agents.playbook.runner import PlaybookRunner
from incidents.catalog import Repository, Sandbox
from incidents.clock import SystemClock
from incidents.definitions import Kind, Severity
from incidents.response import answering, control
from incidents.response.engine import Engine
from incidents.service import declare, queries, respond
from incidents.stages import BugfixPipeline
from tests.integration.agents.bug import REPORT
from tests.integration.agents.shop import GOOD, PRICING, Shop
from tests.integration.response.conftest import ANA, DEE, House

STAGES = [{"type": each, "timeout": "5m"} for each in ("rca", "rca", "implementation")]


class Doubting(PlaybookRunner):
    """The playbook, whose second analyst blames another file, and who plans the same change in both repositories."""

    async def run(self, request: StepRequest) -> StepResult:
        result = await super().run(request)
        output = result.output
        if isinstance(output, Diagnosis) and request.step.name == "1.4":
            other = {"root_file": "shop/__init__.py", "root_line": None, "root_function": None}
            output = output.model_copy(update={"root_cause": output.root_cause.model_copy(update=other)})
        if isinstance(output, FixPlan):
            tasks = [output.tasks[0].model_copy(update={"repository": name}) for name in ("shop", "till")]
            output = output.model_copy(update={"tasks": tasks})
        return replace(result, output=output)


@pytest.fixture
def shops(house: House, tmp_path: Path) -> tuple[Shop, Shop]:
    shop, till = Shop(tmp_path / "one"), Shop(tmp_path / "two")
    for each in (shop, till):
        each.broken()
    service = shop.service()
    further = Repository(name="till", path=str(till.repository), tests=service.tests)
    service = service.model_copy(update={"repositories": {"till": further}})
    settings = house.ctx.settings.model_copy(update={"services": {"shop": service}})
    object.__setattr__(house.ctx, "settings", settings)
    policies = house.ctx.library.policies
    assert policies.bugfix_pipeline is not None
    stages = BugfixPipeline.model_validate(policies.bugfix_pipeline.model_dump() | {"stages": STAGES})
    house.configure(
        house.ctx.library.model_copy(update={"policies": policies.model_copy(update={"bugfix_pipeline": stages})})
    )
    house.engine = Engine(house.ctx, Doubting(SystemClock(), sandbox=Sandbox(mode="none")), house.workdir, "here")
    return shop, till


async def test_people_believe_one_analyst_and_both_repositories_are_fixed_and_merged(
    house: House, shops: tuple[Shop, Shop]
) -> None:
    declaration = declare.Declaration(
        title="Old carts", severity=Severity.MEDIUM, reporter=DEE, service="shop",
        known=f"{REPORT}\nContext: old carts", kind=Kind.BUG,
    )  # fmt: skip
    async with house.store.transaction() as tx:
        incident = await declare.declare(tx, house.ctx, declaration)
        await respond.acknowledge(tx, house.ctx, incident.number, ANA)
    await house.work()
    (asked,) = await _questions(house, incident)
    assert (asked.kind, asked.step) == ("passes", "1.5"), "the reflection does not believe the second analyst"
    await _answer(house, asked, "Continue anyway")
    await house.work()
    (asked,) = await _questions(house, incident)
    assert "1.4" in asked.text
    await _answer(house, asked, "The one of 1.4")
    await house.work()
    assert (await _output(house, incident, "1.6"))["diagnosis"]["root_file"] == "shop/__init__.py"
    await _decide(house, incident, option=2)  # written by hand: each repository waits for its commit
    await house.work()
    await _decide(house, incident)
    for shop, place in zip(shops, ("3.1", "3.2"), strict=True):
        await house.work()
        (asked,) = await _questions(house, incident)
        assert (asked.kind, asked.step) == ("blocked", f"{place}.1")
        shop.git("switch", "--quiet", "--create", "by-hand")
        shop.commit("Price old carts in euro", {PRICING: GOOD})
        shop.git("branch", "--force", "bugfix/inc-1")
        shop.git("switch", "--quiet", "main")
        await _answer(house, asked, "Try once more")
    for _ in shops:
        await house.work()
        await _decide(house, incident)
    assert (await house.work())[-1] == "4.1"
    assert [shop.git("show", f"main:{PRICING}") for shop in shops] == [GOOD.strip()] * 2


async def _questions(house: House, incident: records.Incident) -> list[records.Question]:
    async with house.store.read() as session:
        return await queries.questions(session, incident.number)


async def _answer(house: House, asked: records.Question, label: str) -> None:
    labels = [choice["label"] for choice in asked.choices]
    await house.do(answering.answer, asked.number, ANA, labels.index(label) + 1)


async def _output(house: House, incident: records.Incident, name: str) -> dict[str, object]:
    async with house.store.read() as session:
        run = await queries.latest_run(session, incident.number)
        assert run is not None
        return next(row.output for row in await queries.steps(session, run.number) if row.name == name)


async def _decide(house: House, incident: records.Incident, **named: int) -> None:
    approval = (await house.pending(incident))[0]
    await house.do(control.decide, approval.number, ANA, "approve", **named)
