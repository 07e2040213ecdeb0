"""Which tables of a database are ours to compare with the records: what a part brings is not."""

_PROCRASTINATE = "procrastinate_"  # the queue of steps on PostgreSQL; its tables come from its own schema


def ours(name: str | None, kind: str, _: object) -> bool:
    """Return whether Alembic should look at what is called so; its `include_name`."""
    return kind != "table" or not (name or "").startswith(_PROCRASTINATE)
