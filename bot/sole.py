"""One process to a SQLite file: replicas share PostgreSQL alone."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy.engine import make_url

from incidents.errors import SitrepError


@contextlib.contextmanager
def held(database_url: str) -> Iterator[None]:
    """Hold the SQLite file of `database_url` for this process; on PostgreSQL, nothing is held.

    The system lets go of it when the process ends, however it ends. A file of its own is locked: closing the database's
    own file would drop the locks of SQLite.

    Raises:
        SitrepError: another process serves it; says which.
    """
    url = make_url(database_url)
    if url.get_backend_name() != "sqlite" or not url.database:
        yield
        return
    with contextlib.ExitStack() as stack:
        # A folder that takes no file, a file system without locks: the database itself will say what is wrong there.
        with contextlib.suppress(OSError):
            number = os.open(f"{url.database}.serving", os.O_RDWR | os.O_CREAT, 0o600)
            stack.callback(os.close, number)
            _lock(number, Path(url.database))
        yield


def _lock(number: int, database: Path) -> None:
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        who = os.read(number, 20).decode(errors="replace").strip()
        raise SitrepError(
            f"Another `sitrep serve` works with {database}" + (f": process {who}." if who.isdecimal() else "."),
            remedy="Stop it first; several at once need PostgreSQL (DATABASE_URL).",
        ) from None
    os.ftruncate(number, 0)
    os.pwrite(number, f"{os.getpid()}\n".encode(), 0)
