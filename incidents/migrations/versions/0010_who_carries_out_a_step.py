"""Who is to carry out a step, where a person chose."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Let people hand a step to another provider; no step was handed over yet."""
    op.add_column("step", sa.Column("provider", sa.String(), nullable=False, server_default=""))
