"""What a rule of the analysis finds: a contributing factor, and what follows from it."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from incidents.agents.outputs import Claim, Recommendation, Verdict
from incidents.agents.playbook.story import Story


class Kind(StrEnum):
    """What a recommendation changes."""

    ARCHITECTURE = "architecture"  #: how the system is built
    PREVENTION = "prevention"  #: how the next one is stopped or seen earlier


@dataclass(frozen=True)
class Finding:
    """One factor, and what follows from it."""

    factor: Claim
    kind: Kind
    title: str
    why: str
    due_in_days: int

    @property
    def recommendation(self) -> Recommendation:
        """Return what to do about it; it cites what the factor cites."""
        return Recommendation(
            title=self.title[:150], why=self.why[:400], due_in_days=self.due_in_days, evidence=self.factor.evidence
        )


def finding(
    story: Story,
    factor: str,
    cited: Iterable[str],
    kind: Kind,
    title: str,
    why: str,
    due_in_days: int,
    *,
    verdict: Verdict = Verdict.LIKELY,
) -> Finding:
    """Return a finding whose factor and recommendation cite the same evidence."""
    return Finding(story.case.claim(factor, cited, verdict), kind, title, why, due_in_days)
