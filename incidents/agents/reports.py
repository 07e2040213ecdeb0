"""What an agent that edits files says of its change; all else is measured."""

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Report(BaseModel):
    """What an agent says of a change that it wrote."""

    model_config = ConfigDict(extra="forbid")

    summary: str = Field(min_length=1, max_length=400)
    remaining: list[str] = Field(default_factory=list, max_length=10)
    reason: str = Field(default="", max_length=500)
    blocked: bool = False

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> "Report":
        if self.blocked and not self.reason.strip():
            raise ValueError("says that it is blocked, and not by what")
        return self
