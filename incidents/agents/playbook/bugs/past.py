"""What earlier steps of the bug's run brought, read for the step at work."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import ValidationError

from incidents import catalog
from incidents.agents.outputs import Output
from incidents.agents.playbook.case import Case
from incidents.errors import StepFailed, ToolFailed
from incidents.tools import git, remotes
from incidents.tools.git import Repository
from incidents.tools.remotes import Remote

AnyOutput = TypeVar("AnyOutput", bound=Output)


@dataclass(frozen=True)
class Earlier(Generic[AnyOutput]):
    """An earlier step's output."""

    step: str  #: its name
    output: AnyOutput


def all_of(case: Case, prompt: str, model: type[AnyOutput], *, repository: str = "") -> list[Earlier[AnyOutput]]:
    """Return what the finished steps of `prompt` brought, in the workflow's order; none of another repository."""
    workflow = case.request.workflow
    found = []
    for step in workflow.steps() if workflow else ():
        elsewhere = repository and step.repository and step.repository != repository
        if step.prompt.removesuffix(".md") != prompt or elsewhere:
            continue
        outputs = case.request.earlier.get(step.name)
        if not outputs:
            continue
        try:
            found.append(Earlier(step.name, model.model_validate(dict(outputs))))
        except ValidationError:
            case.note(f"What step {step.name} brought has another form than this step reads; it was left out.")
    return found


def newest(case: Case, prompt: str, model: type[AnyOutput]) -> Earlier[AnyOutput] | None:
    """Return what the last finished step of `prompt` brought; in a step of one repository, of that repository."""
    found = all_of(case, prompt, model, repository=case.request.step.repository)
    return found[-1] if found else None


def require(case: Case, prompt: str, model: type[AnyOutput], what: str) -> Earlier[AnyOutput]:
    """Return what `newest` does; `what` is the thing in words ("plan").

    Raises:
        StepFailed: when there is none.
    """
    found = newest(case, prompt, model)
    if found is None:
        raise StepFailed(
            f"There is no {what} to work from.", remedy="Retry the step that brings it, or take this over."
        )
    return found


def judged(case: Case, prompt: str, model: type[AnyOutput], what: str) -> Earlier[AnyOutput]:
    """Return what the step brought that this review judges.

    Raises:
        StepFailed: when there is nothing to judge.
    """
    names = case.request.step.reviews
    found = [each for each in all_of(case, prompt, model) if each.step in names]
    return found[-1] if found else require(case, prompt, model, what)


def codebase(case: Case) -> catalog.Repository:
    """Return the repository of the catalogue that the step works in; without a name, the service's own.

    Raises:
        StepFailed: when the catalogue has none by that name.
    """
    named = case.request.step.repository
    found = case.service.codebase(named)
    if found is None:
        raise StepFailed(
            f"The catalogue has no repository `{named or case.service.key}` for this service.",
            remedy="Add it to the service in sitrep.yml, and retry the step.",
        )
    return found


async def codebase_with(case: Case, commit: str | None) -> catalog.Repository:
    """Return the repository of the service that has the commit; its own where none has it or none is named."""
    every = case.service.codebases()
    for code in every if commit else ():
        try:
            await (await clone(case, code)).resolve(commit or "")
        except ToolFailed:
            continue
        return code
    return codebase(case)


def seen_from(case: Case, code: catalog.Repository) -> Case:
    """Return the case as it looks from another repository of the service: same logs, its own history and tests."""
    service = case.service
    if code.name == service.key:
        return case
    update = {"repository": code.path, "branch": code.branch, "github": code.github, "tests": code.tests, "deploys": ""}
    request = replace(case.request, service=service.model_copy(update=update))
    return replace(case, request=request, notes=[])


async def clone(case: Case, code: catalog.Repository) -> Repository:
    """Return the clone of `code`.

    Raises:
        ToolFailed: when there is none that can be used.
    """
    if not code.path:
        raise ToolFailed(f"No clone of `{code.name}` is known.", remedy="Set its path in sitrep.yml.")
    return await git.open_repository(Path(code.path), case.clock)


async def remote(case: Case, code: catalog.Repository, repository: Repository) -> Remote | None:
    """Return where the repository's branches are exchanged: GitHub where it is configured, else the clone's `origin`.

    The token goes to the address that GitHub itself gives, never to one that the clone names.
    """
    github = case.settings.github
    if github is not None and code.github:
        return Remote((await github.repository(code.github)).clone_url, github.token)
    return await remotes.of_clone(repository)


async def pushed_to(case: Case, code: catalog.Repository, repository: Repository) -> Remote | None:
    """Return where the branches of fixes are pushed: where the repository is, or a fork where the token may not."""
    github = case.settings.github
    if github is not None and code.github:
        info = await github.repository(code.github)
        target = info if info.permissions.push else await github.fork(info.full_name)
        return Remote(target.clone_url, github.token)
    return await remotes.of_clone(repository)


def branch_of(case: Case) -> str:
    """Return the branch that this bug's fix stands on, in every repository."""
    return f"bugfix/{case.request.incident.key}"
