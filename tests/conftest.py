"""What several rooms' tests share: one real PostgreSQL for the whole run of a worker."""

from collections.abc import Iterator

import pytest

from tests.processes import postgres_server


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """URL of a PostgreSQL server of our own, for SQLAlchemy; its database `postgres` is anybody's."""
    with postgres_server() as url:
        yield url
