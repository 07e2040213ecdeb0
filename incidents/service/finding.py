"""Finding incidents among all that ever were: by words of their title and service, and page by page."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from incidents import records, store
from incidents.lifecycle import Status

_WORD = re.compile(r"\w+")
_LONGEST = 40  # letters of a word that are kept; nobody types more of one
_MOST_WORDS = 8  # of a search; what is typed beyond them narrows nothing further
_LAST = "\U0010ffff"  # sorts after every letter, so that a beginning has an upper end

#: An incident's key, so that `inc-7` finds it whatever its title.
_KEY = re.compile(r"inc-(\d{1,9})", re.IGNORECASE)


@dataclass(frozen=True)
class Page:
    """Some of the incidents that were asked for, newest first."""

    incidents: tuple[records.Incident, ...]
    older: int | None  #: ask again before this number for the next page; None when there is none


def words(*texts: str) -> tuple[str, ...]:
    """Return the words that `texts` are found by, each once, in their order."""
    folded = unicodedata.normalize("NFKC", " ".join(texts)).casefold()
    return tuple(dict.fromkeys(word[:_LONGEST] for word in _WORD.findall(folded)))


async def take_in(tx: store.Tx, incident: records.Incident) -> None:
    """Let the new `incident` be found by its title and service."""
    found = [{"word": word, "incident_id": incident.number} for word in words(incident.title, incident.service)]
    if found:
        await tx.session.execute(insert(records.IncidentWord), found)


async def search(
    session: AsyncSession, text: str, *, limit: int = 20, before: int | None = None, statuses: Sequence[Status] = ()
) -> Page:
    """Return the incidents whose words begin with every word of `text`, newest first; without words, all.

    `before` continues a page; `statuses` narrows.
    """
    incident = records.Incident
    asked = select(incident)
    key = _KEY.fullmatch(text.strip())
    if key:
        asked = asked.where(incident.id == int(key[1]))
    else:
        for word in words(text)[:_MOST_WORDS]:
            asked = asked.where(col(incident.id).in_(_holding(word)))
    if before is not None:
        asked = asked.where(col(incident.id) < before)
    if statuses:
        asked = asked.where(col(incident.status).in_(statuses))
    found = list((await session.scalars(asked.order_by(col(incident.id).desc()).limit(limit + 1))).all())
    shown = found[:limit]
    return Page(tuple(shown), shown[-1].number if len(found) > limit else None)


def _holding(word: str) -> SelectOfScalar[int]:
    held = records.IncidentWord
    return select(col(held.incident_id)).where(col(held.word) >= word, col(held.word) < word + _LAST)
