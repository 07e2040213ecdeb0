"""Runs one command, writes down what became of it, and outlives whoever started it.

A program of its own, `python -I recorder.py FOLDER SECONDS COMMAND...`, that knows nothing of the rest. FOLDER gets

    lock        held for as long as the recorder lives, whatever becomes of its parent
    begun.json  {"pid", "birth"} of the command, written before its first instruction
    ended.json  {"exit_code", "timed_out", "seconds", "trouble"}
    stdout, stderr
    given_up    from somebody who found that nothing had begun: a recorder that comes after that does nothing
"""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

LOCK, BEGUN, ENDED, STDOUT, STDERR, GIVEN_UP = "lock", "begun.json", "ended.json", "stdout", "stderr", "given_up"

_LAST_WORDS_SECONDS = 5.0  # between asking a command to end and ending it


def birth(pid: int) -> str:
    """Return when the process `pid` began, in the system's own words, or nothing where there is none.

    A number alone does not name a process: after a while another one gets it.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        pass
    else:
        return "" if fields[0] == "Z" else fields[19]
    if Path("/proc/self/stat").exists():
        return ""
    asked = subprocess.run(("ps", "-o", "lstart=", "-p", str(pid)), capture_output=True, text=True, check=False)
    return asked.stdout.strip()


def put(path: Path, value: dict[str, Any]) -> None:
    """Write `value` so that `path` holds all of it or does not exist, also after a power cut."""
    fresh = path.with_suffix(".new")
    with fresh.open("w") as file:
        json.dump(value, file)
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(path)


def main(folder: Path, limit_seconds: float, command: list[str]) -> None:
    """Run `command`; returns once the lock is held, a child goes on."""
    lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    if (folder / GIVEN_UP).exists() or (folder / BEGUN).exists():
        return
    if os.fork():
        return
    os.setsid()
    _record(folder, limit_seconds, command)


def _record(folder: Path, limit_seconds: float, command: list[str]) -> None:
    began = time.monotonic()
    ended: dict[str, Any] = {"exit_code": None, "timed_out": False, "trouble": ""}
    try:
        with (folder / STDOUT).open("wb") as out, (folder / STDERR).open("wb") as err:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
                preexec_fn=lambda: put(folder / BEGUN, {"pid": os.getpid(), "birth": birth(os.getpid())}),
            )
    except OSError as error:
        ended["trouble"] = error.strerror or type(error).__name__
    else:
        try:
            ended["exit_code"] = process.wait(limit_seconds)
        except subprocess.TimeoutExpired:
            ended["timed_out"] = True
            _end(process)
    put(folder / ENDED, {**ended, "seconds": time.monotonic() - began})


def _end(process: "subprocess.Popen[bytes]") -> None:
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(_LAST_WORDS_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3:])
