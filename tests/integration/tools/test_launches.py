"""Commands that must happen once outlive whoever began them, and what became of them is found again."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from incidents.errors import ToolFailed
from incidents.tools import launches, recorder
from incidents.tools.launches import Fate

LONG = timedelta(seconds=30)
#: Starts argv[2:] in the folder argv[1], says so, and hangs.
STARTER = """
import asyncio, os, sys
from datetime import timedelta
from pathlib import Path
from incidents.tools import launches
async def main():
    await launches.prepare(Path(sys.argv[1]))
    await launches.start(Path(sys.argv[1]), sys.argv[2:], cwd=None, env=dict(os.environ), limit=timedelta(seconds=30))
    print("started", flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""
#: Notes that it ran, waits until it may go on, and says so.
COMMAND = """
import pathlib, sys, time
here = pathlib.Path(sys.argv[1])
with (here / "ran").open("a") as file: file.write("x")
while not (here / "go").exists(): time.sleep(0.02)
print("done")
"""


def command(folder: Path) -> tuple[str, ...]:
    return (sys.executable, "-c", COMMAND, str(folder))


async def start(folder: Path, *argv: str, limit: timedelta = LONG) -> None:
    await asyncio.to_thread(folder.mkdir, exist_ok=True)
    await launches.start(folder, argv, cwd=None, env=dict(os.environ), limit=limit)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - other processes set no events
            await asyncio.sleep(0.02)


def started(argv: tuple[str, ...]) -> "subprocess.Popen[bytes]":
    """Run STARTER in a process group of its own until it says that it has started."""
    starter = subprocess.Popen(argv, stdout=subprocess.PIPE, start_new_session=True)
    assert starter.stdout is not None
    assert starter.stdout.readline() == b"started\n"
    return starter


def recorder_of(folder: Path) -> int:
    """Return the process id of the recorder: the parent of the command."""
    pid = json.loads((folder / recorder.BEGUN).read_text())["pid"]
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


async def test_a_command_goes_on_when_its_starter_is_killed_and_its_outcome_is_found(tmp_path: Path) -> None:
    folder = tmp_path / "launch"
    argv = (sys.executable, "-c", STARTER, str(folder), *command(tmp_path))
    starter = await asyncio.to_thread(started, argv)
    starter.kill()
    await asyncio.to_thread(starter.communicate)
    await until((tmp_path / "ran").exists)
    assert await launches.fate(folder) is Fate.RUNNING
    (tmp_path / "go").touch()
    assert await launches.wait(folder, LONG) is Fate.ENDED
    done = await launches.completed(folder, argv)
    assert done is not None
    assert (done.exit_code, done.stdout) == (0, "done\n")


async def test_the_kill_of_a_whole_process_group_leaves_the_command_alone(tmp_path: Path) -> None:
    folder = tmp_path / "launch"
    argv = (sys.executable, "-c", STARTER, str(folder), *command(tmp_path))
    starter = await asyncio.to_thread(started, argv)
    os.killpg(starter.pid, signal.SIGKILL)
    await asyncio.to_thread(starter.communicate)
    (tmp_path / "go").touch()
    assert await launches.wait(folder, LONG) is Fate.ENDED


async def test_a_command_whose_recorder_is_killed_still_runs_and_then_has_vanished(tmp_path: Path) -> None:
    folder = tmp_path / "launch"
    await start(folder, *command(tmp_path))
    await until((tmp_path / "ran").exists)
    os.kill(recorder_of(folder), signal.SIGKILL)
    assert await launches.fate(folder) is Fate.RUNNING
    (tmp_path / "go").touch()
    assert await launches.wait(folder, LONG) is Fate.VANISHED
    assert await launches.completed(folder, ()) is None


async def test_what_never_began_never_will(tmp_path: Path) -> None:
    folder = tmp_path / "launch"
    (tmp_path / "go").touch()
    await launches.prepare(folder)
    assert await launches.fate(folder) is Fate.NEVER
    await start(folder, *command(tmp_path))  # a recorder that was slow to come
    assert await launches.fate(folder) is Fate.NEVER
    assert not (tmp_path / "ran").exists()


async def test_a_folder_that_was_lost_is_no_proof_that_nothing_began(tmp_path: Path) -> None:
    assert await launches.fate(tmp_path / "lost") is Fate.VANISHED


async def test_a_recorder_started_twice_runs_its_command_once(tmp_path: Path) -> None:
    folder = tmp_path / "launch"
    (tmp_path / "go").touch()
    await start(folder, *command(tmp_path))
    await launches.wait(folder, LONG)
    await start(folder, *command(tmp_path))
    assert await launches.wait(folder, LONG) is Fate.ENDED
    assert (tmp_path / "ran").read_text() == "x"


async def test_a_number_that_another_process_got_does_not_count_as_running(tmp_path: Path) -> None:
    folder = tmp_path / "launch"
    folder.mkdir()
    recorder.put(folder / recorder.BEGUN, {"pid": os.getpid(), "birth": "long ago"})
    assert await launches.fate(folder) is Fate.VANISHED


async def test_what_runs_too_long_is_ended_by_its_recorder(tmp_path: Path) -> None:
    folder = tmp_path / "launch"
    await start(folder, *command(tmp_path), limit=timedelta(seconds=0.5))
    assert await launches.wait(folder, LONG) is Fate.ENDED
    done = await launches.completed(folder, ())
    assert done is not None
    assert done.timed_out


async def test_a_program_that_does_not_exist_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "launch"
    await start(folder, "no-such-program")
    await launches.wait(folder, LONG)
    with pytest.raises(ToolFailed, match="no-such-program"):
        await launches.completed(folder, ("no-such-program",))
