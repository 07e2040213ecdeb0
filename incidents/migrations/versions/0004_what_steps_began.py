"""What steps began that must happen once, written down before it begins."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Give steps their journal."""
    op.add_column("step", sa.Column("begun", sa.JSON(), nullable=False, server_default="[]"))
