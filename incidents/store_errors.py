"""What a database's complaint means to whoever runs Sitrep, and to work that should outlast it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog
from sqlalchemy import exc
from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, OperationalError

from incidents.errors import SitrepError

log = structlog.get_logger(__name__)

_AGAIN_SECONDS = 0.5
NoConnectionFree = exc.TimeoutError  #: every connection was in use for as long as one waits; no error of the database
#: The database is away, cut us off, or ended a deadlock by us: the same transaction may succeed a moment later.
PASSING = (OperationalError, InterfaceError, InternalError, NoConnectionFree)
#: What the database, or the wait for a connection to it, ends with. What goes on all the same catches these.
TROUBLE = (DBAPIError, NoConnectionFree)

T = TypeVar("T")


#: What one replica may have open: 15 of the store (SQLAlchemy's 5, and 10 more at need), 3 of the queue of steps, and
#: one on which it hears of new ones.
CONNECTIONS = 19

_LOOK_AT_IT = "It is tried again; look at the server."
_NO_CONNECTION = (
    "The database server takes no more connections.",
    f"Raise its max_connections, or run fewer replicas: each uses up to {CONNECTIONS}.",
)


class DatabaseTrouble(SitrepError):
    """The database cannot be used; nothing was changed."""


#: What SQLite and PostgreSQL write, in lower case -> what is wrong, what to do. The first that fits counts.
_SAID: tuple[tuple[str, str, str], ...] = (
    (
        "database or disk is full",
        "The disk that holds the database is full.",
        "Free some space on it; nothing that was confirmed is lost, and Sitrep goes on by itself.",
    ),
    ("no space left", "The disk that holds the database is full.", "Free some space on it."),
    (
        "readonly database",
        "The database is read-only.",
        "Give Sitrep's user write permission for the file and its folder.",
    ),
    ("read-only transaction", "The database is read-only.", "Point DATABASE_URL at the primary server."),
    (
        "database is locked",
        "Another program holds the database.",
        "Close whatever has the file open (a backup, a shell), or move to PostgreSQL for several processes.",
    ),
    (
        "unable to open database file",
        "The database file cannot be opened.",
        "Make its folder, and let Sitrep's user write there; DATABASE_URL or SITREP_DATA says where it is.",
    ),
    ("file is not a database", "The database file is no SQLite database.", "Correct DATABASE_URL."),
    ("malformed", "The database file is damaged.", "Restore it from a backup."),
    ("disk i/o error", "The disk fails when the database is read or written.", "Look at the machine's disk."),
    ("system is shutting down", "The database server is being stopped.", _LOOK_AT_IT),
    ("system is starting up", "The database server is starting.", _LOOK_AT_IT),
    ("too many clients", *_NO_CONNECTION),
    ("connection slots", *_NO_CONNECTION),
    ("password authentication failed", "The database refuses the user or the password.", "Correct DATABASE_URL."),
    ("does not exist", "The database or its user does not exist.", "Create it, or correct DATABASE_URL."),
    ("connection refused", "The database server cannot be reached.", "Start it, or correct DATABASE_URL."),
    ("failed to resolve host", "The database server's name is not known.", "Correct DATABASE_URL."),
    ("connection is bad", "The database server cannot be reached.", "Start it, or correct DATABASE_URL."),
    ("connection failed", "The database server cannot be reached.", "Start it, or correct DATABASE_URL."),
    ("server closed the connection", "The database server went away.", _LOOK_AT_IT),
    ("administrator command", "The database server ended the connection.", _LOOK_AT_IT),
    ("permission denied", "The database refuses Sitrep's user.", "Make that user the owner of the database."),
)


def explain(error: BaseException) -> DatabaseTrouble | None:
    """Return what `error` means, or None when it does not come from the database."""
    if isinstance(error, NoConnectionFree):
        return DatabaseTrouble("The database does not answer: every connection waits for it.", remedy=_LOOK_AT_IT)
    if not isinstance(error, DBAPIError):
        return None
    said = str(error.orig).lower()
    for words, message, remedy in _SAID:
        if words in said:
            return DatabaseTrouble(message, remedy=remedy)
    return DatabaseTrouble("The database failed.", remedy=f"It said: {' '.join(str(error.orig).split())[:300]}")


async def outlast(act: Callable[[], Awaitable[T]], seconds: float) -> T:
    """Do `act`, one transaction, and do it again while the database is away, for as long as `seconds`.

    An answer that was lost on the way back may have been a commit: `act` must find by a fence that it was done.

    Raises:
        DBAPIError: it lasts longer, or is nothing that passes.
    """
    until = time.monotonic() + seconds
    while True:
        try:
            return await act()
        except PASSING as error:
            if time.monotonic() >= until:
                raise
            log.warning("the database did not take it; trying again", why=str(explain(error)))
            await asyncio.sleep(_AGAIN_SECONDS)
