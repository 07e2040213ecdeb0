"""One bug from its report to the merge, its Sitrep killed in the middle of each thing it does: all is done once."""

import contextlib
from pathlib import Path

import httpx
import pytest
from pytest_httpserver import HTTPServer

from bot.workspace.rules.errors import SlackError
from tests.integration.agents.github_api import TOKEN, GitHubApi
from tests.integration.agents.shop import Shop
from tests.torture import commander
from tests.torture.outside import Executioner
from tests.torture.points import Kill, Point, Stir
from tests.torture.reckoning import Verdict
from tests.torture.test_response import Response, lived_through

pytestmark = pytest.mark.torture

TITLE = "Old carts cannot be priced"
FACTS = {
    "steps_to_reproduce": "call `total({})`",
    "expected_vs_actual": "a price in EUR; it raises KeyError",
    "environment": "production",
    "versions": "release 2",
    "component": "pricing",
    "error_output": "KeyError: 'currency'",
    "context": "old carts, since the last release",
}
_KILLS = (
    Kill(Point.CARRYING, ""),
    Kill(Point.COMMITTED, "UPDATE approval"),
    Kill(Point.SPAWNED, "worktree add"),
    Kill(Point.SPAWNED, r"^git .*commit --quiet"),
    Kill(Point.COMMITTING, "step_done(?s:.*)Implementation"),
    Kill(Point.ACCEPTED, "GET pulls"),  # pushed, and not offered yet
    Kill(Point.ACCEPTED, "opened"),
    Kill(Point.COMMITTING, "step_done(?s:.*)Pull request"),
    Kill(Point.COMMITTING, "UPDATE approval"),
    Kill(Point.ACCEPTED, "merged"),
    Kill(Point.COMMITTING, 'step_done(?s:.*)"Merge, '),
)


class Bug(Response):
    """A campaign of one bug, in a repository that is on GitHub."""

    finished = "SELECT 1 FROM run WHERE outcome = 'complete'"
    patience = 60.0

    def __init__(self, folder: Path, shop: Shop, url: str, api: GitHubApi) -> None:
        super().__init__(folder, shop, url, github="acme/shop")
        self._api = api
        known = {word: Executioner(word) for word in ("GET pulls", "opened", "merged")}
        self.executioners += known.values()
        api.hears = lambda word: word in known and known[word].strike(Point.ACCEPTED)

    async def __aenter__(self) -> "Bug":
        await super().__aenter__()
        self.sitrep.variables |= {"GITHUB_TOKEN": TOKEN, "GITHUB_API_URL": self._api.url}
        return self

    async def reckon(self) -> Verdict:
        """Return what is missing or doubled; what policies owe is reckoned of incidents, and of a bug its steps are."""
        verdict = await super().reckon()
        verdict.lost = [each for each in verdict.lost if ":step:" in each]
        verdict.unowed = []
        return verdict

    async def _stir(self, stir: Stir) -> None:
        await self.folk.persist("report", self._is_reported, self._report)
        decisions = ("Choose 1", "Approve the plan", "Approve and merge")
        await commander.decide(self.folk.people["ana"], await self._led(), decisions)

    async def _is_reported(self) -> bool:
        return await self.record.has("SELECT 1 FROM incident WHERE title = :title", title=TITLE)

    async def _report(self) -> None:
        dee = self.folk.people["dee"]
        for view in list(dee.screen.views):
            with contextlib.suppress(SlackError, TimeoutError, httpx.HTTPError):
                await dee.close(view)
        await dee.command("/incident", f"bug {TITLE}")
        form = await dee.wait_for_view(lambda view: view["callback_id"] == "bug", timeout=3)
        await dee.submit(form, {"service": "checkout", **FACTS})


@pytest.mark.timeout(900)
async def test_bug_that_is_killed_at_every_turn_is_offered_once_and_merged_once(
    tmp_path: Path, httpserver: HTTPServer
) -> None:
    shop = Shop(tmp_path / "shop")
    shop.broken()
    shop.git("clone", "--quiet", "--bare", "--single-branch", str(shop.repository), str(tmp_path / "hub.git"))
    api = GitHubApi(httpserver, tmp_path / "hub.git")
    api.checks = [{"name": "unit", "status": "completed", "conclusion": "success"}]
    url = f"sqlite+aiosqlite:///{tmp_path}/sitrep.db"
    async with Bug(tmp_path, shop, url, api) as bug:
        await lived_through(bug, _KILLS)
        [run] = await bug.record.rows("SELECT state, outcome FROM run")
    assert api.done == ["opened 1", "merged 1"]
    assert (run["state"], run["outcome"]) == ("done", "complete")
    offered = shop.git("for-each-ref", "--format=%(refname:short)", "refs/heads/bugfix", cwd=api.bare)
    assert offered == "bugfix/inc-1"
    assert shop.git("log", "--format=%s", "main..bugfix/inc-1").count("\n") <= 1, (
        "the fix, and its line of the changelog"
    )
