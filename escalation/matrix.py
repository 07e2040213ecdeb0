"""The communication matrix: who is promised to hear what by when, and what a change of severity does to it. Pure."""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from datetime import datetime, timedelta

from escalation import oncall, policies
from escalation.oncall import Contact
from incidents.catalog import Settings
from incidents.definitions import Library, MatrixRow, Policies, Severity
from incidents.notices import Road

#: The seed's audience that is no group of people but all who were promised to hear before, unless it is configured.
EVERYBODY_SO_FAR = "stakeholder_update"


@dataclass(frozen=True)
class Promise:
    """One person hears by one time."""

    label: str  #: the row of the matrix: immediate, within_30_min
    audience: str
    who: Contact
    due_at: datetime  #: UTC

    @property
    def road(self) -> Road:
        """Return the road it takes: Slack where the person is there, else e-mail."""
        return Road.SLACK if self.who.slack else Road.EMAIL


@dataclass(frozen=True)
class Plan:
    """What is to be done so that the matrix is kept from now on."""

    now: tuple[Promise, ...]  #: due already; goes at once
    later: tuple[Promise, ...]
    cancelled: tuple[str, ...]  #: labels that wait and are no longer promised
    unfilled: tuple[str, ...]  #: audiences with nobody in them

    @property
    def timers(self) -> Mapping[str, datetime]:
        """Return when each label is due that is still to come (UTC)."""
        return {promise.label: promise.due_at for promise in self.later}


def plan(
    rows: tuple[MatrixRow, ...],
    settings: Settings,
    *,
    since: datetime,
    now: datetime,
    told: Set[tuple[str, str]] = frozenset(),
    waiting: Set[str] = frozenset(),
    drill: bool = False,
) -> Plan:
    """Return what the rows promise from `now` on.

    Whoever heard before does not hear again: a person stands once in the matrix, in the earliest row that names them.

    Args:
        rows: The matrix of the severity as it is now.
        settings: The people.
        since: When the promises began to count: declared, or reopened (UTC).
        now: The time of the decision (UTC); nothing is due before it.
        told: (label, person) of everything that was sent.
        waiting: Labels whose timers are pending.
        drill: Whether only the drill's audience may hear.
    """
    heard = {person for _, person in told}
    promised: list[Promise] = []
    unfilled: list[str] = []
    for row in sorted(rows, key=lambda row: row.within):
        due_at = max(since + row.within, now)
        everybody = {promise.who.person: promise.who for promise in promised}
        for audience in row.audiences:
            people = oncall.heard_by(settings, audience, drill=drill)
            again = audience == EVERYBODY_SO_FAR and not people
            if again:
                people = tuple(everybody.values()) + _told_contacts(settings, heard - everybody.keys())
            if not people and not drill and not again:
                unfilled.append(audience)
            for who in people:
                before = {each.person for each in _of_row(promised, row.label)} if again else everybody.keys() | heard
                if who.person not in before and (row.label, who.person) not in told:
                    promised.append(Promise(row.label, audience, who, due_at))
                    everybody.setdefault(who.person, who)
    later = tuple(promise for promise in promised if promise.due_at > now)
    return Plan(
        now=tuple(promise for promise in promised if promise.due_at <= now),
        later=later,
        cancelled=tuple(sorted(waiting - {promise.label for promise in later})),
        unfilled=tuple(dict.fromkeys(unfilled)),
    )


def _of_row(promised: list[Promise], label: str) -> list[Contact]:
    return [promise.who for promise in promised if promise.label == label]


def _told_contacts(settings: Settings, people: Set[str]) -> tuple[Contact, ...]:
    known = (oncall.contact(settings, person) for person in sorted(people))
    return tuple(who for who in known if who is not None)


@dataclass(frozen=True)
class Foretold:
    """One row of the preview: who hears within which time."""

    within: timedelta
    who: tuple[str, ...]  #: `on-call Ana`; a later row names offices alone: `CTO`

    @property
    def when(self) -> str:
        """Return the time in words: `Now`, `+30 min`."""
        return f"+{policies.spoken(self.within)}" if self.within else "Now"


@dataclass(frozen=True)
class Preview:
    """What declaring with a severity brings about."""

    severity: Severity
    description: str
    response_time: timedelta
    rows: tuple[Foretold, ...]
    updates_every: timedelta | None
    escalations: tuple[str, ...]  #: `CTO if not resolved in 60 min`
    steps: int  #: of its workflow; 0 where there is none

    @property
    def sentence(self) -> str:
        """Return all of it in one line."""
        parts = [" · ".join(f"{row.when} {', '.join(row.who)}" for row in self.rows)]
        if self.updates_every:
            parts.append(f"status every {policies.spoken(self.updates_every)}")
        parts += self.escalations
        return "; ".join(part for part in parts if part)


def preview(library: Library, settings: Settings, severity: Severity, *, drill: bool = False) -> Preview:
    """Return who would hear what and when; the same rules as `plan`, in words."""
    known: Policies = library.policies
    level = known.severity_levels[severity]
    workflow = library.workflows.get(level.workflow)
    rows = sorted(known.communication_matrix.get(severity, ()), key=lambda row: row.within)
    return Preview(
        severity=severity,
        description=level.description,
        response_time=level.response_time,
        rows=tuple(
            Foretold(row.within, tuple(_foretold(settings, name, row.within, drill=drill) for name in row.audiences))
            for row in rows
        ),
        updates_every=known.regular_updates.frequency.get(severity),
        escalations=tuple(policies.in_words(trigger) for trigger in policies.of_severity(known, severity)),
        steps=len(workflow.steps()) if workflow else 0,
    )


def _foretold(settings: Settings, audience: str, within: timedelta, *, drill: bool) -> str:
    people = oncall.heard_by(settings, audience, drill=drill)
    if drill:
        return f"{oncall.short(audience)} (drill{': ' + ', '.join(who.name for who in people) if people else ''})"
    if not people and audience != EVERYBODY_SO_FAR:
        return f"{oncall.short(audience)} (nobody configured)"
    if within or not people:
        return oncall.short(audience)
    first = people[0].name.split()[0]
    return f"{oncall.short(audience)} {first}" + (f" +{len(people) - 1}" if len(people) > 1 else "")
