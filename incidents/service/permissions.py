"""Who may do what; checked where it is done, never at the button. Pure."""

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum

from incidents.catalog import Approvers, Settings
from incidents.errors import NotAllowed
from incidents.lifecycle import Role


class Action(StrEnum):
    """What needs standing in the incident."""

    CHANGE_SEVERITY = "change the severity"
    CHOOSE_FIX = "choose the fix"
    DEPLOY = "approve a deploy"
    MITIGATE = "approve a mitigation"
    APPROVE_PLAN = "approve the plan"
    MERGE = "approve a merge"
    ATTEST = "attest a quality gate"
    OVERRIDE = "override a quality gate"
    JUDGE_DRIFT = "say whether the specification or the code is wrong"
    STEER = "steer the response"  #: pause, resume, stop, retry, take over
    RESOLVE = "resolve the incident"
    CLOSE = "close the incident"
    FINISH_FOLLOWUP = "finish somebody else's follow-up"
    RELEASE_ROLE = "take a role away from somebody else"


#: These wait for a commander: nobody does them just because nobody is there.
STRICT = frozenset({Action.DEPLOY, Action.MITIGATE, Action.MERGE})

#: Action -> the approvers of `sitrep.yml` who may take it besides the commander and the deputy.
LISTED: dict[Action, Callable[[Approvers], tuple[str, ...]]] = {
    Action.DEPLOY: lambda approvers: approvers.deploy,
    Action.MITIGATE: lambda approvers: approvers.deploy,
    Action.CHOOSE_FIX: lambda approvers: approvers.choose_fix,
    Action.APPROVE_PLAN: lambda approvers: approvers.plan,
    Action.MERGE: lambda approvers: approvers.merge,
    Action.ATTEST: lambda approvers: approvers.attest,
}


def people_of(settings: Settings, names: Iterable[str]) -> frozenset[str]:
    """Return the Slack ids behind `names`, which are people or audiences of `sitrep.yml`."""
    found: set[str] = set()
    for name in names:
        for member in settings.audiences.get(name, (name,)):
            person = settings.people.get(member)
            if person is not None and person.slack:
                found.add(person.slack)
    return frozenset(found)


def who_may(action: Action, *, holders: Mapping[Role, list[str]], settings: Settings) -> tuple[str, ...]:
    """Return who may do `action`, the commander first; beside them anybody, while `require` says so."""
    leaders = [*holders.get(Role.COMMANDER, ()), *holders.get(Role.DEPUTY, ())]
    return tuple(dict.fromkeys([*leaders, *sorted(_approvers(action, settings))]))


def _approvers(action: Action, settings: Settings) -> frozenset[str]:
    listed = LISTED.get(action)
    return people_of(settings, listed(settings.approvers)) if listed else frozenset()


def require(action: Action, actor: str, *, holders: Mapping[Role, list[str]], settings: Settings) -> None:
    """Return when `actor` may do `action`.

    Commander and deputy always may; the approvers of `sitrep.yml` may decide what they are listed for. While nobody
    is commander, anybody may do what is not irreversible.

    Raises:
        NotAllowed: names who may, and how to become one.
    """
    if actor in who_may(action, holders=holders, settings=settings):
        return
    commanders = holders.get(Role.COMMANDER, [])
    if not commanders and action not in STRICT:
        return
    if not commanders:
        raise NotAllowed(
            f"Only the commander or a release approver may {action.value}, and nobody is commander yet.",
            remedy="Take the role with `/incident role commander`.",
        )
    named = " or ".join(
        f"<@{person}>" for person in dict.fromkeys([*commanders, *sorted(_approvers(action, settings))])
    )
    raise NotAllowed(f"Only {named} may {action.value} here.", remedy="Ask them, or have them hand you the role.")


def require_commander(action: Action, actor: str, *, holders: Mapping[Role, list[str]]) -> None:
    """Return when `actor` is the commander: no deputy, approver or bystander does this in their place.

    Raises:
        NotAllowed: names the commander, or how to become one.
    """
    commanders = holders.get(Role.COMMANDER, [])
    if actor in commanders:
        return
    if not commanders:
        raise NotAllowed(
            f"Only the commander may {action.value}, and nobody is commander yet.",
            remedy="Take the role with `/incident role commander`.",
        )
    named = " or ".join(f"<@{person}>" for person in commanders)
    raise NotAllowed(
        f"Only the commander {named} may {action.value}.", remedy="Ask them, or have them hand you the role."
    )
