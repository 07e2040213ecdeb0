"""Rules that turn facts into contributing factors and recommendations; a rule without its fact is silent."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from incidents import durations
from incidents.agents.outputs import Claim, Recommendation, Verdict
from incidents.agents.playbook import wording
from incidents.agents.playbook.story import Story
from incidents.agents.playbook.wording import percent, time_of_day
from incidents.tools.filekinds import FileKind

#: A person may notice at once; longer than this, users noticed first.
_NOTICED_LATE = timedelta(minutes=5)
_FOLLOWS_WITHIN = timedelta(hours=2)


class Kind(StrEnum):
    """What a recommendation changes."""

    ARCHITECTURE = "architecture"  #: how the system is built
    PREVENTION = "prevention"  #: how the next one is stopped or seen earlier


@dataclass(frozen=True)
class Finding:
    """One factor, and what follows from it."""

    factor: Claim
    kind: Kind
    title: str
    why: str
    due_in_days: int

    @property
    def recommendation(self) -> Recommendation:
        """Return what to do about it; it cites what the factor cites."""
        return Recommendation(
            title=self.title[:150], why=self.why[:400], due_in_days=self.due_in_days, evidence=self.factor.evidence
        )


Rule = Callable[[Story], Finding | None]


def findings(story: Story) -> list[Finding]:
    """Return what every rule found that has a fact to stand on."""
    return [found for rule in RULES if (found := rule(story)) is not None]


def _tests_were_red(story: Story) -> Finding | None:
    tests = story.past.tests
    if tests is None or tests.before is None or not tests.repaired:
        return None
    names = wording.tests(tests.repaired)
    return _finding(
        story,
        f"The release went out although its own tests failed: {names} failed on the deployed commit.",
        [story.case.record("minimal_test_suite")],
        Kind.PREVENTION,
        "Let no release start while its own tests fail",
        f"{names} would have stopped this release: red on the deployed commit, green on the fix.",
        7,
        verdict=Verdict.CONFIRMED,
    )


def _tests_left_out(story: Story) -> Finding | None:
    tests, change = story.past.tests, story.pipeline
    if change is None or tests is None or not tests.repaired:
        return None
    when = f"{change.commit.committed_at:%Y-%m-%d}"
    return _finding(
        story,
        f"What is run before a release was last changed by `{change.commit.short}` {change.commit.subject} ({when}):"
        f" `{change.line}`. {wording.tests(tests.repaired)} failed unseen.",
        [*change.evidence, story.case.record("minimal_test_suite")],
        Kind.PREVENTION,
        f"Run {wording.tests(tests.repaired)} before every release again",
        f"Since `{change.commit.short}` the pipeline runs `{change.line}`; check that it covers what failed here.",
        7,
    )


def _no_test_covered_it(story: Story) -> Finding | None:
    tests, cause = story.past.tests, story.past.cause
    if tests is None or tests.before is None or tests.repaired or tests.before.failing or cause is None:
        return None
    where = f" around `{cause.file}:{cause.line}`" if cause.file else ""
    return _finding(
        story,
        f"No test covered it: all {tests.before.passed} tests passed on the deployed commit.",
        [story.case.record("minimal_test_suite")],
        Kind.PREVENTION,
        f"Write a test that fails without the fix{where}",
        f"{tests.before.passed} tests passed on the release that failed in production, so none exercises this path.",
        7,
    )


def _change_without_tests(story: Story) -> Finding | None:
    source, tests = story.changed(FileKind.SOURCE), story.changed(FileKind.TEST)
    if story.culprit is None or not source or tests:
        return None
    return _finding(
        story,
        f"`{story.culprit.short}` changed {', '.join(f'`{p}`' for p in source[:3])} and no test.",
        story.culprit_seen,
        Kind.PREVENTION,
        f"Ask for a test with every change of `{source[0]}`",
        f"`{story.culprit.short}` {story.culprit.subject} came without one, and broke it.",
        14,
    )


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
    return _finding(
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
    return _finding(
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
    return _finding(
        story,
        f"No alert is on record: a person declared it {durations.spoken(gap)} after the first failure"
        f" ({time_of_day(story.onset)}).",
        [*story.onset_seen, story.case.reported()],
        Kind.PREVENTION,
        f"Alert on the rate of {what} and of 5xx answers",
        f"{what} was in the log for {durations.spoken(gap)} before a person happened to see its effect.",
        7 if gap > _NOTICED_LATE else 14,
    )


def _all_at_once(story: Story) -> Finding | None:
    bad, impact = story.release.bad, story.past.impact
    if bad is None or story.release.log is None or story.onset is None or impact is None or not impact.error_rate:
        return None
    if not timedelta(seconds=-60) <= story.onset - bad.at <= _FOLLOWS_WITHIN:
        return None
    return _finding(
        story,
        f"Release {bad.release} reached all users at once: {percent(impact.error_rate)} of requests failed from"
        f" {durations.spoken(max(story.onset - bad.at, timedelta(0)))} after its deploy.",
        [*story.case.see(story.release.log.evidence), story.case.record("impact_assessment")],
        Kind.ARCHITECTURE,
        "Roll releases out in stages, and stop them by error rate",
        f"At a first stage of 5 %, {percent(impact.error_rate * 0.05)} of requests would have failed, not"
        f" {percent(impact.error_rate)}.",
        30,
    )


def _never_staged(story: Story) -> Finding | None:
    bad, log, service = story.release.bad, story.release.log, story.case.request.service
    if bad is None or log is None or service is None:
        return None
    seen = story.case.see(log.evidence)
    if service.staging is None:
        factor, title = "The service has no staging, so the release was first run in production.", "Set up a staging"
    elif not any(d.environment == "staging" and d.commit == bad.commit and d.at <= bad.at for d in log.deploys):
        factor = f"Release {bad.release} (`{bad.commit[:7]}`) was never on staging before production."
        title = "Deploy to staging before production, always"
    else:
        return None
    return _finding(story, factor, seen, Kind.PREVENTION, title, f"{factor} The deploy log shows it.", 30)


def _no_way_back(story: Story) -> Finding | None:
    readiness = story.past.rollback_readiness
    if readiness is None or readiness.ready:
        return None
    return _finding(
        story,
        f"No rollback was ready: {readiness.reason}",
        [story.case.record("rollback_readiness_assessment")],
        Kind.ARCHITECTURE,
        "Make the last good release one command away",
        f"Going back would have ended it at once, but: {readiness.reason}",
        14,
    )


def _tests_hang(story: Story) -> Finding | None:
    tests = story.past.tests
    run = (tests.after or tests.before) if tests else None
    if run is None or not run.timed_out:
        return None
    return _finding(
        story,
        f"The service's tests did not end within {round(run.seconds, 1):g} s, so the fix could not be shown to help.",
        [story.case.record("minimal_test_suite")],
        Kind.PREVENTION,
        "Repair the test that hangs, and bound each test's time",
        "In an incident, tests that do not end are no tests.",
        14,
    )


RULES: tuple[Rule, ...] = (
    _tests_were_red,
    _tests_left_out,
    _no_test_covered_it,
    _change_without_tests,
    _missing_field,
    _blind_health_check,
    _all_at_once,
    _never_staged,
    _noticed_by_people,
    _no_way_back,
    _tests_hang,
)


def _finding(
    story: Story,
    factor: str,
    cited: Iterable[str],
    kind: Kind,
    title: str,
    why: str,
    due_in_days: int,
    *,
    verdict: Verdict = Verdict.LIKELY,
) -> Finding:
    return Finding(story.case.claim(factor, cited, verdict), kind, title, why, due_in_days)
