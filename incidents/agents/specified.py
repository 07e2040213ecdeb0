"""What the specification says about a failure, beside what happens; shape of the specification mode.

Source: the production operations document, spec-aware bug investigation (related requirements, expected behaviour,
actual behaviour).
"""

from pydantic import Field

from incidents.agents.statements import Output


class CitedRequirement(Output):
    """A requirement that speaks of what fails."""

    id: str = Field(max_length=200)
    place: str = Field(max_length=320, description="path:line at the commit that was analysed")
    text: str = Field(max_length=600)
    evidence: list[str]


class Specified(Output):
    """Expected and actual behaviour; without requirements the specification does not speak of it."""

    requirements: list[CitedRequirement] = Field(max_length=5)
    expected: str = Field(max_length=600, description="in the specification's words; empty where it says nothing")
    actual: str = Field(max_length=400)
