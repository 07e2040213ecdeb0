"""Triage facts as people state them: taken from what they write, and corrected by what they edit."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncSession

from incidents import records, store, triage
from incidents.context import Context
from incidents.events import EventKind
from incidents.service import queries, respond
from incidents.triage import Heard


@dataclass(frozen=True)
class Source:
    """Where a fact comes from."""

    person: str
    message: str = ""  #: its id; empty where the incident was declared with it


@dataclass(frozen=True)
class Words:
    """What somebody wrote."""

    text: str
    message: str = ""  #: its id: an edited message corrects what it gave before
    as_of: str = ""  #: when it was worded so, in seconds since 1970; edits may arrive in another order
    before: str = ""  #: the former wording of an edited message
    asked: bool = True  #: whether it answers the question for facts


async def sources(session: AsyncSession, incident: records.Incident) -> dict[str, Source]:
    """Return who gave which of the known facts, by its name."""
    return _sources(incident, await _heard(session, incident))


async def _heard(session: AsyncSession, incident: records.Incident) -> list[records.Event]:
    return await queries.events_of(session, incident.number, EventKind.FACTS_ADDED)


def _sources(incident: records.Incident, heard: Iterable[records.Event]) -> dict[str, Source]:
    found = {name: Source(incident.reporter) for name in incident.facts}
    for event in heard:
        given = {name: Source(event.actor, event.data.get("message", "")) for name in event.data["facts"]}
        found |= {name: source for name, source in given.items() if name in incident.facts}
    return found


def weigh(incident: records.Incident, known: Mapping[str, Source], actor: str, words: Words) -> Heard:
    """Return what `words` change of what is known; `known` are its `sources`.

    A fact stays as it was first given: another person's words do not replace it, the giver's own do, by an edit of the
    message or by a line that says it anew.
    """
    given = [name for name, source in known.items() if words.message and source.message == words.message]
    heard = triage.hear(words.text, incident.facts, given, before=words.before, asked=words.asked)
    own = {
        name: said
        for name, said in heard.differs.items()
        # The service that was chosen stands for the component until somebody names one.
        if known[name].person == actor or (name == "component" and incident.facts[name] == incident.service)
    }
    others = {name: said for name, said in heard.differs.items() if name not in own}
    return replace(heard, said={**heard.said, **own}, differs=others)


async def add_facts(tx: store.Tx, ctx: Context, incident_id: int, actor: str, words: Words | str) -> tuple[str, ...]:
    """Take from `words` what answers or corrects triage facts; returns the facts that are still missing.

    A plain sentence answers the first open question; talk and questions answer none.

    Raises:
        Conflict: the incident is not open.
    """
    del ctx
    words = Words(words) if isinstance(words, str) else words
    incident = await respond.open_incident(tx, incident_id)
    earlier = await _heard(tx.session, incident)
    if _is_outdated(earlier, words):
        return triage.missing(incident.facts)
    heard = weigh(incident, _sources(incident, earlier), actor, words)
    if heard:
        before = incident.facts
        kept = {name: said for name, said in before.items() if name not in heard.taken_back}
        incident.facts = {**kept, **heard.said}
        tx.session.add(incident)
        await tx.record(
            incident,
            EventKind.FACTS_ADDED,
            actor=actor,
            facts=dict(heard.said),
            missing=list(triage.missing(incident.facts)),
            message=words.message,
            as_of=words.as_of,
            before={name: before[name] for name in (*heard.said, *heard.taken_back) if before.get(name)},
        )
    return triage.missing(incident.facts)


def _is_outdated(earlier: Iterable[records.Event], words: Words) -> bool:
    """Tell whether a newer wording of the same message was heard; Slack dates edits to the second."""
    heard = [
        event.data.get("as_of") or "0"
        for event in earlier
        if words.message and event.data.get("message") == words.message
    ]
    return any(int(float(each)) > int(float(words.as_of or "0")) for each in heard)


def contradiction(heard: Heard, facts: Mapping[str, str], known: Mapping[str, Source]) -> str:
    """Return whose words stand where somebody said otherwise: one sentence, empty where nobody did."""
    name = next(iter(heard.differs), "")
    if not name:
        return ""
    return f"{triage.short(name)}: <@{known[name].person}> said “{facts[name]}”, and that stands."
