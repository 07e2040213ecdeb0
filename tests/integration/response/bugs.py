"""What the steps of a bug bring that goes well; a test replaces what it is about."""

from typing import Any

Answers = dict[str, dict[str, Any]]

#: What a reporter writes who says all seven facts.
COMPLETE = """Steps to reproduce: open a cart from before Monday
Expected: an order. Actual: a 500
Environment: production
Versions: release 41
Error output: KeyError: 'currency'
Component: checkout
Context: since Monday, only old carts"""


def cause(ref: str, *, file: str = "pricing.py", line: int = 7) -> dict[str, Any]:
    claim = {"text": "old carts fail", "verdict": "confirmed", "evidence": [ref]}
    return {
        "verdict": "confirmed", "summary": f"a missing key in {file}", "root_file": file, "root_line": line,
        "root_function": "total", "mechanism": "old carts lack it", "explanation": "carts of before have no currency",
        "impact": "old carts", "affected_files": [file], "constraints": [], "base": "a1b2c3d", "commit": "a1b2c3d",
        "claims": [claim],
    }  # fmt: skip


def review(verdict: str = "approved", critique: str = "") -> dict[str, Any]:
    return {"verdict": verdict, "critique": critique, "findings": []}


def task(repository: str) -> dict[str, Any]:
    return {"repository": repository, "files": ["pricing.py"], "tests": ["test_pricing.py"], "steps": ["fix it"]}


def implementation(repository: str, **changed: Any) -> dict[str, Any]:
    both = {
        "without_fix": None, "with_fix": None, "failed_without_fix": ["t"], "passed_with_fix": ["t"],
        "newly_failing": [], "test_files": [],
    }  # fmt: skip
    return {
        "result": "complete", "repository": repository, "approach": "revert", "branch": "bugfix/inc-1",
        "base": "a1b2c3d", "commit": "9f8e7d6", "files": ["pricing.py"], "additions": 1, "deletions": 1,
        "diffstat": "1 file", "summary": "keeps a default", "tests": both, "remaining": [], "reason": "",
        "evidence": [], **changed,
    }  # fmt: skip


def answers(ref: str) -> Answers:
    """Return the answers by prompt."""
    option = {
        "number": 1, "title": "Revert a1b2c3d", "approach": "revert", "description": "smallest", "commit": "a1b2c3d",
    }  # fmt: skip
    found = cause(ref)
    chosen = {
        "verdict": "confirmed", "summary": found["summary"], "mechanism": found["mechanism"], "commit": "a1b2c3d",
        "claims": found["claims"], "fix_options": [option, {**option, "number": 2, "title": "Keep a default"}],
    }  # fmt: skip
    note = {"component": "checkout", "fix": "a default", "root_cause": "a missing key", "impact": "old carts"}
    merged = {
        "repository": "checkout", "into": "main", "head": "9f8e7d6", "merged_commit": "1111111", "url": "",
        "how": "merged", "evidence": [],
    }  # fmt: skip
    return {
        "bug-triage-check": {"complete": True, "known_facts": [], "missing_facts": [], "question": ""},
        "bug-root-cause-analysis": {
            "root_cause": found, "hypotheses": [], "confidence": "confirmed", "options": [option],
        },
        "bug-root-cause-reflection": review(),
        "bug-diagnosis-consolidation": {
            "agreed": True, "preliminary_root_cause": chosen, "investigation_priorities": [], "diagnosis": found,
            "disagreements": [], "user_story": {"title": "Fix it", "criteria": [{"id": "AC1", "text": "works"}]},
            "plan_draft": [{"text": "a test", "files": []}],
            "manifest": {"artifacts": ["user_story", "plan_draft"], "criteria_count": 1, "step_count": 1},
        },
        "bug-fix-plan": {
            "option": 1, "approach": "revert", "commit": "a1b2c3d", "summary": "a default",
            "tasks": [task("checkout")], "risks": [], "evidence": [],
        },
        "bug-plan-review": review(),
        "bug-decomposition": {"tasks": [task("checkout")]},
        "bug-implementation": implementation("checkout"),
        "bug-code-review": review(),
        "bug-documentation-update": {
            "changed": False, "repository": "checkout", "files": [], "commit": "", "entry": "", "reason": "none kept",
            "evidence": [],
        },
        "bug-pull-request": {
            "repository": "checkout", "url": "", "number": None, "branch": "bugfix/inc-1", "into": "main",
            "base": "a1b2c3d", "head": "9f8e7d6", "title": "Fix", "release_note": note, "remote": "", "note": "",
            "evidence": [],
        },
        "bug-check-results": {
            **review(), "repository": "checkout", "head": "9f8e7d6", "state": "passed", "failures": [],
        },
        "bug-merge": merged,
        "bug-merge-summary": {"summary": "fixed", "merged": [merged], "release_notes": [note], "evidence": []},
    }  # fmt: skip
