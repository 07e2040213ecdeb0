"""Rules on how the service is built and watched: its data, its health check, its alerts, its way back."""

import re
from datetime import timedelta

from incidents import durations
from incidents.agents.playbook import factors
from incidents.agents.playbook.factors import Finding, Kind
from incidents.agents.playbook.story import Story
from incidents.agents.playbook.wording import moment, percent

#: A person may notice at once; longer than this, users noticed first.
_NOTICED_LATE = timedelta(minutes=5)


def _missing_field(story: Story) -> Finding | None:
    failure = story.release.findings.failures[0] if story.release.findings and story.release.findings.failures else None
    if failure is None or failure.before or failure.raised.type not in ("KeyError", "AttributeError", "TypeError"):
        return None
    field = re.search(r"'([^']+)'\s*$", failure.raised.message)
    what = f"`{field[1]}`" if field and failure.raised.type == "KeyError" else "what it takes for granted"
    place = failure.raised.frames[-1].function if failure.raised.frames else "the code"
    tested = bool(story.past.tests and story.past.tests.repaired)
    title = (
        f"Read {what} in one place that states what is optional" if tested else f"Contract test for data without {what}"
    )
    known = "the tests know such data, the code does not" if tested else "no test of the service failed on it"
    return factors.finding(
        story,
        f"`{place}` takes for granted what not all data has: `{failure.raised.headline[:120]}` {failure.after} times.",
        story.case.see(failure.evidence),
        Kind.ARCHITECTURE,
        title,
        f"Data of that form exists in production ({failure.after} failures); {known}.",
        14,
    )


def _blind_health_check(story: Story) -> Finding | None:
    status = story.past.status
    if status is None or not status.healthy or not status.error_rate:
        return None
    return factors.finding(
        story,
        f"The health address answered 200 while {percent(status.error_rate)} of requests failed.",
        [story.case.record("system_status_report")],
        Kind.ARCHITECTURE,
        "Let the health check exercise what users call",
        f"A check that stayed green at {percent(status.error_rate)} failures stops no release and wakes nobody.",
        14,
    )


def _noticed_by_people(story: Story) -> Finding | None:
    gap, failure = story.gap, None
    if gap is None or gap <= timedelta(0):
        return None
    if story.release.findings and story.release.findings.failures:
        failure = story.release.findings.failures[0]
    what = f"`{failure.raised.type}`" if failure else "error"
    return factors.finding(
        story,
        f"No alert is on record: a person declared it {durations.spoken(gap)} after the first failure"
        f" ({moment(story.onset)}).",
        [*story.onset_seen, story.case.reported()],
        Kind.PREVENTION,
        f"Alert on the rate of {what} and of 5xx answers",
        f"{what} was in the log for {durations.spoken(gap)} before a person happened to see its effect.",
        7 if gap > _NOTICED_LATE else 14,
    )


def _no_way_back(story: Story) -> Finding | None:
    readiness = story.past.rollback_readiness
    if readiness is None or readiness.ready:
        return None
    return factors.finding(
        story,
        f"No rollback was ready: {readiness.reason}",
        [story.case.record("rollback_readiness_assessment")],
        Kind.ARCHITECTURE,
        "Make the last good release one command away",
        f"Going back would have ended it at once, but: {readiness.reason}",
        14,
    )


#: In the order in which they are told.
RULES = (_missing_field, _blind_health_check, _noticed_by_people, _no_way_back)
