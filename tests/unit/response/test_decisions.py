"""Every kind of decision is whole: it binds something stable, says who may take it, and cannot be half added."""

import json

import pytest

from incidents.definitions import ApprovalKind
from incidents.response import approvals
from incidents.response.decisions import DECISIONS, Wanted
from incidents.service import permissions

KINDS = list(ApprovalKind)


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
