"""Four eyes: who made a change by hand does not approve that it goes out. Pure."""

from collections.abc import Collection, Mapping, Sequence

from incidents import records
from incidents.catalog import Settings
from incidents.errors import NotAllowed
from incidents.lifecycle import Role
from incidents.response.plan import StepState

#: What is done where nobody else may.
REMEDY = "Name a deputy with `/incident role deputy @name`, or more people under `approvers` in sitrep.yml."


def by_hand(made_of: Collection[str], steps: Collection[records.Step]) -> list[str]:
    """Return who typed an output of `made_of`, having taken its step over (person ids)."""
    taken_over = (step for step in steps if step.state == StepState.TAKEN_OVER.value)
    return sorted({step.runner for step in taken_over if any(step.output.get(name) for name in made_of)})


def made_by(approval: records.Approval) -> tuple[str, ...]:
    """Return who made by hand what the approval rests on."""
    return tuple(approval.subject.get("made_by", ()))


def overrides(settings: Settings, actor: str, holders: Mapping[Role, Sequence[str]]) -> bool:
    """Tell whether `actor` may approve their own work for a reason: the commander, where sitrep.yml lets them."""
    return settings.commander_may_override_four_eyes and actor in holders.get(Role.COMMANDER, ())


def require(approval: records.Approval, actor: str, others: Sequence[str]) -> None:
    """Return when `actor` did not make by hand what would be approved.

    Raises:
        NotAllowed: says who of `others` may, or how somebody else comes to.
    """
    if actor not in made_by(approval):
        return
    if not others:
        raise NotAllowed("You made this by hand, and nobody else may approve it yet.", remedy=REMEDY)
    named = " or ".join(f"<@{person}>" for person in others)
    raise NotAllowed(f"You made this by hand, so {named} approves it.", remedy="Ask them; you can still send it back.")
