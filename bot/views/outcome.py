"""What a step found, drawn short: a verdict, a few lines, the evidence they cite. One function per output."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import singledispatch

from bot.views import mrkdwn
from bot.views.mrkdwn import code, plural, prose
from incidents.agents import outputs
from incidents.agents.outputs import Claim, Output, Verdict

_CITED = 2  # evidence ids behind one statement; the buttons below open them all
MAX_CLAIMS = 3  # a thread is read on a phone
_DISCARDED = 4  # ideas shown struck; enough to see what was looked at


@dataclass(frozen=True)
class Outcome:
    """An output in lines of mrkdwn."""

    lines: tuple[str, ...]
    verdict: Verdict | None = None
    evidence: tuple[str, ...] = ()  #: ids in the order in which they are cited
    is_specified: bool = False  #: whether it cites a requirement, so that people say which is wrong, it or the code


@singledispatch
def drawn(output: Output) -> Outcome:
    """Return `output` in a few lines."""
    raise TypeError(f"no drawing for {type(output).__name__}")


def cite(refs: Iterable[str]) -> str:
    """Return evidence ids as they stand behind a claim: `[E3f9a2b]`."""
    unique = list(dict.fromkeys(refs))
    more = f" +{len(unique) - _CITED}" if len(unique) > _CITED else ""
    return " ".join(f"[{mrkdwn.said(ref, 12)}]" for ref in unique[:_CITED]) + more


def claim(each: Claim) -> str:
    """Return a claim with its verdict, where it is not confirmed, and its evidence."""
    doubt = "" if each.verdict is Verdict.CONFIRMED else f"_{each.verdict}:_ "
    return f"• {doubt}{prose(each.text, 300)} {cite(each.evidence)}"


def claims(found: Iterable[Claim]) -> list[str]:
    """Return the first claims, and how many more there are."""
    every = list(found)
    more = [f"_{plural(len(every) - MAX_CLAIMS, 'more claim')}_"] if len(every) > MAX_CLAIMS else []
    return [claim(each) for each in every[:MAX_CLAIMS]] + more


def refs(*groups: Iterable[Claim] | Iterable[str]) -> tuple[str, ...]:
    """Return the evidence ids of claims, or such ids, each once and in their order."""
    found: list[str] = []
    for group in groups:
        for each in group:
            found += each.evidence if isinstance(each, Claim) else [each]
    return tuple(dict.fromkeys(found))


def share(rate: float | None) -> str:
    """Return a rate in percent, or `unknown`."""
    if rate is None:
        return "unknown"
    return f"{round(rate * 100, 1):g} %"


def test_name(test_id: str) -> str:
    """Return a test by its own name: `test_legacy_cart` of `tests/test_cart.py::CartTest::test_legacy_cart`."""
    return code(re.split(r"::|\.(?=\w+$)", test_id)[-1], 80)


def tests(run: outputs.TestRun | None) -> str:
    """Return a test run in words: `214 passed, 1 failed`."""
    if run is None:
        return "not run"
    if run.timed_out:
        return f"stopped after {run.seconds:.0f} s, they hang"
    broken = run.failed + run.errors
    return f"{run.passed} passed" + (f", *{broken} failed*" if broken else "")


def cited(found: outputs.Specified | None) -> list[list[str]]:
    """Return the evidence ids of each requirement."""
    return [each.evidence for each in found.requirements] if found else []


def specified(found: outputs.Specified | None) -> list[str]:
    """Return what the specification expects beside what happens; nothing where there is no specification."""
    if found is None:
        return []
    if not found.requirements:
        return ["*Specification*  no requirement speaks of this"]
    cited = ", ".join(
        f"{mrkdwn.said(each.id, 60)} ({code(each.place, 120)}) {cite(each.evidence)}" for each in found.requirements[:3]
    )
    return [
        f"*Specification*  {cited}",
        f"*Expected*  {prose(found.expected, 400)}",
        f"*Actual*  {prose(found.actual, 300)}",
    ]


def discarded(ideas: Iterable[outputs.Hypothesis]) -> str:
    """Return the rejected ideas, struck, each with the reason; discarded ideas stay visible."""
    rejected = [idea for idea in ideas if idea.state == "rejected"]
    return "\n".join(f"~{prose(idea.statement, 80)}~  {prose(idea.reason, 120)}" for idea in rejected[:_DISCARDED])
