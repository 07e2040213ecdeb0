"""Numbers beside their baselines."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """One measurement; `limit` bounds the ratio, or the value itself where there is no baseline to divide by."""

    what: str
    value: float
    unit: str
    limit: float
    baseline: float | None = None
    against: str = ""

    @property
    def ratio(self) -> float | None:
        """Return the value divided by its baseline."""
        return self.value / self.baseline if self.baseline else None

    @property
    def holds(self) -> bool:
        """Return whether it is within its limit."""
        return (self.value if self.ratio is None else self.ratio) <= self.limit

    def __str__(self) -> str:
        """Return the line as it is printed."""
        verdict = "holds" if self.holds else "MISSED"
        measured = f"{self.what:<44} {self.value:8.1f} {self.unit:<3}"
        if self.ratio is None:
            return f"{measured} {'':38} limit {self.limit:6.1f} {self.unit}  {verdict}"
        return (
            f"{measured} {self.against:>24} {self.baseline:8.1f} {self.unit:<3}  ratio {self.ratio:5.2f}, "
            f"limit {self.limit:.1f}  {verdict}"
        )


def percentile(samples: Sequence[float], share: float) -> float:
    """Return the smallest sample that at least `share` of all samples do not exceed."""
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, max(0, -(-int(share * 1000 * len(ordered)) // 1000) - 1))]
