"""Runs a service's own tests in the sandbox, and compares a run before a fix with one after it."""

import asyncio
import os
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakKeyDictionary

from incidents import catalog, durations
from incidents.agents.outputs import TestRun
from incidents.clock import Clock
from incidents.errors import ToolFailed
from incidents.tools import sandbox, testreports
from incidents.tools.evidence import Evidence, EvidenceKind

MAX_FAILING = 50  # ids listed in an output; all are in the result

#: Runs at once: tests keep a processor busy, and more of them side by side end no sooner.
_AT_ONCE = max(2, os.cpu_count() or 2)
_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


@dataclass(frozen=True)
class TestResult:
    """One run of a service's tests."""

    run: TestRun  #: as steps report it
    passed: frozenset[str]  #: ids of the tests that executed and passed
    failed: frozenset[str]  #: ids of the tests that failed or raised an error
    skipped: frozenset[str]
    evidence: Evidence


@dataclass(frozen=True)
class Comparison:
    """What a fix did to the tests."""

    repaired: tuple[str, ...]  #: failed before; executed and passed after
    still_failing: tuple[str, ...]
    newly_failing: tuple[str, ...]  #: failed after but not before; tests of the undone change are left out
    vanished: tuple[str, ...]  #: failed before and did not execute after: repairs that are none
    dropped: tuple[str, ...]  #: tests of the undone change, which rightly fail without it

    @property
    def proven(self) -> bool:
        """Tell whether the fix repaired something and broke nothing."""
        return bool(self.repaired) and not (self.still_failing or self.newly_failing or self.vanished)


async def run(folder: Path, tests: catalog.Tests, settings: catalog.Sandbox, *, clock: Clock, what: str) -> TestResult:
    """Run the tests in the worktree at `folder`; `what` says for people what is tested ("`abc1234` before the fix").

    Tests that hang are killed with everything they started, which is a result (`run.timed_out`), not an error. Runs
    take turns, as many at once as there are processors; `tests.timeout` counts from the turn on.

    Raises:
        ToolFailed: when the service has no test command, no test was found, or the sandbox does not work here.
    """
    if not tests.command:
        raise ToolFailed(
            "No test command is known for this service.", remedy="Add `tests: {command: [...]}` to it in sitrep.yml."
        )
    command = _naming_each(tests.command)
    async with _turns.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(_AT_ONCE)):
        done = await sandbox.run(settings, command, folder=folder, timeout=tests.timeout, python=tests.python)
    report = testreports.parse(done.output)
    if report.none and not report.ran:
        raise ToolFailed(
            f"No tests were found in {what}.",
            remedy="Check `tests.command` in sitrep.yml, or let a person vouch for the fix.",
        )
    if done.exit_code is not None and not report.ran:
        said = (done.output.strip().splitlines() or ["no output"])[-1]
        raise ToolFailed(
            f"The tests of {what} did not run (exit code {done.exit_code}): {said[:200]}.",
            remedy="Check `tests.command` in sitrep.yml: it must run unittest or pytest from the repository's root.",
        )
    failing = sorted(report.failed | report.errors)
    told = f"{len(report.passed)} passed, {len(failing)} failed"
    if done.timed_out:
        told = f"killed after {durations.spoken(tests.timeout)}, {told} until then"
    seen = done.as_evidence(EvidenceKind.TEST, str(folder), summary=f"Tests of {what}: {told}", captured_at=clock.now())
    outcome = TestRun(
        command=shlex.join(command),
        exit_code=done.exit_code,
        passed=len(report.passed) or report.passed_count,
        failed=len(report.failed),
        errors=len(report.errors),
        failing=failing[:MAX_FAILING],
        seconds=round(done.seconds, 2),
        timed_out=done.timed_out,
        evidence=seen.id,
    )
    return TestResult(outcome, report.passed, report.failed | report.errors, report.skipped, seen)


def _naming_each(command: tuple[str, ...]) -> tuple[str, ...]:
    """Return `command` so that unittest names each test: without `-v` it prints dots, and no repair could be shown."""
    verbose = {"-v", "--verbose", "-q", "--quiet"} & set(command)
    return command if verbose or "unittest" not in command else (*command, "-v")


def gone(before: TestResult, after: TestResult, *, undone_files: Iterable[str] = ()) -> frozenset[str]:
    """Return the tests that executed before and do not after: deleted, skipped, or expected to fail."""
    undone = tuple(undone_files)
    left = (before.passed | before.failed) - after.passed - after.failed
    return frozenset(test for test in left if not testreports.belongs_to(test, undone))


def compare(before: TestResult, after: TestResult, *, undone_files: Iterable[str] = ()) -> Comparison:
    """Return what changed from `before` to `after`; `undone_files` are the paths that the undone change touched.

    A test counts as repaired only when its exact id executed and passed: one that disappeared, because its module no
    longer imports, repaired nothing.
    """
    undone = tuple(undone_files)
    failed_after = after.failed - before.failed
    dropped = {test for test in failed_after if testreports.belongs_to(test, undone)}
    return Comparison(
        repaired=tuple(sorted(before.failed & after.passed)),
        still_failing=tuple(sorted(before.failed & after.failed)),
        newly_failing=tuple(sorted(failed_after - dropped)),
        vanished=tuple(sorted(before.failed - after.passed - after.failed)),
        dropped=tuple(sorted(dropped)),
    )
