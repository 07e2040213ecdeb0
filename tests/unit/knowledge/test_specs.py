"""Requirements and principles are read from a repository's specification, and found by what people say."""

from incidents.knowledge import specs

SPEC = """# Feature Specification: Carts

## User Scenarios & Testing

### User Story 1 - Price a cart (Priority: P1)

**Acceptance Scenarios**:

1. **Given** a cart without a currency, **When** its total is asked for,
   **Then** it is priced in EUR
2. **Given** an empty cart, **When** it is opened, **Then** the total is zero

## Requirements

<!-- - **FR-000**: System MUST be a template -->

- **FR-001**: System MUST price every cart, old carts without currency included.
- **FR-002**: System MUST send an invoice by mail
- Discounts SHALL round half up.
- Nice weather is appreciated.

```
- **FR-900**: System MUST stand in a code block
```
"""
CONSTITUTION = """# Shop Constitution

## Core Principles

### I. Test-First (NON-NEGOTIABLE)
Every change MUST have tests.

### II. Small surface
- Code MUST NOT change `billing/**`.

#### Why
Auditors.

## Governance

### Amendments
By vote.
"""


def test_requirements_scenarios_and_demands_are_read_with_their_lines() -> None:
    found = {each.id: each for each in specs.requirements("specs/001-carts/spec.md", SPEC)}
    assert list(found) == ["US1.1", "US1.2", "FR-001", "FR-002", "specs/001-carts/spec.md:19"]
    assert found["US1.1"].expected == "it is priced in EUR"
    assert (found["US1.1"].line, found["FR-001"].line) == (9, 17)
    assert found["FR-001"].text == "System MUST price every cart, old carts without currency included."


async def test_what_speaks_of_the_failure_is_found_and_the_rest_is_not() -> None:
    every = specs.requirements("specs/001-carts/spec.md", SPEC)
    found = await specs.search(every, "Old carts cannot be priced: KeyError: 'currency' in shop/pricing.py")
    assert found[0].requirement.id == "FR-001"
    assert "FR-002" not in [each.requirement.id for each in found]
    assert await specs.search(every, "the system must log users in") == []


def test_principles_are_the_sections_below_their_heading() -> None:
    found = specs.principles(CONSTITUTION)
    assert [each.name for each in found] == ["I. Test-First (NON-NEGOTIABLE)", "II. Small surface"]
    assert "Auditors." in found[1].text
    assert found[0].line == 5


def test_a_constitution_without_that_heading_is_read_by_its_sections() -> None:
    assert [each.name for each in specs.principles("# Rules\n## One\nA MUST.\n## Two\nB.\n")] == ["One", "Two"]
    assert specs.principles("") == []


def test_specifications_are_told_from_templates_and_other_files() -> None:
    files = [
        ".specify/templates/spec-template.md",
        ".specify/memory/constitution.md",
        ".specify/memory/glossary.md",
        "specs/002-mail/spec.md",
        "specs/001-carts/spec.md",
        "specs/001-carts/plan.md",
    ]
    assert specs.readable(files) == ["specs/002-mail/spec.md", "specs/001-carts/spec.md", ".specify/memory/glossary.md"]
    assert specs.is_specified(files)
    assert not specs.is_specified(["specs/001-carts/spec.md"])
