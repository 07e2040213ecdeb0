"""Which part of a system is affected, and which agent therefore does a step that names several. Pure."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import Any

from incidents.catalog import Service
from incidents.definitions import AffectedArea, Area, StepDefinition, WorkflowDefinition

_NAMED = 60  # characters of the reason that an area is held to be affected
_PATH = re.compile(r"(?<![\w:/.-])/?(?:[\w.-]+/)+[\w-]+\.[a-z]{1,5}\b")
_FOREIGN = ("site-packages/", "dist-packages/", "node_modules/", "usr/lib/")


@dataclass(frozen=True)
class Choice:
    """Who does a step, and why."""

    agent: str
    area: Area
    prompt: str  #: file in prompts/ that says what is looked at in the area; empty where the workflow knows none
    why: str  #: what shows that the area is affected: a path, mostly


def of_path(path: str, service: Service | None, known: Sequence[AffectedArea]) -> Area:
    """Return the area of `path`: by the patterns of sitrep.yml, else by those of the policy; api where none fits."""
    own = service.areas if service else {}
    for name, patterns in own.items():
        if name in set(Area) and _fits(path, patterns):
            return Area(name)
    return next((each.area for each in known if _fits(path, each.paths)), Area.API)


def report(title: str, known: str, facts: Mapping[str, str]) -> str:
    """Return everything that people said of an incident, for `choice`."""
    return "\n".join((title, known, *facts.values()))


def choice(
    workflow: WorkflowDefinition, step: StepDefinition, outputs: Mapping[str, Any], service: Service | None, said: str
) -> Choice | None:
    """Return who does `step`, or None while nothing tells which area is affected, or where it names one agent only.

    `outputs` are those of earlier steps by name; `said` is what people reported.
    """
    if len(step.agent) < 2 and not step.areas:
        return None
    found = _affected(workflow, step, outputs, service, said)
    if found is None:
        return None
    area, why = found
    known = next((each for each in workflow.areas if each.area is area), None)
    agent = step.areas.get(area) or (known.agent if known and known.agent in step.agent else step.agent[0])
    return Choice(agent, area, known.prompt if known else "", why[:_NAMED])


def _affected(
    workflow: WorkflowDefinition, step: StepDefinition, outputs: Mapping[str, Any], service: Service | None, said: str
) -> tuple[Area, str] | None:
    """Return the affected area and what shows it; what is known best comes first."""
    planned = _planned(step, outputs)
    cause = outputs.get("preliminary_root_cause")
    file = cause.get("file") if isinstance(cause, Mapping) else None
    for paths in (planned, [file] if file else [], _components(outputs), _reported(said)):
        if paths:
            return _most(paths, service, workflow.areas)
    named = [name for name in service.areas if name in set(Area)] if service else []
    return (Area(named[0]), "the only one of the service") if len(named) == 1 else None


def _planned(step: StepDefinition, outputs: Mapping[str, Any]) -> list[str]:
    """Return the files that a plan names for the repository that the step works in."""
    tasks = outputs.get("tasks") if step.repository else None
    return [
        path
        for task in tasks or ()
        if isinstance(task, Mapping) and task.get("repository") == step.repository
        for path in task.get("files", ())
    ]


def _components(outputs: Mapping[str, Any]) -> list[str]:
    listed = outputs.get("affected_components_list")
    return [str(each["path"]) for each in listed or () if isinstance(each, Mapping) and each.get("path")]


def _reported(said: str) -> list[str]:
    """Return the files that people named, or that stand in a traceback they pasted, the innermost first."""
    return [path for path in reversed(_PATH.findall(said)) if not any(part in path for part in _FOREIGN)][:1]


def _most(paths: Sequence[str], service: Service | None, known: Sequence[AffectedArea]) -> tuple[Area, str]:
    """Return the area of most of the paths, of several the one named first, and a path of it."""
    areas = [of_path(path, service, known) for path in paths]
    most = Counter(areas).most_common(1)[0][0]
    return most, paths[areas.index(most)]


def _fits(path: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch(path.lower(), pattern.lower()) for pattern in patterns)
