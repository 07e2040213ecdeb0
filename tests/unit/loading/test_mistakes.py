"""What people read when a file of the configuration folder has mistakes."""

import shutil
from pathlib import Path

import pytest

from incidents import loading
from incidents.errors import ConfigurationError

CASES = Path(__file__).parents[2] / "cases" / "config"


def mistakes(config: Path) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        loading.load(loading.templates_root(), config)
    return [mistake.replace(f"{config}/", "") for mistake in caught.value.mistakes]


@pytest.mark.parametrize("case", sorted(path.name for path in CASES.iterdir()))
def test_every_mistake_of_a_folder_is_told_with_file_line_key_and_remedy(case: str) -> None:
    folder = CASES / case
    assert mistakes(folder) == (folder / "expected.txt").read_text(encoding="utf-8").splitlines()


def test_mistakes_of_all_files_are_told_in_one_error(tmp_path: Path) -> None:
    for case in ("yaml-syntax", "policies-unknown-keys", "workflow-cycle"):
        shutil.copytree(CASES / case, tmp_path, dirs_exist_ok=True)
    shutil.copy(CASES / "sitrep-unknown-keys" / "sitrep.yml", tmp_path)
    found = {mistake.split(":")[0] for mistake in mistakes(tmp_path)}
    assert found == {
        "gates.yml",
        "paging.yml",
        "severity_levels.yml",
        "sitrep.yml",
        "workflows/scheduled_response.yml",
    }


def test_an_unreadable_file_brings_no_mistakes_about_what_refers_to_it(tmp_path: Path) -> None:
    (tmp_path / "sitrep.yml").write_text("audiences: {cto: [ana@example.org]}\n")
    for name in ("audiences", "gates", "quality_gates", "step_inputs", "severity_levels"):
        (tmp_path / f"{name}.yml").write_text("a: [\n")
    assert len(mistakes(tmp_path)) == 5


def test_a_file_that_is_not_utf8_names_the_line(tmp_path: Path) -> None:
    (tmp_path / "sitrep.yml").write_bytes(b"timezone: UTC\nworkspace_name: Caf\xe9\n")
    assert mistakes(tmp_path) == ["sitrep.yml:2: is not UTF-8 (byte 0xe9). Save it as UTF-8."]


def test_a_prompt_that_is_not_utf8_names_the_line(tmp_path: Path) -> None:
    (tmp_path / "sitrep.yml").touch()
    (tmp_path / "critical-incident-triage.md").write_bytes(b"# Triage\n\n\xff\n")
    assert mistakes(tmp_path) == ["critical-incident-triage.md:3: is not UTF-8. Save it as UTF-8."]


def test_a_control_character_names_the_line(tmp_path: Path) -> None:
    (tmp_path / "sitrep.yml").write_bytes(b"timezone: UTC\nworkspace_name: a\x07b\n")
    assert mistakes(tmp_path) == ["sitrep.yml:2: holds a control character. Remove it, or write it as \\x07 in quotes."]


def test_a_huge_file_is_refused_unread(tmp_path: Path) -> None:
    (tmp_path / "sitrep.yml").write_bytes(b"# a comment\n" * 100_000)
    assert mistakes(tmp_path) == ["sitrep.yml: is 1171 KiB long, more than 256 KiB. Shorten it."]


@pytest.mark.parametrize("opening", ["[", "{a: ", "- "])
def test_brackets_without_end_are_refused(tmp_path: Path, opening: str) -> None:
    (tmp_path / "sitrep.yml").write_text(opening * 20_000)
    assert len(mistakes(tmp_path)) == 1


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "nowhere"
    assert mistakes(missing) == [
        f"{missing}: there is no such folder. Set SITREP_CONFIG to the folder that holds sitrep.yml."
    ]


def test_a_file_in_place_of_the_folder_is_named(tmp_path: Path) -> None:
    file = tmp_path / "sitrep.yml"
    file.touch()
    assert mistakes(file) == [f"{file}: is not a folder. Set SITREP_CONFIG to the folder that holds sitrep.yml."]


def test_a_folder_in_place_of_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "sitrep.yml").mkdir()
    assert mistakes(tmp_path) == [
        "sitrep.yml: cannot be read: Is a directory. Check that it is a file and its permissions."
    ]


def test_a_settings_file_that_is_no_mapping_is_told_once(tmp_path: Path) -> None:
    (tmp_path / "sitrep.yml").write_text("- services\n- people\n")
    assert mistakes(tmp_path) == [
        "sitrep.yml:1: should hold names and values, and holds a list. Write `name: value` lines under it."
    ]


def test_times_that_no_calendar_holds_are_told(tmp_path: Path) -> None:
    (tmp_path / "sitrep.yml").write_text(
        "services:\n  a:\n    production: {watch: 99999999999999d, deploy_timeout: 0s}\n    tests: {timeout: 9999w}\n"
    )
    assert mistakes(tmp_path) == [
        "sitrep.yml:3: services.a.production.deploy_timeout: '0s' leaves no time at all. Give it at least 1s.",
        "sitrep.yml:3: services.a.production.watch: '99999999999999d' is longer than any calendar. "
        "Write it like 30s, 15m, 2h or 1d.",
        "sitrep.yml:4: services.a.tests.timeout: '9999w' is longer than ten years. Write it like 30s, 15m, 2h or 1d.",
    ]


def test_a_prompt_beyond_any_context_is_refused(tmp_path: Path) -> None:
    (tmp_path / "sitrep.yml").touch()
    (tmp_path / "critical-incident-triage.md").write_text("word " * 10_000)
    assert mistakes(tmp_path) == ["critical-incident-triage.md: is 49999 characters long, more than 40000. Shorten it."]
