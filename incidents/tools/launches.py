"""Commands that must happen once: they outlive this process, and what became of them is found again.

Each has a folder of its own that its recorder writes (see `recorder`); what it is for is somebody else's to remember.
"""

import asyncio
import contextlib
import fcntl
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

from incidents.errors import ToolFailed
from incidents.tools import processes, recorder
from incidents.tools.processes import Completed, Survivors

_START = timedelta(seconds=20)  # for a recorder to get going on a machine that is short of everything
_LOOK_SECONDS = 0.1
_AFTER_LIMIT = timedelta(seconds=10)  # for the recorder to end what runs too long


class Fate(StrEnum):
    """What became of a command."""

    NEVER = "never"  #: it never began, and now it never will
    RUNNING = "running"
    ENDED = "ended"  #: its exit code is known
    VANISHED = "vanished"  #: it began and runs no longer; nobody was left to write down how it ended


@cache
def machine() -> str:
    """Return what names this machine until it is started again; processes elsewhere cannot be looked at."""
    with contextlib.suppress(OSError):
        return f"{socket.gethostname()} {Path('/proc/sys/kernel/random/boot_id').read_text().strip()}"
    return socket.gethostname()


async def prepare(folder: Path) -> None:
    """Make the folder of a command, before it is written down that it begins: without it, nobody knows of the end."""
    await asyncio.to_thread(folder.mkdir, parents=True)


async def start(
    folder: Path, argv: Sequence[str], *, cwd: Path | None, env: Mapping[str, str], limit: timedelta
) -> None:
    """Start `argv` under a recorder that writes into `folder` (absolute, prepared); nothing but `limit` ends it.

    Raises:
        ToolFailed: when the recorder cannot be started.
    """
    program = (sys.executable, "-I", "-S", recorder.__file__, str(folder), str(limit.total_seconds()))
    # Cut off here, nobody could tell whether it began; it takes a blink.
    started = await asyncio.shield(
        processes.run((*program, *argv), cwd=cwd, env=env, timeout=_START, survivors=Survivors.KEEP)
    )
    if not started.ok:
        raise ToolFailed(f"The command could not be started: {started.output[-200:]}.", remedy="Read Sitrep's log.")


async def fate(folder: Path) -> Fate:
    """Return what became of the command of `folder`, on the machine where it was started.

    One that has not begun by now is kept from beginning later.
    """
    return await asyncio.to_thread(_fate, folder)


def _fate(folder: Path) -> Fate:
    if (folder / recorder.ENDED).exists():
        return Fate.ENDED
    if not folder.exists():  # it was made before anything could begin, so what it held is lost
        return Fate.VANISHED
    lock = os.open(folder / recorder.LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return Fate.RUNNING
    else:
        return _fate_without_recorder(folder)
    finally:
        os.close(lock)


def _fate_without_recorder(folder: Path) -> Fate:
    if (folder / recorder.ENDED).exists():
        return Fate.ENDED
    begun = _read(folder / recorder.BEGUN)
    if begun is not None:
        alive = recorder.birth(int(begun["pid"])) == begun["birth"] != ""
        return Fate.RUNNING if alive else Fate.VANISHED
    if (folder / recorder.STDOUT).exists():  # the recorder was about to begin when it was ended
        return Fate.VANISHED
    (folder / recorder.GIVEN_UP).touch()
    return Fate.NEVER


async def wait(folder: Path, limit: timedelta) -> Fate:
    """Wait until the command of `folder` no longer runs, and return what became of it."""
    deadline = time.monotonic() + (limit + _AFTER_LIMIT).total_seconds()
    while (found := await fate(folder)) is Fate.RUNNING:
        if time.monotonic() > deadline:
            await asyncio.to_thread(_kill, folder)
        await asyncio.sleep(_LOOK_SECONDS)
    return found


async def has_ended(folder: Path) -> bool:
    """Tell whether the exit code of the command of `folder` is known, wherever it runs."""
    return await asyncio.to_thread((folder / recorder.ENDED).exists)


def _kill(folder: Path) -> None:
    """End a command whose recorder is gone, and with it the limit of its time."""
    begun = _read(folder / recorder.BEGUN)
    if begun is not None and recorder.birth(int(begun["pid"])) == begun["birth"]:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(int(begun["pid"]), signal.SIGKILL)


async def completed(folder: Path, argv: Sequence[str]) -> Completed | None:
    """Return how the command of `folder` ended, or None where that was not written down.

    Raises:
        ToolFailed: when the program could not be started.
    """
    return await asyncio.to_thread(_completed, folder, tuple(argv))


def _completed(folder: Path, argv: tuple[str, ...]) -> Completed | None:
    ended = _read(folder / recorder.ENDED)
    if ended is None:
        return None
    if ended["trouble"]:
        raise ToolFailed(
            f"The program {argv[0]!r} cannot be started: {ended['trouble']}.",
            remedy="Install it, or correct the command in sitrep.yml.",
        )
    out, less_out = processes.ends_of(folder / recorder.STDOUT)
    err, less_err = processes.ends_of(folder / recorder.STDERR)
    return Completed(
        argv=argv,
        exit_code=ended["exit_code"],
        stdout=out,
        stderr=err,
        seconds=float(ended["seconds"]),
        timed_out=bool(ended["timed_out"]),
        truncated=less_out or less_err,
    )


def _read(path: Path) -> dict[str, Any] | None:
    try:
        value: dict[str, Any] = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    return value
