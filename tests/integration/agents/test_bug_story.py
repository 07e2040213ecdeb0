"""A bug by the playbook from the report to the merge, with a real repository and a bare remote, without GitHub."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from incidents.agents import citations
from incidents.agents.merging import ChecksState
from incidents.agents.outputs import FixApproach, Verdict
from incidents.agents.planning import ImplementationState
from incidents.agents.playbook.runner import PlaybookRunner
from incidents.agents.reviews import CODE_ITEMS, DIAGNOSIS_ITEMS, ReviewVerdict
from incidents.catalog import Sandbox
from incidents.clock import SystemClock
from tests.integration.agents.bug import Bug
from tests.integration.agents.shop import Shop

CHANGELOG = "# Changelog\n\n## Unreleased\n\n- Added: carts.\n\n## 1.0\n\n- Began.\n"


@dataclass
class Told:
    """The finished bug, and its repositories."""

    bug: Bug
    shop: Shop
    bare: Path
    bad: str

    def output(self, prompt: str) -> dict[str, object]:
        """Return the output of the first step of `prompt`."""
        return self.bug.earlier[self.bug.steps(prompt)[0].name]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def told(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Told]:
    root = tmp_path_factory.mktemp("bug")
    shop = Shop(root)
    _, bad = shop.broken(**{"CHANGELOG.md": CHANGELOG})
    bare = root / "bare.git"
    shop.git("clone", "--quiet", "--bare", str(shop.repository), str(bare))
    shop.git("remote", "add", "origin", str(bare))
    runner = PlaybookRunner(SystemClock(), sandbox=Sandbox(mode="none"))
    bug = Bug(runner, shop.service(), root / "work")
    await bug.until("merge-summary")
    yield Told(bug, shop, bare, bad)


def test_the_report_is_complete_but_for_what_nobody_said(told: Told) -> None:
    check = told.output("triage-check")
    assert check["complete"], check["missing_facts"]


def test_the_cause_is_confirmed_with_its_place_and_base(told: Told) -> None:
    cause = told.output("root-cause-analysis")["root_cause"]
    assert isinstance(cause, dict)
    assert (cause["verdict"], cause["commit"], cause["base"]) == (Verdict.CONFIRMED, told.bad, told.bad)
    assert (cause["root_file"], cause["root_line"], cause["root_function"]) == ("shop/pricing.py", 2, "total")


def test_a_bug_is_offered_changes_of_code_only(told: Told) -> None:
    options = told.bug.result("root-cause-analysis").outputs()["options"]
    assert [each["approach"] for each in options] == [FixApproach.REVERT, FixApproach.HOTFIX]
    assert [each["number"] for each in options] == [1, 2]


def test_the_reflection_looks_everything_up_and_approves(told: Told) -> None:
    review = told.bug.result("root-cause-reflection").outputs()
    assert review["verdict"] == ReviewVerdict.APPROVED
    assert [each["item"] for each in review["findings"]] == list(DIAGNOSIS_ITEMS)
    assert all(each["holds"] for each in review["findings"]), review["findings"]


def test_the_fix_is_proven_both_ways(told: Told) -> None:
    made = told.bug.result("implementation").outputs()
    assert made["result"] == ImplementationState.COMPLETE
    assert made["branch"] == "bugfix/inc-7"
    assert [each.rpartition(".")[2] for each in made["tests"]["passed_with_fix"]] == ["test_old_cart_has_a_price"]
    assert made["tests"]["without_fix"]["failed"] + made["tests"]["without_fix"]["errors"] == 1
    assert made["tests"]["with_fix"]["failed"] == 0


def test_all_seven_items_and_every_acceptance_criterion_are_judged_and_hold(told: Told) -> None:
    review = told.bug.result("code-review").outputs()
    criteria = told.bug.result("diagnosis-consolidation").outputs()["user_story"]["criteria"]
    items = [*CODE_ITEMS, *(f"criterion {each['id']}" for each in criteria)]
    assert [each["item"] for each in review["findings"]] == items
    assert review["verdict"] == ReviewVerdict.APPROVED
    assert all(each["holds"] for each in review["findings"]), review["findings"]


def test_the_changelog_tells_of_it_in_its_own_form(told: Told) -> None:
    text = told.shop.git("show", "main:CHANGELOG.md", cwd=told.bare)
    assert "## Unreleased\n\n- Fixed: Old carts cannot be priced.\n- Added: carts.\n" in text


def test_checks_run_on_the_merge_where_nobody_else_checks(told: Told) -> None:
    assert told.output("check-results")["state"] == ChecksState.PASSED
    assert "its tests were run here" in " ".join(told.bug.result("check-results").notes)


def test_exactly_the_approved_commit_is_merged_and_pushed(told: Told) -> None:
    done, offered = told.output("merge"), told.output("pull-request")
    assert told.shop.git("rev-parse", "main^2", cwd=told.bare) == offered["head"] == done["head"]
    assert told.shop.git("rev-parse", "main", cwd=told.bare) == done["merged_commit"]
    assert "There is no GitHub" in str(done["how"])
    assert "Root cause: " in told.shop.git("show", "-s", "--format=%b", "main", cwd=told.bare)


def test_the_summary_has_the_release_note_and_says_that_nothing_is_deployed(told: Told) -> None:
    summary = told.output("merge-summary")
    assert "It is not deployed by this." in str(summary["summary"])
    [note] = told.bug.result("merge-summary").outputs()["release_notes"]
    assert set(note) == {"component", "fix", "root_cause", "impact"}


def test_every_statement_cites_evidence_of_its_own_result(told: Told) -> None:
    for name, result in told.bug.results.items():
        checked, review = citations.check(result.output, result.evidence)
        assert checked == result.output, name
        assert not review.struck, name
        assert not review.weakened, name


def test_no_step_leaves_a_worktree_behind(told: Told) -> None:
    assert list(told.bug.workdir.iterdir()) == []
