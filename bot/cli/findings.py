"""What an examination found."""

from dataclasses import dataclass
from enum import StrEnum


class Grade(StrEnum):
    """How a finding stands."""

    FINE = "fine"
    NOTE = "note"  #: works, but somebody should know
    FAULT = "fault"  #: serving will fail, or do less than it was configured for


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    about: str
    grade: Grade
    said: str
    remedy: str = ""


def fine(about: str, said: str) -> Finding:
    """Return that all is well."""
    return Finding(about, Grade.FINE, said)


def note(about: str, said: str, remedy: str = "") -> Finding:
    """Return something worth knowing."""
    return Finding(about, Grade.NOTE, said, remedy)


def fault(about: str, said: str, remedy: str) -> Finding:
    """Return what must be mended."""
    return Finding(about, Grade.FAULT, said, remedy)
