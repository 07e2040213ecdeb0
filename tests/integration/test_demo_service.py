"""The demo's service really runs, really breaks, and is really repaired."""

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest

from bot.demo import releases, repository
from bot.demo.service import DemoService
from incidents.agents.base import ApprovedSubject
from incidents.catalog import Sandbox, Service
from incidents.clock import SystemClock
from incidents.errors import ToolFailed
from incidents.tools import deploylog, deploys, git, logs, reverts, suspects, testrun, worktrees
from tests.integration.tools.workshop import Workshop
from tests.jotter import Jotter

pytestmark = pytest.mark.long

CLOCK = SystemClock()
LEGACY_TEST = "tests.contract.test_mobile_carts.MobileCartsTest.test_legacy_cart_can_be_ordered"


async def wait_until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await condition():  # noqa: ASYNC110 - another process sets no events
            await asyncio.sleep(0.05)


async def order(url: str, cart: str) -> int:
    async with httpx.AsyncClient() as client:
        return (await client.post(f"{url}/orders", json={"cart": cart})).status_code


@pytest.mark.parametrize("now", ["2026-11-21T00:10:00Z", "2026-11-21T09:00:00Z", "2026-03-01T23:50:00Z"])
async def test_the_history_is_one_that_people_could_have_made(tmp_path: Path, now: str) -> None:
    moment = datetime.fromisoformat(now)
    built = await repository.build(tmp_path / "checkout", moment)
    history = await (await git.open_repository(built.path, CLOCK)).commits("HEAD")
    commits = history.commits[::-1]
    assert len(commits) == 22
    assert len({commit.author for commit in commits}) >= 4
    dates = [commit.committed_at for commit in commits]
    assert dates == sorted(dates)
    assert moment - dates[-1] < timedelta(hours=1)
    assert moment - dates[0] > timedelta(days=60)
    committed = {commit.hash: commit.committed_at for commit in commits}
    released = [release.at for release in built.releases]
    assert released == sorted(released)
    assert all(committed[release.commit] < release.at < moment for release in built.releases)


async def test_the_links_of_an_incidents_channel_open(tmp_path: Path) -> None:
    async with DemoService(tmp_path) as demo:
        service = Service.model_validate({"key": "checkout", **demo.service_yaml()})
        async with httpx.AsyncClient() as client:
            shown = {
                name: await client.get(link)
                for name, link in {
                    "war room": service.war_room, "runbook": service.runbook, "dashboard": service.dashboard
                }.items()
            }  # fmt: skip
    assert {name: answer.status_code for name, answer in shown.items()} == dict.fromkeys(shown, 200)
    assert shown["runbook"].text == (demo.repository / "docs" / "runbook.md").read_text(encoding="utf-8")
    assert shown["runbook"].headers["content-type"].startswith("text/plain")
    async with httpx.AsyncClient() as client:
        with pytest.raises(httpx.ConnectError):
            await client.get(service.runbook)


async def test_a_bad_release_breaks_it_and_the_reverted_commit_repairs_it(tmp_path: Path) -> None:
    async with DemoService(tmp_path) as demo:
        assert await demo.healthy()
        assert await order(demo.production_url, "c-0001") == 201

        await demo.break_it()
        assert not await demo.healthy()
        assert await order(demo.production_url, "c-0001") == 500

        service = Service.model_validate({"key": "checkout", **demo.service_yaml()})
        log = await deploylog.read(demo.deploys, CLOCK)
        bad = log.current()
        assert bad is not None
        good = log.before(bad)
        assert good is not None
        assert (bad.release, good.release) == ("41", "40")

        found = await logs.investigate(demo.logs, clock=CLOCK, split=bad.at)
        assert found.failures[0].raised.headline == "KeyError: 'currency'"
        assert (found.failures[0].before, found.errors_before) == (0, 0)
        assert found.onset is not None
        assert found.onset >= bad.at

        clone = await git.open_repository(demo.repository, CLOCK)
        await clone.require_clean()
        ranking = await suspects.rank(
            clone,
            bad=bad.commit,
            good=good.commit,
            tracebacks=[failure.traceback for failure in found.failures],
            onset=found.onset,
            deployed_at=bad.at,
        )
        culprit = ranking.suspects[0].commit
        assert culprit.subject == "Simplify price rounding"
        assert culprit.hash != bad.commit, "the newest commit is a decoy"

        worktree = await worktrees.add(clone, tmp_path / "work", commit=bad.commit, branch="hotfix/inc-1")
        sandbox = Sandbox(mode="none")
        before = await testrun.run(worktree.folder, service.tests, sandbox, clock=CLOCK, what="release 41")
        fix = await reverts.undo(worktree, culprit, reason="inc-1")
        after = await testrun.run(worktree.folder, service.tests, sandbox, clock=CLOCK, what="the fix")
        compared = testrun.compare(before, after, undone_files=culprit.files)
        assert LEGACY_TEST in compared.repaired
        assert compared.proven

        staged = await deploys.deploy(
            service, "staging", commit=fix.commit, approved=None, journal=Jotter(tmp_path), clock=CLOCK
        )
        bound = {"command": service.production.deploying(fix.commit), "folder": service.repository}
        subject = {"commit": fix.commit, "environment": "production", **bound}
        approved = ApprovedSubject("deploy", subject, "digest", "ana")
        released = await deploys.deploy(
            service, "production", commit=fix.commit, approved=approved, journal=Jotter(tmp_path), clock=CLOCK
        )
        assert staged.release == released.release == "42"
        assert await order(demo.production_url, "c-0001") == 201
        assert await demo.healthy()
        current = (await deploylog.read(demo.deploys, CLOCK)).current()
        assert current is not None
        assert (current.release, current.commit, current.by) == ("42", fix.commit, "sitrep")


async def test_the_last_good_release_can_be_put_back_without_an_interruption(tmp_path: Path) -> None:
    async with DemoService(tmp_path) as demo:
        await demo.break_it()
        service = Service.model_validate({"key": "checkout", **demo.service_yaml()})
        statuses: list[int] = []

        async def ask_on() -> None:
            async with httpx.AsyncClient() as client:
                while True:
                    statuses.append((await client.get(f"{demo.production_url}/products")).status_code)

        asking = asyncio.create_task(ask_on())
        done = await deploys.rollback(
            service,
            "production",
            release="40",
            approved=ApprovedSubject(
                "deploy",
                {
                    "rollback_release": "40",
                    "rollback": service.production.putting_back("40"),
                    "folder": service.repository,
                },
                "d1",
                "U0ANA",
            ),
            journal=Jotter(tmp_path),
            clock=CLOCK,
        )
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert done.release == "40"
        assert len(statuses) > 3  # it was asked meanwhile, however slow the machine
        assert set(statuses) == {200}
        await wait_until(demo.healthy)


async def test_a_release_that_does_not_start_leaves_the_old_one_running(tmp_path: Path) -> None:
    async with DemoService(tmp_path) as demo:
        broken = {"checkout/__main__.py": "raise SystemExit('no')\n"}
        head = Workshop(demo.repository).commit_files("Break the start", broken)
        service = Service.model_validate({"key": "checkout", **demo.service_yaml()})
        with pytest.raises(ToolFailed, match="ended at once"):
            await deploys.deploy(service, "staging", commit=head, approved=None, journal=Jotter(tmp_path), clock=CLOCK)
        assert (await demo.probe("staging")).healthy
        current = (await deploylog.read(demo.deploys, CLOCK)).current("staging")
        assert current is not None
        assert current.release == "40"


async def test_nothing_survives_the_end(tmp_path: Path) -> None:
    async with DemoService(tmp_path) as demo:
        await demo.break_it()
        assert len(releases.running(demo.home)) == 2
        url = demo.production_url
    assert releases.running(demo.home) == []
    with pytest.raises(httpx.ConnectError):
        await order(url, "c-0001")


async def test_what_a_killed_demo_left_behind_is_ended_by_the_next(tmp_path: Path) -> None:
    script = (
        "import asyncio, os, sys\nfrom pathlib import Path\nfrom bot.demo.service import DemoService\n"
        "async def main():\n    async with DemoService(Path(sys.argv[1])):\n        os.kill(os.getpid(), 9)\n"
        "asyncio.run(main())\n"
    )
    killed = await asyncio.to_thread(subprocess.run, (sys.executable, "-c", script, str(tmp_path)))
    assert killed.returncode == -9
    left = releases.running(tmp_path / "checkout-home")
    assert len(left) == 2
    async with DemoService(tmp_path) as demo:
        assert not set(left) & set(releases.running(demo.home))
        assert await demo.healthy()
