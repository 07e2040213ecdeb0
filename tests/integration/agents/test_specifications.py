"""A repository with `.specify/` has its requirements cited beside what happens; without it nothing is said."""

from pathlib import Path

from incidents.agents import outputs
from incidents.agents.playbook.runner import PlaybookRunner
from incidents.catalog import Sandbox
from incidents.clock import SystemClock
from incidents.definitions import ApprovalKind
from incidents.response import decisions
from incidents.response.decisions import Wanted
from incidents.tools.evidence import EvidenceKind
from tests.integration.agents import steps
from tests.integration.agents.bug import Bug
from tests.integration.agents.shop import Shop

PATTERN = "# Critical patterns\n\nNever drop a default in a refactoring.\n"
SPEC = """# Feature: Carts

## Requirements

- **FR-001**: System MUST price carts without a currency in EUR
- **FR-002**: System MUST send an invoice by mail
"""
CONSTITUTION = "# Constitution\n\n## Core Principles\n\n### I. Test-First\nEvery fix MUST have tests.\n"


def specified(root: Path, **files: str) -> Shop:
    """Return the shop in specification mode, with another specification in what nobody committed."""
    shop = Shop(root)
    shop.broken(**{"specs/001-carts/spec.md": SPEC, ".specify/memory/constitution.md": CONSTITUTION} | files)
    (shop.repository / "specs/001-carts/spec.md").write_text("- **FR-009**: carts without a currency MUST fail\n")
    return shop


def runner() -> PlaybookRunner:
    return PlaybookRunner(SystemClock(), sandbox=Sandbox(mode="none"))


async def test_the_analysis_cites_the_requirement_beside_what_happens(tmp_path: Path) -> None:
    response = steps.Response(runner(), specified(tmp_path).service(), tmp_path / "work")
    result = await response.step("1.3")
    found = response.output("1.3", outputs.RootCauseOutput).preliminary_root_cause.specified
    assert found is not None
    [cited] = found.requirements
    assert (cited.id, cited.place) == ("FR-001", "specs/001-carts/spec.md:5")
    assert found.expected == "System MUST price carts without a currency in EUR."
    assert found.actual == "`KeyError: 'currency'`, 12 times since the release."
    seen = {each.id: each for each in result.evidence}
    assert seen[cited.evidence[0]].kind is EvidenceKind.KNOWLEDGE


async def test_without_that_folder_nothing_is_said(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.broken(**{"specs/001-carts/spec.md": SPEC})
    response = steps.Response(runner(), shop.service(), tmp_path / "work")
    await response.step("1.3")
    assert response.output("1.3", outputs.RootCauseOutput).preliminary_root_cause.specified is None


async def test_a_bugs_analysis_consults_patterns_and_specification_and_joins_them(tmp_path: Path) -> None:
    shop = specified(tmp_path, **{"docs/solutions/patterns/critical-patterns.md": PATTERN})
    bug = Bug(runner(), shop.service(), tmp_path / "work")
    joined = await bug.until("diagnosis-consolidation")
    analysed = bug.result("root-cause-analysis")
    sources = {each.source: each.id for each in analysed.evidence if each.kind is EvidenceKind.KNOWLEDGE}
    pattern = sources["docs/solutions/patterns/critical-patterns.md"]
    cause = analysed.outputs()["root_cause"]
    assert any(pattern in each["evidence"] for each in cause["claims"])
    assert [each["id"] for each in cause["specified"]["requirements"]] == ["FR-001"]
    [kept] = joined.preliminary_root_cause.specified.requirements
    known = {each.id for each in bug.result("diagnosis-consolidation").evidence}
    assert kept.id == "FR-001"
    assert set(kept.evidence) <= known


async def test_a_fix_that_breaks_the_constitution_goes_back_with_the_principle(tmp_path: Path) -> None:
    frozen = "# Constitution\n\n## Core Principles\n\n### I. Frozen prices\nFixes MUST NOT change `shop/pricing.py`.\n"
    shop = specified(tmp_path, **{".specify/memory/constitution.md": frozen})
    bug = Bug(runner(), shop.service(), tmp_path / "work")
    review = await bug.until("code-review")
    revert, by_hand = bug.result("root-cause-analysis").outputs()["options"]
    assert "Violates “I. Frozen prices”: it changes `shop/pricing.py`; instead," in revert["description"]
    assert "Violates" not in by_hand["description"]
    found = next(each for each in review.findings if each.item == "constitution")
    assert found.holds is False
    assert found.why.startswith("Violates “I. Frozen prices”: it changes `shop/pricing.py`; instead,")
    assert found.why in review.critique


async def test_an_incidents_own_fix_is_held_against_the_constitution_where_it_is_reviewed(tmp_path: Path) -> None:
    frozen = "# Constitution\n\n## Core Principles\n\n### I. Frozen prices\nFixes MUST NOT change `shop/pricing.py`.\n"
    shop = specified(tmp_path, **{".specify/memory/constitution.md": frozen})
    response = steps.Response(runner(), shop.service(), tmp_path / "work")
    await response.step("1.3")
    await response.step("2.1", approved=response.choose(1))
    [broken] = response.output("2.1", outputs.HotfixOutput).emergency_fix_code.constitution
    assert broken.text.startswith("Violates “I. Frozen prices”: it changes `shop/pricing.py`; instead,")
    asked = decisions.DECISIONS[ApprovalKind.DEPLOY].subject(Wanted("3.1", response.outputs, response.service))
    assert asked["violates"] == [broken.text]
