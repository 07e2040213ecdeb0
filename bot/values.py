"""What buttons, menus and modals carry, and Slack sends back as it was."""

from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError

from bot.ids import More, Steer
from incidents.definitions import Severity
from incidents.errors import Conflict
from incidents.lifecycle import Role
from incidents.response.mitigations import Means
from incidents.response.specdrift import Drift


class Value(BaseModel):
    """What a button or a modal carries; written compactly, since an overflow option holds 75 characters."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def encode(self) -> str:
        """Return the value as Slack carries it."""
        return self.model_dump_json(exclude_defaults=True)

    @classmethod
    def decode(cls, text: str | None) -> Self:
        """Return the value that `text` carries.

        Raises:
            Conflict: the button was drawn by a version of Sitrep that wrote it otherwise.
        """
        try:
            return cls.model_validate_json(text or "{}")
        except ValidationError as error:
            raise Conflict(
                "This button is from an older version of Sitrep.",
                remedy="Use the newest card, or type `/incident help`.",
            ) from error


class OfIncident(Value):
    """An incident."""

    incident: int


class OfRole(Value):
    """A role of an incident, and who held it when the button was drawn; empty while it was open."""

    incident: int
    role: Role
    instead: str = ""


class OfMenu(Value):
    """A choice from the card's overflow menu."""

    incident: int
    more: More


class OfApproval(Value):
    """A pending decision."""

    approval: int
    option: int | None = None


class OfStep(Value):
    """A step of a run."""

    step: int


class OfSteer(Value):
    """A choice from the menu of a step."""

    step: int
    steer: Steer


class OfGate(Value):
    """A quality gate of a run."""

    incident: int
    run: int
    stage: int
    gate: str


class OfDrift(Value):
    """A verdict on whether the specification or the code is wrong."""

    incident: int
    verdict: Drift


class OfMitigation(Value):
    """How users are relieved; `release` is where the rollback went when the button was drawn."""

    incident: int
    means: Means
    switch: str = ""
    release: str = ""


class OfQuestion(Value):
    """An answer to what a run asks, by its place from 1."""

    question: int
    number: int


class OfUpdate(Value):
    """A status update; `minutes` when it is snoozed."""

    update: int
    minutes: int = 0


class OfEvidence(Value):
    """A piece of evidence, or all of a step's where `ref` is empty."""

    incident: int
    ref: str = ""
    step: int = 0


class OfFeedback(Value):
    """Words written in the thread of a decision; those that are too long for a button are read from the message."""

    approval: int
    feedback: str = ""
    ts: str = ""  #: of the message


class OfFollowup(Value):
    """A follow-up."""

    followup: int


class DeclareMeta(Value):
    """What the declare modal remembers between presses."""

    severity: Severity = Severity.HIGH
    seen: tuple[int, ...] = ()  #: possible duplicates that were shown
    link: str = ""  #: permalink of the message it is declared from
    advised: bool = False  #: whether a higher severity was suggested
    drawn: int = 0  #: number of the drawing that it is

    @property
    def pressed(self) -> str:
        """Return what people chose of it; the rest says how it was drawn."""
        return self.model_copy(update={"seen": (), "advised": False, "drawn": 0}).encode()


class ShownMeta(Value):
    """What a modal to read shows, so that it can be drawn again after a press in it."""

    approval: int = 0
    roles: int = 0  #: incident whose roles panel it is
    card: int = 0  #: incident whose card it is
    plan: int = 0  #: incident whose plan it is
    question: int = 0  #: what a run asks people
    gates: int = 0  #: incident whose open quality gates they are


class FormMeta(Value):
    """What a form is about."""

    incident: int
    update: int = 0  #: status update; 0 for one out of turn
    after: int = 0  #: the newest status update that had gone out when the form was drawn; 0 for none
    approval: int = 0
    step: int = 0
    question: int = 0
    number: int = 0  #: of the answer that is given to the question
    gate: OfGate | None = None
    behind: str = ""  #: callback id of the form below, which is drawn anew once this one was sent
    behind_id: str = ""  #: its view id
    shown: ShownMeta | None = None  #: what the modal below shows, where it is one to read
