"""Checks the policy files against each other: gates that nobody describes, paging slower than what was promised."""

from collections.abc import Mapping
from datetime import timedelta

from incidents.configuration import words
from incidents.configuration.documents import Entry
from incidents.configuration.mistakes import Unreadable
from incidents.configuration.reader import Reader
from incidents.definitions import Acknowledgement, Policies


def check(reader: Reader, policies: Policies, files: Mapping[str, Entry]) -> None:
    """Note what does not fit together. `files` are those that could be read; nothing is judged by the others."""
    if "gates" in files:
        reader.check_references("gate", policies.gates, otherwise="describe it in gates.yml")
    if "severity_levels" in files and "paging" in files:
        for paging in policies.paging:
            _check_paging(reader, policies, paging, files["paging"])


def _check_paging(reader: Reader, policies: Policies, paging: Acknowledgement, file: Entry) -> None:
    level = policies.severity_levels.get(paging.severity)
    entry = reader.mapping(reader.mapping(file).get("paging")).get(paging.severity)
    if level is None or entry is None or len(paging.levels) < 2:
        return
    promised = _promised(level.escalation)
    if promised and paging.every > promised:
        what = f"the second level is paged after the time that severity_levels promises ({level.escalation})"
        reader.mistake(reader.mapping(entry).get("every", entry), what, "Make `every` at most that long")


def _promised(escalation: str) -> timedelta | None:
    try:
        return words.within(escalation)
    except Unreadable:  # next_business_day is no length of time; an unreadable word is noted already
        return None
