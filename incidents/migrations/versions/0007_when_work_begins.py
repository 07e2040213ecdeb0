"""When a run begins that waits for the next business day."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Let runs begin later; those that there are have begun."""
    op.add_column("run", sa.Column("begins_at", sa.DateTime(timezone=True), nullable=True))
