"""The error tree. Every error says what is wrong and what a responder can do about it.

SitrepError
├── InvalidInput          what somebody typed cannot be used
│   └── InvalidInputs     several fields of a form cannot be used; says what, field by field
├── NotFound              no such incident, step, approval …
├── NotAllowed            the person lacks the role for this action
├── Conflict              the world moved on: already decided, resolved, stale
│   └── Repeated          the same person did exactly this before; nothing is wrong, and nothing changes
├── ConfigurationError    a policy, workflow or sitrep.yml has mistakes (carries all of them)
├── ToolFailed            a tool could not do its work (repository, tests, deploy)
├── StepFailed            an agent could not finish its step
│   ├── OutcomeUnknown    something that cannot be undone was begun, and nobody can tell whether it stands
│   └── RebaseNeeded      a fix conflicts with what it is merged into by now; carries both sides, file by file
└── ModelUnavailable      the model's API failed, refused, or ran out of budget
"""

from collections.abc import Mapping, Sequence


class SitrepError(Exception):
    """Something went wrong that a person can act on."""

    def __init__(self, message: str, *, remedy: str = "", field: str = "") -> None:
        super().__init__(message)
        self.message = message  #: One sentence: what is wrong.
        self.remedy = remedy  #: One sentence: what to do about it.
        self.field = field  #: The input it is about, where there is one (a modal's block id).

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


class InvalidInput(SitrepError):
    """What was typed cannot be used as it is."""


class InvalidInputs(InvalidInput):
    """Several things that were typed cannot be used; `faults` says of each field what is wrong."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        first = next(iter(faults))
        more = f" {len(faults) - 1} more cannot be used." if len(faults) > 1 else ""
        super().__init__(f"`{first}`: {faults[first]}{more}", field=first)
        self.faults = dict(faults)  #: Field -> one sentence.


class NotFound(SitrepError):
    """There is no such thing."""


class NotAllowed(SitrepError):
    """This person may not do this."""


class Conflict(SitrepError):
    """The action no longer fits the current state."""


class Repeated(Conflict):
    """Somebody did what they did before, a second press of the same button: it has its effect already."""


class ToolFailed(SitrepError):
    """A tool could not do its work."""


class StepFailed(SitrepError):
    """An agent could not finish its step."""


class OutcomeUnknown(StepFailed):
    """A command that must happen once was begun before, and nobody can tell whether that stands; people are asked."""

    def __init__(self, message: str, *, begun: str) -> None:
        super().__init__(message, remedy="Look which release runs, then approve it once more or take the step over.")
        self.begun = begun  #: The journal's id of what was begun.


class RebaseNeeded(StepFailed):
    """A fix does not go onto the branch that it is merged into any more; `conflicts` says what each side changed."""

    def __init__(self, message: str, *, remedy: str, conflicts: Sequence[Mapping[str, str]] = ()) -> None:
        super().__init__(message, remedy=remedy)
        self.conflicts = [dict(each) for each in conflicts]  #: path, there, here, by: of `tools.conflicts.Conflict`


class ModelUnavailable(SitrepError):
    """The model did not answer, refused, or went over its budget."""


class ConfigurationError(SitrepError):
    """One or more configuration files have mistakes; `mistakes` lists every one."""

    def __init__(self, mistakes: list[str]) -> None:
        count = len(mistakes)
        super().__init__(
            f"{count} mistake{'s' if count != 1 else ''} in the configuration:\n" + "\n".join(mistakes),
            remedy="Correct the lines named and start again.",
        )
        self.mistakes = mistakes  #: `file:line: key: what is wrong. What to do.`
