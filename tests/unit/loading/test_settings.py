"""sitrep.yml: people by any of their names, paths from the folder, defaults for the rest."""

from datetime import timedelta
from pathlib import Path

import pytest

from incidents import loading
from incidents.catalog import Settings
from incidents.errors import ConfigurationError


def settings(folder: Path, text: str) -> Settings:
    (folder / "sitrep.yml").write_text(text, encoding="utf-8")
    _, found = loading.load(loading.templates_root(), folder)
    return found


def test_without_a_folder_everything_has_its_default() -> None:
    _, found = loading.load(loading.templates_root(), None)
    assert found == Settings()


def test_an_empty_file_leaves_the_defaults(tmp_path: Path) -> None:
    assert settings(tmp_path, "# nothing yet\n") == Settings()


def test_a_file_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    assert settings(tmp_path, "\ufeffworkspace_name: Ümläut\n").workspace_name == "Ümläut"


@pytest.mark.parametrize("name", ["ana", "ana@example.org", "Ana@Example.org", "U01ANA"])
def test_a_person_is_found_by_key_email_or_slack_id(tmp_path: Path, name: str) -> None:
    found = settings(
        tmp_path,
        "people:\n  ana: {name: Ana, email: ana@example.org, slack: U01ANA}\n"
        f"audiences:\n  cto: [{name}]\napprovers:\n  deploy: [{name}]\n",
    )
    assert found.audiences == {"cto": ("ana",)}
    assert found.approvers.deploy == ("ana",)
    assert found.people["ana"].key == "ana"


def test_whoever_is_named_by_address_alone_becomes_a_person(tmp_path: Path) -> None:
    found = settings(tmp_path, "audiences:\n  cto: [bo@example.org, U02BO]\n  ceo: [bo@example.org]\n")
    assert found.audiences == {"cto": ("bo@example.org", "U02BO"), "ceo": ("bo@example.org",)}
    assert found.people["bo@example.org"].email == "bo@example.org"
    assert found.people["U02BO"].slack == "U02BO"


def test_an_audience_may_name_another(tmp_path: Path) -> None:
    found = settings(tmp_path, "audiences:\n  team_lead: [bo@example.org]\n  cto: [team_lead, U01ANA]\n")
    assert found.audiences["cto"] == ("bo@example.org", "U01ANA")


def test_audiences_that_name_each_other_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="name each other: ceo → cto → ceo"):
        settings(tmp_path, "audiences:\n  ceo: [cto]\n  cto: [ceo]\n")


def test_an_audience_may_approve(tmp_path: Path) -> None:
    found = settings(tmp_path, "audiences:\n  team_lead: [bo@example.org]\napprovers:\n  deploy: [team_lead]\n")
    assert found.approvers.deploy == ("team_lead",)


def test_a_person_named_twice_in_one_audience_is_told_once(tmp_path: Path) -> None:
    found = settings(tmp_path, "people:\n  ana: {email: ana@example.org}\naudiences:\n  cto: [ana, ana@example.org]\n")
    assert found.audiences == {"cto": ("ana",)}


def test_paths_of_a_service_start_at_the_folder(tmp_path: Path) -> None:
    found = settings(
        tmp_path,
        "services:\n  checkout:\n    repository: repos/checkout\n    logs: [logs/app.log, /var/log/app.log]\n"
        "    deploys: deploys.jsonl\n",
    ).services["checkout"]
    assert found.repository == str(tmp_path / "repos" / "checkout")
    assert found.logs == (str(tmp_path / "logs" / "app.log"), "/var/log/app.log")
    assert found.deploys == str(tmp_path / "deploys.jsonl")
    assert (found.key, found.title) == ("checkout", "checkout")


def test_a_service_is_read_whole(tmp_path: Path) -> None:
    found = settings(
        tmp_path,
        """
        services:
          checkout:
            title: Checkout
            branch: trunk
            production:
              deploy: [./deploy, "{commit}"]
              rollback: [./deploy, --back, "{release}"]
              health: http://127.0.0.1:8000/health
              stats: http://127.0.0.1:8000/stats
              watch: 10s
              max_error_rate: 0.05
            staging:
              deploy: [./deploy, --staging, "{commit}"]
            tests: {command: [python, -m, pytest], timeout: 2m}
            areas: {api: ["api/**"], data: ["migrations/**"]}
            third_parties: [stripe]
        """,
    ).services["checkout"]
    assert found.production.watch == timedelta(seconds=10)
    assert found.production.rollback == ("./deploy", "--back", "{release}")
    assert found.staging is not None
    assert found.staging.deploy == ("./deploy", "--staging", "{commit}")
    assert found.tests.command == ("python", "-m", "pytest")
    assert found.areas["api"] == ("api/**",)


def test_an_overriding_policy_may_speak_of_an_audience_of_sitrep_yml(tmp_path: Path) -> None:
    (tmp_path / "paging.yml").write_text("paging:\n  critical: {levels: [duty_officer], every: 1m}\n")
    (tmp_path / "audiences.yml").write_text(
        (Path(str(loading.templates_root())) / "policies" / "audiences.yml").read_text(encoding="utf-8")
        + "  duty_officer: Who keeps watch\n"
    )
    assert settings(tmp_path, "audiences:\n  duty_officer: [eve@example.org]\n").audiences["duty_officer"]
