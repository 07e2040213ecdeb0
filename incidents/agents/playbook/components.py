"""The parts of a service that an incident touches, and the area that chooses who fixes them."""

from pathlib import PurePosixPath

from incidents import areas
from incidents.agents.outputs import Component
from incidents.agents.playbook.case import Case
from incidents.tools import filekinds
from incidents.tools.logs import Failure
from incidents.tools.suspects import Ranking, Suspect

MAX_COMPONENTS = 8


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
    return [
        Component(
            name=PurePosixPath(path).stem,
            path=path,
            area=areas.of_path(path, case.request.service, case.areas),
            evidence=list(dict.fromkeys(ids)),
        )
        for path, ids in list(cited.items())[:MAX_COMPONENTS]
        if ids
    ]
