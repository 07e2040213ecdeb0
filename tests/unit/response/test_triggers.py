"""Every impact and complexity trigger of the policies has something that fires it."""

from typing import Any

import pytest

from incidents.agents import outputs
from incidents.catalog import Service
from incidents.response import triggers
from tests import installation

CLAIM = {"text": "seen", "verdict": "likely", "evidence": ["E1"]}
SERVICE = Service(key="checkout", areas={"api": ("shop/*",), "frontend": ("web/*",)})


def triage(**impact: Any) -> outputs.TriageOutput:
    return outputs.TriageOutput.model_validate(
        {
            "severity_classification": {"severity": "high", "agrees_with_declared": True, "reasons": [CLAIM]},
            "impact_assessment": {"summary": "orders fail", "claims": [CLAIM], **impact},
            "initial_stakeholder_communication": {"audience": "all", "subject": "s", "body": "b"},
        }
    )


def hotfix(*files: str, approach: str = "hotfix") -> outputs.HotfixOutput:
    return outputs.HotfixOutput.model_validate(
        {
            "emergency_fix_code": {
                "approach": approach, "branch": "b", "commit": "c", "base": "a", "files": list(files),
                "additions": 1, "deletions": 1, "summary": "s", "diff": "", "evidence": ["E1"],
            },
            "minimal_test_suite": {"before": None, "after": None, "repaired": [], "newly_failing": []},
            "rollback_procedure": {"release": "1", "commit": "a", "command": "back", "evidence": ["E1"]},
        }
    )  # fmt: skip


def security(*, suspected: bool = False, required: bool | None = None) -> outputs.SecurityOutput:
    return outputs.SecurityOutput.model_validate(
        {
            "security_impact_assessment": {
                "suspected": suspected, "verdict": "likely", "summary": "tokens in the log", "claims": [CLAIM]
            },
            "immediate_security_controls": [],
            "breach_notification_requirements": {
                "required": required, "reason": "names of customers left", "evidence": ["E1"]
            },
        }
    )  # fmt: skip


def analysis(*titles: str) -> outputs.AnalysisOutput:
    return outputs.AnalysisOutput.model_validate(
        {
            "detailed_root_cause_report": {"summary": "s", "contributing_factors": [], "detection": "d", "tried": []},
            "architectural_improvement_recommendations": [
                {"title": title, "why": "w", "due_in_days": 30, "evidence": ["E1"]} for title in titles
            ],
            "prevention_strategy_proposal": [],
        }
    )


FIRED = {
    "revenue": (triage(revenue_impact=True, error_rate=0.4), "revenue_impact_exceeds_threshold"),
    "breach": (triage(security_breach=True), "security_breach_suspected"),
    "breach found by the review": (security(suspected=True), "security_breach_suspected"),
    "breach to be notified": (security(required=True), "security_breach_suspected"),
    "data": (triage(data_loss=True), "data_loss_confirmed"),
    "services": (triage(services=["checkout", "search"]), "multi_service_impact"),
    "vendors": (triage(third_parties=["Stripe"]), "third_party_dependencies"),
    "stored data": (hotfix("shop/a.py", "migrations/0007.py"), "architecture_changes_required"),
    "several areas": (hotfix("shop/a.py", "web/a.js"), "architecture_changes_required"),
    "recommendations": (analysis("Split pricing from orders"), "architecture_changes_required"),
}


@pytest.mark.parametrize("name", FIRED)
def test_what_is_found_fires_its_trigger(name: str) -> None:
    output, trigger = FIRED[name]
    [(found, detail)] = triggers.shown(output, SERVICE)
    assert found == trigger
    assert detail


def test_every_trigger_of_the_policies_can_fire() -> None:
    policies = installation.library().policies
    known = {each.name for each in (*policies.impact_based, *policies.complexity_based)}
    assert {trigger for _, trigger in FIRED.values()} == known


@pytest.mark.parametrize(
    "output",
    [
        triage(),
        triage(services=["checkout"]),
        triage(revenue_impact=True, summary="nothing could be measured"),
        triage(revenue_impact=True, error_rate=0.0),
        hotfix("shop/a.py", "shop/b.py", "tests/test_a.py", "docs/a.md"),
        hotfix("shop/a.py", "web/a.js", "migrations/0007.py", approach="rollback"),
        security(),
        analysis(),
        None,
    ],
    ids=[
        "nothing",
        "one service",
        "revenue, nothing measured",
        "revenue, nothing fails",
        "one area",
        "going back",
        "no breach",
        "no recommendation",
        "no output",
    ],
)
def test_what_is_harmless_fires_nothing(output: object) -> None:
    assert list(triggers.shown(output, SERVICE)) == []


def test_said_loss_of_unknown_size_exceeds_no_threshold_that_is_set() -> None:
    output = triage(revenue_impact=True, error_rate=0.4)
    [(_, detail)] = triggers.shown(output, SERVICE)
    assert "no threshold is set" in detail
    assert list(triggers.shown(output, SERVICE, revenue_threshold=5000)) == []
