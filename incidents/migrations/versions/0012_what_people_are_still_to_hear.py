"""Steps of which people are still to hear what became of a command."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Mark steps that were stopped over a running command; of those there are, nothing was written down."""
    op.add_column("step", sa.Column("owes", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_index(
        "ix_step_owes", "step", ["owes"], sqlite_where=sa.text("owes = 1"), postgresql_where=sa.text("owes")
    )
