"""What several rooms' tests share: their order, their examples, and one real PostgreSQL for the run of a worker."""

import gc
import weakref
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import structlog

from incidents import sqlite_line
from tests.http_server import MovingServer
from tests.processes import postgres_server

# A property's examples come from its own text: a run that fails can be had again. No deadline: what an example takes
# says how busy the machine is. `make torture` looks with other examples at each run.
hypothesis.settings.register_profile("suite", deadline=None, derandomize=True)
hypothesis.settings.register_profile("searching", deadline=None, print_blob=True)
hypothesis.settings.load_profile("suite")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the long ones first: what begins last should be short, or one worker ends long after the others."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


def pytest_collection_finish() -> None:
    """Let the collector pass over what was imported: walking it again and again took a fifth of the suite's time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000, 20, 10)


_LINES: "weakref.WeakKeyDictionary[sqlite_line.Line, str]" = weakref.WeakKeyDictionary()  # -> the file it was opened to
_connect = sqlite_line.connect


def _connect_seen(database: str, **options: Any) -> sqlite_line.Line:
    line = _connect(database, **options)
    _LINES[line] = database
    return line


sqlite_line.connect = _connect_seen


def _open_lines() -> dict[sqlite_line.Line, str]:
    return {line: database for line, database in _LINES.items() if line._connection is not None}


@pytest.fixture(autouse=True)
def every_connection_is_closed() -> Iterator[None]:
    """Fail the test that leaves a connection open: its warning would come with whichever test is next to collect.

    It is the first of a test's own fixtures, so the last to end; those of a wider scope opened their databases before.
    """
    wider = set(_open_lines().values())
    yield
    left = {line: database for line, database in _open_lines().items() if database not in wider}
    for line in left:
        line.stop()
    assert not left, f"connections left open to {sorted(set(left.values()))}"


@pytest.fixture(autouse=True)
def plain_logs() -> None:
    """Log as `sitrep serve` does; structlog's default draws tracebacks with all locals, which takes seconds."""
    renderer = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[structlog.processors.add_log_level, renderer])


@pytest.fixture(scope="session")
def make_httpserver() -> Iterator[MovingServer]:
    """The server behind `httpserver`, which clears it for each test."""
    with MovingServer() as server:
        yield server


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """URL of a PostgreSQL server of our own, for SQLAlchemy; its database `postgres` is anybody's."""
    with postgres_server(fsync="off") as url:  # processes are killed in tests, the machine is not
        yield url
