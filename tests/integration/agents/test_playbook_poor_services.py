"""What the playbook says when a service lacks something, or when what fails is no commit's fault."""

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from incidents import catalog
from incidents.agents import outputs
from incidents.agents.outputs import FixApproach, RootCause, Verdict
from incidents.agents.playbook.runner import PlaybookRunner
from incidents.catalog import Sandbox, Service
from incidents.clock import SystemClock
from incidents.errors import StepFailed
from tests.integration.agents.shop import BAD, GOOD, PRICING, TRACEBACK, Shop
from tests.integration.agents.steps import Response, facts

HANGS = """import time, unittest


class Hangs(unittest.TestCase):
    def test_never_ends(self):
        time.sleep(60)
"""


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def response(service: Service | None, tmp_path: Path) -> Response:
    return Response(PlaybookRunner(SystemClock(), sandbox=Sandbox(mode="none")), service, tmp_path / "work")


def cause(response: Response) -> RootCause:
    return response.output("1.3", outputs.RootCauseOutput).preliminary_root_cause


async def test_without_a_service_the_report_is_all_that_is_known(tmp_path: Path) -> None:
    asked = response(None, tmp_path)
    triage = await asked.step("1.1")
    assert "nothing could be measured" in triage.summary
    assert asked.output("1.1", outputs.TriageOutput).severity_classification.severity == "critical"
    await asked.step("1.2")
    assert asked.output("1.2", outputs.StabilizationOutput).system_status_report.healthy is None
    await asked.step("1.3")
    assert cause(asked).verdict is Verdict.INCONCLUSIVE
    with pytest.raises(StepFailed, match="names no service of the catalogue") as failure:
        await asked.step("2.1")
    assert "take the step over by hand" in failure.value.remedy


async def test_without_a_service_the_analysis_leaves_the_story_to_people(tmp_path: Path) -> None:
    asked = response(None, tmp_path)
    for name in ("3.2", "4.1", "4.2", "4.3"):
        await asked.step(name)
    assert (
        "people must tell this story" in asked.output("4.1", outputs.AnalysisOutput).detailed_root_cause_report.summary
    )
    assert asked.output("3.2", outputs.CommunicationOutput).public_communication.subject.startswith("Investigating")


async def test_a_missing_repository_is_named_with_its_remedy(shop: Shop, tmp_path: Path) -> None:
    shop.broken()
    shutil.rmtree(shop.repository)
    asked = response(shop.service(), tmp_path)
    result = await asked.step("1.3")
    assert cause(asked).verdict is Verdict.INCONCLUSIVE
    assert "KeyError: 'currency'" in cause(asked).summary
    assert any(f"The repository {shop.repository} does not exist. Clone it there" in note for note in result.notes)
    with pytest.raises(StepFailed, match="does not exist"):
        await asked.step("2.1", approved=asked.choose(1))


async def test_a_dirty_repository_is_used_but_what_is_uncommitted_is_told(shop: Shop, tmp_path: Path) -> None:
    shop.broken()
    (shop.repository / "shop" / "pricing.py").write_text("unfinished\n")
    asked = response(shop.service(), tmp_path)
    result = await asked.step("1.3")
    assert cause(asked).verdict is Verdict.CONFIRMED
    assert any("uncommitted changes: shop/pricing.py" in note for note in result.notes)
    await asked.step("2.1", approved=asked.choose(1))
    assert (shop.repository / "shop" / "pricing.py").read_text() == "unfinished\n"


async def test_a_shallow_repository_accuses_nobody(shop: Shop, tmp_path: Path) -> None:
    shop.broken()
    shallow = tmp_path / "shallow"
    shop.git("clone", "--quiet", "--depth=1", f"file://{shop.repository}", str(shallow))
    asked = response(shop.service(repository=str(shallow)), tmp_path)
    result = await asked.step("1.3")
    assert cause(asked).verdict is Verdict.INCONCLUSIVE
    assert any("git fetch --unshallow" in note for note in result.notes)


async def test_without_tests_a_cause_is_likely_and_a_fix_not_ready(shop: Shop, tmp_path: Path) -> None:
    _, bad = shop.broken()
    asked = response(shop.service(tests=catalog.Tests()), tmp_path)
    await asked.step("1.3")
    assert cause(asked).verdict is Verdict.LIKELY
    assert cause(asked).commit == bad
    assert "not proven by a test" in cause(asked).fix_options[0].description
    fix = await asked.step("2.1", approved=asked.choose(1))
    assert asked.output("2.1", outputs.HotfixOutput).minimal_test_suite.after is None
    assert any("No test command is known" in note for note in fix.notes)
    await asked.step("2.3")
    readiness = asked.output("2.3", outputs.TestingOutput).deployment_readiness_confirmation
    assert not readiness.ready
    assert readiness.reason == "Nothing could be executed: no tests and no staging."


async def test_tests_that_hang_are_stopped_and_prove_nothing(shop: Shop, tmp_path: Path) -> None:
    shop.broken(**{"tests/test_hangs.py": HANGS})
    tests = shop.service().tests.model_copy(update={"timeout": timedelta(seconds=0.4)})
    asked = response(shop.service(tests=tests), tmp_path)
    result = await asked.step("1.3")
    assert cause(asked).verdict is Verdict.LIKELY
    assert any("did not end within 0.4" in note for note in result.notes)
    await asked.step("2.1", approved=asked.choose(1))
    await asked.step("2.3")
    readiness = asked.output("2.3", outputs.TestingOutput).deployment_readiness_confirmation
    assert not readiness.ready
    assert "did not end" in readiness.reason


async def test_without_logs_failing_tests_alone_do_not_confirm(shop: Shop, tmp_path: Path) -> None:
    _, bad = shop.broken()
    asked = response(shop.service(logs=()), tmp_path)
    result = await asked.step("1.3")
    assert (cause(asked).commit, cause(asked).verdict) == (bad, Verdict.LIKELY)
    assert any("No log files are known" in note for note in result.notes)


async def test_a_failure_older_than_the_release_accuses_no_commit(shop: Shop, tmp_path: Path) -> None:
    good = shop.commit("Begin", {PRICING: BAD})
    bad = shop.commit("Say more", {PRICING: BAD + "\n\nWORDS = 1\n"})
    shop.released("1", good, minutes_ago=60)
    shop.logged(f"unhandled\n{TRACEBACK}", minutes_ago=200, times=5, level="ERROR")
    shop.released("2", bad, minutes_ago=10)
    shop.logged(f"unhandled\n{TRACEBACK}", minutes_ago=9, times=5, level="ERROR")
    asked = response(shop.service(), tmp_path)
    await asked.step("1.3")
    assert cause(asked).verdict is Verdict.INCONCLUSIVE
    assert cause(asked).commit is None
    assert "before the deploy" in cause(asked).summary
    assert cause(asked).fix_options[0].approach is FixApproach.HOTFIX, "going back cannot mend it"


async def test_a_dependency_that_is_down_is_no_commits_fault(shop: Shop, tmp_path: Path) -> None:
    good = shop.commit("Begin", {PRICING: GOOD})
    bad = shop.commit("Say more", {PRICING: GOOD + "\n\nWORDS = 1\n"})
    shop.released("1", good, minutes_ago=60)
    shop.released("2", bad, minutes_ago=30)
    shop.logged("GET /price 200", minutes_ago=50, times=5)
    refused = TRACEBACK.replace("KeyError: 'currency'", "ConnectionRefusedError: [Errno 111] Connection refused")
    shop.logged(f"unhandled\n{refused}", minutes_ago=5, times=9, level="ERROR")
    asked = response(shop.service(), tmp_path)
    await asked.step("1.2")
    await asked.step("1.3")
    found = cause(asked)
    assert (found.verdict, found.commit) == (Verdict.LIKELY, None)
    assert "No commit: the logs point to a dependency" in found.summary
    ideas = asked.output("1.3", outputs.RootCauseOutput).investigation_priorities
    assert next(idea for idea in ideas if "dependency" in idea.statement).state == "accepted"
    kinds = [a.kind for a in asked.output("1.2", outputs.StabilizationOutput).temporary_mitigation_actions]
    assert kinds == ["block"], "no rollback is proposed for what lies outside"


async def test_a_migration_is_never_undone_without_a_person(shop: Shop, tmp_path: Path) -> None:
    good = shop.commit("Begin", {PRICING: GOOD})
    bad = shop.commit("Drop a column", {PRICING: BAD, "migrations/0002.sql": "drop column currency;"})
    shop.released("1", good, minutes_ago=60)
    shop.released("2", bad, minutes_ago=10)
    shop.logged("GET /price 200", minutes_ago=50)
    shop.logged(f"unhandled\n{TRACEBACK}", minutes_ago=9, times=5, level="ERROR")
    asked = response(shop.service(), tmp_path)
    await asked.step("1.2")
    await asked.step("1.3")
    readiness = asked.output("1.2", outputs.StabilizationOutput).rollback_readiness_assessment
    assert not readiness.ready
    assert readiness.migrations == ["migrations/0002.sql"]
    assert [option.approach for option in cause(asked).fix_options] == [FixApproach.HOTFIX, FixApproach.ROLLBACK]
    assert "a migration among them" in cause(asked).fix_options[1].description


async def test_signs_of_a_leak_in_the_release_are_raised_carefully(shop: Shop, tmp_path: Path) -> None:
    shop.broken()
    leaky = BAD + "\n\nPAYMENT_TOKEN = 'live-4242-abcd-9999'\n"
    bad = shop.commit("Pay", {PRICING: leaky})
    shop.released("3", bad, minutes_ago=9.2)
    asked = response(shop.service(), tmp_path)
    result = await asked.step("2.2")
    found = asked.output("2.2", outputs.SecurityOutput)
    assert found.security_impact_assessment.suspected
    assert found.security_impact_assessment.verdict is Verdict.LIKELY
    assert "looks like a secret" in found.security_impact_assessment.summary
    assert found.breach_notification_requirements.required is None
    kept = result.output.model_dump_json() + "".join(item.model_dump_json() for item in result.evidence)
    assert "live-4242" not in kept, "the secret itself is masked"


async def test_failing_tests_that_have_nothing_to_do_with_it_accuse_nobody(shop: Shop, tmp_path: Path) -> None:
    shop.broken()
    elsewhere = 'Traceback (most recent call last):\n  File "/srv/lib/pool.py", line 9, in take\nOSError: gone'
    shop.logs.write_text("")
    shop.logged("GET /price 200", minutes_ago=50, times=20)
    shop.logged(f"unhandled\n{elsewhere}", minutes_ago=9, times=12, level="ERROR")
    asked = response(shop.service(), tmp_path)
    await asked.step("1.3")
    assert (cause(asked).commit, cause(asked).verdict) == (None, Verdict.INCONCLUSIVE)


async def test_a_secret_in_the_report_is_nowhere_repeated(shop: Shop, tmp_path: Path) -> None:
    shop.broken()
    asked = response(shop.service(), tmp_path)
    asked.incident = facts(known="It fails, try it yourself with password=hunter2222")
    result = await asked.step("1.1")
    assert "hunter2222" not in result.output.model_dump_json() + result.summary
    assert all("hunter2222" not in item.model_dump_json() for item in result.evidence)


async def test_words_that_send_a_step_back_are_not_silently_ignored(shop: Shop, tmp_path: Path) -> None:
    shop.broken()
    asked = response(shop.service(), tmp_path)
    await asked.step("1.3")
    result = await asked.step("2.1", approved=asked.choose(1), feedback="please keep the rounding")
    assert any("Sent back with words that the playbook cannot read" in note for note in result.notes)
