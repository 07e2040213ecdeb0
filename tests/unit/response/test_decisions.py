"""Every kind of decision is whole: it binds something stable, says who may take it, and cannot be half added."""

import json

import pytest

from incidents.catalog import Environment, Service
from incidents.definitions import ApprovalKind
from incidents.response import approvals
from incidents.response.decisions import DECISIONS, Wanted
from incidents.service import permissions

KINDS = list(ApprovalKind)
SHOP = Service(
    key="shop",
    repository="/srv/shop",
    production=Environment(
        deploy=("bin/deploy", "{commit}"),
        rollback=("bin/back", "{release}"),
        switches={"prices": ("bin/off", "prices")},
    ),
)
PREPARED = {
    "emergency_fix_code": {"commit": "9f8e7d6"},
    "rollback_procedure": {"release": "41"},
    "mitigation_choice_0.1": {"means": "rollback", "release": "41"},
    "mitigation_choice_0.2": {"means": "flag", "switch": "prices"},
}
#: What is approved, by which step, and what somebody changes in sitrep.yml before it is done.
CHANGES = {
    "the deploy command": (ApprovalKind.DEPLOY, "3.1", {"deploy": ("bin/deploy", "--force", "{commit}")}),
    "the way back": (ApprovalKind.DEPLOY, "3.1", {"rollback": ("bin/back", "--force", "{release}")}),
    "the rollback command": (ApprovalKind.MITIGATE, "0.1", {"rollback": ("bin/back", "--force", "{release}")}),
    "the switch": (ApprovalKind.MITIGATE, "0.2", {"switches": {"prices": ("bin/off", "everything")}}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_binds_the_same_subject_to_the_same_facts(kind: ApprovalKind) -> None:
    first, second = (DECISIONS[kind].subject(Wanted(step="2.1", outputs={})) for _ in range(2))
    assert approvals.digest(first) == approvals.digest(json.loads(json.dumps(second)))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_approvers_of_its_own(kind: ApprovalKind) -> None:
    assert DECISIONS[kind].action in permissions.LISTED


@pytest.mark.parametrize("kind", [kind for kind in KINDS if DECISIONS[kind].irreversible])
def test_what_cannot_be_undone_waits_for_a_commander(kind: ApprovalKind) -> None:
    assert DECISIONS[kind].action in permissions.STRICT


@pytest.mark.parametrize(("kind", "step", "change"), CHANGES.values(), ids=CHANGES)
def test_another_command_or_place_in_sitrep_yml_is_something_else_than_was_approved(
    kind: ApprovalKind, step: str, change: dict[str, object]
) -> None:
    otherwise = SHOP.model_copy(update={"production": SHOP.production.model_copy(update=change)})
    elsewhere = SHOP.model_copy(update={"repository": "/srv/another"})
    bound = [
        DECISIONS[kind].subject(Wanted(step=step, outputs=PREPARED, service=service))
        for service in (SHOP, SHOP.model_copy(), otherwise, elsewhere)
    ]
    asked, same, other, moved = map(approvals.digest, bound)
    assert asked == same
    assert asked not in (other, moved)


def test_what_touches_production_or_another_repository_acts_and_a_choice_does_not() -> None:
    acts = {kind for kind in KINDS if DECISIONS[kind].acts}
    assert acts == {kind for kind in KINDS if DECISIONS[kind].action in permissions.STRICT}
