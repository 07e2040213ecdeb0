"""A picture from top to bottom: what runs side by side stands side by side, and arrows lead down. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from bot.cli.workflows import layers
from bot.cli.workflows.frame import (
    BETWEEN,
    FOOT,
    GUTTER,
    HEAD,
    JOIN,
    MARGIN,
    PAD,
    PILL,
    STEP_HEIGHT,
    Drawn,
    Line,
    head_width,
    least_height,
)
from incidents.definitions import Stage, StepDefinition, WorkflowDefinition

_GAP = 50.0  # two rows of one band; a pill stands in it
_BACK = 46.0  # how far the way back of a review swings out


@dataclass(frozen=True)
class _Grid:
    """Where rows and nodes stand."""

    layout: layers.Layout
    tops: list[float]  #: of each row
    left: float  #: where the leftmost box begins

    def x(self, node: str) -> float:
        return self.left + self.layout.middle[node]

    def top(self, node: str) -> float:
        return self.tops[self.layout.row_of[node]]


def draw(definition: WorkflowDefinition, critical: tuple[str, ...]) -> Drawn:
    """Return where everything stands."""
    layout = layers.lay_out(definition)
    tops, bands = _rows(definition, layout)
    left = MARGIN + GUTTER + PAD
    width = max(left + layout.width + PAD + MARGIN, head_width(critical))
    grid = _Grid(layout, tops, left + (width - PAD - MARGIN - left - layout.width) / 2)
    steps = definition.steps()
    decided = frozenset(step.name for step in steps if step.approval is not None)
    return Drawn(
        boxes={step.name: (grid.x(step.name) - layers.STEP_WIDTH / 2, grid.top(step.name)) for step in steps},
        bands=bands,
        arrows=[_arrow(route, grid, decided) for route in layout.routes],
        loops=[line for step in steps for line in _loops(step, grid)],
        width=width,
        height=bands[-1][2] + FOOT,
    )


def _rows(
    definition: WorkflowDefinition, layout: layers.Layout
) -> tuple[list[float], list[tuple[Stage, float, float]]]:
    """Return the top of each row, and each phase with its top and its bottom."""
    stage_of = {step.name: stage for stage in definition.stages for step in stage.steps}
    rows: dict[int, list[int]] = {stage.number: [] for stage in definition.stages}
    for index, row in enumerate(layout.rows):
        for node in row:
            if node in stage_of and index not in rows[stage_of[node].number]:
                rows[stage_of[node].number].append(index)
    tops = [0.0] * len(layout.rows)
    bands = []
    y = MARGIN + HEAD
    placed = 0
    for stage in definition.stages:
        for index in range(placed, min(rows[stage.number], default=placed)):
            tops[index] = y - BETWEEN / 2 - JOIN / 2  # a junction between two bands
            placed = index + 1
        top = y
        y += PAD + PILL
        for index in range(placed, max(rows[stage.number], default=placed - 1) + 1):
            tops[index] = y
            y += (STEP_HEIGHT if index in rows[stage.number] else JOIN) + _GAP
            placed = index + 1
        y = max(y - _GAP + PAD, top + least_height(stage))
        bands.append((stage, top, y))
        y += BETWEEN
    return tops, bands


def _loops(step: StepDefinition, grid: _Grid) -> Iterator[Line]:
    """Yield the way back from a review to what it judges, around the right of the boxes."""
    for judged in step.reviews:
        half = layers.STEP_WIDTH / 2
        start, end = grid.x(step.name) + half, grid.x(judged) + half
        low, high = grid.top(step.name) + STEP_HEIGHT / 2, grid.top(judged) + STEP_HEIGHT / 2
        out = max(start, end) + _BACK
        around = f"{out:.1f} {low:.1f} {out:.1f} {high:.1f} {end:.1f} {high:.1f}"
        yield Line(f"M{start:.1f} {low:.1f}C{around}", f"M{end:.1f} {high:.1f}l8-4v8z")


def _arrow(route: layers.Route, grid: _Grid, decided: frozenset[str]) -> Line:
    into_step = route.arrow.target not in grid.layout.junctions
    points = list(_points(route, grid, decided, tip=6.0 if into_step else 0.0))
    x, y = points[-1]
    tip = f"M{x - 5:.1f} {y - 3:.1f}h10l-5 9z" if into_step else ""
    joint = None if into_step else (x, y)
    return Line(_curve(points), tip, joint, early=route.arrow.early, steps=route.steps)


def _points(route: layers.Route, grid: _Grid, decided: frozenset[str], *, tip: float) -> Iterator[tuple[float, float]]:
    """Yield where the arrow goes through: out of its source, in and out of each lane, into its target."""
    source, *lanes, target = route.through
    out = JOIN / 2 if source in grid.layout.junctions else STEP_HEIGHT
    yield grid.x(source), grid.top(source) + out
    for lane in lanes:
        row = grid.layout.row_of[lane]
        high = STEP_HEIGHT if any(layers.width(node) == layers.STEP_WIDTH for node in grid.layout.rows[row]) else JOIN
        yield grid.x(lane), grid.tops[row]
        yield grid.x(lane), grid.tops[row] + high
    above = JOIN / -2 if target in grid.layout.junctions else (PILL - 4 if target in decided else 0.0)
    yield grid.x(target), grid.top(target) - above - tip


def _curve(points: list[tuple[float, float]]) -> str:
    (x, y), *rest = points
    said = [f"M{x:.1f} {y:.1f}"]
    for to_x, to_y in rest:
        middle = (y + to_y) / 2
        said.append(
            f"V{to_y:.1f}"
            if abs(to_x - x) < 0.5
            else f"C{x:.1f} {middle:.1f} {to_x:.1f} {middle:.1f} {to_x:.1f} {to_y:.1f}"
        )
        x, y = to_x, to_y
    return "".join(said)
