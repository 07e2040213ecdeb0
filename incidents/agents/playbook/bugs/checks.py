"""Reads the check results of the commit that is offered; where nobody else checks, runs the tests on the merge."""

import asyncio
from datetime import timedelta

from incidents import catalog
from incidents.agents.merging import CheckFailure, CheckResults, ChecksState, PullRequest
from incidents.agents.outputs import Output
from incidents.agents.playbook import wording
from incidents.agents.playbook.bugs import bothways, judging, past, rebasing
from incidents.agents.playbook.case import Case
from incidents.agents.reviews import Finding, ReviewVerdict
from incidents.errors import ToolFailed
from incidents.tools import history, remotes
from incidents.tools.evidence import EvidenceKind, capture
from incidents.tools.git import Repository
from incidents.tools.github import CheckRun, GitHub, Status

_GOOD = {"success", "neutral", "skipped"}
_MARGIN = timedelta(seconds=20)  # kept of the step's time for telling what was seen
_SETTLE = 3  # looks without any check before it counts as "there are none": they appear a moment after the push


async def run(case: Case) -> tuple[Output, str]:
    """Tell what the checks of exactly the offered commit show.

    Raises:
        StepFailed: when nothing is offered.
        ToolFailed: when GitHub or git refuses.
    """
    request = past.require(case, "bug-pull-request", PullRequest, "pull request").output
    code, github = past.codebase(case), case.settings.github
    if github is not None and code.github and request.number is not None:
        found = await _watched(case, github, code.github, request.head)
        results = _results(case, request, found) if found else await _here(case, code, request)
    else:
        results = await _here(case, code, request)
    results = results.model_copy(update={"conflicts": await _conflicts(case, code, request)})
    failed = wording.listed([f"`{each.name}`" for each in results.failures])
    told = {
        ChecksState.PASSED: f"{wording.counted(len(results.findings), 'check')} passed",
        ChecksState.FAILED: f"{failed} failed",
        ChecksState.PENDING: "not all checks have ended",
        ChecksState.NONE: "there are no checks",
    }[results.state]
    if results.conflicts:
        told += f"; it conflicts with `{code.branch}` in {wording.listed([f'`{each}`' for each in results.conflicts])}"
    return results, f"`{code.name}` `{request.head[:7]}`: {told}"


async def _conflicts(case: Case, code: catalog.Repository, request: PullRequest) -> list[str]:
    """Return the files that stand in the way of a merge as the branches are now."""
    repository = await past.clone(case, code)
    try:
        _, merges = await _as_merged(case, code, repository, request)
        found = () if merges else (await rebasing.tried(case, code, repository, request.head)).conflicts
    except ToolFailed as fault:
        case.missing(fault)
        return []
    return [each.path for each in found][:50]


async def _watched(case: Case, github: GitHub, name: str, head: str) -> list[CheckRun | Status]:
    """Return the checks once all have ended, or as they stand when the time is over; none where none appear."""
    looks = 0
    while True:
        found: list[CheckRun | Status] = [*await github.check_runs(name, head), *await github.statuses(name, head)]
        looks += 1
        ended = bool(found) and not any(_is_pending(each) for each in found)
        if ended or (not found and looks >= _SETTLE) or case.left < _MARGIN + case.settings.poll:
            return found
        await asyncio.sleep(case.settings.poll.total_seconds())


def _is_pending(check: CheckRun | Status) -> bool:
    return check.status != "completed" if isinstance(check, CheckRun) else check.state == "pending"


def _is_red(check: CheckRun | Status) -> bool:
    if _is_pending(check):
        return False
    return check.conclusion not in _GOOD if isinstance(check, CheckRun) else check.state != "success"


def _results(case: Case, request: PullRequest, found: list[CheckRun | Status]) -> CheckResults:
    lines = "\n".join(f"{_name(each)}: {_said(each)}" for each in found)
    summary = f"{wording.counted(len(found), 'check')} of `{request.head[:7]}`"
    source = request.url or request.repository
    refs = case.see(capture(EvidenceKind.TEST, source, lines, summary=summary, captured_at=case.now))
    findings = [
        judging.finding(_name(each)[:60], _said(each), refs, holds=None if _is_pending(each) else not _is_red(each))
        for each in found[:20]
    ]
    red = [each for each in found if _is_red(each)]
    failures = [
        CheckFailure(name=_name(each)[:200], summary=_said(each)[:1000], url=_url(each)[:500]) for each in red[:20]
    ]
    pending = any(_is_pending(each) for each in found)
    state = ChecksState.FAILED if red else ChecksState.PENDING if pending else ChecksState.PASSED
    return _judged(request, state, findings, failures)


def _judged(
    request: PullRequest, state: ChecksState, findings: list[Finding], failures: list[CheckFailure]
) -> CheckResults:
    verdict, critique = ReviewVerdict.APPROVED, ""
    if state is ChecksState.FAILED:
        verdict = ReviewVerdict.NEEDS_CHANGES
        critique = "\n".join(f"- {each.name}: {each.summary}" for each in failures)
    elif state is ChecksState.PENDING:
        verdict = ReviewVerdict.NEEDS_CLARIFICATION
        critique = "Not all checks have ended in the step's time: retry the step, or look why they hang."
    return CheckResults(
        verdict=verdict,
        critique=critique[:2000],
        findings=findings,
        repository=request.repository,
        head=request.head,
        state=state,
        failures=failures,
    )


def _name(check: CheckRun | Status) -> str:
    return check.name if isinstance(check, CheckRun) else check.context


def _said(check: CheckRun | Status) -> str:
    if isinstance(check, CheckRun):
        told = " ".join(filter(None, (check.output.title, check.output.summary)))
        return f"{check.conclusion or check.status}{f': {told}' if told else ''}"[:900]
    return f"{check.state}{f': {check.description}' if check.description else ''}"[:900]


def _url(check: CheckRun | Status) -> str:
    return (check.html_url if isinstance(check, CheckRun) else check.target_url) or ""


async def _here(case: Case, code: catalog.Repository, request: PullRequest) -> CheckResults:
    """Run the tests on the offered commit as it would be merged now."""
    repository = await past.clone(case, code)
    commit, merged = await _as_merged(case, code, repository, request)
    what = f"`{request.head[:7]}` merged into `{request.into}`" if merged else f"`{request.head[:7]}`"
    try:
        result = await bothways.run_at(case, code, repository, commit, what=what)
    except ToolFailed as fault:
        case.missing(fault)
        finding = judging.finding("tests", f"There are no checks, and {fault.message}", [], holds=None)
        return _judged(request, ChecksState.NONE, [finding], [])
    case.note("Nobody else checks this repository: its tests were run here.")
    refs = [result.evidence.id]
    if result.failed or result.run.timed_out:
        why = "The tests did not end." if result.run.timed_out else f"{wording.tests(sorted(result.failed))} fails."
        finding = judging.finding("tests", why, refs, holds=False)
        return _judged(request, ChecksState.FAILED, [finding], [CheckFailure(name="tests", summary=why, url="")])
    finding = judging.finding("tests", f"{result.run.passed} tests passed on {what}.", refs, holds=True)
    return _judged(request, ChecksState.PASSED, [finding], [])


async def _as_merged(
    case: Case, code: catalog.Repository, repository: Repository, request: PullRequest
) -> tuple[str, bool]:
    """Return the commit to test, and whether it is the merge; what conflicts is tested alone."""
    into = await remotes.default_branch_head(repository, await past.remote(case, code, repository), code.branch)
    merged = await history.merge(repository, case.folder(f"merge-{code.name}"), into, request.head, "Tried out.")
    return merged or request.head, bool(merged)
