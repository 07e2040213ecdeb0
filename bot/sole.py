"""One process to a SQLite file: replicas share PostgreSQL alone."""

import contextlib
import fcntl
import os
import re
from collections.abc import Iterator

import structlog
from sqlalchemy.engine import make_url

from incidents.errors import SitrepError

log = structlog.get_logger(__name__)

# In a container the process is always 1; its host is the container or the pod.
_HOLDER = re.compile(rb"(?P<process>\d{1,10}) (?P<host>[\w.-]{1,255})\n", re.ASCII)
_LONGEST = 300  # bytes


@contextlib.contextmanager
def held(database_url: str) -> Iterator[None]:
    """Hold the SQLite file of `database_url` for this process; on PostgreSQL, nothing is held.

    The system lets go of it when the process ends, however it ends. A file of its own is locked: closing the database's
    own file would drop the locks of SQLite.

    Raises:
        SitrepError: another process serves it; says which, and on which host. Or it may not be told.
    """
    url = make_url(database_url)
    if url.get_backend_name() != "sqlite" or not url.database:
        yield
        return
    path = os.path.realpath(url.database)  # by whatever links it is reached: what is held is the file
    with contextlib.ExitStack() as stack:
        lock = f"{path}.serving"
        try:
            number = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
            stack.callback(os.close, number)
            _lock(number, path)
        except OSError as error:
            if isinstance(error, PermissionError) and os.path.exists(lock):
                raise SitrepError(
                    f"{lock} belongs to another account, so nobody can tell whether another `sitrep serve` works.",
                    remedy="Give it to the account that Sitrep runs as (chown), with the database beside it.",
                ) from error
            # A folder that takes no file, a file system without locks: the database itself says what is wrong there.
            log.warning("not_alone_for_certain", file=lock, error=str(error))
        yield


def _lock(number: int, path: str) -> None:
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        who = _HOLDER.fullmatch(os.read(number, _LONGEST))
        raise SitrepError(
            f"Another `sitrep serve` works with {path}"
            + (f": process {who['process'].decode()} on the host {who['host'].decode()}." if who else "."),
            remedy="Stop it first; a rollout must end the old one before it starts the new one (in Kubernetes: strategy"
            " `Recreate`). Several at once need PostgreSQL (DATABASE_URL).",
        ) from None
    os.ftruncate(number, 0)
    os.pwrite(number, f"{os.getpid()} {os.uname().nodename}\n".encode(), 0)
