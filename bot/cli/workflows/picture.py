"""The picture of a workflow as SVG: phases as bands, steps as boxes, the critical path in red."""

import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from xml.sax.saxutils import escape

from bot.cli.workflows import layers, printing, reckoning
from incidents import durations
from incidents.definitions import Stage, StepDefinition, WorkflowDefinition
from incidents.errors import InvalidInput

_MARGIN = 24.0
_HEAD = 84.0  # title and the line on the critical path
_GUTTER = 200.0  # at a band's left: the phase's name, window and gates
_PAD = 20.0  # inside a band
_BETWEEN = 26.0  # two bands
_GAP = 50.0  # two rows of one band; a pill stands in it
_BOX = 92.0
_PILL = 20.0  # on top of a box: what people decide
_JOIN = 8.0
_BACK = 46.0  # how far the way back of a review swings out
_LINE = 15.0
_FOOT = 46.0
# Letters in a line, by the widest common sans-serif: 13 px bold take 8.3 px, 11 px take 6.4 px.
_TITLE_LETTERS = 22
_SMALL_LETTERS = 28
_GATE_LETTERS = 26  # and what else stands in the gutter

# Both themes bring their own ground, so that the picture is readable wherever it is shown.
_STYLE = """\
svg { --ground: #ffffff; --band: #f4f5f7; --rim: #d5d9e0; --box: #ffffff; --line: #8a94a6; --text: #1d2433;
      --soft: #5b6577; --hot: #c4232c; --decide: #ffe6a8; --decide-rim: #b7791f; --decide-text: #5c3b00; --gate: #0b6bcb; }
@media (prefers-color-scheme: dark) {
  svg { --ground: #14171d; --band: #1c2129; --rim: #353c48; --box: #242a34; --line: #77829a; --text: #e8ebf1;
        --soft: #a4adbd; --hot: #ff6b6b; --decide: #4a3a12; --decide-rim: #d9a441; --decide-text: #ffe2a0; --gate: #6db3f8; }
}
text { font-family: system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: var(--text); }
.title { font-size: 20px; font-weight: 700; } .name { font-size: 13px; font-weight: 700; }
.small { font-size: 11px; fill: var(--soft); } .gate { font-size: 11px; fill: var(--gate); }
.hot { fill: var(--hot); font-weight: 700; }
.ground { fill: var(--ground); } .band { fill: var(--band); stroke: var(--rim); }
.box { fill: var(--box); stroke: var(--line); } .box.critical { stroke: var(--hot); stroke-width: 2.5; }
.arrow { fill: none; stroke: var(--line); stroke-width: 1.5; } .arrow.critical { stroke: var(--hot); stroke-width: 2.5; }
.early { stroke-dasharray: 5 4; } .tip { fill: var(--line); } .tip.critical { fill: var(--hot); }
.pill { fill: var(--decide); stroke: var(--decide-rim); } .decide { font-size: 11px; font-weight: 600; fill: var(--decide-text); }
.back { fill: none; stroke: var(--decide-rim); stroke-width: 1.5; stroke-dasharray: 2 3; } .turn { fill: var(--decide-rim); }
.join { fill: var(--line); }"""  # noqa: E501 - CSS


@dataclass(frozen=True)
class _Drawn:
    """Where things stand, in pixels."""

    layout: layers.Layout
    tops: list[float]  #: of each row
    bands: list[tuple[Stage, float, float]]  #: each phase with its top and its bottom
    left: float  #: where the leftmost box begins
    width: float
    height: float

    def x(self, node: str) -> float:
        return self.left + self.layout.middle[node]

    def top(self, node: str) -> float:
        return self.tops[self.layout.row_of[node]]


def write(definition: WorkflowDefinition, file: Path) -> None:
    """Write the picture of `definition`.

    Raises:
        InvalidInput: the file cannot be written.
    """
    try:
        file.write_text(svg(definition), encoding="utf-8")
    except OSError as error:
        what = f"{file} cannot be written: {error.strerror or error}."
        raise InvalidInput(what, remedy="Name a file in a folder that exists and may be written.") from None


def svg(definition: WorkflowDefinition) -> str:
    """Return the picture; the same definition gives the same text."""
    reckoned = reckoning.of(definition)
    drawn = _measure(definition)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {drawn.width:.0f} {drawn.height:.0f}" '
        f'width="{drawn.width:.0f}" height="{drawn.height:.0f}" role="img" aria-labelledby="name">',
        f'<title id="name">{escape(definition.title)}</title>',
        f"<style>\n{_STYLE}\n</style>",
        f'<rect class="ground" width="{drawn.width:.0f}" height="{drawn.height:.0f}" rx="12"/>',
        *_head(definition, reckoned),
        *(part for stage, top, bottom in drawn.bands for part in _band(stage, top, bottom, drawn)),
        # Red lines last: where two cross, the critical path stays whole.
        *(part for hot in (False, True) for part in _arrows(definition, drawn, reckoned.critical, hot=hot)),
        *(part for step in definition.steps() for part in _loops(step, drawn)),
        *(part for step in definition.steps() for part in _box(definition, step, drawn, reckoned.critical)),
        *_legend(drawn, definition.steps()),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _measure(definition: WorkflowDefinition) -> _Drawn:
    layout = layers.lay_out(definition)
    stage_of = {step.name: stage for stage in definition.stages for step in stage.steps}
    rows: dict[int, list[int]] = {stage.number: [] for stage in definition.stages}
    for index, row in enumerate(layout.rows):
        for node in row:
            if node in stage_of and index not in rows[stage_of[node].number]:
                rows[stage_of[node].number].append(index)
    tops = [0.0] * len(layout.rows)
    bands = []
    y = _MARGIN + _HEAD
    placed = 0
    for stage in definition.stages:
        for index in range(placed, min(rows[stage.number], default=placed)):
            tops[index] = y - _BETWEEN / 2 - _JOIN / 2  # a junction between two bands
            placed = index + 1
        top = y
        y += _PAD + _PILL
        for index in range(placed, max(rows[stage.number], default=placed - 1) + 1):
            tops[index] = y
            y += (_BOX if index in rows[stage.number] else _JOIN) + _GAP
            placed = index + 1
        y = max(y - _GAP + _PAD, top + _needed(stage))
        bands.append((stage, top, y))
        y += _BETWEEN
    left = _MARGIN + _GUTTER + _PAD
    path = " → ".join(reckoning.of(definition).critical)
    titled = _MARGIN * 2 + max(620, 7.4 * len(f"Critical path: {path}"))  # the head's own lines
    width = max(left + layout.width + _PAD + _MARGIN, titled)
    left += (width - _PAD - _MARGIN - left - layout.width) / 2
    return _Drawn(layout, tops, bands, left, width, y - _BETWEEN + _FOOT)


def _needed(stage: Stage) -> float:
    """Return how high a band must be for the words in its gutter."""
    return _PAD * 2 + _LINE * len(list(_gutter(stage)))


def _gutter(stage: Stage) -> Iterator[tuple[str, str]]:
    """Yield the lines at a band's left, each with its class."""
    yield from (("name", line) for line in textwrap.wrap(f"Phase {stage.number}: {stage.title}", _TITLE_LETTERS))
    yield from (("small", line) for line in textwrap.wrap(stage.window, _GATE_LETTERS))
    if stage.gates:
        yield "small", ""
        yield "gate", "◆ Gates of this phase"
    for gate in stage.gates:
        yield from (("small", f"  {line}") for line in textwrap.wrap(printing.words(gate), _GATE_LETTERS))


def _head(definition: WorkflowDefinition, reckoned: reckoning.Reckoned) -> Iterator[str]:
    yield _text(_MARGIN, _MARGIN + 20, "title", definition.title)
    count, whole = len(definition.steps()), durations.spoken(reckoned.whole)
    about = f"{printing.answered(definition)}: {count} steps, {whole} by budget"
    yield _text(_MARGIN, _MARGIN + 42, "small", about)
    yield _text(_MARGIN, _MARGIN + 60, "small hot", "Critical path: " + " → ".join(reckoned.critical))


def _band(stage: Stage, top: float, bottom: float, drawn: _Drawn) -> Iterator[str]:
    yield (
        f'<rect class="band" x="{_MARGIN:.0f}" y="{top:.1f}" width="{drawn.width - 2 * _MARGIN:.1f}" '
        f'height="{bottom - top:.1f}" rx="10"/>'
    )
    for number, (kind, line) in enumerate(_gutter(stage)):
        yield _text(_MARGIN + 16, top + _PAD + 12 + number * _LINE, kind, line)


def _box(
    definition: WorkflowDefinition, step: StepDefinition, drawn: _Drawn, critical: tuple[str, ...]
) -> Iterator[str]:
    left, top = drawn.x(step.name) - layers.STEP_WIDTH / 2, drawn.top(step.name)
    hot = " critical" if step.name in critical else ""
    size = f'width="{layers.STEP_WIDTH:.0f}" height="{_BOX:.0f}"'
    yield f'<rect class="box{hot}" x="{left:.1f}" y="{top:.1f}" {size} rx="8"/>'
    title = textwrap.wrap(f"{step.name} {step.title}", _TITLE_LETTERS, max_lines=2, placeholder="…")
    lines = [("name", line) for line in title]
    lines += [("small", line) for line in _details(definition, step)]
    for number, (kind, line) in enumerate(lines):
        yield _text(left + 12, top + 21 + number * _LINE, kind, line)
    if step.approval is not None:
        said = f"people decide: {printing.words(step.approval.value)}"
        wide = len(said) * 6.3 + 18
        middle = drawn.x(step.name)
        yield (
            f'<rect class="pill" x="{middle - wide / 2:.1f}" y="{top - _PILL + 4:.1f}" width="{wide:.1f}" '
            f'height="{_PILL:.0f}" rx="{_PILL / 2:.0f}"/>'
        )
        yield _text(middle, top - _PILL + 18, "decide", said, anchor="middle")


def _details(definition: WorkflowDefinition, step: StepDefinition) -> Iterator[str]:
    agents = "agent by affected area" if len(step.agent) > 1 else "".join(step.agent)
    means = f", {step.model or step.provider.value}" if step.provider else ""
    yield textwrap.shorten(f"{agents}{means}", _SMALL_LETTERS, placeholder="…")
    beside = f" · beside {', '.join(step.parallel_with)}" if step.parallel_with else ""
    beside += " · holds nobody up" if step.optional else ""
    yield textwrap.shorten(f"{durations.spoken(step.duration)}{beside}", _SMALL_LETTERS, placeholder=" …")
    if stages := printing.closing(definition, step):
        yield f"◆ {printing.gates_of(stages)}"
    if step.reviews:
        limit = f", at most {step.passes} times" if step.passes else ""
        yield textwrap.shorten(f"↺ {', '.join(step.reviews)}{limit}", _SMALL_LETTERS, placeholder=" …")


def _loops(step: StepDefinition, drawn: _Drawn) -> Iterator[str]:
    """Yield the way back from a review to what it judges, around the right of the boxes."""
    for judged in step.reviews:
        half = layers.STEP_WIDTH / 2
        start, end = drawn.x(step.name) + half, drawn.x(judged) + half
        low, high = drawn.top(step.name) + _BOX / 2, drawn.top(judged) + _BOX / 2
        out = max(start, end) + _BACK
        around = f"{out:.1f} {low:.1f} {out:.1f} {high:.1f} {end:.1f} {high:.1f}"
        yield f'<path class="back" d="M{start:.1f} {low:.1f}C{around}"/>'
        yield f'<path class="turn" d="M{end:.1f} {high:.1f}l8-4v8z"/>'


def _arrows(definition: WorkflowDefinition, drawn: _Drawn, critical: tuple[str, ...], *, hot: bool) -> Iterator[str]:
    decided = {step.name for step in definition.steps() if step.approval is not None}
    pairs = set(pairwise(critical))
    for route in drawn.layout.routes:
        if any((source, target) in pairs for source in route.steps[0] for target in route.steps[1]) is not hot:
            continue
        kind = (" critical" if hot else "") + (" early" if route.arrow.early else "")
        into_step = route.arrow.target not in drawn.layout.junctions
        points = list(_points(route, drawn, decided, tip=6.0 if into_step else 0.0))
        yield f'<path class="arrow{kind}" d="{_curve(points)}"/>'
        x, y = points[-1]
        if into_step:
            tip = " critical" if hot else ""
            yield f'<path class="tip{tip}" d="M{x - 5:.1f} {y - 3:.1f}h10l-5 9z"/>'
        else:
            yield f'<circle class="tip{" critical" if hot else ""}" cx="{x:.1f}" cy="{y:.1f}" r="{_JOIN / 2:.0f}"/>'


def _points(route: layers.Route, drawn: _Drawn, decided: Iterable[str], *, tip: float) -> Iterator[tuple[float, float]]:
    """Yield where the arrow goes through: out of its source, in and out of each lane, into its target."""
    source, *lanes, target = route.through
    out = _JOIN / 2 if source in drawn.layout.junctions else _BOX
    yield drawn.x(source), drawn.top(source) + out
    for lane in lanes:
        row = drawn.layout.row_of[lane]
        high = _BOX if any(layers.width(node) == layers.STEP_WIDTH for node in drawn.layout.rows[row]) else _JOIN
        yield drawn.x(lane), drawn.tops[row]
        yield drawn.x(lane), drawn.tops[row] + high
    above = _JOIN / -2 if target in drawn.layout.junctions else (_PILL - 4 if target in decided else 0.0)
    yield drawn.x(target), drawn.top(target) - above - tip


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


def _legend(drawn: _Drawn, steps: Iterable[StepDefinition]) -> Iterator[str]:
    y = drawn.height - 16
    said = ["red: the steps that decide when it is over", "◆ quality gates that hold a step up"]
    if any(route.arrow.early for route in drawn.layout.routes):
        said.append("dashed: first results are enough")
    if any(step.reviews for step in steps):
        said.append("↺ dotted: a review sends work back")
    yield _text(_MARGIN, y, "small", "   ·   ".join(said))


def _text(x: float, y: float, kind: str, words: str, *, anchor: str = "") -> str:
    placed = f' text-anchor="{anchor}"' if anchor else ""
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}"{placed}>{escape(words)}</text>'
