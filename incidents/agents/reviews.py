"""Typed outputs of the review machinery: one shape for whoever judges another step's work."""

from enum import StrEnum

from pydantic import Field, model_validator

from incidents.agents.statements import Output


class ReviewVerdict(StrEnum):
    """What a review comes to; the consequences are the engine's."""

    APPROVED = "approved"
    NEEDS_CHANGES = "needs_changes"  #: the judged step is done again, with the critique
    REJECTED = "rejected"  #: people decide
    NEEDS_CLARIFICATION = "needs_clarification"  #: people answer a question first


class Finding(Output):
    """One item that was checked."""

    item: str = Field(max_length=60)
    holds: bool | None = Field(description="null where nobody could tell")
    why: str = Field(max_length=400)
    evidence: list[str]


class Review(Output):
    """A second agent's judgement of a step."""

    verdict: ReviewVerdict
    critique: str = Field(max_length=2000, description="what must change, for whoever does it again; empty if approved")
    findings: list[Finding] = Field(max_length=20)

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> "Review":
        refuted = [each.item for each in self.findings if each.holds is False]
        if self.verdict is ReviewVerdict.APPROVED and refuted:
            raise ValueError(f"says approved, and that {refuted[0]} does not hold")
        if self.verdict is not ReviewVerdict.APPROVED and not self.critique.strip():
            raise ValueError(f"says {self.verdict.value} without a critique")
        return self


#: The four items by which a diagnosis is reviewed (bug pipeline, reflection loop).
DIAGNOSIS_ITEMS = ("existence", "mechanism_plausibility", "distinct_options", "history_attribution")

#: The items by which a plan is reviewed (orchestrator: the diagnosis is correct and the fix plan is sound).
PLAN_ITEMS = ("diagnosis", "files_exist", "tests_planned", "smallest_change", "criteria_covered")

#: The seven items of the qualitative review (bug pipeline).
CODE_ITEMS = (
    "root_cause_alignment",
    "test_proof",
    "stability",
    "plan_scope_adherence",
    "call_site_completeness",
    "backward_compatibility",
    "bidirectional_validation",
)

#: How the finding on one acceptance criterion is called, behind the seven items: `criterion AC1`.
CRITERION = "criterion"
