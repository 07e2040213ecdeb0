"""Numbers beside their baselines: as a table, as JSON, as a picture."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure

_SHOWN = 3.0


@dataclass(frozen=True)
class Line:
    """One measurement; `limit` bounds the ratio to the baseline, or the value itself (`limits` says which)."""

    what: str
    value: float
    unit: str
    limit: float | None = None  #: None: told, not promised
    baseline: float | None = None
    against: str = ""
    limits: Literal["ratio", "value"] = "ratio"  #: the value, too, where there is no baseline

    @property
    def ratio(self) -> float | None:
        """Return the value divided by its baseline."""
        return self.value / self.baseline if self.baseline else None

    @property
    def holds(self) -> bool:
        """Return whether it is within its limit; without one it always is."""
        return self.limit is None or self.bounded <= self.limit

    @property
    def bounded(self) -> float:
        """Return what the limit bounds: the ratio, or the value where there is none."""
        return self.ratio if self._bounds_ratio and self.ratio is not None else self.value

    @property
    def _bounds_ratio(self) -> bool:
        return self.ratio is not None and self.limits == "ratio"

    @property
    def share(self) -> float:
        """Return how much of the limit is used: 1 is all of it. Of a limit of 0 it is all, once anything exceeds it."""
        return self.bounded / self.limit if self.limit else float(not self.holds)

    @property
    def told(self) -> str:
        """Return what is bounded, and its limit, in a few characters."""
        if self._bounds_ratio:
            return f"×{self.bounded:.2f} of ×{self.limit:g}"
        return f"{self.value:.4g} of {self.limit:g} {self.unit}".rstrip()

    def __str__(self) -> str:
        """Return the line as it is printed."""
        beside = ratio = limit = ""
        if self.ratio is not None:
            beside, ratio = f"{self.against} {self.baseline:.1f} {self.unit}", f"ratio {self.ratio:.2f}"
        if self.limit is not None:
            unit = " times" if self._bounds_ratio else f" {self.unit}".rstrip()
            limit = f"limit {self.limit:g}{unit}, {'holds' if self.holds else 'MISSED'}"
        return f"{self.what:<46} {self.value:9.1f} {self.unit:<4} {beside:>40}  {ratio:<12} {limit}".rstrip()


def percentile(samples: Sequence[float], share: float) -> float:
    """Return the smallest sample that at least `share` of all samples do not exceed."""
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, max(0, -(-int(share * 1000 * len(ordered)) // 1000) - 1))]


def as_json(lines: Sequence[Line]) -> str:
    """Return the lines as a JSON array; `ratio` and `holds` are added to each line's own fields."""
    return json.dumps([{**asdict(line), "ratio": line.ratio, "holds": line.holds} for line in lines], indent=2)


def plot(lines: Sequence[Line], to: Path) -> None:
    """Draw how much of its limit each figure uses, and each beside its baseline; the file's ending says the format."""
    bounded = [line for line in lines if line.limit is not None]
    beside = [line for line in lines if line.baseline]
    figure = Figure(figsize=(18, 1.2 + 0.2 * max(len(bounded), len(beside), 1)), layout="constrained")
    left, right = figure.subplots(1, 2)
    _plot_limits(bounded, left)
    _plot_baselines(beside, right)
    figure.savefig(to)


def _plot_baselines(lines: Sequence[Line], axes: Axes) -> None:
    rows = range(len(lines))
    axes.scatter([line.baseline or 0.0 for line in lines], rows, marker="|", s=90, color="#1d1c1d", label="baseline")
    axes.scatter([line.value for line in lines], rows, s=24, color="#1264a3", label="measured")
    names = [f"{line.what.strip()} ({line.unit}) | {line.against}" for line in lines]
    axes.set_yticks(rows, names, fontsize=7)
    axes.set_ylim(max(len(lines), 1) - 0.5, -0.5)
    if lines:  # an empty axis has no logarithm
        axes.set_xscale("log")
    axes.set_xlabel("each figure beside its baseline of the same run, in its unit")
    axes.legend(loc="lower left")


def _plot_limits(lines: Sequence[Line], axes: Axes) -> None:
    # One that is missed by far leaves room for the others to be read.
    shown = [min(line.share, _SHOWN) for line in lines]
    colours = ["#007a5a" if line.holds else "#e01e5a" for line in lines]
    axes.barh(range(len(lines)), shown, color=colours)
    axes.set_yticks(range(len(lines)), [line.what.strip() for line in lines], fontsize=7)
    axes.set_ylim(max(len(lines), 1) - 0.5, -0.5)
    axes.axvline(1.0, color="#1d1c1d", linewidth=1)
    axes.set_xlim(0, 1.3 * max([1.0, *shown]))
    axes.set_xlabel(f"share of the limit, drawn up to {_SHOWN:g}: green holds, red is missed")
    for row, (line, share, colour) in enumerate(zip(lines, shown, colours, strict=True)):
        axes.text(share, row, f" {line.told}", va="center", fontsize=7, color=colour)
