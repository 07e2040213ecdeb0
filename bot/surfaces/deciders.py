"""Who is waited for: the people who may decide something."""

from collections.abc import Mapping

from incidents import records
from incidents.catalog import Settings
from incidents.definitions import ApprovalKind
from incidents.lifecycle import Role
from incidents.service import permissions


def people(action: permissions.Action, holders: Mapping[Role, list[str]], settings: Settings) -> tuple[str, ...]:
    """Return who may decide, the commander first; empty where anybody may."""
    listed = {
        permissions.Action.DEPLOY: settings.approvers.deploy,
        permissions.Action.CHOOSE_FIX: settings.approvers.choose_fix,
        permissions.Action.ATTEST: settings.approvers.attest,
    }.get(action, ())
    leaders = [*holders.get(Role.COMMANDER, ()), *holders.get(Role.DEPUTY, ())]
    return tuple(dict.fromkeys([*leaders, *sorted(permissions.people_of(settings, listed))]))


def of_approval(approval: records.Approval, holders: Mapping[Role, list[str]], settings: Settings) -> tuple[str, ...]:
    """Return who may decide this approval."""
    deploy = ApprovalKind(approval.kind) is ApprovalKind.DEPLOY
    return people(permissions.Action.DEPLOY if deploy else permissions.Action.CHOOSE_FIX, holders, settings)
