"""The concrete plan of the fix that a person chose, and its division into one task for each repository."""

from pathlib import PurePosixPath

from incidents import catalog
from incidents.agents.diagnoses import Consolidation, DiagnosedCause, Diagnosis
from incidents.agents.outputs import FixApproach, FixOption, Output
from incidents.agents.planning import Decomposition, FixPlan, RepositoryTask
from incidents.agents.playbook.bugs import lookups, past
from incidents.agents.playbook.case import Case
from incidents.agents.playbook.wording import counted, listed
from incidents.errors import StepFailed, ToolFailed
from incidents.tools import filekinds
from incidents.tools.filekinds import FileKind
from incidents.tools.git import Commit, Repository

_MOST_TESTS = 8  # test files that are named for one fix


async def run(case: Case) -> tuple[Output, str]:
    """Plan the chosen option.

    Raises:
        StepFailed: when nothing was chosen, or the commit to undo is in no repository of the service.
    """
    found = past.require(case, "bug-diagnosis-consolidation", Consolidation, "consolidated diagnosis")
    option = _chosen(case, found.output)
    case.step_record(found.step)
    by_hand = option.approach is FixApproach.HOTFIX
    first = await _by_hand(case, found.output.diagnosis) if by_hand else await _undoing(case, option)
    tasks = [first, *await _elsewhere(case, found.output, first.repository, by_hand=by_hand)]
    plan = FixPlan(
        option=option.number,
        approach=option.approach,
        commit=option.commit,
        summary=f"{option.title}: {option.description}"[:400],
        tasks=tasks,
        risks=_risks(case, tasks)[:10],
        evidence=list(case.seen),
    )
    where = listed([f"`{task.repository}`" for task in tasks])
    files = sum(len(task.files) for task in tasks)
    return plan, f"{option.title} in {where}: {counted(files, 'file')}, the test first"


def _risks(case: Case, tasks: list[RepositoryTask]) -> list[str]:
    changed = {task.repository for task in tasks}
    others = [each.name for each in case.service.codebases() if each.name not in changed]
    risks = [f"`{name}` is not changed: look whether it relies on what changes." for name in others]
    if any(filekinds.kind(path) is FileKind.MIGRATION for task in tasks for path in task.files):
        risks.append("A migration is among the files: look at the data that was written since.")
    for task in tasks:
        if not task.tests:
            where = f" in `{task.repository}`" if len(tasks) > 1 else ""
            risks.append(f"No test file is known for it{where}: the regression test is a new one.")
    return risks


async def decompose(case: Case) -> tuple[Output, str]:
    """Divide the approved plan into one task for each repository.

    Raises:
        StepFailed: when there is no plan, or it names a repository that the catalogue does not have.
    """
    plan = past.require(case, "bug-fix-plan", FixPlan, "plan").output
    known = [each.name for each in case.service.codebases()]
    tasks: dict[str, RepositoryTask] = {}
    for task in plan.tasks:
        if task.repository not in known:
            raise StepFailed(
                f"The plan names the repository `{task.repository}`, which the catalogue does not have.",
                remedy=f"Send the plan back with one of {listed(known)}, or add it to sitrep.yml.",
            )
        before = tasks.get(task.repository)
        tasks[task.repository] = _together(before, task) if before else task
    names = [f"`{name}`" for name in tasks]
    return Decomposition(tasks=list(tasks.values())), f"{counted(len(tasks), 'task')}: {listed(names)}"


def _together(first: RepositoryTask, second: RepositoryTask) -> RepositoryTask:
    return RepositoryTask(
        repository=first.repository,
        files=list(dict.fromkeys((*first.files, *second.files)))[:50],
        tests=list(dict.fromkeys((*first.tests, *second.tests)))[:50],
        steps=list(dict.fromkeys((*first.steps, *second.steps)))[:12],
        commit=first.commit or second.commit,
        asked_for=list(dict.fromkeys((*first.asked_for, *second.asked_for)))[:50],
    )


def _chosen(case: Case, consolidated: Consolidation) -> FixOption:
    approved = case.request.approved
    if approved is not None and approved.kind == "choose_fix":
        names = FixOption.model_fields
        return FixOption.model_validate({name: value for name, value in approved.subject.items() if name in names})
    options = consolidated.preliminary_root_cause.fix_options
    recommended = next((option for option in options if option.recommended), None)
    if recommended is None:
        raise StepFailed("No fix was chosen and none is recommended.", remedy="Choose one with `>option 1`.")
    case.note(f"Nobody had to choose in this workflow: option {recommended.number}, the recommended one.")
    return recommended


async def _undoing(case: Case, option: FixOption) -> RepositoryTask:
    if option.commit is None:
        raise StepFailed(f"Option {option.number} names no commit.", remedy="Choose another option.")
    for code in case.service.codebases():
        found = await _commit_in(case, code, option.commit)
        if found is not None:
            return await _task_of(case, code, *found)
    raise StepFailed(
        f"No repository of the service has the commit `{option.commit[:7]}`.",
        remedy="Fetch it into the clone, or choose another option.",
    )


async def _task_of(case: Case, code: catalog.Repository, repository: Repository, commit: Commit) -> RepositoryTask:
    diff = await repository.changed_by(commit)
    case.see(diff.evidence)
    files = await repository.files(code.branch)
    changed = [path for path in commit.files if filekinds.kind(path) is not FileKind.TEST]
    tests = [path for path in commit.files if filekinds.kind(path) is FileKind.TEST]
    tests += [path for path in _tests_of(changed, files) if path not in tests]
    steps = [
        f"Find or write the test that fails because of `{commit.short}`",
        f"Undo `{commit.short}` {commit.subject}"[:400],
        "Run all tests without the fix and with it",
        "Look at every caller of what changes",
    ]
    return RepositoryTask(
        repository=code.name, files=changed[:50], tests=tests[:_MOST_TESTS], steps=steps, commit=commit.hash
    )


async def _elsewhere(case: Case, found: Consolidation, first: str, *, by_hand: bool) -> list[RepositoryTask]:
    """Return a task for each further repository in which a believed analysis found a cause, or that people named."""
    tasks: dict[str, RepositoryTask] = {}
    for each in past.all_of(case, "bug-root-cause-analysis", Diagnosis):
        cause = each.output.root_cause
        if each.step not in found.believed or not cause.base:
            continue
        code = await past.codebase_with(case, cause.base)
        if code.name == first or code.name in tasks:
            continue
        commit = None if by_hand or not cause.commit else await _commit_in(case, code, cause.commit)
        task = await _task_of(case, code, *commit) if commit else await _by_hand(case, cause)
        tasks[code.name] = task
    here = next(code for code in case.service.codebases() if code.name == first)
    meant_here = await _named(case, here)
    for code in case.service.codebases():
        if code.name != first and code.name not in tasks:
            named = [path for path in await _named(case, code) if path not in meant_here]
            if named:
                tasks[code.name] = await _written(case, code, named, asked_for=named)
    return list(tasks.values())


async def _commit_in(case: Case, code: catalog.Repository, revision: str) -> tuple[Repository, Commit] | None:
    try:
        repository = await past.clone(case, code)
    except ToolFailed as fault:
        case.missing(fault)
        return None
    commit = await lookups.commit_of(repository, revision)
    return (repository, commit) if commit is not None else None


async def _by_hand(case: Case, cause: DiagnosedCause) -> RepositoryTask:
    code = await past.codebase_with(case, cause.base)
    at_fault = [cause.root_file] if cause.root_file else []
    named = await _named(case, code)
    return await _written(case, code, list(dict.fromkeys((*at_fault, *named))), asked_for=named)


async def _named(case: Case, code: catalog.Repository) -> list[str]:
    """Return the files of the repository that people named when they sent the plan back; a review asks for none."""
    workflow = case.request.workflow
    reviews = [each.title for each in workflow.steps() if case.request.step.name in each.reviews] if workflow else []
    if case.request.feedback.startswith(tuple(f"{title}:" for title in reviews)):
        return []
    words = case.request.feedback.replace("`", " ").replace(",", " ").split()
    files = set(await _files(case, code)) if words else set()
    return [word for word in dict.fromkeys(word.rstrip(".;:") for word in words) if word in files]


async def _files(case: Case, code: catalog.Repository) -> tuple[str, ...]:
    try:
        return await (await past.clone(case, code)).files(code.branch)
    except ToolFailed as fault:
        case.missing(fault)
        return ()


async def _written(case: Case, code: catalog.Repository, changed: list[str], *, asked_for: list[str]) -> RepositoryTask:
    files = await _files(case, code)
    where = listed([f"`{path}`" for path in changed]) or "the place of the cause"
    steps = [
        "Write the test that shows the bug; it must fail now",
        f"Change {where}, and no more than the cause asks for",
        f"Commit both to `{past.branch_of(case)}`",
        "Run all tests without the fix and with it",
    ]
    return RepositoryTask(
        repository=code.name,
        files=changed,
        tests=_tests_of(changed, files)[:_MOST_TESTS],
        steps=steps,
        asked_for=asked_for,
    )


def _tests_of(changed: list[str], files: tuple[str, ...]) -> list[str]:
    """Return the test files that are named after one of the changed files."""
    stems = {PurePosixPath(path).stem for path in changed}
    return [
        path
        for path in files
        if filekinds.kind(path) is FileKind.TEST
        and PurePosixPath(path).stem.removeprefix("test_").removesuffix("_test") in stems
    ]
