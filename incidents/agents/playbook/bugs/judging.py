"""What all reviews of the playbook share: findings, and the verdict that follows from them."""

from collections.abc import Iterable, Sequence

from incidents.agents.reviews import Finding, Review, ReviewVerdict


def finding(item: str, why: str, evidence: Iterable[str], *, holds: bool | None) -> Finding:
    """Return a finding of the item, bounded."""
    return Finding(item=item, holds=holds, why=why[:400], evidence=list(dict.fromkeys(evidence)))


def review(findings: Sequence[Finding]) -> Review:
    """Return the review: what does not hold goes back; what nobody could tell holds nobody up."""
    faults = [each for each in findings if each.holds is False]
    critique = "\n".join(f"- {_spoken(each.item)}: {each.why}" for each in faults)
    verdict = ReviewVerdict.NEEDS_CHANGES if faults else ReviewVerdict.APPROVED
    return Review(verdict=verdict, critique=critique[:2000], findings=list(findings))


def in_one_line(judged: Review, of: str) -> str:
    """Return the review as one line; `of` names what was judged."""
    held = sum(each.holds is True for each in judged.findings)
    faults = [_spoken(each.item) for each in judged.findings if each.holds is False]
    told = f"{held} of {len(judged.findings)} items hold"
    if faults:
        return f"{of} goes back: {', '.join(faults)}; {told}"
    unknown = sum(each.holds is None for each in judged.findings)
    return f"{of} approved: {told}" + (f", {unknown} could not be told" if unknown else "")


def _spoken(item: str) -> str:
    return item.replace("_", " ")
