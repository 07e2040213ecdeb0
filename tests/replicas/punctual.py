"""How late notices may be: next to nothing while all replicas are well, a lease while one of them is lost."""

from collections.abc import Sequence
from dataclasses import dataclass

from incidents import sending
from tests.benchmarks.report import percentile

HEALTHY_SECONDS = 1.0  #: p99 while all are well
#: p99 while one is lost: what it had in hand waits for its lease, and the look whether it arrived is quick.
LOST_SECONDS = sending.LEASE.total_seconds() + 5
LONGEST_SECONDS = LOST_SECONDS + 5  #: of a single notice, whatever happens


@dataclass(frozen=True)
class Lateness:
    """By how many seconds the notices of one round stood in the workspace late."""

    p50: float
    p99: float
    longest: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> "Lateness":
        """Return that of single notices; there is at least one."""
        return cls(percentile(seconds, 0.5), percentile(seconds, 0.99), max(seconds))

    def missed(self, *, healthy: bool) -> list[str]:
        """Return which limits were missed, in words; while a replica was lost its lease counts."""
        limit = HEALTHY_SECONDS if healthy else LOST_SECONDS
        found = [] if self.p99 < limit else [f"p99 {self.p99:.1f} s late; limit {limit:g} s"]
        if self.longest >= LONGEST_SECONDS:
            found.append(f"one {self.longest:.1f} s late; limit {LONGEST_SECONDS:g} s")
        return found
