"""The reflection: a second look at a root-cause analysis, which looks up what it names and believes nothing."""

from incidents.agents.diagnoses import Diagnosis
from incidents.agents.outputs import FixApproach, FixOption, Output
from incidents.agents.playbook import sources
from incidents.agents.playbook.bugs import judging, lookups, past
from incidents.agents.playbook.case import Case
from incidents.agents.playbook.sources import Release
from incidents.agents.reviews import DIAGNOSIS_ITEMS, Finding
from incidents.tools import tracebacks
from incidents.tools.git import Repository
from incidents.tools.tracebacks import Raised

EXISTENCE, MECHANISM, OPTIONS, HISTORY = DIAGNOSIS_ITEMS


async def run(case: Case) -> tuple[Output, str]:
    """Judge the analysis that this step reviews.

    Raises:
        StepFailed: when there is none.
    """
    judged = past.judged(case, "bug-root-cause-analysis", Diagnosis, "root-cause analysis")
    record = case.step_record(judged.step)
    case = past.seen_from(case, await past.codebase_with(case, judged.output.root_cause.base))
    repository = await sources.repository(case)
    findings = [
        await _existence(case, repository, judged.output, record),
        await _mechanism(case, repository, judged.output, record),
        await _options(repository, judged.output, record),
        await _history(case, repository, judged.output, record),
    ]
    review = judging.review(findings)
    return review, judging.in_one_line(review, f"Analysis {judged.step}")


async def _base(repository: Repository, case: Case, diagnosis: Diagnosis) -> str | None:
    commit = await lookups.commit_of(repository, diagnosis.root_cause.base or case.service.branch)
    return commit.hash if commit else None


async def _existence(case: Case, repository: Repository | None, diagnosis: Diagnosis, record: str) -> Finding:
    if repository is None:
        return judging.finding(EXISTENCE, "No repository can be read, so nothing was looked up.", [record], holds=None)
    base = await _base(repository, case, diagnosis)
    if base is None:
        why = f"There is no commit `{(diagnosis.root_cause.base or '')[:40]}`, which it says it analysed."
        return judging.finding(EXISTENCE, why, [record], holds=False)
    found = await lookups.existence(repository, base, diagnosis)
    if found.absent:
        return judging.finding(EXISTENCE, f"{'; '.join(found.absent[:4])}.", [record], holds=False)
    looked = f"{', '.join(found.there[:4])} are there." if found.there else "It names no place that could be looked up."
    return judging.finding(EXISTENCE, looked, [record], holds=True)


async def _mechanism(case: Case, repository: Repository | None, diagnosis: Diagnosis, record: str) -> Finding:
    """Judge whether the mechanism speaks of the failure that was seen, and is not older or younger than it."""
    cause = diagnosis.root_cause
    release = await sources.release(case)
    failures = release.findings.failures if release.findings else ()
    seen: list[Raised] = [failure.raised for failure in failures[:3]]
    seen += [each.last for each in tracebacks.parse(case.said())]
    refs = [record, *(ref for failure in failures[:1] for ref in case.see(failure.evidence))]
    if cause.commit and repository is not None and await _is_older(repository, cause.commit, release):
        failure = failures[0]
        why = f"`{failure.raised.headline[:120]}` was logged {failure.before} times before `{cause.commit[:7]}` ran."
        return judging.finding(MECHANISM, why, refs, holds=False)
    if not seen:
        return judging.finding(MECHANISM, "No failure could be read to hold it against.", refs, holds=None)
    told = " ".join((cause.summary, cause.mechanism, cause.explanation))
    if any(_speaks_of(told, raised, cause.root_function) for raised in seen):
        return judging.finding(MECHANISM, f"It leads to `{seen[0].headline[:150]}`.", refs, holds=True)
    if cause.root_file is None and cause.commit is None:
        return judging.finding(MECHANISM, "It names no mechanism, and says so.", refs, holds=True)
    why = f"It does not explain what fails: `{seen[0].headline[:150]}`."
    return judging.finding(MECHANISM, why, refs, holds=False)


async def _is_older(repository: Repository, commit: str, release: Release) -> bool:
    """Tell whether the failure was logged before the release that brought the commit to production."""
    failures = release.findings.failures if release.findings else ()
    if not failures or not failures[0].before or release.good is None:
        return False
    return not await repository.is_ancestor(commit, release.good.commit)


def _speaks_of(told: str, raised: Raised, function: str | None) -> bool:
    last = raised.type.rpartition(".")[2]
    on_stack = function is not None and any(frame.function == function for frame in raised.frames)
    return last in told or on_stack


async def _options(repository: Repository | None, diagnosis: Diagnosis, record: str) -> Finding:
    options = diagnosis.options
    if [each.number for each in options] != list(range(1, len(options) + 1)):
        return judging.finding(OPTIONS, "The options are not numbered from 1.", [record], holds=False)
    if sum(each.recommended for each in options) != 1:
        return judging.finding(OPTIONS, "Exactly one option must be the recommended one.", [record], holds=False)
    seen: dict[object, FixOption] = {}
    for option in options:
        kind = await _kind(repository, option)
        if kind in seen:
            why = f"Options {seen[kind].number} and {option.number} do the same."
            return judging.finding(OPTIONS, why, [record], holds=False)
        seen[kind] = option
    return judging.finding(OPTIONS, f"{len(options)} options, each another change.", [record], holds=True)


async def _kind(repository: Repository | None, option: FixOption) -> object:
    """Return what the option does: undoing the same commit is one thing however it is worded; each text is another."""
    if option.approach in (FixApproach.REVERT, FixApproach.REVERT_HUNKS):
        commit = await lookups.commit_of(repository, option.commit) if repository and option.commit else None
        return ("undo", commit.hash if commit else option.commit)
    words = " ".join(sorted(set(option.description.lower().split())))
    return (option.approach, option.commit, words)


async def _history(case: Case, repository: Repository | None, diagnosis: Diagnosis, record: str) -> Finding:
    if repository is None:
        return judging.finding(HISTORY, "No repository can be read.", [record], holds=None)
    base = await _base(repository, case, diagnosis)
    if base is None:
        return judging.finding(HISTORY, "The commit that it analysed is not there.", [record], holds=False)
    holds, why, seen = await lookups.attribution(repository, base, diagnosis.root_cause)
    return judging.finding(HISTORY, why, [record, *case.see(*seen)], holds=holds)
