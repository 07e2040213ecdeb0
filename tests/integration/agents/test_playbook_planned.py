"""The playbook's steps of the priority and standard responses, on a real repository with real tests and deploys."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from incidents.agents import outputs
from incidents.agents.outputs import FixApproach
from incidents.agents.playbook.runner import STEPS, PlaybookRunner
from incidents.catalog import Environment, Sandbox, Service
from incidents.clock import SystemClock
from incidents.definitions import ApprovalKind, StepDefinition, WorkflowDefinition
from incidents.errors import StepFailed
from tests import installation
from tests.integration.agents.shop import PRICING, TRACEBACK, Shop
from tests.integration.agents.steps import Response, facts
from tests.integration.agents.test_playbook_fix_and_deploy import Production

pytestmark = pytest.mark.long

LIBRARY = installation.library()
WORKFLOWS = LIBRARY.workflows


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


@pytest.fixture
def production(httpserver: HTTPServer, shop: Shop) -> Production:
    return Production(httpserver, shop)


def response(service: Service | None, tmp_path: Path, known: str = "") -> Response:
    runner = PlaybookRunner(SystemClock(), sandbox=Sandbox(mode="none"))
    return Response(runner, service, tmp_path / "work", facts(severity="high", **({"known": known} if known else {})))


def whole(shop: Shop, production: Production) -> Service:
    """Return the service with production and staging."""
    log = shop.deploys.with_name("staging.jsonl")
    log.write_text(json.dumps({"at": shop.now.isoformat(), "release": "1", "commit": "0" * 40}) + "\n")
    deploy = tuple(str(log) if part == str(shop.deploys) else part for part in shop.production().deploy)
    staging = Environment(deploy=deploy, health=production.addresses["health"], watch=shop.production().watch)
    return shop.service(production=shop.production(**production.addresses), staging=staging)


async def carry_out(asked: Response, step: StepDefinition) -> None:
    approved = None
    if step.approval is ApprovalKind.CHOOSE_FIX:
        approved = asked.choose(1)
    if step.approval is ApprovalKind.DEPLOY:
        approved = asked.approve()
    await asked.step(step.name, step=step, approved=approved)


async def until(asked: Response, workflow: WorkflowDefinition, last: str) -> None:
    for step in workflow.steps():
        await carry_out(asked, step)
        if step.name == last:
            return


def test_every_prompt_of_every_workflow_is_answered_by_rules() -> None:
    prompts = {step.prompt.removesuffix(".md") for workflow in WORKFLOWS.values() for step in workflow.steps()}
    prompts |= {prompt.removesuffix(".md") for prompt in LIBRARY.prompts if prompt.startswith("bug-")}
    assert prompts == set(outputs.MODELS)
    assert prompts | set(outputs.ACTING) == set(STEPS), "a choice of people adds the acting ones to a run"


async def test_a_high_incident_is_repaired_by_the_priority_response(
    shop: Shop, production: Production, tmp_path: Path
) -> None:
    _, bad = shop.broken()
    production.failing = {bad: 0.3}
    asked = response(whole(shop, production), tmp_path, "Orders fail, we lose about 9k EUR an hour")
    workflow = WORKFLOWS["priority_response"]
    await until(asked, workflow, "3.4")
    assert asked.output("1.5", outputs.BusinessImpactOutput).business_impact.loss_per_hour == 9000
    strategy = asked.output("1.4", outputs.TestStrategyOutput).test_strategy
    assert ["tests/test_carts.py"] in [each.covered_by for each in strategy.scenarios]
    plan = asked.output("1.6", outputs.CommunicationPlanOutput)
    assert len(plan.stakeholder_communication_plan) >= 3
    assert len(plan.planned_messages) == 2
    tested = asked.output("2.2", outputs.BugTestingOutput).regression_test_results
    assert tested is not None
    assert tested.failed == 0
    assert asked.output("2.3", outputs.SecurityValidationOutput).security_validation.passed is True
    ready = asked.output("3.1", outputs.StagingOutput).deployment_readiness_confirmation
    assert ready.ready
    assert ready.staging is not None
    assert asked.output("3.2", outputs.DeploymentOutput).user_impact_resolution.resolved
    assert asked.output("3.3", outputs.MonitoringOutput).monitoring_report.healthy is True
    assert asked.output("3.4", outputs.ProductionValidationOutput).production_validation.validated is True
    struck = [note for result in asked.results.values() for note in result.notes if "struck out" in note]
    assert struck == []
    for step in workflow.steps():
        assert set(step.outputs) <= set(asked.outputs)


async def test_a_medium_incident_is_repaired_by_the_standard_response(
    shop: Shop, production: Production, tmp_path: Path
) -> None:
    _, bad = shop.broken()
    production.failing = {bad: 0.02}
    asked = response(whole(shop, production), tmp_path)
    await until(asked, WORKFLOWS["standard_response"], "3.3")
    assert asked.output("1.2", outputs.ArchitectureImpactOutput).architecture_impact.areas == [outputs.Area.API]
    assert asked.output("2.2", outputs.TestedStrategyOutput).regression_test_results is not None
    case = asked.output("3.2", outputs.ApprovalCaseOutput).deployment_approval_case
    assert case.recommended
    assert any("failed without the fix" in claim.text for claim in case.speaks_for)
    assert asked.output("3.3", outputs.DeploymentOutput).deployment_status.deployed


async def test_a_failure_that_comes_back_after_the_deploy_is_not_validated(
    shop: Shop, production: Production, tmp_path: Path
) -> None:
    shop.broken()
    asked = response(whole(shop, production), tmp_path)
    await until(asked, WORKFLOWS["priority_response"], "3.2")
    with shop.logs.open("a") as log:
        stamp = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S},000 ERROR unhandled\n"
        log.write(f"{stamp}{TRACEBACK}\n{stamp}{TRACEBACK.replace('KeyError', 'LookupError')}\n")
    for step in WORKFLOWS["priority_response"].steps()[-2:]:
        await carry_out(asked, step)
    report = asked.output("3.3", outputs.MonitoringOutput).monitoring_report
    assert report.healthy is False
    assert any("LookupError" in each for each in report.new_failures)
    validation = asked.output("3.4", outputs.ProductionValidationOutput).production_validation
    assert validation.validated is False
    assert "logged again" in validation.summary


async def test_a_secret_in_the_fix_is_held_for_a_person(shop: Shop, tmp_path: Path) -> None:
    _, bad = shop.broken()
    fix = shop.commit("Fix it in a hurry", {PRICING: "API_KEY = 'sk_live_0123456789'\n"})
    asked = response(shop.service(), tmp_path)
    asked.outputs["emergency_fix_code"] = outputs.FixCode(
        approach=FixApproach.HOTFIX,
        branch="main",
        commit=fix,
        base=bad,
        files=[PRICING],
        additions=1,
        deletions=2,
        summary="",
        diff="",
        evidence=[],
    ).model_dump(mode="json")
    await carry_out(asked, WORKFLOWS["priority_response"].step("2.3"))
    validation = asked.output("2.3", outputs.SecurityValidationOutput).security_validation
    assert validation.passed is False
    assert "secret" in validation.summary
    assert "0123456789" not in validation.model_dump_json()


async def test_a_release_that_changed_stored_data_calls_for_an_architect(shop: Shop, tmp_path: Path) -> None:
    shop.commit("Begin", {"shop/__init__.py": ""})
    good = shop.git("rev-parse", "HEAD")
    bad = shop.commit("Store currencies", {"migrations/0002_currency.sql": "alter table cart add currency text;\n"})
    shop.released("1", good, minutes_ago=60)
    shop.released("2", bad, minutes_ago=10)
    asked = response(shop.service(), tmp_path)
    await carry_out(asked, WORKFLOWS["standard_response"].step("1.2"))
    impact = asked.output("1.2", outputs.ArchitectureImpactOutput).architecture_impact
    assert impact.changes_required is True
    assert impact.stored_data == ["migrations/0002_currency.sql"]


async def test_without_a_service_plans_say_what_they_cannot_know(tmp_path: Path) -> None:
    asked = response(None, tmp_path)
    for name in ("1.1", "1.2", "1.3", "1.4", "1.5", "1.6"):
        await carry_out(asked, WORKFLOWS["priority_response"].step(name))
    await asked.step("1.2", step=WORKFLOWS["standard_response"].step("1.2"))
    strategy = asked.output("1.4", outputs.TestStrategyOutput).test_strategy
    assert any("No command runs the service's tests" in gap for gap in strategy.gaps)
    impact = asked.output("1.5", outputs.BusinessImpactOutput).business_impact
    assert impact.loss_per_hour is None
    assert "What does an hour of this cost?" in impact.unknown
    assert asked.output("1.2", outputs.ArchitectureImpactOutput).architecture_impact.changes_required is None


@pytest.mark.parametrize("name", ["2.2", "2.3", "3.1"])
async def test_without_a_fix_there_is_nothing_to_test_to_review_or_to_stage(
    shop: Shop, tmp_path: Path, name: str
) -> None:
    shop.broken()
    asked = response(shop.service(), tmp_path)
    with pytest.raises(StepFailed, match="There is no fix"):
        await carry_out(asked, WORKFLOWS["priority_response"].step(name))


async def test_a_deploy_that_nothing_speaks_for_is_not_recommended(shop: Shop, tmp_path: Path) -> None:
    asked = response(shop.service(), tmp_path)
    await carry_out(asked, WORKFLOWS["standard_response"].step("3.2"))
    case = asked.output("3.2", outputs.ApprovalCaseOutput).deployment_approval_case
    assert not case.recommended
    assert case.speaks_for == []
    assert len(case.open_questions) == 5
