"""Where the steps of a workflow stand in its picture: rows, places in a row, and lanes for the arrows between. Pure.

Layers as in Sugiyama's method: a step stands below all that it waits for; an arrow that passes rows gets a lane in
each; the order in a row follows the neighbours' places, so that few arrows cross.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from incidents.definitions import WorkflowDefinition
from incidents.response import plan

STEP_WIDTH = 204.0  # of a box
LANE_WIDTH = 18.0
GAP = 24.0  # between two boxes
_SWEEPS = 6  # after four, nothing moves in any shipped workflow


@dataclass(frozen=True)
class Arrow:
    """One step is waited for by another."""

    source: str
    target: str
    early: bool = False  #: its first results are enough


@dataclass
class Route:
    """An arrow's way through the rows."""

    arrow: Arrow
    through: list[str]  #: nodes from the source to the target, lanes between
    steps: tuple[frozenset[str], frozenset[str]]  #: the steps that it comes from and leads to, also over a junction


@dataclass
class Layout:
    """Rows from top to bottom, each with its nodes from left to right, and where each node's middle is."""

    rows: list[list[str]]
    middle: dict[str, float]
    routes: list[Route]
    junctions: frozenset[str]
    row_of: dict[str, int] = field(default_factory=dict)

    @property
    def width(self) -> float:
        """From the left edge of the leftmost box to the right edge of the rightmost."""
        return max((self.middle[name] + width(name) / 2 for row in self.rows for name in row), default=0.0)


def width(node: str) -> float:
    """Return how wide a node is: a step's box, or a lane."""
    return LANE_WIDTH if node.startswith(("lane ", "join ")) else STEP_WIDTH


def arrows(definition: WorkflowDefinition) -> list[Arrow]:
    """Return who waits for whom, without what follows from the other arrows."""
    found = []
    before = {step.name: set(plan.dependencies(definition, step)) for step in definition.steps()}
    early = {(name, step.name) for step in definition.steps() for name in plan.enough_early(definition, step)}
    whole = {name: {each for each in names if (each, name) not in early} for name, names in before.items()}
    reached = _reached(whole)
    for name, names in before.items():
        for source in sorted(names, key=list(before).index):
            others = whole[name] - {source}
            if (source, name) in early or not any(source in reached[other] for other in others):
                found.append(Arrow(source, name, (source, name) in early))
    return found


def _reached(before: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """Return everything that each step waits for, directly or not."""
    found: dict[str, set[str]] = {}

    def reach(name: str) -> set[str]:
        if name not in found:
            found[name] = set()  # a circle, which loading refuses, would come back here
            found[name] = set(before[name]).union(*(reach(each) for each in before[name]))
        return found[name]

    for name in before:
        reach(name)
    return found


def lay_out(definition: WorkflowDefinition) -> Layout:
    """Return where every step and every arrow goes."""
    drawn = arrows(definition)
    level = _levels(definition, drawn)
    joined, junctions = _join(drawn, level)
    routes = _routes(joined, level)
    rows = _rows(definition, routes, level)
    _order(rows, routes)
    middle = _places(rows, routes)
    row_of = {name: number for number, row in enumerate(rows) for name in row}
    return Layout(rows, middle, routes, junctions, row_of)


def _levels(definition: WorkflowDefinition, drawn: Iterable[Arrow]) -> dict[str, int]:
    """Return how deep each step stands; a phase begins below the phase before. Odd levels are left for junctions."""
    sources = defaultdict(list)
    for arrow in drawn:
        sources[arrow.target].append(arrow.source)
    level: dict[str, int] = {}
    bottom = 0
    for stage in definition.stages:
        left = [step.name for step in stage.steps]
        while left:
            own = {*left}
            free = [name for name in left if not own & {*sources[name]}] or left
            for name in free:
                level[name] = max([bottom, *(level[each] + 2 for each in sources[name] if each in level)])
            left = [name for name in left if name not in level]
        bottom = max([bottom, *(level[step.name] + 2 for step in stage.steps)])
    return level


def _join(drawn: Sequence[Arrow], level: dict[str, int]) -> tuple[list[Route], frozenset[str]]:
    """Let arrows from the same several steps to the same several steps meet in one point; sets its level."""
    sources: dict[str, list[str]] = defaultdict(list)
    for arrow in drawn:
        if not arrow.early:
            sources[arrow.target].append(arrow.source)
    groups: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for target, names in sources.items():
        groups[tuple(names)].append(target)
    routes: list[Route] = []
    junctions: set[str] = set()
    for together, targets in groups.items():
        ends = (frozenset(together), frozenset(targets))
        above = min(level[target] for target in targets) - 1
        if len(together) < 2 or len(targets) < 2 or any(level[name] > above for name in together):
            routes += [
                Route(Arrow(name, target), [], (frozenset({name}), frozenset({target})))
                for target in targets
                for name in together
            ]
            continue
        junction = f"join {len(junctions)}"
        junctions.add(junction)
        level[junction] = above
        routes += [Route(Arrow(name, junction), [], (frozenset({name}), ends[1])) for name in together]
        routes += [Route(Arrow(junction, target), [], (ends[0], frozenset({target}))) for target in targets]
    routes += [
        Route(arrow, [], (frozenset({arrow.source}), frozenset({arrow.target}))) for arrow in drawn if arrow.early
    ]
    return routes, frozenset(junctions)


def _routes(joined: list[Route], level: dict[str, int]) -> list[Route]:
    """Give each arrow a lane in every row that it passes."""
    used = sorted({*level.values()})
    for number, route in enumerate(joined):
        first, last = level[route.arrow.source], level[route.arrow.target]
        lanes = [(f"lane {number} {each}", each) for each in used if first < each < last]
        level.update(lanes)
        route.through = [route.arrow.source, *(name for name, _ in lanes), route.arrow.target]
    return joined


def _rows(definition: WorkflowDefinition, routes: Sequence[Route], level: Mapping[str, int]) -> list[list[str]]:
    rows: dict[int, list[str]] = defaultdict(list)
    names = [step.name for step in definition.steps()]
    for node in dict.fromkeys([*names, *(node for route in routes for node in route.through)]):
        rows[level[node]].append(node)
    return [rows[each] for each in sorted(rows)]


def _neighbours(routes: Iterable[Route]) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Return the nodes above and below each node."""
    above, below = defaultdict(list), defaultdict(list)
    for route in routes:
        for upper, lower in pairwise(route.through):
            above[lower].append(upper)
            below[upper].append(lower)
    return above, below


def _order(rows: list[list[str]], routes: Sequence[Route]) -> None:
    above, below = _neighbours(routes)
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        near = above if down else below
        place = {name: _share(index, row) for row in rows for index, name in enumerate(row)}
        for row in rows if down else reversed(rows):
            row.sort(key=lambda name: _mean([place[each] for each in near[name]], place[name]))
            place |= {name: _share(index, row) for index, name in enumerate(row)}


def _share(index: int, row: Sequence[str]) -> float:
    """Return where in its row something stands, 0 to 1: rows differ in length."""
    return (index + 0.5) / len(row)


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _places(rows: Sequence[Sequence[str]], routes: Sequence[Route]) -> dict[str, float]:
    """Return where each node's middle is: near its neighbours, with room between, the leftmost edge at 0."""
    middle: dict[str, float] = {}
    for row in rows:
        _settle(row, dict.fromkeys(row, 0.0), middle)
    above, below = _neighbours(routes)
    for sweep in range(_SWEEPS):
        near, order = (above, rows) if sweep % 2 == 0 else (below, rows[::-1])
        for row in order:
            wanted = {name: _mean([middle[each] for each in near[name]], middle[name]) for name in row}
            _settle(row, wanted, middle)
    left = min((middle[name] - width(name) / 2 for row in rows for name in row), default=0.0)
    return {name: at - left for name, at in middle.items()}


def _settle(row: Sequence[str], wanted: Mapping[str, float], middle: dict[str, float]) -> None:
    """Place a row as near to what is wanted as its order and the gaps allow."""
    at: list[float] = []
    for index, name in enumerate(row):
        least = at[-1] + (width(row[index - 1]) + width(name)) / 2 + GAP if at else wanted[name]
        at.append(max(wanted[name], least))
    shift = _mean([wanted[name] - place for name, place in zip(row, at, strict=True)], 0.0)
    middle.update({name: place + shift for name, place in zip(row, at, strict=True)})
