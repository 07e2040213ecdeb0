"""Ways of a bug beside the straight one: no test shows it, people write the fix, analysts disagree, branches move."""

import sys
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from incidents import catalog
from incidents.agents import prompts
from incidents.agents.merging import REBASE, ChecksState
from incidents.agents.outputs import FixApproach
from incidents.agents.planning import ImplementationState
from incidents.agents.playbook.runner import PlaybookRunner
from incidents.agents.reviews import ReviewVerdict
from incidents.catalog import Sandbox
from incidents.clock import SystemClock
from incidents.errors import RebaseNeeded, StepFailed
from incidents.response import pipeline
from incidents.stages import StageType
from tests.integration.agents.bug import REPORT, Bug, stages
from tests.integration.agents.shop import GOOD, PRICING, TEST, TRACEBACK, Shop
from tests.integration.agents.steps import facts

REVIEW = StageType.CODE_REVIEW
#: Steps that nothing here depends on.
ASIDE = (pipeline.REFLECTION, pipeline.PLAN_REVIEW, pipeline.DOCUMENTATION)
SILENT = TEST.replace("pricing.total({})", "pricing.total({'currency': 'EUR'})")


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


@dataclass
class Worked:
    """A bug that was worked on up to somewhere, and its repository."""

    bug: Bug
    shop: Shop

    def again(self, workdir: Path) -> "Worked":
        """Return it as it was, to go another way from there."""
        return Worked(replace(self.bug, workdir=workdir, earlier=deepcopy(self.bug.earlier)), self.shop)


async def worked(root: Path, until: str) -> Worked:
    shop = Shop(root)
    shop.broken()
    bug = bug_of(shop, root, pipeline=stages(StageType.RCA, StageType.RCA, StageType.IMPLEMENTATION, REVIEW))
    await bug.until(until)
    return Worked(bug, shop)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def once_analysed(tmp_path_factory: pytest.TempPathFactory) -> Worked:
    return await worked(tmp_path_factory.mktemp("analysed"), "diagnosis-consolidation")


@pytest.fixture
def analysed(once_analysed: Worked, tmp_path: Path) -> Iterator[Worked]:
    yield once_analysed.again(tmp_path / "work")
    if once_analysed.shop.git("branch", "--list", "bugfix/inc-7"):
        once_analysed.shop.git("branch", "--quiet", "-D", "bugfix/inc-7")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def once_checked(tmp_path_factory: pytest.TempPathFactory) -> Worked:
    return await worked(tmp_path_factory.mktemp("checked"), "check-results")


@pytest.fixture
def checked(once_checked: Worked, tmp_path: Path) -> Iterator[Worked]:
    shop = once_checked.shop
    before = {branch: shop.git("rev-parse", branch) for branch in ("main", "bugfix/inc-7")}
    yield once_checked.again(tmp_path / "work")
    if shop.git("remote"):
        shop.git("remote", "remove", "origin")
    shop.git("update-ref", "refs/heads/bugfix/inc-7", before["bugfix/inc-7"])
    shop.git("reset", "--quiet", "--hard", before["main"])


def bug_of(shop: Shop, tmp_path: Path, **changes: Any) -> Bug:
    runner = PlaybookRunner(SystemClock(), sandbox=Sandbox(mode="none"))
    return Bug(runner, shop.service(), tmp_path / "work", leaves_out=ASIDE, **changes)


async def test_without_a_test_that_shows_it_one_is_made_of_the_report(shop: Shop, tmp_path: Path) -> None:
    shop.broken(**{"tests/test_carts.py": SILENT})
    made = await bug_of(shop, tmp_path).until("implementation")
    assert made.result is ImplementationState.COMPLETE
    assert made.tests.test_files == ["tests/test_inc_7.py"]
    assert [each.rpartition(".")[2] for each in made.tests.passed_with_fix] == ["test_inc_7_total_no_longer_raises"]
    assert "total({})" in shop.git("show", "bugfix/inc-7:tests/test_inc_7.py")


async def test_what_nothing_shows_is_partial_and_goes_back_in_review(shop: Shop, tmp_path: Path) -> None:
    shop.broken(**{"tests/test_carts.py": SILENT})
    vague = facts(title="Old carts cannot be priced", severity="medium", known="It fails for old carts.")
    bug = bug_of(shop, tmp_path, incident=vague)
    made = await bug.until("implementation")
    assert made.result is ImplementationState.PARTIAL
    assert "The report spells out no call" in made.reason
    review = await bug.run("code-review")
    assert review.verdict is ReviewVerdict.NEEDS_CHANGES
    assert "- test proof: No test shows the bug" in review.critique
    assert "- bidirectional validation:" in review.critique
    held = {each.item: each.holds for each in review.findings}
    assert [held[f"criterion AC{number}"] for number in (1, 2, 3, 4)] == [False, False, True, False]


async def test_a_fix_by_hand_waits_for_people_and_is_proven_like_any_other(analysed: Worked) -> None:
    bug, shop = analysed.bug, analysed.shop
    plan = await bug.run("fix-plan", approved=bug.choose(2))
    assert (plan.approach, plan.tasks[0].files) == (FixApproach.HOTFIX, [PRICING])
    waiting = await bug.run("implementation")
    assert (waiting.result, waiting.blocked, waiting.commit) == (ImplementationState.PARTIAL, True, "")
    assert "Nobody has committed to `bugfix/inc-7` yet" in waiting.reason
    shop.git("switch", "--quiet", "bugfix/inc-7")
    theirs = shop.commit("Price old carts in euro", {PRICING: GOOD})
    shop.git("switch", "--quiet", "main")
    made = await bug.run("implementation", attempt=2)
    assert (made.result, made.commit) == (ImplementationState.COMPLETE, theirs)
    assert "1 commit by Dee" in made.summary


CARTS = "tests/test_carts.py"
MORE = f"""{TEST}
    def test_new_cart_has_a_price(self):
        self.assertEqual(pricing.total({{'currency': 'USD'}}), 'USD')

    def test_price_is_text(self):
        self.assertIsInstance(pricing.total({{'currency': 'USD'}}), str)

    def test_price_is_there(self):
        self.assertTrue(pricing.total({{'currency': 'USD'}}))
"""
#: One is deleted, one skipped, one expected to fail, and the one that shows the bug is emptied.
WEAKENED = (
    MORE.replace("test_new_cart_has_a_price", "_gone")
    .replace("    def test_price_is_text", "    @unittest.skip('later')\n    def test_price_is_text")
    .replace("self.assertTrue(pricing.total({'currency': 'USD'}))", "self.fail()")
    .replace("    def test_price_is_there", "    @unittest.expectedFailure\n    def test_price_is_there")
    .replace("self.assertEqual(pricing.total({}), 'EUR')", "pass")
)
NAMES = ["test_new_cart_has_a_price", "test_old_cart_has_a_price", "test_price_is_text", "test_price_is_there"]


async def test_tests_that_people_weaken_beside_their_fix_speak_against_it_and_corrected_ones_do_not(
    analysed: Worked,
) -> None:
    bug, shop = analysed.bug, analysed.shop
    begun = shop.git("rev-parse", "main")
    shop.commit("Test new carts", {CARTS: MORE})
    try:
        await bug.run("fix-plan", approved=bug.choose(2))
        corrected = {PRICING: GOOD.replace("EUR", "CHF"), CARTS: MORE.replace("'EUR'", "'CHF'")}
        for files, against in (({CARTS: WEAKENED}, NAMES), (corrected, [])):
            shop.git("switch", "--quiet", "--force-create", "bugfix/inc-7", "main")
            shop.commit("Make it green", files)
            shop.git("switch", "--quiet", "main")
            made = await bug.run("implementation")
            assert [name.rpartition(".")[2] for name in made.tests.newly_failing] == against
            assert (made.result is ImplementationState.COMPLETE) == (not against)
            assert ("no longer counts: deleted, skipped or emptied by the change" in made.reason) == bool(against)
    finally:
        shop.git("reset", "--quiet", "--hard", begun)


async def test_a_file_that_people_ask_for_is_planned_and_the_plans_review_does_not_send_it_back(
    analysed: Worked,
) -> None:
    bug = analysed.bug
    bug.pipeline = stages(StageType.RCA, StageType.RCA, StageType.PLAN_REVIEW, StageType.IMPLEMENTATION)
    plan = await bug.run("fix-plan", approved=bug.choose(2), feedback="Change shop/__init__.py as well.")
    assert (plan.tasks[0].files, plan.tasks[0].asked_for) == ([PRICING, "shop/__init__.py"], ["shop/__init__.py"])
    review = await bug.run("plan-review")
    (smallest,) = [each for each in review.findings if each.item == "smallest_change"]
    assert (review.verdict, smallest.holds) == (ReviewVerdict.APPROVED, None)
    assert smallest.why.startswith("`shop/__init__.py`: people asked for it")
    critique = "Plan review 1: `shop/__init__.py` is not needed."
    assert (await bug.run("fix-plan", approved=bug.choose(2), feedback=critique)).tasks[0].files == [PRICING]


async def test_a_place_of_the_fix_that_the_tests_stay_green_without_is_named(analysed: Worked) -> None:
    bug, shop = analysed.bug, analysed.shop
    await bug.run("fix-plan", approved=bug.choose(2))
    shop.git("switch", "--quiet", "--create", "bugfix/inc-7")
    shop.commit("Price old carts in euro", {PRICING: f"SPARE = 1\n{GOOD}"})
    shop.git("switch", "--quiet", "main")
    await bug.run("implementation")
    review = await bug.run("code-review")
    (scope,) = [each for each in review.findings if each.item == "plan_scope_adherence"]
    assert (scope.holds, review.verdict) == (None, ReviewVerdict.APPROVED)
    assert scope.why.startswith("The tests stay green without `shop/pricing.py:1`:")


async def test_a_change_of_a_name_that_others_call_goes_back(shop: Shop, tmp_path: Path) -> None:
    shop.broken(**{"shop/page.py": "from shop.pricing import total\n\n\ndef page(cart):\n    return total(cart)\n"})
    bug = bug_of(shop, tmp_path)
    await bug.until("diagnosis-consolidation")
    await bug.run("fix-plan", approved=bug.choose(2))
    shop.git("switch", "--quiet", "--create", "bugfix/inc-7")
    shop.commit("Rename", {PRICING: GOOD.replace("total", "sum_of"), "shop/extra.py": "X = 1\n"})
    shop.git("switch", "--quiet", "main")
    await bug.run("implementation")
    review = await bug.run("code-review")
    held = {each.item: each.holds for each in review.findings}
    assert (held["call_site_completeness"], held["plan_scope_adherence"]) == (False, False)
    assert "`total` is gone, shop/page.py:" in review.critique
    assert "`shop/extra.py`" in review.critique


#: What an analyst might say that is not so -> the item under which it goes back.
UNTRUE: list[tuple[dict[str, Any], str]] = [
    ({"root_file": "shop/prices.py"}, "existence"),
    ({"root_line": 99}, "existence"),
    ({"root_function": "grand_total"}, "existence"),
    (
        {"summary": "The mail server is full.", "mechanism": "No mail.", "explanation": "", "root_function": None},
        "mechanism_plausibility",
    ),
    ({"commit_subject": "Another subject"}, "history_attribution"),
    ({"root_file": "tests/test_carts.py", "root_line": 1, "root_function": None}, "history_attribution"),
    ({"commit": "0123456789abcdef0123456789abcdef01234567"}, "history_attribution"),
]


async def test_the_reflection_sends_back_what_is_not_so(analysed: Worked) -> None:
    bug = analysed.bug
    name = bug.steps("root-cause-analysis")[0].name
    said = bug.earlier[name]
    for change, item in UNTRUE:
        bug.earlier[name] = {**said, "root_cause": {**said["root_cause"], **change}}
        review = await bug.run("root-cause-reflection")
        assert review.verdict is ReviewVerdict.NEEDS_CHANGES, change
        assert item in [each.item for each in review.findings if each.holds is False], change
        assert item.replace("_", " ") in review.critique


async def test_two_options_that_do_the_same_are_sent_back(analysed: Worked) -> None:
    bug = analysed.bug
    options = bug.earlier[bug.steps("root-cause-analysis")[0].name]["options"]
    again = {**options[0], "number": 2, "title": "Take it back", "recommended": False, "approach": "revert_hunks"}
    options[1:] = [again]
    review = await bug.run("root-cause-reflection")
    assert "distinct options: Options 1 and 2 do the same." in review.critique


async def test_analysts_who_agree_become_one_diagnosis_with_all_that_each_saw(analysed: Worked) -> None:
    bug = analysed.bug
    first, second = bug.steps("root-cause-analysis")
    said = bug.earlier[first.name]["root_cause"]
    more = {"explanation": f"{said['explanation']} Carts of before have none.", "constraints": ["Totals stay."]}
    more |= {"impact": "Everybody with an old cart.", "affected_files": [PRICING, "shop/page.py"]}
    bug.earlier[second.name] = {**bug.earlier[first.name], "root_cause": {**said, **more}}
    joined = await bug.run("diagnosis-consolidation")
    found = joined.diagnosis
    assert (joined.agreed, joined.believed) == (True, [first.name, second.name])
    assert found.explanation == more["explanation"]
    assert found.affected_files == [*said["affected_files"], "shop/page.py"]
    assert found.constraints == [*said["constraints"], "Totals stay."]
    assert found.impact == f"{said['impact']} Everybody with an old cart."
    asked = bug.request(bug.steps("diagnosis-consolidation")[0])
    shown = prompts.material(asked, bug.result("diagnosis-consolidation"))
    assert "Everybody with an old cart." in shown.partition('"analyses_by_step"')[2].partition("read_evidence")[0]


async def test_analysts_who_disagree_are_laid_open_and_people_decide(analysed: Worked) -> None:
    bug = analysed.bug
    first, second = bug.steps("root-cause-analysis")
    other = {**bug.earlier[first.name]["root_cause"], "root_file": "shop/__init__.py", "root_line": None}
    other |= {"root_function": None, "summary": "The package.", "affected_files": ["shop/__init__.py"]}
    bug.earlier[second.name] = {**bug.earlier[first.name], "root_cause": other}
    laid = await bug.run("diagnosis-consolidation")
    assert not laid.agreed
    assert [each.place for each in laid.disagreements] == ["shop/pricing.py:2", "shop/__init__.py"]
    chosen = await bug.run("diagnosis-consolidation", feedback=second.name)
    assert (chosen.agreed, chosen.diagnosis.root_file) == (True, "shop/__init__.py")
    both = await bug.run("diagnosis-consolidation", feedback="all")
    assert both.agreed
    assert {"shop/__init__.py", PRICING} <= set(both.diagnosis.affected_files)


async def test_a_merge_that_nobody_approved_or_for_another_commit_is_refused(checked: Worked) -> None:
    bug, shop = checked.bug, checked.shop
    before = shop.git("rev-parse", "main")
    with pytest.raises(StepFailed, match="Nobody approved this merge"):
        await bug.run("merge")
    with pytest.raises(StepFailed, match="nothing was merged"):
        await bug.run("merge", approved=bug.approve("0" * 40))
    shop.git("remote", "add", "origin", "/srv/another")
    with pytest.raises(StepFailed, match="but the remote of `shop` is /srv/another now; nothing was merged"):
        await bug.run("merge", approved=bug.approval(bug.steps("merge")[0]))
    shop.git("remote", "remove", "origin")
    assert shop.git("rev-parse", "main") == before
    done = await bug.run("merge", approved=bug.approval(bug.steps("merge")[0]))
    assert shop.git("rev-parse", "main") == done.merged_commit
    assert (shop.repository / PRICING).read_text() == GOOD, "the clone's own checkout follows"
    again = await bug.run("merge", approved=bug.approval(bug.steps("merge")[0]), attempt=2)
    assert (again.merged_commit, again.how) == (done.merged_commit, "`main` holds it already.")


async def test_a_conflict_is_told_with_both_sides_and_what_people_made_of_it_is_proven_anew(checked: Worked) -> None:
    bug, shop = checked.bug, checked.shop
    shop.commit("Another way", {PRICING: "def total(cart):\n    return cart['money']\n"})
    told = await bug.run("check-results")
    assert told.conflicts == [PRICING]
    with pytest.raises(RebaseNeeded, match=r"conflicts with `main` in `shop/pricing.py`; nothing was merged") as needed:
        await bug.run("merge", approved=bug.approval(bug.steps("merge")[0]))
    (sides,) = needed.value.conflicts
    assert (sides["there"], sides["here"]) == ("`return cart['money']`", "`return cart.get('currency', 'EUR')`")
    assert "Another way (Dee)" in sides["by"]
    with pytest.raises(RebaseNeeded):
        await bug.run("pull-request", feedback=REBASE)
    shop.solve("bugfix/inc-7", {PRICING: GOOD})
    with pytest.raises(RebaseNeeded, match="was reviewed"):
        await bug.run("pull-request")
    made = await bug.run("implementation", feedback=REBASE)
    assert (made.result, made.base) == (ImplementationState.COMPLETE, shop.git("rev-parse", "main"))
    await bug.run("pull-request")
    await bug.run("merge", approved=bug.approval(bug.steps("merge")[0]))
    assert shop.git("show", f"main:{PRICING}") == GOOD.strip()


async def test_a_clean_rebase_goes_to_the_remote_is_tested_and_needs_a_new_approval(
    checked: Worked, tmp_path: Path
) -> None:
    bug, shop = checked.bug, checked.shop
    bare = tmp_path / "bare.git"
    shop.git("clone", "--quiet", "--bare", str(shop.repository), str(bare))
    shop.git("remote", "add", "origin", str(bare))
    before = bug.approval(bug.steps("merge")[0])
    shop.commit("Move on", {"shop/page.py": "TITLE = 'Shop'\n"})
    shop.git("push", "--quiet", "origin", "main")
    offered = await bug.run("pull-request", feedback=REBASE)
    assert offered.base == shop.git("rev-parse", "main")
    assert offered.head == shop.git("rev-parse", "bugfix/inc-7", cwd=bare)
    again = await bug.run("pull-request", feedback=REBASE, attempt=2)  # as after a crash behind the push
    assert (again.head, again.base) == (offered.head, offered.base)
    assert (await bug.run("check-results")).state is ChecksState.PASSED
    with pytest.raises(StepFailed, match="was approved, but"):
        await bug.run("merge", approved=before)
    done = await bug.run("merge", approved=bug.approve(offered.head))
    assert shop.git("rev-parse", "main", cwd=bare) == done.merged_commit


async def test_commits_that_nobody_reviewed_are_not_offered(checked: Worked) -> None:
    bug, shop = checked.bug, checked.shop
    shop.git("switch", "--quiet", "bugfix/inc-7")
    shop.commit("Slip this in", {"shop/extra.py": "X = 1\n"})
    shop.git("switch", "--quiet", "main")
    with pytest.raises(StepFailed, match="was reviewed"):
        await bug.run("pull-request")


async def test_a_repository_without_tests_is_partial_with_the_reason(analysed: Worked) -> None:
    bug, shop = analysed.bug, analysed.shop
    await bug.run("fix-plan", approved=bug.choose(1))
    bug.service = shop.service(tests=catalog.Tests())
    made = await bug.run("implementation")
    assert (made.result, made.reason) == (ImplementationState.PARTIAL, "No test command is known for this service.")


async def test_a_cause_in_a_further_repository_is_found_reflected_on_and_planned_there(tmp_path: Path) -> None:
    pages, shop = Shop(tmp_path / "one"), Shop(tmp_path / "two")
    pages.commit("Begin", {"pages/index.py": "TITLE = 'Shop'\n", "tests/__init__.py": ""})
    _, bad = shop.broken()
    further = catalog.Repository(name="shop", path=str(shop.repository), tests=shop.service().tests)
    bug = bug_of(shop, tmp_path)
    bug.service = shop.service(
        key="pages", repository=str(pages.repository), deploys="", repositories={"shop": further}
    )
    found = await bug.run("root-cause-analysis")
    assert (found.root_cause.commit, found.root_cause.root_file) == (bad, PRICING)
    review = await bug.run("root-cause-reflection")
    assert [each.item for each in review.findings if each.holds is False] == []
    await bug.run("diagnosis-consolidation")
    plan = await bug.run("fix-plan", approved=bug.choose(len(found.options)))
    assert [(task.repository, task.files) for task in plan.tasks] == [("shop", [PRICING])]


async def test_causes_in_two_repositories_are_planned_undone_and_reviewed_in_both(
    analysed: Worked, tmp_path: Path
) -> None:
    bug, till = analysed.bug, Shop(tmp_path / "till")
    _, bad = till.broken(**{"till.txt": "Till"})
    further = catalog.Repository(name="till", path=str(till.repository), tests=analysed.shop.service().tests)
    bug.service = analysed.shop.service(repositories={"till": further})
    first, second = bug.steps("root-cause-analysis")
    found = bug.earlier[first.name]["root_cause"]
    theirs = {**found, "commit": bad, "base": till.git("rev-parse", "main"), "root_file": "shop/pricing.py"}
    bug.earlier[second.name] = {**bug.earlier[first.name], "root_cause": theirs}
    alone = await bug.run("diagnosis-consolidation", feedback=first.name)
    plan = await bug.run("fix-plan", approved=bug.choose(1), feedback="Add till.txt, and look at shop/pricing.py.")
    assert alone.believed == [first.name]
    assert [(task.repository, task.files, task.commit) for task in plan.tasks[1:]] == [("till", ["till.txt"], None)]
    await bug.run("diagnosis-consolidation", feedback="all")
    plan = await bug.run("fix-plan", approved=bug.choose(1))
    assert [(task.repository, task.commit) for task in plan.tasks] == [("shop", found["commit"]), ("till", bad)]
    await bug.run("decomposition")
    there = [bug.steps(prompt)[1] for prompt in ("implementation", "code-review")]
    made, review = [await bug.run_step(step) for step in there]
    assert (made.repository, made.result) == ("till", ImplementationState.COMPLETE)
    assert review.verdict is ReviewVerdict.APPROVED
    plan = await bug.run("fix-plan", approved=bug.choose(2))
    assert [(task.repository, task.files, task.commit) for task in plan.tasks] == [
        ("shop", [PRICING], None),
        ("till", [PRICING], None),
    ]


async def test_the_traceback_of_a_report_points_at_the_commit_without_any_log(shop: Shop, tmp_path: Path) -> None:
    _, bad = shop.broken()
    bug = bug_of(shop, tmp_path, incident=facts(title="Broken", severity="medium", known=f"{REPORT}\n{TRACEBACK}"))
    bug.service = shop.service(
        logs=(), deploys="", tests=catalog.Tests(command=(sys.executable, "-m", "unittest", "-v"))
    )
    found = await bug.run("root-cause-analysis")
    assert found.root_cause.commit == bad
    assert (found.root_cause.root_file, found.root_cause.root_line) == (PRICING, 2)
