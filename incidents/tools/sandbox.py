"""Runs a repository's own code, and external agents, where they can do no harm: bubblewrap, one writable folder.

There is no network, unless an agent's configuration says so; the environment is cleaned, time and output are bounded.
"""

import asyncio
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from incidents import catalog
from incidents.errors import ToolFailed
from incidents.tools import processes, testreports
from incidents.tools.processes import Completed

_PROBE_TIMEOUT = timedelta(seconds=10)
_MAX_FILE_BYTES = 512 * 1024 * 1024  # no test writes a larger file for a good reason
_MAX_PROCESSES = 2048  # of the whole user, so generous: it stops a fork bomb, nothing else
_OPEN_FILES = 1024
#: Read-only inside: where programs and their libraries live. The symlinks of a merged /usr are made again.
_SYSTEM = ("/bin", "/sbin", "/lib", "/lib32", "/lib64")
_ETC = ("ld.so.cache", "alternatives", "passwd", "group", "hosts", "nsswitch.conf", "localtime", "mime.types")

_NETWORK_ETC = ("resolv.conf", "ssl", "ca-certificates", "pki")  # what a program with a network needs besides


@dataclass(frozen=True)
class Guest:
    """What a program gets beyond the usual: an agent of the installation's own choosing, not a repository's code."""

    environment: Mapping[str, str]  #: travels in the environment alone, so that no list of processes shows it
    reads: tuple[Path, ...] = ()  #: folders that it may read
    network: bool = False


_checked: dict[str, str] = {}  # path of bwrap -> why it does not work here; empty when it does. Found out once.


async def check(settings: catalog.Sandbox) -> None:
    """Check that the sandbox which `settings` ask for works on this machine.

    Raises:
        ToolFailed: when bubblewrap is missing, or may make no namespaces (common inside containers).
    """
    if settings.mode == "none":
        return
    bwrap = shutil.which("bwrap")
    if bwrap is None:
        raise ToolFailed(
            "bubblewrap is not installed, so neither a repository's tests nor an external agent can be run safely.",
            remedy="Install it (`apt install bubblewrap`), or set `sandbox: {mode: none}` to run them unprotected.",
        )
    if bwrap not in _checked:
        done = await processes.run(
            (bwrap, *_isolation(), *await asyncio.to_thread(_system_mounts), "true"), timeout=_PROBE_TIMEOUT, env={}
        )
        said = (done.stderr.strip().splitlines() or ["no message"])[-1]
        if done.timed_out:
            raise ToolFailed("bubblewrap did not start within 10 s.", remedy="Retry when the machine is less busy.")
        _checked[bwrap] = "" if done.ok else said
    if why := _checked[bwrap]:
        raise ToolFailed(
            f"bubblewrap does not work here: {why[:200]}.",
            remedy="Allow user namespaces on this machine, or set `sandbox: {mode: none}` to run tests unprotected.",
        )


async def run(
    settings: catalog.Sandbox,
    command: Sequence[str],
    *,
    folder: Path,
    timeout: timedelta,
    python: str = "",
    guest: Guest | None = None,
    stdin: bytes | None = None,
    max_output: int = processes.MAX_OUTPUT,
) -> Completed:
    """Run `command` in `folder`, which alone it may write; `python` is put first on PATH.

    A `guest` has no limit of memory (its runtime reserves more than it uses), and may have a network.

    What it returns names `command` as argv, not the sandbox around it. With `mode: none` it runs unprotected,
    but all the same with a cleared environment, and killed with all its children.

    Raises:
        ToolFailed: when the sandbox does not work here, or the interpreter is missing.
    """
    await check(settings)
    interpreter = Path(python or sys.executable)
    if not await asyncio.to_thread(interpreter.exists):
        raise ToolFailed(f"The interpreter {python} does not exist.", remedy="Correct `tests.python` in sitrep.yml.")
    environment = _environment(interpreter)
    if settings.mode == "none":
        path = os.pathsep.join((str(interpreter.parent), *os.get_exec_path()))
        own = {**environment, "PATH": path, **(guest.environment if guest else {})}
        done = await processes.run(command, cwd=folder, env=own, timeout=timeout, stdin=stdin, max_output=max_output)
    else:
        argv = await asyncio.to_thread(_argv, settings, command, folder, interpreter, guest)
        own = {**environment, **(guest.environment if guest else {})}
        done = await processes.run(argv, env=own, timeout=timeout, stdin=stdin, max_output=max_output)
    return Completed(
        tuple(command), done.exit_code, done.stdout, done.stderr, done.seconds, done.timed_out, done.truncated
    )


def _environment(interpreter: Path) -> dict[str, str]:
    return {
        "PATH": f"{interpreter.parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": "/tmp",  # noqa: S108 - inside, /tmp is a file system of its own
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",  # what a hanging test printed is seen
        "PYTHONHASHSEED": "0",
        "CI": "1",
        "PYTEST_ADDOPTS": testreports.PYTEST_OPTIONS,
    }


def _argv(
    settings: catalog.Sandbox, command: Sequence[str], folder: Path, interpreter: Path, guest: Guest | None
) -> tuple[str, ...]:
    """Return the command with the sandbox around it; it hands its own environment on, which is all that it has."""
    bwrap = shutil.which("bwrap") or "bwrap"
    argv = [bwrap, *_isolation(), *_system_mounts()]
    if guest is not None and guest.network:
        argv.append("--share-net")
        for name in _NETWORK_ETC:
            argv += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    for prefix in (*_prefixes(interpreter), *(guest.reads if guest else ())):
        argv += ["--ro-bind", str(prefix), str(prefix)]
    argv += ["--bind", str(folder), str(folder)]
    if (folder / ".git").exists():
        # A worktree's .git points at the clone; were it writable, tests could make a later git obey a config of theirs.
        argv += ["--ro-bind", str(folder / ".git"), str(folder / ".git")]
    argv += ["--chdir", str(folder), "--"]
    if prlimit := shutil.which("prlimit", path="/usr/bin:/bin"):
        memory = settings.memory_mb * 1024 * 1024
        argv += [prlimit, *(() if guest else (f"--as={memory}",))]
        argv += [f"--fsize={_MAX_FILE_BYTES}", f"--nproc={_MAX_PROCESSES}"]
        argv += [f"--nofile={_OPEN_FILES}", "--core=0", "--"]
    return (*argv, *command)


def _isolation() -> tuple[str, ...]:
    return ("--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--hostname", "sandbox")


def _system_mounts() -> list[str]:
    mounts = ["--ro-bind", "/usr", "/usr", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]  # noqa: S108
    for name in _SYSTEM:
        path = Path(name)
        if path.is_symlink():
            mounts += ["--symlink", os.readlink(path), name]
        elif path.is_dir():
            mounts += ["--ro-bind", name, name]
    for name in _ETC:
        mounts += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    return mounts


def _prefixes(interpreter: Path) -> list[Path]:
    """Return the folders that an interpreter needs: its environment, and the installation that this was made from."""
    environment = interpreter.absolute().parent.parent
    found = [environment, interpreter.resolve().parent.parent]
    config = environment / "pyvenv.cfg"
    if config.is_file():
        for line in config.read_text(errors="replace").splitlines():
            name, _, value = line.partition("=")
            if name.strip() == "home":
                found.append(Path(value.strip()).resolve().parent)
    usual = Path("/usr")
    return [path for path in dict.fromkeys(found) if path != Path("/") and path != usual and usual not in path.parents]
