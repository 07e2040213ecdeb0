"""Programs are bounded in time and output, and leave nothing behind."""

import asyncio
import os
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from incidents.errors import ToolFailed
from incidents.tools import processes
from incidents.tools.processes import Survivors

SHORT = timedelta(seconds=4)  # a busy machine starts two programs in it
LONG = timedelta(seconds=30)
#: Starts a child that would live for a minute, writes its process id to argv[1], and waits for it or not.
PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
open(sys.argv[1], "w").write(str(child.pid))
if sys.argv[2] == "wait":
    child.wait()
"""


def alive(pid: int) -> bool:
    """A zombie that nobody has reaped yet is dead."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def wait_until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - other processes set no events
            await asyncio.sleep(0.02)


async def test_output_exit_code_and_argv_are_kept() -> None:
    script = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"
    done = await processes.run((sys.executable, "-c", script), timeout=LONG)
    assert (done.exit_code, done.stdout, done.stderr, done.ok) == (3, "out\n", "err\n", False)
    assert done.output == "out\nerr"


async def test_a_program_that_hangs_is_killed_with_its_children(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    begun = time.monotonic()
    done = await processes.run((sys.executable, "-c", PARENT, str(pid_file), "wait"), timeout=SHORT)
    assert done.timed_out
    assert done.exit_code is None
    assert time.monotonic() - begun < 30  # the child would live for 60
    await wait_until(lambda: not alive(int(pid_file.read_text())))


async def test_a_cancelled_program_is_killed_with_its_children(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    running = asyncio.create_task(processes.run((sys.executable, "-c", PARENT, str(pid_file), "wait"), timeout=LONG))
    await wait_until(lambda: pid_file.exists() and pid_file.read_text() != "")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await wait_until(lambda: not alive(int(pid_file.read_text())))


async def test_a_child_that_holds_the_pipes_does_not_hold_us(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    begun = time.monotonic()
    argv = (sys.executable, "-c", PARENT, str(pid_file), "leave")
    done = await processes.run(argv, timeout=LONG, survivors=Survivors.KEEP)
    child = int(pid_file.read_text())
    try:
        assert done.ok
        assert time.monotonic() - begun < 30
        assert alive(child), "a deploy command's server must outlive it"
    finally:
        os.kill(child, 9)


async def test_children_of_tests_do_not_outlive_them(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    assert (await processes.run((sys.executable, "-c", PARENT, str(pid_file), "leave"), timeout=LONG)).ok
    await wait_until(lambda: not alive(int(pid_file.read_text())))


async def test_of_too_much_output_the_ends_are_kept() -> None:
    script = "print('first'); print('x' * 3_000_000); print('last')"
    done = await processes.run((sys.executable, "-c", script), timeout=LONG, max_output=10_000)
    assert done.truncated
    assert done.stdout.startswith("first\n")
    assert done.stdout.endswith("last\n")
    assert "output left out" in done.stdout
    assert len(done.stdout) < 11_000


async def test_what_is_fed_arrives_whole() -> None:
    script = "import sys; print(len(sys.stdin.buffer.read()))"
    done = await processes.run((sys.executable, "-c", script), timeout=LONG, stdin=b"x" * 1_000_000)
    assert done.stdout == "1000000\n"


async def test_a_missing_program_is_named() -> None:
    with pytest.raises(ToolFailed, match="no-such-program"):
        await processes.run(("no-such-program",), timeout=LONG)


async def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ToolFailed, match="There is no folder"):
        await processes.run(("true",), cwd=tmp_path / "gone", timeout=LONG)
