"""A new version comes while the old one serves and a response waits for people."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from incidents import migrations
from tests.replicas.fleet import declaring, fleet
from tests.replicas.reckoning import PEOPLE

ROOT = Path(__file__).parents[2]
#: A second is long for the replicas that serve meanwhile; the table is the one that they all change.
REVISION = '''"""What the next version adds."""

import sqlalchemy as sa
from alembic import op

revision = "9000"
down_revision = "{head}"


def upgrade() -> None:
    """Add a column, and take a second."""
    op.add_column("incident", sa.Column("of_the_next_version", sa.Text(), nullable=True))
    op.execute("SELECT pg_sleep(1)")
'''


def next_version(folder: Path) -> Path:
    """Make a copy of Sitrep with one more revision and another workflow; returns its folder."""
    for package in ("bot", "incidents", "escalation", "templates"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    versions = folder / "incidents" / "migrations"
    (versions / "versions" / "9000_next.py").write_text(REVISION.format(head=migrations.HEAD))
    upgrade = (versions / "__init__.py").read_text()
    (versions / "__init__.py").write_text(upgrade.replace(f'HEAD = "{migrations.HEAD}"', 'HEAD = "9000"'))
    workflow = folder / "templates" / "workflows" / "emergency_response.yml"
    workflow.write_text(workflow.read_text().replace("title: Hotfix Development", "title: Hotfix, Second Edition"))
    return folder


def has_button(label: str) -> Any:
    return lambda row: f'"text": "{label}"' in json.dumps(row.get("blocks", []), ensure_ascii=False)


@pytest.mark.torture
@pytest.mark.timeout(300)
async def test_an_approval_outlives_the_version_that_asked_for_it(postgres: str, tmp_path: Path) -> None:
    async with fleet(postgres, tmp_path) as ships:
        await ships.launch("old-1", "old-2")
        await ships.declare("Checkout returns 500s")
        lead = await ships.person(PEOPLE["team_lead"])
        [incident] = await ships.until("SELECT channel FROM incident WHERE channel <> ''", bool)
        channel = incident["channel"]
        await lead.wait_for_channel(lambda each: each["id"] == channel, 30)
        await lead.command("/incident", "ack", channel)
        card = await lead.wait_for_message(channel, has_button("Choose 1"), 60)
        before = await ships.rows("SELECT digest FROM run")

        async with declaring(ships, every_seconds=3):
            await ships.launch("new", code=next_version(tmp_path / "next"))
            await ships.stop("old-1", "old-2")
        assert await ships.rows("SELECT version_num FROM alembic_version") == [{"version_num": "9000"}]

        await lead.click(channel, card, "Choose 1")
        await lead.wait_for_message(
            channel, lambda row: row["ts"] == card["ts"] and "Chosen" in json.dumps(row, ensure_ascii=False), 20
        )
        gate = await lead.wait_for_message(channel, has_button("Attest"), 20)
        await lead.click(channel, gate, "Attest")
        tested = "SELECT state FROM step WHERE run_id = 1 AND name = '2.3'"
        await ships.until(tested, lambda rows: rows == [{"state": "done"}])
        await ships.declare("Search returns 500s")
        await ships.promises_fired()
        await ships.settled()

        reckoning = await ships.reckon()
        runs = await ships.rows("SELECT digest, definition::text AS definition FROM run ORDER BY id")
    assert reckoning.is_even, reckoning
    assert runs[0]["digest"] == before[0]["digest"]
    assert "Second Edition" not in runs[0]["definition"]
    assert "Second Edition" in runs[-1]["definition"]
