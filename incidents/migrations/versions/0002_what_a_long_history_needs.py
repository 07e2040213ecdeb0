"""What a long history needs: indexes, words to find incidents by, marks of retention, spells of lateness."""

import re
import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_WORD = re.compile(r"\w+")
_AT_ONCE = 1000


def upgrade() -> None:
    """Add what lists, search and retention read, and take the words of the incidents that are there."""
    op.add_column("incident", sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("incident", sa.Column("stripped_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_incident_declared", "incident", ["declared_at"])
    op.create_index("ix_incident_reporter", "incident", ["reporter", "id"])
    op.create_index("ix_incident_archive", "incident", ["archived_at", "declared_at"])
    op.create_index("ix_incident_strip", "incident", ["stripped_at", "declared_at"])
    op.create_index("ix_role_person", "role", ["person", "role", "incident_id"])
    op.create_index("ix_outbox_due", "outbox", ["state", "not_before"])
    op.create_index("ix_approval_incident", "approval", ["incident_id", "id"])
    op.create_index("ix_status_update_due", "status_update", ["due_at"])
    op.create_index("ix_followup_owner", "followup", ["owner", "state", "due"])
    op.create_index("ix_solution_incident_id", "solution", ["incident_id"])
    op.create_table(
        "spell",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("kind"),
    )
    word = op.create_table(
        "incident_word",
        sa.Column("word", sa.String().with_variant(sa.String(collation="C"), "postgresql"), nullable=False),
        sa.Column("incident_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"]),
        sa.PrimaryKeyConstraint("word", "incident_id"),
    )
    op.create_index("ix_incident_word_incident_id", "incident_word", ["incident_id"])
    _take_words(op.get_bind(), word)


def _take_words(connection: sa.Connection, table: sa.Table) -> None:
    incident = sa.table("incident", sa.column("id"), sa.column("title"), sa.column("service"))
    last = 0
    while True:
        found = connection.execute(
            sa.select(incident).where(incident.c.id > last).order_by(incident.c.id).limit(_AT_ONCE)
        ).all()
        if not found:
            return
        rows = [{"word": word, "incident_id": row.id} for row in found for word in _words(row.title, row.service)]
        if rows:
            connection.execute(sa.insert(table), rows)
        last = found[-1].id


def _words(*texts: str) -> set[str]:
    folded = unicodedata.normalize("NFKC", " ".join(texts)).casefold()
    return {word[:40] for word in _WORD.findall(folded)}
