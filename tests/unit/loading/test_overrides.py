"""A file in the configuration folder replaces the shipped one of the same name, whole."""

import shutil
from datetime import timedelta
from importlib import resources
from pathlib import Path

import pytest

from incidents import loading
from incidents.definitions import Library, Severity

TEMPLATES = Path(str(resources.files("templates")))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "sitrep.yml").touch()
    return tmp_path


def load(config: Path) -> Library:
    library, _ = loading.load(loading.templates_root(), config)
    return library


def test_a_drill_shortens_every_time_by_files_alone(config: Path) -> None:
    short = {
        "severity_levels": [("< 30 minutes", "30s")],
        "communication_matrix": [
            ("within_30_min", "within_20s"),
            ("within_60_min", "within_40s"),
            ("every_30_minutes_critical", "every_15s_critical"),
            ("draft_ahead: 5m", "draft_ahead: 3s"),
        ],
        "escalation_triggers": [("critical_bug_not_resolved_60_minutes", "critical_bug_not_resolved_45s")],
        "paging": [("every: 5m", "every: 5s")],
        "emergency_kpis": [("target < 15_minutes", "target < 10s")],
        "emergency_response": [
            ("0-30 minutes", "0-30s"),
            ("30-90 minutes", "30-90s"),
            ("90-120 minutes", "90-120s"),
            ("Next 24 hours", "Next 60s"),
            ("duration: 15 minutes", "duration: 15s"),
        ],
    }
    for name, changes in short.items():
        folder = "workflows" if name == "emergency_response" else "policies"
        text = (TEMPLATES / folder / f"{name}.yml").read_text(encoding="utf-8")
        for before, after in changes:
            assert before in text
            text = text.replace(before, after)
        (config / f"{name}.yml").write_text(text, encoding="utf-8")
    library = load(config)
    policies = library.policies
    assert policies.severity_levels[Severity.CRITICAL].response_time == timedelta(seconds=30)
    assert [row.within.total_seconds() for row in policies.communication_matrix[Severity.CRITICAL]] == [0, 20, 40]
    assert policies.regular_updates.frequency[Severity.CRITICAL] == timedelta(seconds=15)
    assert policies.time_based[0].after == timedelta(seconds=45)
    assert policies.paging[0].every == timedelta(seconds=5)
    assert policies.kpis[0].limit == 10
    workflow = library.workflows["emergency_response"]
    assert [stage.ends_after.total_seconds() for stage in workflow.stages] == [30, 90, 120, 180]
    assert workflow.step("1.1").duration == timedelta(seconds=15)


def test_what_an_overriding_file_leaves_out_is_gone(config: Path) -> None:
    (config / "paging.yml").write_text("paging:\n  critical: {levels: [cto], every: 1m}\n")
    assert [paging.severity for paging in load(config).policies.paging] == [Severity.CRITICAL]


def test_files_may_stand_in_folders_as_in_templates(config: Path) -> None:
    for folder in ("policies", "workflows", "prompts"):
        shutil.copytree(TEMPLATES / folder, config / folder)
    (config / "prompts" / "critical-incident-triage.md").write_text("# Ours\n", encoding="utf-8")
    shipped, _ = loading.load(loading.templates_root(), None)
    library = load(config)
    assert library.prompts["critical-incident-triage.md"] == "# Ours"
    assert library.policies == shipped.policies
    assert library.workflows == shipped.workflows


def test_a_workflow_of_ones_own_is_added_by_name(config: Path) -> None:
    text = (TEMPLATES / "workflows" / "scheduled_response.yml").read_text(encoding="utf-8")
    (config / "workflows").mkdir()
    (config / "workflows" / "our_response.yml").write_text(text.replace("scheduled_response:", "our_response:"))
    levels = (TEMPLATES / "policies" / "severity_levels.yml").read_text(encoding="utf-8")
    (config / "severity_levels.yml").write_text(levels.replace('"scheduled_response"', "our_response"))
    library = load(config)
    assert library.policies.severity_levels[Severity.LOW].workflow == "our_response"
    assert library.workflows["our_response"].steps() == library.workflows["scheduled_response"].steps()


def test_a_gate_of_ones_own_is_described_and_listed(config: Path) -> None:
    for name, before, after in (
        ("gates", "gates:\n", "gates:\n  legal_informed: Does legal know?\n"),
        ("quality_gates", "    - minimal_tests_passing: true", "    - legal_informed: true"),
    ):
        text = (TEMPLATES / "policies" / f"{name}.yml").read_text(encoding="utf-8")
        (config / f"{name}.yml").write_text(text.replace(before, after, 1), encoding="utf-8")
    library = load(config)
    assert "legal_informed" in library.workflows["emergency_response"].stages[1].gates
    assert library.policies.gates["legal_informed"].asks == "Does legal know?"


def test_a_gate_set_to_false_is_not_asked_for(config: Path) -> None:
    text = (TEMPLATES / "policies" / "quality_gates.yml").read_text(encoding="utf-8")
    changed = text.replace("fix_validates_in_staging: true", "fix_validates_in_staging: false")
    (config / "quality_gates.yml").write_text(changed, encoding="utf-8")
    gates = load(config).workflows["emergency_response"].stages[2].gates
    assert gates == ("rollback_procedure_ready", "monitoring_alerts_configured")


def test_other_files_beside_the_configuration_are_left_alone(config: Path) -> None:
    (config / "docker-compose.yml").write_text("services: [\n")
    (config / "README.md").write_text("# Notes\n")
    (config / ".git").mkdir()
    assert load(config)


def test_an_alias_stands_for_what_it_names(config: Path) -> None:
    (config / "paging.yml").write_text(
        "paging:\n  critical: {levels: &chain [on_call_engineer, cto], every: 1m}\n"
        "  high: {levels: *chain, every: 2m}\n"
    )
    critical, high = load(config).policies.paging
    assert critical.levels == high.levels == ("on_call_engineer", "cto")
