"""Which milestone stops which escalation, and how far paging goes."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escalation import policies
from incidents import records
from incidents.catalog import Settings
from incidents.definitions import Severity
from incidents.lifecycle import Milestone, Status
from tests import installation
from tests.clock import START

POLICIES = installation.library().policies
STOPS = {
    "critical_bug_not_resolved_60_minutes": Milestone.RESOLVED,
    "high_bug_not_triaged_2_hours": Milestone.TRIAGED,
    "medium_bug_not_started_24_hours": Milestone.STARTED,
}
OTHERS = (Milestone.ACKNOWLEDGED, Milestone.TRIAGED, Milestone.STARTED, Milestone.MITIGATED, Milestone.DEPLOYED)


def incident(severity: Severity, *reached: Milestone, status: Status = Status.OPEN) -> records.Incident:
    times = {f"{milestone.value}_at": START for milestone in reached}
    return records.Incident(
        id=7, title="t", severity=severity, status=status, reporter="U0DEE", declared_at=START, **times
    )


@pytest.mark.parametrize("trigger", POLICIES.time_based, ids=lambda trigger: str(trigger.name))
def test_each_escalation_is_stopped_by_its_own_milestone_alone(trigger: policies.EscalationTrigger) -> None:
    stop = STOPS[trigger.name]
    assert policies.holds(trigger, incident(trigger.severity))
    assert not policies.holds(trigger, incident(trigger.severity, stop))
    assert policies.holds(trigger, incident(trigger.severity, *(each for each in OTHERS if each is not stop)))


@pytest.mark.parametrize("status", [Status.RESOLVED, Status.CLOSED, Status.CANCELLED])
def test_nothing_escalates_once_the_incident_is_over(status: Status) -> None:
    assert (
        policies.deadlines(POLICIES, Settings(), incident(Severity.CRITICAL, status=status), since=START, now=START)
        == ()
    )


def test_critical_escalates_to_the_cto_after_an_hour() -> None:
    (deadline,) = policies.deadlines(POLICIES, Settings(), incident(Severity.CRITICAL), since=START, now=START)
    assert (deadline.trigger.escalate_to, deadline.due_at) == ("cto", START + timedelta(minutes=60))
    assert policies.in_words(deadline.trigger) == "CTO if not resolved in 60 min"
    assert policies.reason(deadline.trigger) == "not resolved in 60 min"


@given(severity=st.sampled_from(Severity), minutes=st.integers(0, 3000), reached=st.sets(st.sampled_from(Milestone)))
def test_deadlines_are_in_order_never_past_and_only_of_this_severity(
    severity: Severity, minutes: int, reached: set[Milestone]
) -> None:
    now = START + timedelta(minutes=minutes)
    case = incident(severity, *(reached - {Milestone.DECLARED}))
    found = policies.deadlines(POLICIES, Settings(), case, since=START, now=now)
    due = [deadline.due_at for deadline in found]
    assert due == sorted(due)
    assert all(at >= now for at in due)
    assert all(deadline.trigger.severity is severity for deadline in found)
    assert all(case.reached(Milestone(deadline.trigger.until)) is None for deadline in found)


def test_after_the_last_level_everybody_is_paged_a_few_times_more_and_then_no_more() -> None:
    levels = ("on_call_engineer", "team_lead")
    assert [policies.audiences_of_level(levels, level) for level in range(1, 7)] == [
        ("on_call_engineer",),
        ("team_lead",),
        levels,
        levels,
        levels,
        (),
    ]


@pytest.mark.parametrize(
    ("name", "audience"),
    [
        ("security_breach_suspected", "security_team"),
        ("data_loss_confirmed", "legal_and_compliance"),
        ("revenue_impact_exceeds_threshold", "business_stakeholders"),
        ("architecture_changes_required", "software_architect"),
        ("multi_service_impact", "system_architects"),
        ("third_party_dependencies", "vendor_management"),
    ],
)
def test_what_is_found_goes_to_whom_the_seed_names(name: str, audience: str) -> None:
    trigger = policies.found(POLICIES, name)
    assert trigger is not None
    assert trigger.escalate_to == audience


def test_a_low_incident_nobody_took_is_handed_over_when_business_opens() -> None:
    settings = Settings(business_hours="Mon-Fri 09:00-17:00", timezone="Europe/Berlin")
    (deadline,) = policies.deadlines(POLICIES, settings, incident(Severity.LOW), since=START, now=START)
    assert deadline.due_at == datetime(2026, 11, 23, 8, 0, tzinfo=UTC), "Monday, nine in Berlin"
    assert policies.in_words(deadline.trigger) == "assigned engineer if not acknowledged by the next business day"
    assert policies.time_based(POLICIES, deadline.trigger.name) == deadline.trigger
    taken = incident(Severity.LOW, Milestone.ACKNOWLEDGED)
    assert policies.deadlines(POLICIES, settings, taken, since=START, now=START) == ()
