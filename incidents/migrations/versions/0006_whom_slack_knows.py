"""Whom Slack knows by an e-mail address, for a start while Slack is away."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Remember people."""
    op.create_table(
        "known_person",
        sa.Column("email", sa.String(), primary_key=True),
        sa.Column("slack", sa.String(), nullable=False),
    )
