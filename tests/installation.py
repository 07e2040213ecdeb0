"""What an installation of a test begins with: the shipped library and an empty database, made once, and patience."""

from functools import cache
from pathlib import Path

from sqlalchemy import create_engine

from bot.workspace.config import DeliveryConfig
from incidents import loading, migrations
from incidents.definitions import Library

#: What Slack would not wait for, a test does: that the machine has other work is no fault of the app.
PATIENT = DeliveryConfig(ack_seconds=30.0, trigger_seconds=30.0)


@cache
def library() -> Library:
    """Return the shipped policies and workflows."""
    return loading.load(loading.templates_root(), None)[0]


@cache
def _tables() -> bytes:
    # Made by the revisions, as the product makes it: 0.1 s and thirty synced writes that each test is spared.
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        migrations._upgrade(connection)
        connection.commit()
        content: bytes = connection.connection.driver_connection.serialize()  # type: ignore[union-attr]
    engine.dispose()
    return content


def sqlite_database(folder: Path) -> str:
    """Make an empty database of today's shape in `folder` and return its URL."""
    file = folder / "sitrep.db"
    file.write_bytes(_tables())
    return f"sqlite+aiosqlite:///{file}"
