"""Repositories to work on."""

from pathlib import Path

import pytest

from tests.clock import ManualClock
from tests.integration.tools import workshop
from tests.integration.tools.workshop import Workshop


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    """An empty repository."""
    return workshop.make(tmp_path / "shop")
