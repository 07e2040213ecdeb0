"""The picture of a workflow as SVG: phases as bands, steps as boxes, the critical path in red."""

import textwrap
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from xml.sax.saxutils import escape

from bot.cli.workflows import falling, frame, printing, reckoning, series
from bot.cli.workflows.frame import MARGIN, PAD, Drawn, Line
from incidents import durations
from incidents.definitions import Stage, StepDefinition, WorkflowDefinition
from incidents.errors import InvalidInput

_SMALL_LETTERS = 28  # see frame.TITLE_LETTERS

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
    course = series.groups(definition)
    drawn = (
        series.draw(definition, course, reckoned.critical) if course else falling.draw(definition, reckoned.critical)
    )
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {drawn.width:.0f} {drawn.height:.0f}" '
        f'width="{drawn.width:.0f}" height="{drawn.height:.0f}" role="img" aria-labelledby="name">',
        f'<title id="name">{escape(definition.title)}</title>',
        f"<style>\n{_STYLE}\n</style>",
        f'<rect class="ground" width="{drawn.width:.0f}" height="{drawn.height:.0f}" rx="12"/>',
        *_head(definition, reckoned),
        *(part for stage, top, bottom in drawn.bands for part in _band(stage, top, bottom, drawn)),
        # Red lines last: where two cross, the critical path stays whole.
        *(part for hot in (False, True) for part in _arrows(drawn.arrows, reckoned.critical, hot=hot)),
        *(part for line in drawn.loops for part in _loop(line)),
        *(part for step in definition.steps() for part in _box(definition, step, drawn, reckoned.critical)),
        *_legend(drawn, definition.steps()),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _head(definition: WorkflowDefinition, reckoned: reckoning.Reckoned) -> Iterator[str]:
    yield _text(MARGIN, MARGIN + 20, "title", definition.title)
    count, whole = len(definition.steps()), durations.spoken(reckoned.whole)
    about = f"{printing.answered(definition)}: {count} steps, {whole} by budget"
    yield _text(MARGIN, MARGIN + 42, "small", about)
    yield _text(MARGIN, MARGIN + 60, "small hot", frame.path_of(reckoned.critical))


def _band(stage: Stage, top: float, bottom: float, drawn: Drawn) -> Iterator[str]:
    yield (
        f'<rect class="band" x="{MARGIN:.0f}" y="{top:.1f}" width="{drawn.width - 2 * MARGIN:.1f}" '
        f'height="{bottom - top:.1f}" rx="10"/>'
    )
    for number, (kind, line) in enumerate(frame.gutter(stage)):
        yield _text(MARGIN + 16, top + PAD + 12 + number * frame.LINE, kind, line)


def _box(
    definition: WorkflowDefinition, step: StepDefinition, drawn: Drawn, critical: tuple[str, ...]
) -> Iterator[str]:
    left, top = drawn.boxes[step.name]
    hot = " critical" if step.name in critical else ""
    size = f'width="{frame.STEP_WIDTH:.0f}" height="{frame.STEP_HEIGHT:.0f}"'
    yield f'<rect class="box{hot}" x="{left:.1f}" y="{top:.1f}" {size} rx="8"/>'
    title = textwrap.wrap(f"{step.name} {step.title}", frame.TITLE_LETTERS, max_lines=2, placeholder="…")
    lines = [("name", line) for line in title]
    lines += [("small", line) for line in _details(definition, step)]
    for number, (kind, line) in enumerate(lines):
        yield _text(left + 12, top + 21 + number * frame.LINE, kind, line)
    if step.approval is not None:
        said = f"people decide: {printing.words(step.approval.value)}"
        wide = len(said) * 6.3 + 18
        middle = left + frame.STEP_WIDTH / 2
        yield (
            f'<rect class="pill" x="{middle - wide / 2:.1f}" y="{top - frame.PILL + 4:.1f}" width="{wide:.1f}" '
            f'height="{frame.PILL:.0f}" rx="{frame.PILL / 2:.0f}"/>'
        )
        yield _text(middle, top - frame.PILL + 18, "decide", said, anchor="middle")


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


def _loop(line: Line) -> Iterator[str]:
    yield f'<path class="back" d="{line.path}"/>'
    yield f'<path class="turn" d="{line.tip}"/>'


def _arrows(lines: Iterable[Line], critical: tuple[str, ...], *, hot: bool) -> Iterator[str]:
    pairs = set(pairwise(critical))
    red = " critical" if hot else ""
    for line in lines:
        if any((source, target) in pairs for source in line.steps[0] for target in line.steps[1]) is not hot:
            continue
        yield f'<path class="arrow{red}{" early" if line.early else ""}" d="{line.path}"/>'
        if line.joint is None:
            yield f'<path class="tip{red}" d="{line.tip}"/>'
        else:
            x, y = line.joint
            yield f'<circle class="tip{red}" cx="{x:.1f}" cy="{y:.1f}" r="{frame.JOIN / 2:.0f}"/>'


def _legend(drawn: Drawn, steps: Iterable[StepDefinition]) -> Iterator[str]:
    y = drawn.height - 16
    said = ["red: the steps that decide when it is over", "◆ quality gates that hold a step up"]
    if any(line.early for line in drawn.arrows):
        said.append("dashed: first results are enough")
    if any(step.reviews for step in steps):
        said.append("↺ dotted: a review sends work back")
    yield _text(MARGIN, y, "small", "   ·   ".join(said))


def _text(x: float, y: float, kind: str, words: str, *, anchor: str = "") -> str:
    placed = f' text-anchor="{anchor}"' if anchor else ""
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}"{placed}>{escape(words)}</text>'
