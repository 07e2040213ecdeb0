"""What the database does for a statement: how much of a long history it goes through, and by which plan.

SQLite tells how many instructions a statement took, PostgreSQL how many rows it looked at. The plan alone tells too
little: a search by a state that nearly everything is in is a search by an index, too, and goes through all of history.
"""

import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, event
from sqlmodel import SQLModel

from incidents import records
from incidents.context import Context
from tests.benchmarks import history

Asking = Callable[[Context], Awaitable[Any]]

#: The tables that grow with every incident, as far as the history fills them: what is empty is read as one likes.
BIG = {str(table.__tablename__) for table in (*history.ORDER, records.Inbound)}

_OFTEN = 50  # instructions of SQLite between two counts
_TABLES = SQLModel.metadata.tables.values()
_FIRST_COLUMN = {str(index.name): index.columns[0].name for table in _TABLES for index in table.indexes}


@dataclass
class Asked:
    """One statement, and what it took."""

    statement: str
    amount: int  #: instructions on SQLite, rows looked at on PostgreSQL
    whole: list[str]  #: lines of its plan that go through a big table, or an index of one, as a whole

    def __str__(self) -> str:
        return f"{self.amount} {self.whole}  in  {' '.join(self.statement.split())[:400]}"


async def of(ctx: Context, ask: Asking) -> list[Asked]:
    """Return what `ask` asks of a database that nobody was connected to yet."""
    engine = ctx.store.engine.sync_engine
    watch = _PostgreSQL() if ctx.store.supports_skip_locked else _SQLite()
    if isinstance(watch, _SQLite):
        event.listen(engine, "connect", watch.connect)
    event.listen(engine, "before_cursor_execute", watch.before)
    event.listen(engine, "after_cursor_execute", watch.after)
    await ask(ctx)
    event.remove(engine, "before_cursor_execute", watch.before)
    event.remove(engine, "after_cursor_execute", watch.after)
    return watch.asked


def _counts(statement: str, many: bool) -> bool:
    return not many and re.match(r"\s*(SELECT|UPDATE|DELETE|WITH)", statement) is not None


class _SQLite:
    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self._instructions = 0

    def connect(self, connection: Any, _: object) -> None:
        connection.run_async(lambda line: line.set_progress_handler(self._tick, _OFTEN))

    def _tick(self) -> int:
        self._instructions += _OFTEN
        return 0

    def before(self, connection: Connection, _: Any, statement: str, parameters: Any, __: Any, many: bool) -> None:
        if _counts(statement, many):
            plan = connection.connection.cursor()
            plan.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            whole = [str(row[3]) for row in plan.fetchall() if _scanned(str(row[3]))]
            self.asked.append(Asked(statement, 0, whole))
        self._instructions = 0

    def after(self, _: Any, __: Any, statement: str, ___: Any, ____: Any, many: bool) -> None:
        if _counts(statement, many):
            self.asked[-1].amount = self._instructions


def _scanned(line: str) -> bool:
    found = re.match(r"SCAN (\w+)", line)
    return found is not None and _table(found[1]) in BIG


def _table(alias: str) -> str:
    return re.sub(r"_\d+$", "", alias)


class _PostgreSQL:
    def __init__(self) -> None:
        self.asked: list[Asked] = []

    def before(self, connection: Connection, _: Any, statement: str, parameters: Any, __: Any, many: bool) -> None:
        if not _counts(statement, many):
            return
        cursor = connection.connection.cursor()
        changes = not re.match(r"\s*SELECT", statement)  # it would be done twice, as it is carried out to be counted
        if changes:
            cursor.execute("SAVEPOINT counted")
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON, TIMING OFF) {statement}", parameters)
        [[[plan]]] = cursor.fetchall()
        if changes:
            cursor.execute("ROLLBACK TO SAVEPOINT counted")
        nodes = list(_nodes(plan["Plan"]))
        self.asked.append(
            Asked(statement, sum(map(_looked_at, nodes)), [line for node in nodes if (line := _walked(node))])
        )

    def after(self, *_: Any) -> None:
        """Leave it at what was seen before."""


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for below in node.get("Plans", ()):
        yield from _nodes(below)


def _looked_at(node: dict[str, Any]) -> int:
    if node.get("Relation Name") not in BIG or node["Node Type"] == "ModifyTable":
        return 0
    left_out = sum(node.get(f"Rows Removed by {why}", 0) for why in ("Filter", "Index Recheck"))
    return round((node["Actual Rows"] + left_out) * node["Actual Loops"])


def _walked(node: dict[str, Any]) -> str:
    """Return what a node goes through as a whole: a table, or an index whose first column is not asked for."""
    if node["Node Type"] == "Seq Scan" and node["Relation Name"] in BIG:
        return f"Seq Scan on {node['Relation Name']}"
    first = _FIRST_COLUMN.get(node.get("Index Name", ""))
    if first and "Index Cond" in node and not re.search(rf"\b{first}\b", node["Index Cond"]):
        return f"{node['Index Name']}: {node['Index Cond']}"
    return ""
