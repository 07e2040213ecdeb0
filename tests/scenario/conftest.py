from collections.abc import AsyncIterator, Iterator

import pytest
import structlog

from tests.scenario.office import Office, opened


@pytest.fixture(autouse=True)
def plain_logs() -> Iterator[None]:
    """Log as `sitrep serve` does; structlog's default draws tracebacks with all locals, which takes seconds."""
    renderer = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[structlog.processors.add_log_level, renderer])
    yield
    structlog.reset_defaults()


@pytest.fixture
async def office(tmp_path) -> AsyncIterator[Office]:
    async with opened(tmp_path, "dee", "ana", "bo") as running:
        yield running
