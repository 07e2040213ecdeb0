"""The parts of a service that an incident touches, and the area that chooses who fixes them."""

from collections.abc import Mapping
from fnmatch import fnmatch
from pathlib import PurePosixPath

from incidents.agents.outputs import Area, Component
from incidents.agents.playbook.case import Case
from incidents.tools import filekinds
from incidents.tools.logs import Failure
from incidents.tools.suspects import Ranking, Suspect

MAX_COMPONENTS = 8
_FRONTEND = {".js", ".jsx", ".ts", ".tsx", ".css", ".scss", ".html", ".vue", ".svelte"}
_DATA_WORDS = ("migration", "schema", "model", "database", "/db/", "storage", "repositor", "queries", "etl", "pipeline")


def affected(case: Case, ranking: Ranking | None, failure: Failure | None, accused: Suspect | None) -> list[Component]:
    """Return the files on the failing stack and those that the accused commit changed, the innermost first."""
    cited: dict[str, list[str]] = {}
    for place in ranking.places if ranking else ():
        cited.setdefault(place.path, []).extend(case.see(failure.evidence) if failure else [])
    for path in accused.commit.files if accused and ranking else ():
        if filekinds.runs(path):
            cited.setdefault(path, []).extend(
                [*accused.evidence, ranking.evidence[-1].id] if accused and ranking else []
            )
    areas = case.request.service.areas if case.request.service else {}
    return [
        Component(
            name=PurePosixPath(path).stem, path=path, area=area_of(path, areas), evidence=list(dict.fromkeys(ids))
        )
        for path, ids in list(cited.items())[:MAX_COMPONENTS]
        if ids
    ]


def area_of(path: str, areas: Mapping[str, tuple[str, ...]]) -> Area:
    """Return the area of `path`: by the catalogue's globs, else by what its name says."""
    for name, patterns in areas.items():
        if name in set(Area) and any(fnmatch(path, pattern) for pattern in patterns):
            return Area(name)
    if PurePosixPath(path).suffix in _FRONTEND or "frontend/" in path:
        return Area.FRONTEND
    if path.endswith(".sql") or any(word in f"/{path.lower()}" for word in _DATA_WORDS):
        return Area.DATA
    return Area.API
