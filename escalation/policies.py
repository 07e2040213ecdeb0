"""When nobody moves, and when something grave is found: what escalates to whom. Pure, decided on the current state."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from escalation import oncall
from incidents import durations, hours, records
from incidents.catalog import Settings
from incidents.definitions import Acknowledgement, EscalationTrigger, ImpactTrigger, Policies, Severity
from incidents.lifecycle import Milestone, Status

#: How often everybody is paged again after the last level, while nobody acknowledges.
EXTRA_ROUNDS = 3

#: The seed's word where nobody is woken, and who then takes it up in the morning.
_NEXT_BUSINESS_DAY, _WAITS_FOR = "next_business_day", "assigned_engineer"


@dataclass(frozen=True)
class Deadline:
    """A time-based escalation and when it is due."""

    trigger: EscalationTrigger
    due_at: datetime  #: UTC


def deadlines(
    policies: Policies, settings: Settings, incident: records.Incident, *, since: datetime, now: datetime
) -> tuple[Deadline, ...]:
    """Return the time-based escalations that still hold, soonest first; none is due before `now` (both UTC)."""
    found = [Deadline(each, max(since + each.after, now)) for each in policies.time_based if holds(each, incident)]
    waits = by_business_day(policies, incident.severity)
    if waits is not None and holds(waits, incident):
        opening = hours.opens_next(since, settings)
        found.append(Deadline(waits, max(opening, now)))
    return tuple(sorted(found, key=lambda deadline: deadline.due_at))


def by_business_day(policies: Policies, severity: Severity) -> EscalationTrigger | None:
    """Return the escalation of a severity that waits for the next business day, or None; its `after` is unused."""
    if policies.severity_levels[severity].escalation != _NEXT_BUSINESS_DAY:
        return None
    return EscalationTrigger(
        name=f"{severity}_bug_not_acknowledged_{_NEXT_BUSINESS_DAY}",
        severity=severity,
        until=Milestone.ACKNOWLEDGED.value,
        after=timedelta(0),
        escalate_to=_WAITS_FOR,
        action=f"escalate_to_{_WAITS_FOR}",
    )


def of_severity(policies: Policies, severity: Severity) -> tuple[EscalationTrigger, ...]:
    """Return every escalation by time of `severity`."""
    waits = by_business_day(policies, severity)
    return tuple(each for each in policies.time_based if each.severity is severity) + ((waits,) if waits else ())


def holds(trigger: EscalationTrigger, incident: records.Incident) -> bool:
    """Return whether the escalation is still called for: open, of its severity, its milestone not reached."""
    return (
        incident.status is Status.OPEN
        and incident.severity is trigger.severity
        and incident.reached(Milestone(trigger.until)) is None
    )


def time_based(policies: Policies, name: str) -> EscalationTrigger | None:
    """Return the time-based escalation called `name`, or None where the policies no longer have it."""
    everything = (trigger for severity in policies.severity_levels for trigger in of_severity(policies, severity))
    return next((trigger for trigger in everything if trigger.name == name), None)


def found(policies: Policies, name: str) -> ImpactTrigger | None:
    """Return the impact or complexity trigger called `name`, or None where the policies have none."""
    return next((each for each in (*policies.impact_based, *policies.complexity_based) if each.name == name), None)


def in_words(trigger: EscalationTrigger) -> str:
    """Return the escalation for people: `CTO if not resolved in 60 min`."""
    by = f"in {spoken(trigger.after)}" if trigger.after else "by the next business day"
    return f"{oncall.called(trigger.escalate_to)} if not {trigger.until} {by}"


def spoken(duration: timedelta) -> str:
    """Return the duration as the policies write it: `30 min`, `60 min`, `4 h`; an hour and a half is `90 min`."""
    minutes = duration.total_seconds() / 60
    return f"{minutes:.0f} min" if 1 <= minutes < 120 and minutes == int(minutes) else durations.spoken(duration)


def reason(trigger: EscalationTrigger) -> str:
    """Return why it escalated: `not resolved in 60 min`."""
    return in_words(trigger).partition(" if ")[2]


def paging(policies: Policies, severity: Severity) -> Acknowledgement | None:
    """Return how people are paged at `severity`, or None where nobody is."""
    return next((each for each in policies.paging if each.severity is severity), None)


def unanswered(incident: records.Incident) -> bool:
    """Return whether somebody must still be woken."""
    return incident.status is Status.OPEN and incident.acknowledged_at is None


def audiences_of_level(levels: Sequence[str], level: int) -> tuple[str, ...]:
    """Return whom `level` (from 1) pages; beyond the last it is everybody again, and after EXTRA_ROUNDS nobody."""
    if level <= len(levels):
        return (levels[level - 1],)
    return tuple(levels) if level <= len(levels) + EXTRA_ROUNDS else ()
