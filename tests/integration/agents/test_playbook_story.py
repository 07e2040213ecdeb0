"""The playbook's eleven steps in sequence, on the demo's real service with its real bad release."""

import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import httpx
import pytest
import pytest_asyncio

from bot.demo.service import DemoService
from incidents.agents import citations, outputs
from incidents.agents.outputs import FixApproach, Verdict
from incidents.agents.playbook.runner import PlaybookRunner
from incidents.catalog import Sandbox, Service
from incidents.clock import SystemClock
from incidents.errors import NotAllowed, StepFailed
from tests.integration.agents.steps import Response, facts

pytestmark = pytest.mark.long

REPAIRED = ("test_legacy_cart_can_be_ordered", "test_legacy_cart_is_priced_in_euro")
MEASURES = {"initial_response": "2 min, target 15 min, met", "fix_deployed": "130 min, target 120 min, missed"}
TIMELINE = ("2026-11-21T14:05:00Z declared critical", "2026-11-21T15:06:00Z deploy of `9f8e7d6` approved by <@bo>")
TOLD = ("14:05 cto told by slack", "14:41 ceo told by slack, 6 min late")


@dataclass
class Told:
    """The finished response, and what was seen on the way."""

    response: Response
    demo: DemoService
    refused: list[str]
    healthy: bool


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def told(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Told]:
    root = tmp_path_factory.mktemp("story")
    async with DemoService(root) as demo:
        await demo.break_it()
        service = _quick(Service.model_validate({"key": "checkout", **demo.service_yaml()}))
        incident = facts(measures=MEASURES, timeline=TIMELINE, told=TOLD)
        sandbox = Sandbox(mode="bubblewrap" if shutil.which("bwrap") else "none")  # as the demo itself chooses
        response = Response(PlaybookRunner(SystemClock(), sandbox=sandbox), service, root / "work", incident)
        for name in ("1.1", "1.2", "1.3"):
            await response.step(name)
        await response.step("2.1", approved=response.choose(1))
        await response.step("2.1", approved=response.choose(1), attempt=2)  # as after a kill: all is done anew
        for name in ("2.2", "2.3"):
            await response.step(name)
        refused = [await _refused(response, commit) for commit in ("", demo.built.good)]
        await response.step("3.1", approved=response.approve())
        for name in ("3.2", "4.1", "4.2", "4.3"):
            await response.step(name)
        yield Told(response, demo, refused, await demo.healthy())


def _quick(service: Service) -> Service:
    """Return the service, watched for a few seconds instead of twenty."""
    assert service.staging is not None
    return service.model_copy(
        update={
            "production": service.production.model_copy(update={"watch": timedelta(seconds=2)}),
            "staging": service.staging.model_copy(update={"watch": timedelta(seconds=1)}),
        }
    )


async def _refused(response: Response, commit: str) -> str:
    """Return why a deploy is refused that is approved for another commit, or not at all."""
    approved = response.approve(commit) if commit else None
    with pytest.raises((StepFailed, NotAllowed)) as refusal:
        await response.step("3.1", approved=approved)
    return str(refusal.value)


def test_triage_confirms_the_severity_by_what_it_measures(told: Told) -> None:
    output = told.response.output("1.1", outputs.TriageOutput)
    assert output.severity_classification.agrees_with_declared
    assert output.impact_assessment.error_rate
    assert output.impact_assessment.error_rate > 0.05
    assert output.impact_assessment.since is not None
    assert output.impact_assessment.data_loss is False, "the report says: no data loss"
    assert "KeyError: 'currency'" in output.impact_assessment.summary
    assert output.initial_stakeholder_communication.body.startswith("Checkout has a problem since")


def test_stabilization_finds_the_rollback_ready(told: Told) -> None:
    output = told.response.output("1.2", outputs.StabilizationOutput)
    assert output.system_status_report.healthy is False
    assert output.system_status_report.release == "41"
    assert output.rollback_readiness_assessment.ready
    assert output.rollback_readiness_assessment.release == "40"
    assert [action.kind for action in output.temporary_mitigation_actions] == ["rollback"]


def test_the_culprit_is_confirmed_by_undoing_it(told: Told) -> None:
    cause = told.response.output("1.3", outputs.RootCauseOutput).preliminary_root_cause
    assert cause.verdict is Verdict.CONFIRMED
    assert cause.commit_subject == "Simplify price rounding"
    assert (cause.file, cause.line) == ("checkout/pricing.py", 38)
    proof = [claim for claim in cause.claims if claim.verdict is Verdict.CONFIRMED]
    assert all(name in proof[0].text for name in REPAIRED)


def test_the_cause_is_traced_back_through_its_callers(told: Told) -> None:
    cause = told.response.output("1.3", outputs.RootCauseOutput).preliminary_root_cause
    [back] = [claim for claim in cause.claims if claim.text.startswith("Traced back: ")]
    assert back.text.startswith("Traced back: `checkout/pricing.py:38` in ")
    assert back.text.count("called by `checkout/") == 1
    assert told.response.results["1.3"].evidence
    assert back.evidence


def test_other_causes_are_discarded_with_evidence(told: Told) -> None:
    ideas = told.response.output("1.3", outputs.RootCauseOutput).investigation_priorities
    assert [idea.state for idea in ideas].count("accepted") == 1
    rejected = [idea.statement for idea in ideas if idea.state == "rejected"]
    assert "The cause is a dependency that does not answer" in rejected
    assert "`KeyError: 'currency'` is older than release 41" in rejected
    assert all(idea.evidence for idea in ideas)


def test_the_options_are_revert_rollback_and_by_hand(told: Told) -> None:
    options = told.response.output("1.3", outputs.RootCauseOutput).preliminary_root_cause.fix_options
    approaches = [option.approach for option in options]
    assert approaches == [FixApproach.REVERT, FixApproach.ROLLBACK, FixApproach.HOTFIX]
    assert [option.recommended for option in options] == [True, False, False]
    assert options[1].commit == told.demo.built.good


def test_the_fix_stands_on_its_branch_and_repairs_the_tests(told: Told) -> None:
    output = told.response.output("2.1", outputs.HotfixOutput)
    assert output.emergency_fix_code.branch == "hotfix/inc-7"
    assert output.emergency_fix_code.base == told.demo.built.bad
    assert output.emergency_fix_code.files == ["checkout/pricing.py", "tests/unit/test_pricing.py"]
    assert tuple(test.rpartition(".")[2] for test in output.minimal_test_suite.repaired) == REPAIRED
    assert output.minimal_test_suite.newly_failing == []
    assert output.rollback_procedure.release == "40"
    assert " 40 " in output.rollback_procedure.command


def test_security_is_assessed_without_crying_wolf(told: Told) -> None:
    output = told.response.output("2.2", outputs.SecurityOutput)
    assert not output.security_impact_assessment.suspected
    assert "no proof" in output.security_impact_assessment.summary
    assert output.breach_notification_requirements.required is None


def test_the_exact_commit_is_tested_and_staged(told: Told) -> None:
    output = told.response.output("2.3", outputs.TestingOutput)
    readiness = output.deployment_readiness_confirmation
    assert readiness.ready
    assert readiness.commit == told.response.outputs["emergency_fix_code"]["commit"]
    assert readiness.staging is not None
    assert readiness.staging.healthy
    assert readiness.staging.watched_seconds >= 1
    assert output.regression_test_results is not None
    assert output.regression_test_results.failed + output.regression_test_results.errors == 0


def test_nothing_is_deployed_but_what_was_approved_and_tested(told: Told) -> None:
    nobody, good = told.refused
    assert nobody.startswith("Nobody approved a deploy")
    assert f"`{told.demo.built.good[:7]}` was approved, but" in good
    assert "nothing was deployed" in good


def test_the_deploy_ends_healthy_and_says_so_truthfully(told: Told) -> None:
    output = told.response.output("3.1", outputs.DeploymentOutput)
    assert told.healthy
    assert output.deployment_status.deployed
    assert not output.deployment_status.rolled_back
    assert output.system_health_metrics.error_rate_before
    assert output.system_health_metrics.error_rate_after == 0
    assert output.system_health_metrics.checks > 5
    assert output.user_impact_resolution.resolved
    assert output.user_impact_resolution.recovered_at is not None


def test_messages_outside_name_neither_commits_nor_exceptions(told: Told) -> None:
    output = told.response.output("3.2", outputs.CommunicationOutput)
    public = output.public_communication
    assert public.subject == "Resolved: problems with Checkout"
    for word in ("currency", "KeyError", told.response.outputs["emergency_fix_code"]["commit"][:7], "Dee"):
        assert word not in public.body + public.subject
    assert "KeyError" in output.internal_status_reports.body
    assert len(output.stakeholder_updates) == 2
    assert all(message.evidence for message in output.stakeholder_updates)


def test_the_analysis_names_what_let_it_happen(told: Told) -> None:
    output = told.response.output("4.1", outputs.AnalysisOutput)
    factors = " ".join(claim.text for claim in output.detailed_root_cause_report.contributing_factors)
    assert "its own tests failed" in factors
    assert "was never on staging before production" in factors
    assert "Run only the unit tests on every push" in factors
    titles = [each.title for each in output.prevention_strategy_proposal]
    assert "Let no release start while its own tests fail" in titles
    assert "Deploy to staging before production, always" in titles
    assert any("`currency`" in each.title for each in output.architectural_improvement_recommendations)
    tried = " ".join(claim.text for claim in output.detailed_root_cause_report.tried)
    assert "Discarded:" in tried
    assert "as release 42, and kept" in tried


def test_the_review_recommends_only_where_a_measure_was_missed(told: Told) -> None:
    output = told.response.output("4.2", outputs.ProcessOutput)
    titles = [each.title for each in output.process_improvement_recommendations]
    assert titles == [
        "Rehearse the way from cause to deploy in a drill",
        "Check the roads by which stakeholders are told",
        "Agree on who moves an incident that stands still",
    ]
    assert "1 of 2 notices left within a minute" in output.team_performance_assessment[0].text


def test_the_lasting_fix_begins_with_merging_the_hotfix(told: Told) -> None:
    output = told.response.output("4.3", outputs.LongTermFixOutput)
    assert output.comprehensive_fix_implementation.plan[0].startswith("Merge `hotfix/inc-7`")
    assert any("Bring back" in step for step in output.comprehensive_fix_implementation.plan)
    assert any("docs/runbook.md" in update for update in output.documentation_updates)


def test_every_statement_cites_evidence_of_its_own_result(told: Told) -> None:
    for name, result in told.response.results.items():
        checked, review = citations.check(result.output, result.evidence)
        assert checked == result.output, name
        assert not review.struck, name
        assert not review.weakened, name


def test_no_step_leaves_a_worktree_behind(told: Told) -> None:
    assert list(told.response.workdir.iterdir()) == []


def test_the_service_answers_its_customers_again(told: Told) -> None:
    answer = httpx.get(f"{told.demo.production_url}/health", trust_env=False)
    assert answer.status_code == 200
