"""Preparing a fix without harming people's work, and deploying it without ever telling a lie about it."""

import json
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from incidents.agents import outputs
from incidents.agents.base import ApprovedSubject
from incidents.agents.outputs import FixApproach, FixOption
from incidents.agents.playbook import sources
from incidents.agents.playbook.case import Case
from incidents.agents.playbook.runner import PlaybookRunner
from incidents.catalog import Environment, Sandbox
from incidents.clock import SystemClock
from incidents.definitions import ApprovalKind
from incidents.errors import NotAllowed, OutcomeUnknown, StepFailed
from incidents.response import mitigations
from incidents.response.decisions import DECISIONS, Wanted
from incidents.response.mitigations import Means, WayBack
from incidents.tools.health import Watched
from tests.integration.agents import steps
from tests.integration.agents.shop import GOOD, PRICING, TEST, Shop
from tests.jotter import Jotter

SUSPECT = "def total(cart):\n    return cart.get('currency', 'EUR').upper()\n"


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


class Production:
    """Answers as the release does that the deploy log names last; counts requests from each look to the next."""

    def __init__(self, server: HTTPServer, shop: Shop) -> None:
        self.failing: dict[str, float] = {}  # commit -> share of requests that fail
        self.down: set[str] = set()
        self.idle = False
        self._deploys = shop.deploys
        self._served: dict[str, list[float]] = {}
        server.expect_request("/health").respond_with_handler(self._health)
        server.expect_request("/stats").respond_with_handler(self._stats)
        self.addresses = {"health": server.url_for("/health"), "stats": server.url_for("/stats")}

    def running(self) -> dict[str, Any]:
        last: dict[str, Any] = json.loads(self._deploys.read_text().splitlines()[-1])
        return last

    def _health(self, _request: Request) -> Response:
        return Response("", status=503 if self.running()["commit"] in self.down else 200)

    def _stats(self, _request: Request) -> Response:
        running = self.running()
        served = self._served.setdefault(running["release"], [0, 0])
        if not self.idle:
            served[0] += 100
            served[1] += 100 * self.failing.get(running["commit"], 0)
        body = {"requests": served[0], "errors": round(served[1]), "release": running["release"]}
        return Response(json.dumps(body), content_type="application/json")


@pytest.fixture
def production(httpserver: HTTPServer, shop: Shop) -> Production:
    return Production(httpserver, shop)


def respond(shop: Shop, environment: Environment, tmp_path: Path) -> steps.Response:
    service = shop.service(production=environment)
    return steps.Response(PlaybookRunner(SystemClock(), sandbox=Sandbox(mode="none")), service, tmp_path / "work")


async def with_fix(
    shop: Shop, environment: Environment, tmp_path: Path, approach: FixApproach = FixApproach.REVERT
) -> steps.Response:
    """Return a response whose fix is chosen, prepared and tested."""
    response = respond(shop, environment, tmp_path)
    commit = shop.git("rev-parse", "main" if approach is FixApproach.REVERT else "main~1")
    option = FixOption(number=1, title="Chosen", approach=approach, description="", commit=commit)
    await response.step("2.1", approved=ApprovedSubject("choose_fix", option.model_dump(mode="json"), "digest", "ana"))
    await response.step("2.3")
    return response


def deployment(response: steps.Response) -> outputs.DeploymentOutput:
    return response.output("3.1", outputs.DeploymentOutput)


async def test_a_release_that_makes_it_worse_is_taken_back(shop: Shop, production: Production, tmp_path: Path) -> None:
    good, bad = shop.broken()
    response = await with_fix(shop, shop.production(**production.addresses), tmp_path)
    fix = response.outputs["emergency_fix_code"]["commit"]
    production.failing = {bad: 0.3, fix: 0.9}
    result = await response.step("3.1", approved=response.approve())
    assert production.running()["commit"] == good
    output = deployment(response)
    assert output.deployment_status.rolled_back
    assert output.deployment_status.release == "1"
    assert not output.user_impact_resolution.resolved
    assert "made it worse and was taken back" in output.user_impact_resolution.summary
    assert any("Release 1 was put back" in note for note in result.notes)


async def test_a_release_that_does_not_answer_is_taken_back(shop: Shop, production: Production, tmp_path: Path) -> None:
    good, bad = shop.broken()
    response = await with_fix(shop, shop.production(**production.addresses), tmp_path)
    production.failing = {bad: 0.3}
    production.down = {response.outputs["emergency_fix_code"]["commit"]}
    await response.step("3.1", approved=response.approve())
    assert production.running()["commit"] == good
    assert deployment(response).deployment_status.rolled_back


async def test_a_release_that_is_no_better_stays_and_is_told_as_such(
    shop: Shop, production: Production, tmp_path: Path
) -> None:
    _, bad = shop.broken()
    response = await with_fix(shop, shop.production(**production.addresses), tmp_path)
    fix = response.outputs["emergency_fix_code"]["commit"]
    production.failing = {bad: 0.3, fix: 0.3}
    await response.step("3.1", approved=response.approve())
    output = deployment(response)
    assert production.running()["commit"] == fix
    assert not output.deployment_status.rolled_back
    assert not output.system_health_metrics.healthy
    assert not output.user_impact_resolution.resolved
    assert "users are not served well" in output.user_impact_resolution.summary


async def test_without_traffic_recovery_is_not_claimed(shop: Shop, production: Production, tmp_path: Path) -> None:
    shop.broken()
    response = await with_fix(shop, shop.production(**production.addresses), tmp_path)
    production.idle = True
    await response.step("3.1", approved=response.approve())
    assert deployment(response).system_health_metrics.healthy
    assert not deployment(response).user_impact_resolution.resolved
    assert "no request came" in deployment(response).user_impact_resolution.summary


async def test_without_a_health_address_recovery_is_not_claimed(shop: Shop, tmp_path: Path) -> None:
    shop.broken()
    response = await with_fix(shop, shop.production(), tmp_path)
    await response.step("3.1", approved=response.approve())
    assert deployment(response).deployment_status.deployed
    assert not deployment(response).user_impact_resolution.resolved


async def test_a_second_attempt_does_not_deploy_again(shop: Shop, production: Production, tmp_path: Path) -> None:
    shop.broken()
    response = await with_fix(shop, shop.production(**production.addresses), tmp_path)
    await response.step("3.1", approved=response.approve())
    before = shop.deploys.read_text()
    result = await response.step("3.1", approved=response.approve(), attempt=2)
    assert shop.deploys.read_text() == before
    assert any("was not deployed again" in note for note in result.notes)
    assert deployment(response).user_impact_resolution.resolved


def moves_on(shop: Shop) -> None:
    shop.git("switch", "--quiet", "hotfix/inc-7")
    shop.commit("Name the fix in the changelog", {"CHANGES": "carts\n"})


def is_deleted(shop: Shop) -> None:
    shop.git("branch", "--quiet", "--delete", "--force", "hotfix/inc-7")


@pytest.mark.parametrize("branch", [moves_on, is_deleted])
async def test_a_deploy_that_was_cut_off_is_followed_whatever_became_of_its_branch(
    shop: Shop, production: Production, tmp_path: Path, branch: Callable[[Shop], None]
) -> None:
    _, bad = shop.broken()
    response = await with_fix(shop, shop.production(**production.addresses), tmp_path)
    fix = response.outputs["emergency_fix_code"]["commit"]
    kept = Jotter(tmp_path / "kept")
    await response.step("3.1", approved=response.approve(), journal=kept)  # its process ends before this is stored
    branch(shop)
    production.failing = {bad: 0.3, fix: 0.9}
    before = shop.deploys.read_text()
    await response.step("3.1", approved=response.approve(), journal=kept, attempt=2)
    status = deployment(response).deployment_status
    assert (status.commit, status.rolled_back, status.release) == (fix, True, "1")
    assert [line for line in shop.deploys.read_text()[len(before) :].splitlines() if fix in line] == []


async def test_a_release_that_an_attempt_left_running_is_adopted_whatever_became_of_its_branch(
    shop: Shop, tmp_path: Path
) -> None:
    shop.broken()
    response = await with_fix(shop, shop.production(), tmp_path)
    await response.step("3.1", approved=response.approve(), journal=Jotter(tmp_path / "first"))
    is_deleted(shop)
    before = shop.deploys.read_text()
    result = await response.step("3.1", approved=response.approve(), journal=Jotter(tmp_path / "second"), attempt=2)
    assert shop.deploys.read_text() == before
    assert any("was not deployed again" in note for note in result.notes)


async def test_a_second_attempt_goes_on_with_taking_the_release_back(
    shop: Shop, production: Production, tmp_path: Path
) -> None:
    """The first was cut off when the former release served well again, so that no watching shows that it is worse."""
    _, bad = shop.broken()
    response = await with_fix(shop, shop.production(**production.addresses), tmp_path)
    production.failing = {bad: 0.3, response.outputs["emergency_fix_code"]["commit"]: 0.9}
    kept = Jotter(tmp_path / "kept")
    await response.step("3.1", approved=response.approve(), journal=kept)
    before = shop.deploys.read_text()
    await response.step("3.1", approved=response.approve(), journal=kept, attempt=2)
    assert shop.deploys.read_text() == before
    status = deployment(response).deployment_status
    assert (status.rolled_back, status.release) == (True, "1")


async def test_a_release_that_an_attempt_found_running_and_took_back_is_not_deployed_again_unasked(
    shop: Shop, production: Production, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first attempt failed after its deploy, the second found that it ran, took it back, and was cut off."""
    _, bad = shop.broken()
    response = await with_fix(shop, shop.production(**production.addresses), tmp_path)
    fix = response.outputs["emergency_fix_code"]["commit"]
    production.failing = {bad: 0.3}
    await response.step("3.1", approved=response.approve(), journal=Jotter(tmp_path / "first"))
    kept = Jotter(tmp_path / "second")
    watched = sources.watched

    async def falls(case: Case, period: timedelta) -> Watched | None:
        seen = await watched(case, period)
        production.down = {fix}
        return seen

    monkeypatch.setattr(sources, "watched", falls)
    await response.step("3.1", approved=response.approve(), journal=kept, attempt=2)
    assert [each.verb for each in kept.begun] == ["rollback"]
    before = shop.deploys.read_text()
    with pytest.raises(OutcomeUnknown, match="It was to take back a deploy"):
        await response.step("3.1", approved=response.approve(), journal=kept, attempt=3)
    assert shop.deploys.read_text() == before


async def test_the_way_back_of_a_deploy_is_open_though_a_former_one_was_taken_back(
    shop: Shop, production: Production, tmp_path: Path
) -> None:
    _, bad = shop.broken()
    response = await with_fix(shop, shop.production(**production.addresses), tmp_path)
    fix = response.outputs["emergency_fix_code"]["commit"]
    production.failing = {bad: 0.3, fix: 0.9}
    kept = Jotter(tmp_path / "kept")
    await response.step("3.1", approved=response.approve(), journal=kept)  # taken back; then cut off
    shop.released("2", bad, minutes_ago=0)
    with pytest.raises(OutcomeUnknown, match=r"release 2 .*runs now") as doubt:
        await response.step("3.1", approved=response.approve(), journal=kept, attempt=2)
    kept.ask_people(doubt.value)
    await response.step("3.1", approved=response.approve(), journal=kept, attempt=3)
    status = deployment(response).deployment_status
    assert (status.rolled_back, status.release, production.running()["commit"] == fix) == (True, "1", False)


async def test_what_was_replaced_before_it_was_approved_anew_is_deployed_and_judged_by_what_it_replaces(
    shop: Shop, production: Production, tmp_path: Path
) -> None:
    good, bad = shop.broken()
    response = await with_fix(shop, shop.production(**production.addresses), tmp_path)
    production.failing = {bad: 0.3}
    kept = Jotter(tmp_path / "kept")
    await response.step("3.1", approved=response.approve(), journal=kept)
    assert deployment(response).system_health_metrics.error_rate_before == pytest.approx(0.3, abs=0.05)
    shop.released("1", good, minutes_ago=(shop.now - SystemClock().now()) / timedelta(minutes=1))
    kept.begun = [each.model_copy(update={"former": True}) for each in kept.begun]
    result = await response.step("3.1", approved=response.approve(), journal=kept, attempt=2)
    assert production.running()["commit"] == response.outputs["emergency_fix_code"]["commit"]
    assert deployment(response).system_health_metrics.error_rate_before == 0.0
    assert not any("was not deployed again" in note for note in result.notes)


async def test_a_branch_that_moved_on_is_not_deployed(shop: Shop, tmp_path: Path) -> None:
    shop.broken()
    response = await with_fix(shop, shop.production(), tmp_path)
    approved = response.approve()
    shop.git("switch", "--quiet", "hotfix/inc-7")
    sneaked = shop.commit("One more thing", {"shop/more.py": "MORE = 1\n"})
    before = shop.deploys.read_text()
    with pytest.raises(StepFailed, match=f"`{sneaked[:7]}` is the head of its branch"):
        await response.step("3.1", approved=approved)
    assert shop.deploys.read_text() == before


async def test_an_approval_of_a_fix_is_no_approval_of_a_deploy(shop: Shop, tmp_path: Path) -> None:
    shop.broken()
    response = await with_fix(shop, shop.production(), tmp_path)
    chosen = ApprovedSubject("choose_fix", response.approve().subject, "digest", "bo")
    with pytest.raises((StepFailed, NotAllowed), match="Nobody approved a deploy"):
        await response.step("3.1", approved=chosen)


async def test_a_deploy_command_that_fails_is_told_with_its_last_words(shop: Shop, tmp_path: Path) -> None:
    shop.broken()
    shop.script.write_text("import sys\nsys.exit('no space left on the release disk')\n")
    response = await with_fix(shop, shop.production(), tmp_path)
    with pytest.raises(StepFailed, match="no space left on the release disk"):
        await response.step("3.1", approved=response.approve())


async def test_going_back_a_release_deploys_its_commit(shop: Shop, production: Production, tmp_path: Path) -> None:
    good, bad = shop.broken()
    response = await with_fix(shop, shop.production(**production.addresses), tmp_path, FixApproach.ROLLBACK)
    fix = response.output("2.1", outputs.HotfixOutput).emergency_fix_code
    assert (fix.approach, fix.commit, fix.base) == (FixApproach.ROLLBACK, good, bad)
    production.failing = {bad: 0.4}
    await response.step("3.1", approved=response.approve())
    assert production.running()["commit"] == good
    assert deployment(response).user_impact_resolution.resolved


async def test_a_fix_by_hand_is_taken_from_its_branch(shop: Shop, tmp_path: Path) -> None:
    shop.broken()
    response = respond(shop, shop.production(), tmp_path)
    await response.step("1.3")
    with pytest.raises(StepFailed, match="Nobody has committed to `hotfix/inc-7` yet") as failure:
        await response.step("2.1", approved=response.choose(3))
    assert "git switch hotfix/inc-7" in failure.value.remedy
    shop.git("switch", "--quiet", "hotfix/inc-7")
    written = shop.commit("Default the currency", {PRICING: GOOD})
    await response.step("2.1", approved=response.choose(3))
    output = response.output("2.1", outputs.HotfixOutput)
    assert output.emergency_fix_code.commit == written
    assert output.minimal_test_suite.repaired == ["tests.test_carts.OldCarts.test_old_cart_has_a_price"]


async def test_a_fix_by_hand_that_empties_its_test_repairs_nothing_and_is_not_ready(shop: Shop, tmp_path: Path) -> None:
    shop.broken()
    response = respond(shop, shop.production(), tmp_path)
    await response.step("1.3")
    shop.git("switch", "--quiet", "--create", "hotfix/inc-7")
    emptied = TEST.replace("self.assertEqual(pricing.total({}), 'EUR')", "pass")
    shop.commit("Make it green", {"tests/test_carts.py": emptied})
    shop.git("switch", "--quiet", "main")
    await response.step("2.1", approved=response.choose(3))
    tests = response.output("2.1", outputs.HotfixOutput).minimal_test_suite
    assert tests.repaired == []
    assert tests.newly_failing == ["tests.test_carts.OldCarts.test_old_cart_has_a_price"]
    assert tests.note.startswith("`test_old_cart_has_a_price` no longer counts")
    await response.step("2.3")
    ready = response.output("2.3", outputs.TestingOutput).deployment_readiness_confirmation
    assert (ready.ready, "no longer counted" in ready.reason) == (False, True)


async def test_a_rollback_is_not_done_once_another_release_runs_than_when_it_was_chosen(
    shop: Shop, tmp_path: Path
) -> None:
    good, bad = shop.broken()
    service = shop.service()
    response = respond(shop, service.production, tmp_path)
    chosen = mitigations.choice(service, Means.ROLLBACK, WayBack("1", "2"), "")
    wanted = Wanted(step="0.1", outputs={mitigations.kept_as("0.1"): chosen}, service=service)
    approved = ApprovedSubject("mitigate", DECISIONS[ApprovalKind.MITIGATE].subject(wanted), "digest", "bo")
    shop.released("3", good, minutes_ago=1)
    with pytest.raises(StepFailed, match="Release 3 runs now, but release 1 was to be put back in place of 2"):
        await response.step("immediate-mitigation", approved=approved)
    shop.released("2", bad, minutes_ago=0)
    await response.step("immediate-mitigation", approved=approved)
    assert json.loads(shop.deploys.read_text().splitlines()[-1])["release"] == "1"


async def test_a_drill_runs_no_command_of_the_service_and_says_what_it_would_have_run(
    shop: Shop, tmp_path: Path
) -> None:
    shop.broken()
    production = shop.production()
    service = shop.service(production=production, staging=production)
    runner = PlaybookRunner(SystemClock(), sandbox=Sandbox(mode="none"))
    response = steps.Response(runner, service, tmp_path / "work", steps.facts(drill=True))
    before = shop.deploys.read_text()
    for step in ("1.2", "1.3", "2.1", "2.3", "3.1"):
        chosen = {"2.1": response.choose, "3.1": lambda _: response.approve()}.get(step)
        result = await response.step(step, approved=chosen(1) if chosen else None)
    assert shop.deploys.read_text() == before
    status = deployment(response).deployment_status
    assert (status.deployed, status.rehearsed) == (False, True)
    assert f"approved, and not run: `{sys.executable}" in result.summary
    assert any("nothing is deployed to staging" in note for note in response.results["2.3"].notes)


async def test_work_of_people_on_the_branch_is_never_overwritten(shop: Shop, tmp_path: Path) -> None:
    shop.broken()
    shop.git("switch", "--quiet", "--create", "hotfix/inc-7")
    theirs = shop.commit("Default the currency", {PRICING: SUSPECT})
    shop.git("switch", "--quiet", "main")
    response = respond(shop, shop.production(), tmp_path)
    await response.step("1.3")
    with pytest.raises(StepFailed, match="holds work of Dee"):
        await response.step("2.1", approved=response.choose(1))
    assert shop.git("rev-parse", "hotfix/inc-7") == theirs


async def test_a_killed_attempt_leaves_no_obstacle(shop: Shop, tmp_path: Path) -> None:
    shop.broken()
    response = respond(shop, shop.production(), tmp_path)
    await response.step("1.3")
    await response.step("2.1", approved=response.choose(1))
    shop.git("worktree", "add", "--quiet", str(response.workdir / "hotfix"), "hotfix/inc-7")  # as a kill leaves it
    (response.workdir / "hotfix" / "half-written.py").write_text("x = ")
    (response.workdir / "proof").mkdir()  # a folder that git knows nothing of
    await response.step("2.1", approved=response.choose(1), attempt=2)
    head = response.outputs["emergency_fix_code"]["commit"]
    assert shop.git("rev-parse", "hotfix/inc-7") == head
    assert "half-written.py" not in shop.git("ls-tree", "--name-only", head)
    assert list(response.workdir.iterdir()) == []


async def test_the_commit_is_sitreps_and_says_why(shop: Shop, tmp_path: Path) -> None:
    _, bad = shop.broken()
    response = respond(shop, shop.production(), tmp_path)
    await response.step("1.3")
    await response.step("2.1", approved=response.choose(1))
    message = shop.git("show", "--no-patch", "--format=%an%n%B", "hotfix/inc-7")
    assert message.startswith('Sitrep\nRevert "Read the currency directly"')
    assert f"This reverts commit {bad}" in message
    assert "Incident: inc-7, Checkout returns 500s" in message
    assert "Chosen by: ana" in message


async def test_a_commit_that_people_name_is_looked_at_first(shop: Shop, tmp_path: Path) -> None:
    shop.broken()
    other = shop.commit("Shout", {"shop/shout.py": "LOUD = True\n"})
    shop.released("3", other, minutes_ago=9.05)
    shop.deploys.write_text(
        "\n".join(line for line in shop.deploys.read_text().splitlines() if '"2"' not in line) + "\n"
    )
    response = respond(shop, shop.production(), tmp_path)
    result = await response.step("1.3", feedback=f"I think it is {other[:8]}")
    assert any(f"Looked first at `{other[:7]}`, as asked" in note for note in result.notes)
    cause = response.output("1.3", outputs.RootCauseOutput).preliminary_root_cause
    assert cause.verdict is outputs.Verdict.CONFIRMED
    assert cause.commit_subject == "Read the currency directly", "the execution decides, not the guess"
    titles = [option.title for option in cause.fix_options]
    assert titles[1] == f"Revert `{other[:7]}`", "but the choice stays with people"


async def test_a_flaky_test_is_named_and_does_not_block(shop: Shop, tmp_path: Path) -> None:
    flaky = (
        "import pathlib, unittest\n\n\nclass Flaky(unittest.TestCase):\n    def test_second_time(self):\n"
        "        mark = pathlib.Path('.seen')\n        seen = mark.exists()\n        mark.touch()\n"
        "        self.assertTrue(seen)\n"
    )
    shop.broken(**{"tests/test_flaky.py": flaky})
    response = respond(shop, shop.production(), tmp_path)
    await response.step("1.3")
    await response.step("2.1", approved=response.choose(1))
    result = await response.step("2.3")
    assert any("Fails now and then: `test_second_time`" in note for note in result.notes)
