"""Rules on how the release came about: its tests, its pipeline, its staging, its roll-out."""

from datetime import timedelta

from incidents import durations
from incidents.agents.outputs import Verdict
from incidents.agents.playbook import factors, wording
from incidents.agents.playbook.factors import Finding, Kind
from incidents.agents.playbook.story import Story
from incidents.agents.playbook.wording import percent
from incidents.tools.filekinds import FileKind

#: Failures later than this after a deploy are no reason to doubt the way it was rolled out.
_FOLLOWS_WITHIN = timedelta(hours=2)
_CLOCK_SKEW = timedelta(minutes=1)


def _tests_were_red(story: Story) -> Finding | None:
    tests = story.past.tests
    if tests is None or tests.before is None or not tests.repaired:
        return None
    names = wording.tests(tests.repaired)
    return factors.finding(
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
    return factors.finding(
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
    return factors.finding(
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
    return factors.finding(
        story,
        f"`{story.culprit.short}` changed {', '.join(f'`{p}`' for p in source[:3])} and no test.",
        story.culprit_seen,
        Kind.PREVENTION,
        f"Ask for a test with every change of `{source[0]}`",
        f"`{story.culprit.short}` {story.culprit.subject} came without one, and broke it.",
        14,
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
    return factors.finding(story, factor, seen, Kind.PREVENTION, title, f"{factor} The deploy log shows it.", 30)


def _all_at_once(story: Story) -> Finding | None:
    bad, impact = story.release.bad, story.past.impact
    if bad is None or story.release.log is None or story.onset is None or impact is None or not impact.error_rate:
        return None
    if not -_CLOCK_SKEW <= story.onset - bad.at <= _FOLLOWS_WITHIN:
        return None
    return factors.finding(
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


def _tests_hang(story: Story) -> Finding | None:
    tests = story.past.tests
    run = (tests.after or tests.before) if tests else None
    if run is None or not run.timed_out:
        return None
    return factors.finding(
        story,
        f"The service's tests did not end within {round(run.seconds, 1):g} s, so the fix could not be shown to help.",
        [story.case.record("minimal_test_suite")],
        Kind.PREVENTION,
        "Repair the test that hangs, and bound each test's time",
        "In an incident, tests that do not end are no tests.",
        14,
    )


#: In the order in which they are told.
RULES = (
    _tests_were_red,
    _tests_left_out,
    _no_test_covered_it,
    _change_without_tests,
    _never_staged,
    _all_at_once,
    _tests_hang,
)
