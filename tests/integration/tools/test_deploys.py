"""Deploys happen by the service's own command, for exactly the commit that was approved."""

import json
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from incidents.agents.base import ApprovedSubject
from incidents.catalog import Environment, Service
from incidents.errors import NotAllowed, ToolFailed
from incidents.tools import deploylog, deploys
from incidents.tools.evidence import EvidenceKind
from tests.clock import START, ManualClock
from tests.jotter import Jotter

COMMIT = "a" * 40
OTHER = "b" * 40


def service(script: str, tmp_path: Path, **environment: object) -> Service:
    """A service whose deploy and rollback command is a Python script; it gets the commit or release as argument."""
    program = tmp_path / "deploy.py"
    program.write_text(f"import json, os, sys, time\nasked = sys.argv[1]\n{script}\n")
    production = Environment(
        deploy=(sys.executable, str(program), "{commit}"),
        rollback=(sys.executable, str(program), "{release}"),
        **environment,  # type: ignore[arg-type]
    )
    return Service(key="checkout", repository=str(tmp_path), production=production, staging=production)


def approval(shop: Service, kind: str = "deploy", **otherwise: object) -> ApprovedSubject:
    """What is approved for the shop as it is; `otherwise` is what differs."""
    bound = {"command": shop.production.deploying(COMMIT), "folder": shop.repository}
    subject = {"commit": COMMIT, "environment": "production", **bound, **otherwise}
    return ApprovedSubject(kind, subject, "digest", "ana")  # type: ignore[arg-type]


DEPLOYS = "print('exporting'); print(json.dumps({'release': 42, 'commit': asked}))"


async def test_the_approved_commit_is_deployed(tmp_path: Path, clock: ManualClock) -> None:
    shop = service(DEPLOYS, tmp_path)
    done = await deploys.deploy(
        shop, "production", commit=COMMIT, approved=approval(shop), journal=Jotter(tmp_path), clock=clock
    )
    assert (done.release, done.commit) == ("42", COMMIT)
    assert done.evidence.kind is EvidenceKind.DEPLOY
    assert done.evidence.command == (sys.executable, str(tmp_path / "deploy.py"), COMMIT)
    assert "release 42" in done.evidence.summary


@pytest.mark.parametrize(
    "differs",
    [
        None,
        {"commit": OTHER},
        {"environment": "staging"},
        {"kind": "choose_fix"},
        {"command": ["bin/deploy", COMMIT]},
        {"command": []},
        {"folder": "/srv/another"},
    ],
    ids=["nobody", "commit", "environment", "question", "command", "no command was bound", "folder"],
)
async def test_production_gets_nothing_that_was_not_approved(
    tmp_path: Path, clock: ManualClock, differs: dict[str, Any] | None
) -> None:
    shop = service(f"open({str(tmp_path / 'ran')!r}, 'w')\n{DEPLOYS}", tmp_path)
    approved = None if differs is None else approval(shop, **differs)
    with pytest.raises(NotAllowed):
        await deploys.deploy(
            shop, "production", commit=COMMIT, approved=approved, journal=Jotter(tmp_path), clock=clock
        )
    assert not (tmp_path / "ran").exists()


async def test_staging_needs_no_approval(tmp_path: Path, clock: ManualClock) -> None:
    shop = service(DEPLOYS, tmp_path)
    done = await deploys.deploy(shop, "staging", commit=COMMIT, approved=None, journal=Jotter(tmp_path), clock=clock)
    assert done.commit == COMMIT


async def test_a_command_that_started_another_commit_is_not_believed(tmp_path: Path, clock: ManualClock) -> None:
    shop = service(f"print(json.dumps({{'release': 42, 'commit': {OTHER!r}}}))", tmp_path)
    with pytest.raises(ToolFailed, match="was asked for aaaaaaa"):
        await deploys.deploy(
            shop, "production", commit=COMMIT, approved=approval(shop), journal=Jotter(tmp_path), clock=clock
        )


async def test_a_command_that_says_nothing_is_not_believed(tmp_path: Path, clock: ManualClock) -> None:
    shop = service("print('done')", tmp_path)
    with pytest.raises(ToolFailed, match="was asked for"):
        await deploys.deploy(
            shop, "production", commit=COMMIT, approved=approval(shop), journal=Jotter(tmp_path), clock=clock
        )


async def test_a_failing_command_is_told_with_its_last_words(tmp_path: Path, clock: ManualClock) -> None:
    shop = service("sys.exit('the disk is full')", tmp_path)
    with pytest.raises(ToolFailed, match=r"failed \(exit code 1\): the disk is full"):
        await deploys.deploy(
            shop, "production", commit=COMMIT, approved=approval(shop), journal=Jotter(tmp_path), clock=clock
        )


async def test_a_command_that_hangs_is_ended(tmp_path: Path, clock: ManualClock) -> None:
    shop = service("time.sleep(60)", tmp_path, deploy_timeout=timedelta(seconds=1))
    with pytest.raises(ToolFailed, match="did not end within 1 s") as failed:
        await deploys.deploy(
            shop, "production", commit=COMMIT, approved=approval(shop), journal=Jotter(tmp_path), clock=clock
        )
    assert "which release runs" in failed.value.remedy


async def test_a_release_is_put_back(tmp_path: Path, clock: ManualClock) -> None:
    shop = service(f"print(json.dumps({{'release': asked, 'commit': {OTHER!r}}}))", tmp_path)
    with pytest.raises(NotAllowed, match="Nobody approved a rollback to release 40"):
        await deploys.rollback(
            shop, "production", release="40", approved=approval(shop), journal=Jotter(tmp_path), clock=clock
        )
    way_back = approval(shop, rollback_release="40", rollback=["bin/rollback", "40"])
    with pytest.raises(NotAllowed, match="is not the one that was approved"):
        await deploys.rollback(
            shop, "production", release="40", approved=way_back, journal=Jotter(tmp_path), clock=clock
        )
    way_back = approval(shop, rollback_release="40", rollback=shop.production.putting_back("40"))
    done = await deploys.rollback(
        shop, "production", release="40", approved=way_back, journal=Jotter(tmp_path), clock=clock
    )
    assert (done.release, done.commit) == ("40", OTHER)


async def test_what_a_log_or_an_agent_brings_as_a_name_is_no_option_of_the_command(
    tmp_path: Path, clock: ManualClock
) -> None:
    shop, kept = service(DEPLOYS, tmp_path), Jotter(tmp_path)
    with pytest.raises(ToolFailed, match="is no name of a commit"):
        await deploys.deploy(shop, "staging", commit="--all", approved=None, journal=kept, clock=clock)
    with pytest.raises(ToolFailed, match="is no name of a release"):
        await deploys.rollback(shop, "staging", release="--all", approved=None, journal=kept, clock=clock)
    assert kept.begun == []


async def test_without_a_command_it_is_said_what_to_add(tmp_path: Path, clock: ManualClock) -> None:
    shop = Service(key="shop")
    with pytest.raises(ToolFailed, match="no deploy command for production") as failed:
        await deploys.deploy(
            shop, "production", commit=COMMIT, approved=approval(shop), journal=Jotter(tmp_path), clock=clock
        )
    assert "production.deploy" in failed.value.remedy
    with pytest.raises(ToolFailed, match="no environment 'staging'"):
        await deploys.deploy(shop, "staging", commit=COMMIT, approved=None, journal=Jotter(tmp_path), clock=clock)


async def test_the_command_does_not_see_our_secrets(
    tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SLACK_BOT_TOKEN", "ANTHROPIC_API_KEY", "DATABASE_URL"):
        monkeypatch.setenv(name, "hunter2")
    monkeypatch.setenv("KUBECONFIG", "/etc/kube")
    script = f"open('environment', 'w').write(json.dumps(dict(os.environ)))\n{DEPLOYS}"
    await deploys.deploy(
        service(script, tmp_path), "staging", commit=COMMIT, approved=None, journal=Jotter(tmp_path), clock=clock
    )
    seen = json.loads((tmp_path / "environment").read_text())
    assert "hunter2" not in seen.values()
    assert seen["KUBECONFIG"] == "/etc/kube"


def log_line(minutes: int, release: object, commit: str, environment: str = "production") -> str:
    at = (START + timedelta(minutes=minutes)).isoformat()
    fields = {"at": at, "release": release, "commit": commit, "environment": environment, "by": "mateo"}
    return json.dumps(fields) + "\n"


async def test_the_log_says_what_runs_and_what_ran_before(tmp_path: Path, clock: ManualClock) -> None:
    path = tmp_path / "deploys.jsonl"
    path.write_text(
        log_line(0, 40, OTHER)
        + log_line(10, "41", COMMIT)
        + log_line(12, "41", COMMIT)
        + log_line(20, 42, "c" * 40, "staging")
    )
    log = await deploylog.read(path, clock)
    current = log.current()
    assert current is not None
    assert (current.release, current.at) == ("41", START + timedelta(minutes=12))
    before = log.before(current)
    assert before is not None
    assert before.release == "40"
    assert log.before(before) is None
    staging = log.current("staging")
    assert staging is not None
    assert staging.release == "42"
    then = log.at(START + timedelta(minutes=5))
    assert then is not None
    assert then.release == "40"
    assert log.at(START - timedelta(minutes=5)) is None
    assert "4 deploys; last: release 42" in log.evidence.summary


async def test_lines_that_say_nothing_are_counted(tmp_path: Path, clock: ManualClock) -> None:
    path = tmp_path / "deploys.jsonl"
    path.write_text(log_line(0, 40, OTHER) + "rubbish\n\n" + '{"at": "yesterday"}\n')
    log = await deploylog.read(path, clock)
    assert (len(log.deploys), log.unreadable) == (1, 2)


async def test_an_empty_log_knows_nothing(tmp_path: Path, clock: ManualClock) -> None:
    path = tmp_path / "deploys.jsonl"
    path.touch()
    log = await deploylog.read(path, clock)
    assert log.current() is None


async def test_a_missing_log_is_named(tmp_path: Path, clock: ManualClock) -> None:
    with pytest.raises(ToolFailed, match=r"deploys\.jsonl cannot be read"):
        await deploylog.read(tmp_path / "deploys.jsonl", clock)
