"""Who filed a solution by hand."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Let people file solutions; those there are were learned from incidents."""
    op.add_column("solution", sa.Column("filed_by", sa.String(), nullable=False, server_default=""))
