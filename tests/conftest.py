"""What several rooms' tests share: their order, and one real PostgreSQL for the whole run of a worker."""

from collections.abc import Iterator

import pytest

from tests.processes import postgres_server


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the long ones first: what begins last should be short, or one worker ends long after the others."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """URL of a PostgreSQL server of our own, for SQLAlchemy; its database `postgres` is anybody's."""
    with postgres_server() as url:
        yield url
