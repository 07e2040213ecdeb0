"""A deploy that was cut off is not done again: its outcome is adopted, or people are asked."""

import asyncio
import json
import os
import signal
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from incidents.agents.base import ApprovedSubject
from incidents.agents.journal import Begun
from incidents.catalog import Environment, Service
from incidents.errors import OutcomeUnknown, ToolFailed
from incidents.tools import deploys, launches, recorder
from incidents.tools.deploys import Deployed
from tests.clock import START, ManualClock
from tests.integration.tools.test_launches import recorder_of, until
from tests.jotter import Jotter

COMMIT = "a" * 40
SCRIPT = """
import json, pathlib, sys, time
here, asked = pathlib.Path(sys.argv[1]), sys.argv[2]
with (here / "ran").open("a") as file: file.write("x")
while not (here / "go").exists(): time.sleep(0.02)
if (here / "fail").exists(): sys.exit("no space left")
print(json.dumps({"release": 42, "commit": asked}))
"""


class Site:
    """A service whose deploy command waits until it may go on, and the journal of the step that deploys to it."""

    def __init__(self, folder: Path, clock: ManualClock) -> None:
        self.folder = folder
        self.clock = clock
        self.journal = Jotter(folder / "journal")
        self.environment = Environment(deploy=(sys.executable, "-c", SCRIPT, str(folder), "{commit}"))
        self.deploys = ""

    def go(self) -> None:
        (self.folder / "go").touch()

    def logged(self, at: datetime, release: int = 42, commit: str = COMMIT) -> None:
        """Write a line of the deploy log as the command does."""
        log = self.folder / "deploys.jsonl"
        with log.open("a") as file:
            file.write(json.dumps({"at": at.isoformat(), "release": release, "commit": commit}) + "\n")
        self.deploys = str(log)

    @property
    def times(self) -> int:
        return len((self.folder / "ran").read_text()) if (self.folder / "ran").exists() else 0

    async def deploy(self, environment: str = "production") -> Deployed:
        service = Service(key="shop", deploys=self.deploys, production=self.environment, staging=self.environment)
        bound = {
            "commit": COMMIT,
            "environment": "production",
            "command": self.environment.deploying(COMMIT),
            "folder": "",
        }
        approved = ApprovedSubject("deploy", bound, "digest", "ana") if environment == "production" else None
        return await deploys.deploy(
            service, environment, commit=COMMIT, approved=approved, journal=self.journal, clock=self.clock
        )

    async def begin(
        self, environment: str = "production", *, machine: str = "", verb: str = "deploy", what: str = COMMIT
    ) -> Begun:
        """Begin as an attempt does that is cut off then."""
        folder = self.journal.folder()
        begun = Begun(
            id="1",
            verb=verb,
            environment=environment,
            what=what,
            at=START,
            machine=machine or launches.machine(),
            folder=str(folder),
        )
        await launches.prepare(folder)
        await self.journal.begin(begun)
        argv = tuple(self.environment.deploying(COMMIT))
        await launches.start(folder, argv, cwd=None, env=dict(os.environ), limit=timedelta(seconds=30))
        return begun

    async def vanish(self, environment: str = "production") -> Begun:
        """Begin, and lose recorder and command as with the whole machine."""
        before = self.times
        begun = await self.begin(environment)
        folder = Path(begun.folder)
        await until(lambda: self.times > before)
        os.kill(recorder_of(folder), signal.SIGKILL)
        os.kill(int(json.loads((folder / "begun.json").read_text())["pid"]), signal.SIGKILL)
        self.go()
        return begun


@pytest.fixture
def site(tmp_path: Path, clock: ManualClock) -> Site:
    return Site(tmp_path, clock)


async def test_what_is_begun_is_written_down_first(site: Site) -> None:
    found: list[list[str]] = []
    begin = site.journal.begin

    async def look_and_begin(begun: Begun) -> None:
        found.append(os.listdir(begun.folder))  # a recorder that was started leaves its lock there, at the least
        await begin(begun)

    site.journal.begin = look_and_begin  # type: ignore[method-assign]
    site.go()
    done = await site.deploy()
    assert (found, done.adopted, site.times) == ([[]], False, 1)
    [begun] = site.journal.begun
    assert (begun.in_words, begun.machine) == ("deploy of aaaaaaa to production", launches.machine())
    assert recorder.ENDED in os.listdir(begun.folder)
    assert site.journal.outcomes == ["The deploy of aaaaaaa to production went through."]


async def test_a_deploy_that_still_runs_is_waited_for(site: Site) -> None:
    await site.begin()
    await until((site.folder / "ran").exists)
    site.go()
    done = await site.deploy()
    assert (done.release, done.adopted, site.times) == ("42", True, 1)


async def test_a_deploy_that_ended_meanwhile_is_adopted(site: Site) -> None:
    site.go()
    begun = await site.begin()
    await launches.wait(Path(begun.folder), timedelta(seconds=30))
    done = await site.deploy()
    assert (done.release, done.adopted, site.times) == ("42", True, 1)
    assert done.evidence.exit_code == 0


async def test_a_deploy_that_failed_meanwhile_has_failed(site: Site) -> None:
    (site.folder / "fail").touch()
    site.go()
    await site.begin()
    with pytest.raises(ToolFailed, match="no space left"):
        await site.deploy()
    assert site.times == 1


async def test_a_command_that_could_not_be_started_is_over_and_begins_anew(site: Site) -> None:
    there = site.environment
    site.environment = Environment(deploy=("/nowhere/deploy", "{commit}"))
    with pytest.raises(ToolFailed, match="cannot be started") as failed:
        await site.deploy()
    assert site.journal.outcomes == [f"The deploy of aaaaaaa to production failed: {failed.value.message}"]
    site.journal.store_result()
    site.environment = there
    site.go()
    assert ((await site.deploy()).adopted, site.times) == (False, 1)


async def test_a_deploy_that_was_only_written_down_begins_now(site: Site) -> None:
    site.go()
    begun = written_down(site)
    await launches.prepare(Path(begun.folder))
    await site.journal.begin(begun)
    done = await site.deploy()
    assert (done.release, done.adopted, site.times) == ("42", False, 1)


async def test_a_deploy_whose_folder_was_lost_is_asked_about(site: Site) -> None:
    await site.journal.begin(written_down(site))
    with pytest.raises(OutcomeUnknown):
        await site.deploy()
    assert site.times == 0


@pytest.mark.parametrize("verb", ["rollback", "switch"])
async def test_a_mitigation_that_was_cut_off_is_adopted(site: Site, verb: str) -> None:
    argv = (sys.executable, "-c", SCRIPT, str(site.folder), COMMIT)
    production = Environment(rollback=argv, switches={"new-prices": argv})
    service = Service(key="shop", production=production)
    what = {"rollback": "42", "switch": "new-prices"}[verb]
    subject = {{"rollback": "release", "switch": "switch"}[verb]: what, "command": list(argv), "folder": ""}
    approved = ApprovedSubject("mitigate", subject, "digest", "ana")
    site.environment = Environment(deploy=argv)
    begun = await site.begin(verb=verb, what=what)
    site.go()
    common = {"approved": approved, "journal": site.journal, "clock": site.clock}
    if verb == "rollback":
        done = await deploys.rollback(service, "production", release=what, **common)
    else:
        done = await deploys.switch_off(service, switch=what, **common)
    assert (done.adopted, site.times) == (True, 1)
    assert site.journal.outcomes == [f"The {begun.in_words} went through."]


def written_down(site: Site) -> Begun:
    """Return what a process writes down before it begins a deploy."""
    return Begun(
        id="1",
        verb="deploy",
        environment="production",
        what=COMMIT,
        at=START,
        machine=launches.machine(),
        folder=str(site.journal.folder()),
    )


@pytest.mark.parametrize("commit", [COMMIT, COMMIT[:9]])
async def test_a_deploy_that_vanished_is_found_in_the_deploy_log(site: Site, commit: str) -> None:
    await site.vanish()
    site.logged(START + timedelta(seconds=4), commit=commit)
    done = await site.deploy()
    assert (done.release, done.commit, done.adopted, site.times) == ("42", COMMIT, True, 1)


async def test_a_line_of_before_does_not_count(site: Site) -> None:
    await site.vanish()
    site.logged(START - timedelta(hours=4))
    with pytest.raises(OutcomeUnknown):
        await site.deploy()


@pytest.mark.parametrize("address", ["health", "stats"])
async def test_a_deploy_that_vanished_is_seen_by_its_version(site: Site, httpserver: HTTPServer, address: str) -> None:
    told = {"release": "42", "commit": COMMIT}
    counts = {"requests": 1, "errors": 0}
    httpserver.expect_request("/health").respond_with_json(told if address == "health" else {})
    httpserver.expect_request("/stats").respond_with_json({**counts, **(told if address == "stats" else {})})
    await site.vanish()
    site.environment = site.environment.model_copy(
        update={"health": httpserver.url_for("/health"), "stats": httpserver.url_for("/stats")}
    )
    done = await site.deploy()
    assert (done.release, done.adopted, site.times) == ("42", True, 1)


async def test_without_a_trace_people_are_asked(site: Site, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/health").respond_with_json({"release": "41", "commit": "b" * 40})
    begun = await site.vanish()
    site.environment = site.environment.model_copy(update={"health": httpserver.url_for("/health")})
    with pytest.raises(OutcomeUnknown, match=r"was cut off.*Now it runs release 41 \(bbbbbbb\)") as asked:
        await site.deploy()
    assert asked.value.begun == begun.id
    assert site.times == 1


async def test_once_people_said_so_it_is_done_again(site: Site) -> None:
    begun = await site.vanish()
    with pytest.raises(OutcomeUnknown) as asked:
        await site.deploy()
    site.journal.begun = [begun.model_copy(update={"doubt": asked.value.message})]
    site.journal.cleared = asked.value.message
    done = await site.deploy()
    assert (done.adopted, site.times) == (False, 2)


async def test_staging_is_deployed_to_again_without_asking(site: Site) -> None:
    await site.vanish("staging")
    done = await site.deploy("staging")
    assert (done.adopted, site.times) == (False, 2)


async def test_a_deploy_of_another_machine_is_followed_as_far_as_can_be_seen(site: Site) -> None:
    await site.begin(machine="elsewhere 1")
    await until((site.folder / "ran").exists)
    site.go()
    done = await site.deploy()  # its recorder writes into a folder that both machines see
    assert (done.release, done.adopted, site.times) == ("42", True, 1)


async def test_a_deploy_of_a_machine_that_is_gone_is_asked_about_once_its_time_is_over(site: Site) -> None:
    begun = Begun(
        id="1", verb="deploy", environment="production", what=COMMIT, at=START, machine="gone 1", folder="/nonexistent"
    )
    await site.journal.begin(begun)
    site.clock.advance(site.environment.deploy_timeout)
    with pytest.raises(OutcomeUnknown):
        await site.deploy()
    assert site.times == 0


async def ended(site: Site, *, former: bool) -> Begun:
    """Let a deploy of an earlier attempt have ended; its step was queued anew since, where it is a former one."""
    site.go()
    begun = await site.begin()
    await launches.wait(Path(begun.folder), timedelta(seconds=30))
    site.journal.begun = [begun.model_copy(update={"former": former})]
    return begun


def rolled_back(site: Site) -> None:
    """Let the deploy log tell that another release was put in the place of what was deployed."""
    site.logged(START + timedelta(seconds=2))
    site.logged(START + timedelta(seconds=3), 41, "b" * 40)


async def test_what_was_put_out_of_service_before_it_was_approved_anew_is_deployed(site: Site) -> None:
    await ended(site, former=True)
    rolled_back(site)
    done = await site.deploy()
    assert (done.adopted, site.times, len(site.journal.begun)) == (False, 2, 1)


async def test_what_still_runs_is_not_deployed_again_though_it_was_approved_anew(site: Site) -> None:
    await ended(site, former=True)
    site.logged(START + timedelta(seconds=2), 7, COMMIT[:9])  # as some logs write releases and commits
    done = await site.deploy()
    assert (done.adopted, site.times, site.journal.begun[-1].former) == (True, 1, False)


@pytest.mark.parametrize("minutes", [0, 60])
async def test_a_line_of_a_clock_that_is_ahead_makes_no_release_the_newest(site: Site, minutes: int) -> None:
    """Neither while its time is still to come, nor once it has come."""
    await ended(site, former=False)
    site.logged(START + timedelta(minutes=50), 40, "b" * 40)
    site.logged(START + timedelta(seconds=2))
    site.clock.advance(timedelta(minutes=minutes))
    assert ((await site.deploy()).adopted, site.times) == (True, 1)


async def test_a_line_whose_time_is_still_to_come_replaces_nothing(site: Site) -> None:
    """Nobody can tell that it was written since: the command may write no line."""
    await ended(site, former=False)
    site.logged(START + timedelta(minutes=50), 40, "b" * 40)
    assert ((await site.deploy()).adopted, site.times) == (True, 1)


async def test_a_failure_of_before_does_not_use_up_a_new_approval(site: Site) -> None:
    (site.folder / "fail").touch()
    await ended(site, former=True)
    (site.folder / "fail").unlink()
    done = await site.deploy()
    assert (done.adopted, site.times) == (False, 2)


@pytest.mark.parametrize(
    ("former", "asked"), [(True, "nothing tells whether it still runs"), (False, r"release 41 \(bbbbbbb\) runs now")]
)
async def test_what_went_through_and_may_not_run_is_asked_about(site: Site, former: bool, asked: str) -> None:
    begun = await ended(site, former=former)
    if not former:
        rolled_back(site)
    with pytest.raises(OutcomeUnknown, match=asked) as doubt:
        await site.deploy()
    assert (doubt.value.begun, site.times) == (begun.id, 1)
    site.journal.begun = [begun.model_copy(update={"doubt": doubt.value.message, "former": former})]
    site.journal.cleared = doubt.value.message
    assert ((await site.deploy()).adopted, site.times) == (False, 2)


async def test_nothing_begins_while_another_command_of_the_step_still_runs(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = await site.begin(what="b" * 40)
    await until(lambda: site.times == 1)
    waited_for: list[Path] = []
    wait = launches.wait

    async def seen(folder: Path, limit: timedelta) -> launches.Fate:
        waited_for.append(folder)
        return await wait(folder, limit)

    monkeypatch.setattr(launches, "wait", seen)
    deploying = asyncio.create_task(site.deploy())
    await until(lambda: bool(waited_for))
    assert (waited_for, site.journal.begun, site.times) == ([Path(other.folder)], [other], 1)
    site.go()
    assert ((await deploying).adopted, site.times) == (False, 2)


async def test_nothing_interrupts_while_a_command_runs(site: Site) -> None:
    running = []
    begin = site.journal.begin

    async def note(begun: Begun) -> None:
        running.append(site.journal.running)
        await begin(begun)

    site.journal.begin = note  # type: ignore[method-assign]
    site.go()
    await site.deploy()
    assert (running, site.journal.running) == ([1], 0)
