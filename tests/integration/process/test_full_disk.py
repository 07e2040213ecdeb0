"""A disk that is really full: people read what is wrong, nothing is half done, and it goes on once there is space."""

import asyncio
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.workspace.driver import Person
from tests.integration.process.sitrep import environment, serving, workspace

_UNACKNOWLEDGED = "SELECT id FROM incident WHERE acknowledged_at IS NULL AND id = 1"
_FULL = "The disk that holds the database is full."


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 48 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", str(folder)], check=False, capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"a full disk was not tested: no file system can be mounted here ({mounted.stderr.strip()})")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _fill(folder: Path) -> Path:
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (1_048_576, 4096, 1):
            while True:
                try:
                    if file.write(b"\0" * size) < size:
                        break
                except OSError:
                    break
    return ballast


def _rows(folder: Path, question: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(f"file:{folder / 'sitrep.db'}?mode=ro", uri=True)
    try:
        return connection.execute(question).fetchall()
    finally:
        connection.close()


async def test_full_disk_is_told_where_people_look_and_nothing_is_half_done(small_disk: Path) -> None:
    async with workspace() as slack, serving(environment(slack.api_url, small_disk)) as probe:
        await probe.ready()
        async with Person(slack.url, "U0AVA") as ava:
            await ava.command("/incident", "search is slow")
            await ava.submit(await ava.wait_for_view())
            room = await ava.wait_for_channel(lambda each: each["name"].startswith("inc-1-") and each["is_member"])
            await ava.close(await ava.wait_for_view(lambda view: "inc-1" in str(view)), whole_stack=True)

            ballast = _fill(small_disk)
            checks = await probe.until(lambda checks: checks.get("disk", "ok") != "ok")
            assert "0 MB" in checks["disk"]
            await ava.command("/incident", "checkout returns 500s")
            view = await ava.wait_for_view()
            known = "The cache was flushed. " * 100
            await ava.submit(view, {"known": known})
            view = await ava.wait_for_view(lambda each: _FULL in str(each))
            await ava.command("/incident", "ack", channel=str(room["id"]))
            await ava.wait_for_ephemeral(lambda message: _FULL in str(message))
            assert _rows(small_disk, "SELECT id, acknowledged_at FROM incident") == [(1, None)]
            channels = [e for e in slack.core.calls.entries() if e["method"] == "conversations.create"]
            assert len(channels) == 1

            ballast.unlink()
            await ava.submit(view)
            await ava.wait_for_channel(lambda each: each["name"] == "inc-2-checkout-returns-500s")
            await ava.command("/incident", "ack", channel=str(room["id"]))
            async with asyncio.timeout(20):
                while _rows(small_disk, _UNACKNOWLEDGED):  # noqa: ASYNC110 - a row tells nobody
                    await asyncio.sleep(0.05)
            await probe.ready()
        assert _rows(small_disk, "SELECT known FROM incident WHERE id = 2") == [(known.strip(),)]
        assert _rows(small_disk, "PRAGMA quick_check") == [("ok",)]
