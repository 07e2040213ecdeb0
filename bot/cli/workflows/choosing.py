"""Which workflow is meant by what somebody typed."""

from pathlib import Path

from bot import settings
from incidents import loading
from incidents.configuration.mistakes import advise
from incidents.definitions import Library, WorkflowDefinition
from incidents.errors import NotFound
from incidents.response import pipeline

#: Stands for each repository that a bug is fixed in; its steps come once for each.
ONE_REPOSITORY = "each repository"


def library(folder: Path | None) -> Library:
    """Return what stands in the configuration `folder`, in SITREP_CONFIG, or in the shipped files alone.

    Raises:
        ConfigurationError: with every mistake.
    """
    found, _ = loading.load(loading.templates_root(), folder or settings.load().config)
    return found


def everything(found: Library) -> dict[str, WorkflowDefinition]:
    """Return all workflows by name: those of the files, and the bug pipeline as it is compiled for one repository."""
    stages = found.policies.bugfix_pipeline
    if stages is None:
        return found.workflows
    compiled = pipeline.grow(pipeline.compile_(stages, found.policies.affected_areas), [ONE_REPOSITORY])
    return {**found.workflows, compiled.name: compiled}


def workflow(found: Library, typed: str) -> WorkflowDefinition:
    """Return the workflow that `typed` names: by its name, the beginning of it, the severity it answers, or `bug`.

    Raises:
        NotFound: there is none, or several begin like this.
    """
    word = typed.strip().lower().replace("-", "_")
    workflows = everything(found)
    if word in workflows:
        return workflows[word]
    for severity, level in found.policies.severity_levels.items():
        if word == severity.value and level.workflow in found.workflows:
            return found.workflows[level.workflow]
    begin = [name for name in workflows if word and name.startswith(word)]
    if len(begin) == 1:
        return workflows[begin[0]]
    raise NotFound(f"There is no workflow {typed!r}.", remedy=_ended(advise(word, begin or sorted(workflows))))


def _ended(remedy: str) -> str:
    return remedy if remedy.endswith("?") else f"{remedy}."
