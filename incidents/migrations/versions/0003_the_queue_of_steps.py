"""The queue of steps: procrastinate's tables on PostgreSQL. On SQLite one process takes up all steps itself."""

from pathlib import Path

from alembic import op

revision = "0003"
down_revision = "0002"

# procrastinate's own schema.sql as of the version named, kept here: what an installation gets must not depend on which
# version it was first set up with. A newer procrastinate comes with a revision that applies its migrations.
_SCHEMA = Path(__file__).parents[1] / "procrastinate_3_10.sql"


def upgrade() -> None:
    """Make procrastinate's tables, functions and triggers."""
    connection = op.get_bind()
    if connection.dialect.name != "postgresql":
        return
    # Many statements with percent signs: they go to the driver as they are. Steps that are ready need no row here;
    # the first sweep of the first replica queues them.
    cursor = connection.connection.cursor()
    cursor.execute(_SCHEMA.read_text(encoding="utf-8"))
    cursor.close()
