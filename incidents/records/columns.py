"""Kinds of columns: times in UTC, words of closed sets, JSON and text."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, DateTime, Dialect, String, Text, TypeDecorator
from sqlmodel import Field


class UtcDateTime(TypeDecorator[datetime]):
    """A timezone-aware UTC time on both databases; SQLite keeps no zone of its own."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return `value` in UTC; naive times are refused."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("times are stored timezone-aware")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the stored time, aware."""
        return value if value is None or value.tzinfo else value.replace(tzinfo=UTC)


class Word(TypeDecorator[StrEnum]):
    """A member of a closed set, stored as its word."""

    impl = Text
    cache_ok = True

    def __init__(self, words: type[StrEnum]) -> None:
        super().__init__()
        self.words = words

    def process_bind_param(self, value: StrEnum | str | None, dialect: Dialect) -> str | None:
        """Return the member's word; a word outside the set is refused."""
        return None if value is None else self.words(value).value

    def process_result_value(self, value: str | None, dialect: Dialect) -> StrEnum | None:
        """Return the member."""
        return None if value is None else self.words(value)


#: Text in the order of its code points on both databases, so that words with one beginning stand together.
BY_CODE = String().with_variant(String(collation="C"), "postgresql")


def word(words: type[StrEnum], **options: Any) -> Any:
    """Return a column of one word of `words`."""
    return Field(sa_type=Word(words), **options)


def time(**options: Any) -> Any:
    """Return a column of a time in UTC."""
    return Field(sa_type=UtcDateTime, **options)


def json(default: type) -> Any:
    """Return a column of JSON that begins as an empty `default`."""
    return Field(default_factory=default, sa_type=JSON)


def text(default: str = "") -> Any:
    """Return a column of text without a limit."""
    return Field(default=default, sa_type=Text)


class Numbered:
    """Rows whose number the database gives when they are stored."""

    id: int | None

    @property
    def number(self) -> int:
        """Return the number of a stored row."""
        assert self.id is not None, "the row is not stored yet"  # noqa: S101 - a fault of ours
        return self.id
