"""The processes of the demo's installation, which deploys start and which outlive the command that started them."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

_STOP_SECONDS = 2.0  # for requests in flight
_POLL_SECONDS = 0.02


def running(home: Path) -> list[int]:
    """Return the ids of the processes that run releases of the installation in `home`."""
    listed = [int(path.stem) for path in home.glob("*/run/*.json")]
    return [pid for pid in listed if _runs_release(pid, home)]


def stop(home: Path) -> None:
    """End all processes of the installation in `home`: politely, then not. Blocks for 4 s at most."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        for pid in running(home):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, sign)
        end = time.monotonic() + _STOP_SECONDS
        while running(home) and time.monotonic() < end:
            time.sleep(_POLL_SECONDS)


def free_ports(count: int) -> list[int]:
    """Return ports on loopback that nobody listens on."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]


def _runs_release(pid: int, home: Path) -> bool:
    """Tell whether `pid` is still what was started, and not another process that got its number since."""
    if Path("/proc/self/cmdline").exists():
        try:
            command = Path(f"/proc/{pid}/cmdline").read_text(errors="replace").replace("\0", " ")
        except OSError:
            return False
    else:
        command = subprocess.run(("ps", "-o", "command=", "-p", str(pid)), capture_output=True, text=True).stdout
    return "-m checkout" in command and str(home) in command
