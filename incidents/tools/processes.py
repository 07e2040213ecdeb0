"""Runs programs by argv: bounded in time and output, never through a shell, nothing left behind."""

import asyncio
import contextlib
import json
import os
import signal
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from incidents.errors import ToolFailed
from incidents.tools import evidence
from incidents.tools.evidence import Evidence, EvidenceKind

MAX_OUTPUT = 4_000_000  # bytes kept of each stream: the first and the last half of what was written
_CHUNK = 65_536  # bytes
# A program that ended may have left a child that holds its pipes open; what is in them by then is read, no more.
_DRAIN_SECONDS = 1.0
_LOOK_SECONDS = 0.2  # how often it is looked whether a program ended whose pipes are still held


class Survivors(StrEnum):
    """What happens to children that a program leaves behind when it ends by itself."""

    KILL = "kill"  #: its whole process group is killed: tests, git
    KEEP = "keep"  #: they go on: a deploy command that starts a server


@dataclass(frozen=True)
class Completed:
    """A program that ended, or was ended."""

    argv: tuple[str, ...]
    exit_code: int | None  #: None when it was killed for running too long; negative for a signal
    stdout: str
    stderr: str
    seconds: float
    timed_out: bool = False
    truncated: bool = False  #: the middle of an output was left out

    @property
    def ok(self) -> bool:
        """Tell whether it ended by itself with exit code 0."""
        return self.exit_code == 0

    @property
    def output(self) -> str:
        """Return what it wrote, stdout before stderr."""
        return "\n".join(part for part in (self.stdout.rstrip("\n"), self.stderr.rstrip("\n")) if part)

    def last_object(self) -> dict[str, object]:
        """Return the JSON object of the last line of stdout that is one; empty where none is."""
        for line in reversed(self.stdout.splitlines()):
            try:
                found = json.loads(line)
            except json.JSONDecodeError:
                continue
            if isinstance(found, dict):
                return found
        return {}

    def as_evidence(self, kind: EvidenceKind, source: str, *, summary: str, captured_at: datetime) -> Evidence:
        """Return this run as evidence, with its command and exit code."""
        return evidence.capture(
            kind,
            source,
            self.output,
            summary=summary,
            captured_at=captured_at,
            command=self.argv,
            exit_code=self.exit_code,
        )


async def run(
    argv: Sequence[str],
    *,
    timeout: timedelta,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: bytes | None = None,
    survivors: Survivors = Survivors.KILL,
    max_output: int = MAX_OUTPUT,
) -> Completed:
    """Run `argv` and return what came of it; its process group is killed on timeout and on cancellation.

    Raises:
        ToolFailed: when the program cannot be started.
    """
    started = time.monotonic()
    process = await _start(argv, cwd, env, DEVNULL if stdin is None else PIPE)
    out, err = _Kept(max_output), _Kept(max_output)
    pumps = [asyncio.create_task(_pump(process.stdout, out)), asyncio.create_task(_pump(process.stderr, err))]
    if stdin is not None:
        pumps.append(asyncio.create_task(_feed(process, stdin)))
    timed_out = False
    try:
        async with asyncio.timeout(timeout.total_seconds()):
            await _exit(process)
    except TimeoutError:
        timed_out = True
    finally:
        if survivors is Survivors.KILL or process.returncode is None:
            _kill_group(process.pid)
        await _finish(process, pumps)
    return Completed(
        argv=tuple(argv),
        exit_code=None if timed_out else process.returncode,
        stdout=out.text(),
        stderr=err.text(),
        seconds=time.monotonic() - started,
        timed_out=timed_out,
        truncated=out.dropped or err.dropped,
    )


def ends_of(path: Path, max_output: int = MAX_OUTPUT) -> tuple[str, bool]:
    """Return what a program wrote into the file `path`, less the middle where it is too much, and whether it was."""
    kept = _Kept(max_output)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            kept.add(chunk)
    text = kept.text()
    return text, kept.dropped


async def _start(argv: Sequence[str], cwd: Path | None, env: Mapping[str, str] | None, stdin: int) -> Process:
    if cwd is not None and not await asyncio.to_thread(cwd.is_dir):
        raise ToolFailed(f"There is no folder {cwd}.", remedy="Correct the path, or restore the folder.")
    try:
        return await asyncio.create_subprocess_exec(
            *argv, cwd=cwd, env=env, stdin=stdin, stdout=PIPE, stderr=PIPE, start_new_session=True
        )
    except (FileNotFoundError, PermissionError) as error:
        raise ToolFailed(
            f"The program {argv[0]!r} cannot be started: {error.strerror}.",
            remedy="Install it, or correct the command in sitrep.yml.",
        ) from error


def _kill_group(group: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):  # it is gone already
        os.killpg(group, signal.SIGKILL)


async def _exit(process: Process) -> None:
    """Wait until the process itself ended; in some versions of Python `wait` waits for whoever holds its pipes too."""
    waiting = asyncio.ensure_future(process.wait())
    try:
        while process.returncode is None:
            await asyncio.wait({waiting}, timeout=_LOOK_SECONDS)
    finally:
        waiting.cancel()


async def _finish(process: Process, pumps: list[asyncio.Task[None]]) -> None:
    """Reap the process and read what is left in its pipes, without waiting for a child that holds them open."""
    await _exit(process)
    _, late = await asyncio.wait(pumps, timeout=_DRAIN_SECONDS)
    for pump in late:
        pump.cancel()
    await asyncio.gather(*pumps, return_exceptions=True)
    process._transport.close()  # type: ignore[attr-defined]  # noqa: SLF001 - the only way to close pipes a child holds


async def _pump(stream: asyncio.StreamReader | None, kept: "_Kept") -> None:
    while stream is not None and (chunk := await stream.read(_CHUNK)):
        kept.add(chunk)


async def _feed(process: Process, data: bytes) -> None:
    if process.stdin is None:
        return
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it did not want all of it
        process.stdin.write(data)
        await process.stdin.drain()
    process.stdin.close()


class _Kept:
    """The first and the last half of an output, within a limit."""

    def __init__(self, limit: int) -> None:
        self._half = limit // 2
        self._head = bytearray()
        self._tail = bytearray()
        self.dropped = False

    def add(self, chunk: bytes) -> None:
        """Take in `chunk`, forgetting the middle where there is too much."""
        room = self._half - len(self._head)
        self._head += chunk[:room]
        self._tail += chunk[room:]
        if len(self._tail) > 2 * self._half:
            del self._tail[: -self._half]
            self.dropped = True

    def text(self) -> str:
        """Return what was kept, with a mark where the middle is missing."""
        if len(self._tail) > self._half:
            del self._tail[: -self._half]
            self.dropped = True
        mark = b"\n... output left out ...\n" if self.dropped else b""
        return (bytes(self._head) + mark + bytes(self._tail)).decode(errors="replace")
