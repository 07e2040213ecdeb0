"""How column types are written into revisions and compared with a database."""

from typing import Any, Literal

import sqlalchemy as sa
from sqlmodel import AutoString

from incidents import records


def plain(kind: str, item: Any, _: object) -> str | Literal[False]:
    """Return a column's type as SQLAlchemy's own: a revision must not change when our types do."""
    if kind != "type":
        return False
    if isinstance(item, records.UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if isinstance(item, records.Word):
        return "sa.Text()"
    return "sa.String()" if isinstance(item, AutoString) else False


def differ(_: object, __: object, ___: object, found: Any, declared: Any) -> bool | None:
    """Return whether two types differ; None leaves it to Alembic. Text without a length is text, by either name."""
    if isinstance(found, sa.String) and isinstance(declared, sa.String | AutoString | records.Word):
        return found.length != getattr(declared, "length", None)
    return None
