"""A fix is offered, checked and merged through GitHub's API, spoken by a real server on loopback."""

import json
import subprocess
from collections.abc import AsyncIterator, Iterator
from copy import deepcopy
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from pydantic import SecretStr
from pytest_httpserver import HTTPServer

from incidents.agents.merging import REBASE, ChecksState
from incidents.agents.planning import ImplementationState
from incidents.agents.playbook.case import Settings
from incidents.agents.playbook.runner import PlaybookRunner
from incidents.agents.reviews import ReviewVerdict
from incidents.catalog import Sandbox
from incidents.clock import SystemClock
from incidents.errors import RebaseNeeded, StepFailed, ToolFailed
from incidents.tools.github import GitHub
from tests.integration.agents.bug import Bug
from tests.integration.agents.github_api import TOKEN, GitHubApi
from tests.integration.agents.shop import GOOD, PRICING, Shop

PASSED = {"name": "unit", "status": "completed", "conclusion": "success"}
RED = {"name": "lint", "status": "completed", "conclusion": "failure", "output": {"title": "E501 in pricing.py"}}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def written(tmp_path_factory: pytest.TempPathFactory) -> Bug:
    """Write and review the fix once; what is tried here is what becomes of it at GitHub."""
    root = tmp_path_factory.mktemp("written")
    shop = Shop(root)
    shop.broken()
    bug = Bug(PlaybookRunner(SystemClock(), sandbox=Sandbox(mode="none")), shop.service(), root / "work")
    await bug.until("documentation-update")
    bug.service = shop.service(github="acme/shop")
    return bug


@pytest.fixture
def shop(written: Bug) -> Shop:
    return Shop.at(Path(written.service.repository))


@pytest.fixture
def api(httpserver: HTTPServer, shop: Shop, tmp_path: Path) -> GitHubApi:
    shop.git("clone", "--quiet", "--bare", "--single-branch", str(shop.repository), str(tmp_path / "hub.git"))
    return GitHubApi(httpserver, tmp_path / "hub.git")


@pytest.fixture(autouse=True)
def as_it_was(shop: Shop) -> Iterator[None]:
    before = shop.git("rev-parse", "bugfix/inc-7")
    yield
    shop.git("update-ref", "refs/heads/bugfix/inc-7", before)


@pytest.fixture
async def bug(api: GitHubApi, written: Bug, tmp_path: Path) -> AsyncIterator[Bug]:
    async with httpx.AsyncClient(trust_env=False) as client:
        hub = GitHub(api.url, SecretStr(TOKEN), client)
        playbook = PlaybookRunner(SystemClock(), sandbox=Sandbox(mode="none"), github=hub)
        playbook._settings = Settings(SystemClock(), Sandbox(mode="none"), hub, timedelta(seconds=0.02))
        yield replace(written, runner=playbook, workdir=tmp_path / "work", earlier=deepcopy(written.earlier))


async def test_the_request_is_opened_once_checked_and_merged_at_the_approved_commit(bug: Bug, api: GitHubApi) -> None:
    api.loses_the_answer = True
    with pytest.raises(StepFailed, match="502"):
        await bug.run("pull-request")
    api.loses_the_answer = False
    offered = await bug.run("pull-request", attempt=2)  # as after a crash: found by its branch
    again = await bug.run("pull-request", attempt=3)
    assert (offered.number, again.number, len(api.pulls)) == (1, 1, 1)
    assert "**Root cause:**" in api.pulls[0]["body"]
    api.checks = [PASSED, RED]
    red = await bug.run("check-results")
    assert (red.state, red.verdict) == (ChecksState.FAILED, ReviewVerdict.NEEDS_CHANGES)
    assert "lint: failure: E501 in pricing.py" in red.critique
    api.checks = [PASSED]
    assert (await bug.run("check-results")).state is ChecksState.PASSED
    merge = bug.steps("merge")[0]
    api.reviews = [{"user": {"login": "bo"}, "state": "CHANGES_REQUESTED"}]
    with pytest.raises(StepFailed, match="`bo` asked for changes on pull request 1"):
        await bug.run("merge", approved=bug.approval(merge))
    api.reviews.append({"user": {"login": "bo"}, "state": "APPROVED"})
    api.loses_the_answer = True
    done = await bug.run("merge", approved=bug.approval(merge))
    assert (done.head, done.merged_commit) == (offered.head, "f" * 40)
    told = json.dumps([result.outputs() for result in bug.results.values()], default=str)
    told += "".join(item.model_dump_json() for result in bug.results.values() for item in result.evidence)
    assert TOKEN not in told


async def test_without_the_right_to_push_it_goes_by_a_fork(bug: Bug, api: GitHubApi, shop: Shop) -> None:
    api.may_push = False
    offered = await bug.run("pull-request")
    assert api.pulls[0]["owner"] == "bot"
    assert shop.git("rev-parse", "bugfix/inc-7", cwd=api.fork) == offered.head
    assert offered.note.startswith("Pushed to a fork")


async def test_a_head_that_moved_after_the_approval_is_not_merged(bug: Bug, api: GitHubApi, shop: Shop) -> None:
    await bug.run("pull-request")
    approved = bug.approval(bug.steps("merge")[0])
    shop.git("update-ref", "refs/heads/bugfix/inc-7", "main", cwd=api.bare)
    with pytest.raises(StepFailed, match="was approved; nothing was merged"):
        await bug.run("merge", approved=approved)
    assert not any(each.startswith("PUT") for each in api.asked)


async def test_a_merge_into_another_branch_or_place_than_was_approved_is_refused(bug: Bug, api: GitHubApi) -> None:
    await bug.run("pull-request")
    approved = bug.approval(bug.steps("merge")[0])
    api.pulls[0]["base"]["ref"] = "production"  # somebody has changed it on GitHub
    with pytest.raises(StepFailed, match="goes into `production` now, but `main` was approved; nothing was merged"):
        await bug.run("merge", approved=approved)
    bug.service = bug.service.model_copy(update={"branch": "production"})
    with pytest.raises(
        StepFailed, match=r"sitrep\.yml has `production` as the branch of `shop` now; nothing was merged"
    ):
        await bug.run("merge", approved=approved)
    assert not any(each.startswith("PUT") for each in api.asked)


async def test_a_branch_that_moved_on_is_rebased_and_pushed_and_the_former_approval_is_void(
    bug: Bug, api: GitHubApi, tmp_path: Path
) -> None:
    await bug.run("pull-request")
    approved = bug.approval(bug.steps("merge")[0])
    theirs = cloned(api, tmp_path / "theirs")
    theirs.commit("Move on", {"shop/page.py": "TITLE = 'Shop'\n"})
    theirs.git("push", "--quiet", "origin", "main")
    api.mergeable = False
    with pytest.raises(RebaseNeeded, match="nothing was merged") as needed:
        await bug.run("merge", approved=approved)
    assert "without a conflict: press Rebase" in needed.value.remedy
    api.mergeable = True
    offered = await bug.run("pull-request", feedback=REBASE)
    assert offered.base == theirs.git("rev-parse", "main")
    with pytest.raises(StepFailed, match="was approved, but"):
        await bug.run("merge", approved=approved)
    done = await bug.run("merge", approved=bug.approve(offered.head))
    assert (len(api.pulls), api.pulls[0]["head"]["sha"]) == (1, done.head)


async def test_a_conflict_at_github_that_people_solved_and_pushed_is_taken_up_from_there(
    bug: Bug, api: GitHubApi, tmp_path: Path
) -> None:
    await bug.run("pull-request")
    theirs = cloned(api, tmp_path / "theirs")
    theirs.commit("Another way", {PRICING: "def total(cart):\n    return cart['money']\n"})
    theirs.git("push", "--quiet", "origin", "main")
    api.checks = [PASSED]
    assert (await bug.run("check-results")).conflicts == [PRICING]
    api.mergeable = False
    with pytest.raises(RebaseNeeded) as needed:
        await bug.run("merge", approved=bug.approval(bug.steps("merge")[0]))
    assert [each["path"] for each in needed.value.conflicts] == [PRICING]
    theirs.git("switch", "--quiet", "--create", "bugfix/inc-7")
    solved = theirs.commit("Price old carts in euro", {PRICING: GOOD})
    theirs.git("push", "--quiet", "--force", "origin", "bugfix/inc-7")
    made = await bug.run("implementation", feedback=REBASE)
    assert (made.result, made.commit) == (ImplementationState.COMPLETE, solved)
    assert (await bug.run("pull-request")).head == solved


def cloned(api: GitHubApi, folder: Path) -> Shop:
    """Return somebody's own clone of what is at GitHub."""
    subprocess.run(("git", "clone", "--quiet", "--branch", "main", str(api.bare), str(folder)), check=True)
    return Shop.at(folder)


async def test_a_refused_token_is_told_with_its_remedy_and_without_itself(api: GitHubApi) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        hub = GitHub(api.url, SecretStr("ghp_wrong" + "x" * 30), client)
        with pytest.raises(ToolFailed, match=r"\(401\): Bad credentials\. Check GITHUB_TOKEN\.") as refusal:
            await hub.repository("acme/shop")
    assert "ghp_" not in str(refusal.value)
