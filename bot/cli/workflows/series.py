"""A picture from left to right, for a long series: each phase in lines that are read like text. Pure.

Drawn downwards, a series is one column that no screen holds.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from bot.cli.workflows import layers
from bot.cli.workflows.frame import (
    BETWEEN,
    FOOT,
    GUTTER,
    HEAD,
    MARGIN,
    PAD,
    PILL,
    STEP_HEIGHT,
    STEP_WIDTH,
    Drawn,
    Line,
    head_width,
    least_height,
)
from incidents.definitions import Stage, WorkflowDefinition

#: One after the other; what runs side by side is one group.
Group = tuple[str, ...]

_LONG = 10  # groups; fewer fit a screen from top to bottom
_IN_A_LINE = 4
_GAP = 46.0  # two groups of a line
_UNDER = 34.0  # two steps of a group; a pill stands in it
_BELOW = 58.0  # two lines of a band; the way on and a pill stand in it
_LANE = 20.0  # how far the way on to the next line keeps from the boxes
_TIP = 6.0


def groups(definition: WorkflowDefinition) -> list[list[Group]] | None:
    """Return the groups of each phase, or None where the workflow is no long series.

    In a series every step waits for the whole group before it, and for nothing else that does not follow from that.
    """
    waits: dict[str, set[str]] = {step.name: set() for step in definition.steps()}
    for arrow in layers.arrows(definition):
        if arrow.early:
            return None
        waits[arrow.target].add(arrow.source)
    before: set[str] = set()
    found: list[list[Group]] = []
    for stage in definition.stages:
        found.append([])
        left = [step.name for step in stage.steps]
        while left:
            group = tuple(name for name in left if waits[name] == before)
            if not group:
                return None
            found[-1].append(group)
            before, left = {*group}, [name for name in left if name not in group]
    return found if sum(map(len, found)) >= _LONG else None


@dataclass
class _Row:
    """One line of groups."""

    groups: Sequence[Group]
    top: float
    turn: float = 0.0  #: where the way on to the next line goes back

    @property
    def bottom(self) -> float:
        deepest = max(map(len, self.groups))
        return self.top + deepest * STEP_HEIGHT + (deepest - 1) * _UNDER


def draw(definition: WorkflowDefinition, course: Sequence[Sequence[Group]], critical: tuple[str, ...]) -> Drawn:
    """Return where everything stands; `course` is what `groups` returned."""
    rows, bands = _rows(definition.stages, course)
    columns = max(len(row.groups) for row in rows)
    left = MARGIN + GUTTER + PAD + _LANE
    needed = left + columns * STEP_WIDTH + (columns - 1) * _GAP + _LANE + PAD + MARGIN
    width = max(needed, head_width(critical))
    boxes = {
        name: (left + column * (STEP_WIDTH + _GAP), row.top + place * (STEP_HEIGHT + _UNDER))
        for row in rows
        for column, group in enumerate(row.groups)
        for place, name in enumerate(group)
    }
    at = {
        name: (number, column)
        for number, row in enumerate(rows)
        for column, group in enumerate(row.groups)
        for name in group
    }
    return Drawn(
        boxes=boxes,
        bands=bands,
        arrows=list(_arrows(rows, boxes)),
        loops=[_loop(step.name, judged, at, boxes) for step in definition.steps() for judged in step.reviews],
        width=width,
        height=bands[-1][2] + FOOT,
    )


def _rows(
    stages: Sequence[Stage], course: Sequence[Sequence[Group]]
) -> tuple[list[_Row], list[tuple[Stage, float, float]]]:
    rows: list[_Row] = []
    bands = []
    y = MARGIN + HEAD
    for stage, whole in zip(stages, course, strict=True):
        top = y
        y += PAD + PILL
        for part in _lines(whole):
            rows.append(_Row(part, y))
            rows[-1].turn = rows[-1].bottom + _LANE
            y = rows[-1].bottom + _BELOW
        y = max(y - _BELOW + PAD, top + least_height(stage))
        bands.append((stage, top, y))
        if rows:
            rows[-1].turn = y + BETWEEN / 2
        y += BETWEEN
    return rows, bands


def _lines(whole: Sequence[Group]) -> Iterator[Sequence[Group]]:
    """Yield the groups of a phase in as few lines as it takes, each about as long as the others."""
    count = -(-len(whole) // _IN_A_LINE)
    size = -(-len(whole) // count) if count else 1
    return (whole[begin : begin + size] for begin in range(0, len(whole), size))


def _arrows(rows: Sequence[_Row], boxes: dict[str, tuple[float, float]]) -> Iterator[Line]:
    every = [(number, group) for number, row in enumerate(rows) for group in row.groups]
    for (above, group), (number, following) in pairwise(every):
        for source in group:
            for target in following:
                steps = (frozenset({source}), frozenset({target}))
                turn = None if above == number else rows[above].turn
                yield _arrow(boxes[source], boxes[target], turn, steps)


def _arrow(
    source: tuple[float, float],
    target: tuple[float, float],
    turn: float | None,
    steps: tuple[frozenset[str], frozenset[str]],
) -> Line:
    """Return an arrow out of the right of a box into the left of another; `turn` is the height where it goes back."""
    x, y = source[0] + STEP_WIDTH, source[1] + STEP_HEIGHT / 2
    to_x, to_y = target[0] - _TIP, target[1] + STEP_HEIGHT / 2
    if turn is not None:
        way = f"h{_LANE - 6:.1f}V{turn:.1f}H{target[0] - _LANE:.1f}V{to_y:.1f}H{to_x:.1f}"
    elif abs(to_y - y) < 0.5:
        way = f"H{to_x:.1f}"
    else:
        middle = (x + to_x) / 2
        way = f"C{middle:.1f} {y:.1f} {middle:.1f} {to_y:.1f} {to_x:.1f} {to_y:.1f}"
    return Line(f"M{x:.1f} {y:.1f}{way}", f"M{to_x - 3:.1f} {to_y - 5:.1f}v10l9-5z", steps=steps)


def _loop(review: str, judged: str, at: dict[str, tuple[int, int]], boxes: dict[str, tuple[float, float]]) -> Line:
    """Return the way back from a review to what it judges: through the gap, over the boxes, or up a line."""
    (x, y), (to_x, to_y) = boxes[review], boxes[judged]
    (line, column), (to_line, to_column) = at[review], at[judged]
    if line != to_line:
        start, end, low = x + STEP_WIDTH / 4, to_x + STEP_WIDTH / 2, to_y + STEP_HEIGHT
        bent = f"{start:.1f} {y - _BELOW * 0.8:.1f} {end:.1f} {low + _BELOW * 0.8:.1f} {end:.1f} {low:.1f}"
        return Line(f"M{start:.1f} {y:.1f}C{bent}", f"M{end:.1f} {low:.1f}l-4 8h8z")
    if column - to_column == 1:
        high, to_high, end = y + STEP_HEIGHT / 4, to_y + STEP_HEIGHT / 4, to_x + STEP_WIDTH
        middle = (x + end) / 2
        bent = f"{middle:.1f} {high:.1f} {middle:.1f} {to_high:.1f} {end:.1f} {to_high:.1f}"
        return Line(f"M{x:.1f} {high:.1f}C{bent}", f"M{end:.1f} {to_high:.1f}l8-4v8z")
    start, end, above = x + 12, to_x + STEP_WIDTH - 12, min(y, to_y) - PAD - PILL
    bent = f"{start:.1f} {above:.1f} {end:.1f} {above:.1f} {end:.1f} {to_y:.1f}"
    return Line(f"M{start:.1f} {y:.1f}C{bent}", f"M{end:.1f} {to_y:.1f}l-4-8h8z")
