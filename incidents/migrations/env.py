"""Alembic's environment: revisions run on the connection that `incidents.migrations` hands over."""

from alembic import context
from sqlmodel import SQLModel

from incidents.migrations import column_types, scope

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    render_as_batch=True,  # SQLite alters a table by building it anew
    transactional_ddl=True,  # upgrade() has begun a transaction on both databases
    render_item=column_types.plain,
    compare_type=column_types.differ,
    include_name=scope.ours,
)
context.run_migrations()
