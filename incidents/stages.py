"""What `bugfix_pipeline.yml` says: the stages that a bug goes through, and who carries each out.

Source: the review machinery document. Analyses come first, one after the other; what they find is consolidated, planned
and chosen; reviews judge the plan, or the implementation that stands before them.
"""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from incidents.durations import Duration


class StageType(StrEnum):
    """What a stage does."""

    RCA = "rca"  #: one analyst looks for the root cause
    PLAN_REVIEW = "plan-review"  #: judges the plan of the fix, and the diagnosis it rests on
    IMPLEMENTATION = "implementation"  #: writes the fix with its test, once for each repository
    CODE_REVIEW = "code-review"  #: judges the implementation before it


#: Stages of these types judge; they alone may run side by side.
REVIEWS = frozenset({StageType.PLAN_REVIEW, StageType.CODE_REVIEW})


class Provider(StrEnum):
    """Who carries a stage out."""

    PLAYBOOK = "playbook"  #: fixed rules, no key needed
    CLAUDE = "claude"  #: the installation's model, with the playbook when it is out of reach
    ANTHROPIC = "anthropic"  #: the same, by the document's word
    COMMAND = "command"  #: an external command-line agent


class AtLimit(StrEnum):
    """What becomes of a review that still finds faults when its passes are used up."""

    ASK = "ask"  #: people decide
    GO_ON = "go_on"  #: the document says: before proceeding


class PipelineStage(BaseModel):
    """One stage as configured."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: StageType
    provider: Provider | None = None  #: None: whoever the installation has, Claude with a key, else the playbook
    model: str = ""  #: model of the provider; its own choice where empty
    timeout: Duration  #: how long one attempt may take
    parallel: bool = False  #: side by side with neighbouring reviews of the same type that say so too


class BugfixPipeline(BaseModel):
    """The whole pipeline; a run keeps a frozen copy of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_iterations: int = Field(default=10, ge=1)  #: reviews done again in one run at most, then people are asked
    stages: tuple[PipelineStage, ...]

    def groups(self) -> tuple[tuple[int, ...], ...]:
        """Return the stages' places (from 0) in order, those that run side by side together.

        Two or more consecutive reviews of one type that are marked parallel make a group; all else stands alone.
        """
        found: list[list[int]] = []
        for place, stage in enumerate(self.stages):
            before = self.stages[place - 1] if place else None
            joins = before is not None and before.type is stage.type and before.parallel and stage.parallel
            if joins and stage.type in REVIEWS:
                found[-1].append(place)
            else:
                found.append([place])
        return tuple(map(tuple, found))
