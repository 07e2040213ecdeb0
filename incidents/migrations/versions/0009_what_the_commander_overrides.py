"""Which words at a quality gate override it."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Tell overriding from attesting; what was said so far was attested."""
    op.add_column("attestation", sa.Column("overridden", sa.Boolean(), nullable=False, server_default=sa.false()))
