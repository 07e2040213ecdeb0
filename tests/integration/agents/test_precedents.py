"""The root cause analysis consults what earlier incidents left behind, and cites it."""

from pathlib import Path

import pytest

from incidents.agents import outputs
from incidents.agents.outputs import Verdict
from incidents.agents.playbook.runner import PlaybookRunner
from incidents.catalog import Sandbox
from incidents.clock import SystemClock
from incidents.knowledge.solutions import Solution
from incidents.tools.evidence import EvidenceKind
from tests.integration.agents import steps
from tests.integration.agents.shop import Shop

ALIKE = Solution(
    "inc-3",
    "Orders without a currency break pricing",
    "shop/pricing.py:2",
    "Problem: KeyError: 'currency' in pricing.py, total\nSolution: reverted, and a default kept",
)
UNLIKE = Solution("inc-4", "Certificate of the vendor expired", "vendor", "Problem: SSL\nSolution: renewed")
PATTERN = "# Critical patterns\n\nNever drop a default in a refactoring.\n"


@pytest.fixture
def response(tmp_path: Path) -> steps.Response:
    shop = Shop(tmp_path)
    shop.broken(**{"docs/solutions/patterns/critical-patterns.md": PATTERN})
    return steps.Response(
        PlaybookRunner(SystemClock(), sandbox=Sandbox(mode="none")), shop.service(), tmp_path / "work"
    )


async def test_an_earlier_incident_that_resembles_this_one_is_cited(response: steps.Response) -> None:
    result = await response.step("1.3", solutions=(UNLIKE, ALIKE))
    cited = {each.id: each for each in result.evidence if each.kind is EvidenceKind.KNOWLEDGE}
    assert sorted(each.source for each in cited.values()) == ["docs/solutions/patterns/critical-patterns.md", "inc-3"]
    output = response.output("1.3", outputs.RootCauseOutput)
    claims = [each for each in output.preliminary_root_cause.claims if set(each.evidence) & set(cited)]
    assert [each.verdict for each in claims] == [Verdict.INCONCLUSIVE, Verdict.INCONCLUSIVE]
    assert "Orders without a currency break pricing (inc-3)" in claims[1].text
    assert "`currency`" in claims[1].text
    last = output.investigation_priorities[-1]
    assert (last.state, last.statement) == (
        "open",
        "What broke it before is back: Orders without a currency break pricing",
    )


async def test_what_was_before_does_not_decide_what_it_is_now(response: steps.Response) -> None:
    await response.step("1.3", solutions=(ALIKE,))
    cause = response.output("1.3", outputs.RootCauseOutput).preliminary_root_cause
    assert cause.verdict is Verdict.CONFIRMED
    assert cause.commit_subject == "Read the currency directly"


async def test_without_anything_alike_only_the_patterns_are_cited(response: steps.Response) -> None:
    result = await response.step("1.3", solutions=(UNLIKE,))
    cited = [each.source for each in result.evidence if each.kind is EvidenceKind.KNOWLEDGE]
    assert cited == ["docs/solutions/patterns/critical-patterns.md"]


@pytest.mark.parametrize(
    ("step", "output", "where"),
    [
        ("4.1", "detailed_root_cause_report", "tried"),
        ("architecture-impact-analysis", "architecture_impact", "claims"),
    ],
)
async def test_the_other_analyses_consult_and_cite_it_too(
    response: steps.Response, step: str, output: str, where: str
) -> None:
    result = await response.step(step, solutions=(UNLIKE, ALIKE))
    cited = {each.source: each.id for each in result.evidence if each.kind is EvidenceKind.KNOWLEDGE}
    assert set(cited) == {"docs/solutions/patterns/critical-patterns.md", "inc-3"}
    claims = {ref: each["text"] for each in result.outputs()[output][where] for ref in each["evidence"]}
    assert "Orders without a currency break pricing (inc-3)" in claims[cited["inc-3"]]
    assert "Critical patterns" in claims[cited["docs/solutions/patterns/critical-patterns.md"]]
