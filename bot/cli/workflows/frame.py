"""What all pictures of workflows share: the measures of boxes and bands, and what a drawn line is. Pure."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bot.cli.workflows import layers, printing
from incidents.definitions import Stage

STEP_WIDTH = layers.STEP_WIDTH
STEP_HEIGHT = 92.0
MARGIN = 24.0
HEAD = 84.0  # title and the line on the critical path
GUTTER = 200.0  # at a band's left: the phase's name, window and gates
PAD = 20.0  # inside a band
BETWEEN = 26.0  # two bands
PILL = 20.0  # on top of a box: what people decide
JOIN = 8.0  # where arrows meet
LINE = 15.0
FOOT = 46.0
# Letters in a line, by the widest common sans-serif: 13 px bold take 8.3 px, 11 px take 6.4 px.
TITLE_LETTERS = 22
GATE_LETTERS = 26  # and what else stands in the gutter


@dataclass(frozen=True)
class Line:
    """An arrow, or the way back of a review."""

    path: str  #: as SVG has it
    tip: str = ""  #: the arrow's head, as SVG has it; empty where the line ends in a joint
    joint: tuple[float, float] | None = None
    early: bool = False  #: first results are enough
    #: The steps that it comes from and leads to, also over a joint.
    steps: tuple[frozenset[str], frozenset[str]] = (frozenset(), frozenset())


@dataclass(frozen=True)
class Drawn:
    """Where things stand, in pixels."""

    boxes: Mapping[str, tuple[float, float]]  #: each step's left and top
    bands: Sequence[tuple[Stage, float, float]]  #: each phase with its top and its bottom
    arrows: Sequence[Line]
    loops: Sequence[Line]
    width: float
    height: float


def gutter(stage: Stage) -> Iterator[tuple[str, str]]:
    """Yield the lines at a band's left, each with its class."""
    yield from (("name", line) for line in textwrap.wrap(f"Phase {stage.number}: {stage.title}", TITLE_LETTERS))
    yield from (("small", line) for line in textwrap.wrap(stage.window, GATE_LETTERS))
    if stage.gates:
        yield "small", ""
        yield "gate", "◆ Gates of this phase"
    for gate in stage.gates:
        yield from (("small", f"  {line}") for line in textwrap.wrap(printing.words(gate), GATE_LETTERS))


def least_height(stage: Stage) -> float:
    """Return how high a band must be for the words in its gutter."""
    return PAD * 2 + LINE * len(list(gutter(stage)))


def path_of(critical: Sequence[str]) -> str:
    """Return the critical path in words."""
    return f"Critical path: {' → '.join(critical)}"


def head_width(critical: Sequence[str]) -> float:
    """Return how wide a picture must be for the lines above its bands."""
    return MARGIN * 2 + max(620, 7.4 * len(path_of(critical)))
