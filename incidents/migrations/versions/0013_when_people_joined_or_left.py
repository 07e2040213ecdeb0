"""When people joined or left an incident's channel."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Remember the newest joining or leaving of each person; nothing is known of those before."""
    op.create_table(
        "membership",
        # With its incident: a replica that serves beside this one forgets incidents and knows nothing of this table.
        sa.Column("incident_id", sa.Integer(), sa.ForeignKey("incident.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("person", sa.String(), primary_key=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
    )
