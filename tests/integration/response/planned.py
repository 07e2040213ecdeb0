"""What the priority and standard responses bring that go well."""

from typing import Any

Answers = dict[str, dict[str, Any]]


def answers(emergency: Answers, ref: str) -> Answers:
    """Return the answers by prompt; what is asked as in an emergency is answered as there."""
    claim = {"text": "orders fail with KeyError", "verdict": "likely", "evidence": [ref]}
    testing = emergency["emergency-testing-validation"]
    runs = {name: testing[name] for name in ("fix_validation_results", "regression_test_results")}
    staging = {"deployment_readiness_confirmation": testing["deployment_readiness_confirmation"]}
    strategy = {"summary": "1 scenario", "scenarios": [], "gaps": [], "claims": [claim]}
    review = {
        "security_validation": {"passed": True, "verdict": "likely", "summary": "no sign", "claims": [claim]},
        "remaining_security_risks": [],
    }
    return {
        "bug-impact-assessment": emergency["critical-incident-triage"],
        "bug-analysis-and-prioritization": emergency["critical-incident-triage"],
        "technical-analysis-high-priority": emergency["rapid-root-cause-analysis"],
        "component-specific-analysis": emergency["rapid-root-cause-analysis"],
        "security-impact-review": emergency["emergency-security-review"],
        "test-strategy-planning": {"test_strategy": strategy},
        "comprehensive-testing-strategy": {"test_strategy": strategy, **runs},
        "business-impact-assessment": {
            "business_impact": {
                "summary": "no loss stated", "loss_per_hour": None, "customers_affected": "", "unknown": [],
                "claims": [claim],
            }
        },
        "stakeholder-communication-plan": {"stakeholder_communication_plan": [], "planned_messages": []},
        "architecture-impact-analysis": {
            "architecture_impact": {
                "summary": "api", "changes_required": None, "areas": ["api"], "services": [], "third_parties": [],
                "stored_data": [], "claims": [claim],
            }
        },
        "standard-bug-fix-development": emergency["emergency-hotfix-development"],
        "comprehensive-bug-testing": runs,
        "security-fix-validation": review,
        "security-review-standard": review,
        "staging-deployment-validation": staging,
        "production-readiness-validation": staging,
        "deployment-approval-process": {
            "deployment_approval_case": {
                "recommended": True, "summary": "ready", "speaks_for": [claim], "speaks_against": [],
                "open_questions": [],
            }
        },
        "production-deployment-execution": emergency["emergency-deployment-execution"],
        "standard-deployment-process": emergency["emergency-deployment-execution"],
        "post-deployment-monitoring": {
            "monitoring_report": {
                "healthy": True, "error_rate": 0.0, "watched_seconds": 9, "checks": 9, "new_failures": [],
                "summary": "healthy", "claims": [claim],
            }
        },
        "production-validation": {
            "production_validation": {"validated": True, "summary": "runs", "claims": [claim]}
        },
    }  # fmt: skip
