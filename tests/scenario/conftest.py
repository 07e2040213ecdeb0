from collections.abc import AsyncIterator

import pytest

from tests.scenario.office import Office, opened


@pytest.fixture
async def office(tmp_path) -> AsyncIterator[Office]:
    async with opened(tmp_path, "dee", "ana", "bo") as running:
        yield running
