"""A service's tests run in the sandbox; a repair counts only where the very test executed and passed."""

import asyncio
import os
import shutil
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from incidents import catalog
from incidents.catalog import Sandbox
from incidents.errors import ToolFailed
from incidents.tools import git, sandbox, testrun, worktrees
from tests.clock import ManualClock
from tests.integration.tools.workshop import Workshop

UNITTEST = catalog.Tests(command=(sys.executable, "-m", "unittest", "discover", "-v"), timeout=timedelta(seconds=60))
PYTEST = catalog.Tests(command=(sys.executable, "-m", "pytest", "-q"), timeout=timedelta(seconds=60))
MODES = [
    pytest.param(
        Sandbox(), id="bubblewrap", marks=pytest.mark.skipif(not shutil.which("bwrap"), reason="bubblewrap is missing")
    ),
    pytest.param(Sandbox(mode="none"), id="none"),
]
bubblewrap_only = pytest.mark.skipif(not shutil.which("bwrap"), reason="bubblewrap is missing")

PRICE = "def price(cart):\n    return cart['currency']\n"
TEST = """import unittest
from price import price
class PriceTest(unittest.TestCase):
    def test_new(self): self.assertEqual(price({'currency': 'EUR'}), 'EUR')
    def test_old(self): self.assertEqual(price({}), 'EUR')
"""


def project(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


async def run(
    folder: Path, tests: catalog.Tests, clock: ManualClock, mode: Sandbox | None = None
) -> testrun.TestResult:
    return await testrun.run(folder, tests, mode or Sandbox(mode="none"), clock=clock, what="`abc1234` before the fix")


async def test_runs_take_turns(tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(testrun, "_AT_ONCE", 1)
    diary = tmp_path / "diary"
    noted = f"""import time, unittest
class Turn(unittest.TestCase):
    def test_turn(self):
        with open({str(diary)!r}, "a") as diary:
            diary.write("in ")
            diary.flush()
            time.sleep(0.3)
            diary.write("out ")
"""
    folders = [tmp_path / name for name in ("one", "two", "three")]
    for folder in folders:
        folder.mkdir()
        project(folder, {"test_turn.py": noted})
    results = await asyncio.gather(*(run(folder, UNITTEST, clock) for folder in folders))
    assert [len(each.passed) for each in results] == [1, 1, 1]
    assert diary.read_text().split() == ["in", "out"] * 3


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("tests", "old", "new"),
    [
        (UNITTEST, "test_price.PriceTest.test_old", "test_price.PriceTest.test_new"),
        (PYTEST, "test_price.py::PriceTest::test_old", "test_price.py::PriceTest::test_new"),
    ],
    ids=["unittest", "pytest"],
)
async def test_passes_and_failures_are_named(
    tmp_path: Path, clock: ManualClock, mode: Sandbox, tests: catalog.Tests, old: str, new: str
) -> None:
    result = await run(project(tmp_path, {"price.py": PRICE, "test_price.py": TEST}), tests, clock, mode)
    assert (result.passed, result.failed) == ({new}, {old})
    assert (result.run.exit_code, result.run.passed, result.run.failing) == (1, 1, [old])
    assert result.run.failed + result.run.errors == 1
    assert not result.run.timed_out
    assert result.evidence.summary == "Tests of `abc1234` before the fix: 1 passed, 1 failed"
    assert result.evidence.exit_code == 1
    assert result.evidence.command is not None
    assert "bwrap" not in result.evidence.command[0]
    assert result.run.evidence == result.evidence.id


async def test_a_repair_is_a_test_that_failed_and_then_passed(tmp_path: Path, clock: ManualClock) -> None:
    before = await run(project(tmp_path / "before", {"price.py": PRICE, "test_price.py": TEST}), UNITTEST, clock)
    fixed = PRICE.replace("cart['currency']", "cart.get('currency', 'EUR')")
    after = await run(project(tmp_path / "after", {"price.py": fixed, "test_price.py": TEST}), UNITTEST, clock)
    compared = testrun.compare(before, after)
    assert compared.repaired == ("test_price.PriceTest.test_old",)
    assert compared.proven


async def test_a_failing_test_that_disappears_is_no_repair(tmp_path: Path, clock: ManualClock) -> None:
    before = await run(project(tmp_path / "before", {"price.py": PRICE, "test_price.py": TEST}), UNITTEST, clock)
    other = "import unittest\nclass OtherTest(unittest.TestCase):\n    def test_it(self): pass\n"
    files = {"price.py": "cost = 1\n", "test_price.py": TEST, "test_other.py": other}
    after = await run(project(tmp_path / "after", files), UNITTEST, clock)
    compared = testrun.compare(before, after)
    assert compared.repaired == ()
    assert compared.vanished == ("test_price.PriceTest.test_old",)
    assert compared.newly_failing == ("test_price",)
    assert not compared.proven


async def test_tests_of_the_undone_change_are_dropped_not_counted(tmp_path: Path, clock: ManualClock) -> None:
    own = "import unittest\nimport price\nclass OwnTest(unittest.TestCase):\n    def test_own(self): price.speed\n"
    before_files = {"price.py": f"speed = 1\n{PRICE}", "test_price.py": TEST, "test_own.py": own}
    before = await run(project(tmp_path / "before", before_files), UNITTEST, clock)
    fixed = PRICE.replace("cart['currency']", "cart.get('currency', 'EUR')")
    after = await run(project(tmp_path / "after", {**before_files, "price.py": fixed}), UNITTEST, clock)
    compared = testrun.compare(before, after, undone_files=["price.py", "test_own.py"])
    assert compared.dropped == ("test_own.OwnTest.test_own",)
    assert compared.newly_failing == ()
    assert compared.proven
    assert testrun.compare(before, after).newly_failing == ("test_own.OwnTest.test_own",)


@pytest.mark.parametrize("mode", MODES)
async def test_hanging_tests_are_killed_with_all_they_started(
    tmp_path: Path, clock: ManualClock, mode: Sandbox
) -> None:
    mark = f"sitrep-hang-{tmp_path.name}-{mode.mode}"
    hang = f"""import subprocess, sys, time, unittest
class HangTest(unittest.TestCase):
    def test_a_quick(self): pass
    def test_b_hang(self):
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", "{mark}"])
        time.sleep(60)
"""
    tests = UNITTEST.model_copy(update={"timeout": timedelta(seconds=5)})
    result = await run(project(tmp_path, {"test_hang.py": hang}), tests, clock, mode)
    assert result.run.timed_out
    assert result.run.exit_code is None
    assert result.run.seconds < 30
    assert result.passed == {"test_hang.HangTest.test_a_quick"}
    assert "killed after" in result.evidence.summary
    async with asyncio.timeout(10):
        while any(mark in command for command in commands()):  # noqa: ASYNC110 - the kernel sets no events
            await asyncio.sleep(0.02)


def commands() -> list[str]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            found.append((folder / "cmdline").read_text(errors="replace"))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


@pytest.mark.parametrize("tests", [UNITTEST, PYTEST], ids=["unittest", "pytest"])
async def test_a_repository_without_tests_is_told(tmp_path: Path, clock: ManualClock, tests: catalog.Tests) -> None:
    with pytest.raises(ToolFailed, match="No tests were found in `abc1234`"):
        await run(project(tmp_path, {"price.py": PRICE}), tests, clock)


async def test_a_service_without_a_test_command_is_told(tmp_path: Path, clock: ManualClock) -> None:
    with pytest.raises(ToolFailed, match="No test command is known") as failed:
        await run(tmp_path, catalog.Tests(), clock)
    assert "sitrep.yml" in failed.value.remedy


async def test_a_command_that_is_no_test_run_is_told_with_its_last_words(tmp_path: Path, clock: ManualClock) -> None:
    tests = catalog.Tests(command=(sys.executable, "-m", "no_such_runner"))
    with pytest.raises(ToolFailed, match=r"did not run \(exit code 1\): .*No module named no_such_runner"):
        await run(tmp_path, tests, clock)


async def test_a_missing_interpreter_is_named(tmp_path: Path, clock: ManualClock) -> None:
    tests = UNITTEST.model_copy(update={"python": "/opt/python9/bin/python"})
    with pytest.raises(ToolFailed, match="/opt/python9/bin/python does not exist"):
        await run(tmp_path, tests, clock)


async def test_without_bubblewrap_nothing_is_run_unprotected(
    tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    trace = tmp_path / "ran"
    files = {"test_a.py": f"open({str(trace)!r}, 'w')\n"}
    with pytest.raises(ToolFailed, match="bubblewrap is not installed") as failed:
        await run(project(tmp_path / "project", files), UNITTEST, clock, Sandbox())
    assert "mode: none" in failed.value.remedy
    assert not trace.exists()


async def test_a_bubblewrap_that_may_make_no_namespaces_is_told_once_and_for_all(
    tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    denied = tmp_path / "bin" / "bwrap"
    project(
        tmp_path, {"bin/bwrap": f"#!/bin/sh\necho x >> {tmp_path}/calls\necho 'bwrap: No permissions' >&2\nexit 1\n"}
    )
    denied.chmod(0o755)
    monkeypatch.setenv("PATH", f"{denied.parent}:{os.environ['PATH']}")
    for _ in range(2):
        with pytest.raises(ToolFailed, match="does not work here: bwrap: No permissions"):
            await run(tmp_path, UNITTEST, clock, Sandbox())
    assert (tmp_path / "calls").read_text() == "x\n"


ESCAPES = """import os, pathlib, socket, unittest
class EscapeTest(unittest.TestCase):
    def test_secrets_of_the_environment(self):
        self.assertNotIn("SITREP_TEST_SECRET", os.environ)
    def test_other_files(self):
        self.assertFalse(pathlib.Path({secret!r}).exists())
    def test_write_outside(self):
        with self.assertRaises(OSError):
            pathlib.Path("/usr/sitrep-was-here").write_text("x")
    def test_write_inside(self):
        pathlib.Path("made.txt").write_text("x")
    def test_network(self):
        with self.assertRaises(OSError):
            socket.create_connection(("127.0.0.1", {port}), timeout=2)
    def test_other_processes(self):
        self.assertLess(len([p for p in os.listdir("/proc") if p.isdigit()]), 6)
    def test_memory(self):
        with self.assertRaises(MemoryError):
            bytearray(3 * 1024 * 1024 * 1024)
    def test_git_link(self):
        with self.assertRaises(OSError):
            pathlib.Path(".git").unlink()
        with self.assertRaises(OSError):
            pathlib.Path(".git").write_text("gitdir: /tmp/evil")
        gitdir = pathlib.Path(".git").read_text().split()[1]
        self.assertFalse(pathlib.Path(gitdir).exists())
"""


@bubblewrap_only
async def test_the_sandbox_keeps_tests_from_secrets_files_network_and_git(
    shop: Workshop, tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SITREP_TEST_SECRET", "hunter2")
    secret = tmp_path / "secret.txt"
    secret.write_text("hunter2")
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        shop.commit("Begin", test_escape_py=ESCAPES.format(secret=str(secret), port=port))
        repository = await git.open_repository(shop.path, clock)
        worktree = await worktrees.add(repository, tmp_path / "work", commit="HEAD")
        link = (worktree.folder / ".git").read_text()
        result = await testrun.run(worktree.folder, UNITTEST, Sandbox(), clock=clock, what="escapes")
    assert result.run.failing == [], result.evidence.excerpt
    assert result.run.passed == 8
    assert (worktree.folder / "made.txt").exists()
    assert (worktree.folder / ".git").read_text() == link


@bubblewrap_only
async def test_the_sandbox_is_found_to_work() -> None:
    await sandbox.check(Sandbox())
