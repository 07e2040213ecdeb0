"""Which workflow is meant by what somebody typed."""

from pathlib import Path

from bot import settings
from incidents import loading
from incidents.configuration.mistakes import advise
from incidents.definitions import Library, WorkflowDefinition
from incidents.errors import NotFound


def library(folder: Path | None) -> Library:
    """Return what stands in the configuration `folder`, in SITREP_CONFIG, or in the shipped files alone.

    Raises:
        ConfigurationError: with every mistake.
    """
    found, _ = loading.load(loading.templates_root(), folder or settings.load().config)
    return found


def workflow(found: Library, typed: str) -> WorkflowDefinition:
    """Return the workflow that `typed` names, by its name, the beginning of it, or the severity that it answers.

    Raises:
        NotFound: there is none, or several begin like this.
    """
    word = typed.strip().lower().replace("-", "_")
    if word in found.workflows:
        return found.workflows[word]
    for severity, level in found.policies.severity_levels.items():
        if word == severity.value and level.workflow in found.workflows:
            return found.workflows[level.workflow]
    begin = [name for name in found.workflows if word and name.startswith(word)]
    if len(begin) == 1:
        return found.workflows[begin[0]]
    raise NotFound(f"There is no workflow {typed!r}.", remedy=_ended(advise(word, begin or sorted(found.workflows))))


def _ended(remedy: str) -> str:
    return remedy if remedy.endswith("?") else f"{remedy}."
