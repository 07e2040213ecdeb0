"""The shipped files, loaded once."""

import pytest

from incidents import loading
from incidents.definitions import Library


@pytest.fixture(scope="session")
def shipped() -> Library:
    library, _ = loading.load(loading.templates_root(), None)
    return library
