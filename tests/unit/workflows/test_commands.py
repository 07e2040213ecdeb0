"""`sitrep workflows`: which is meant, what is printed, and what is said of somebody's own files."""

import io
import shutil
from pathlib import Path

import pytest
from rich.console import Console

from bot.cli.workflows import checking, choosing, picture, printing
from incidents import loading
from incidents.definitions import Library
from incidents.errors import ConfigurationError, InvalidInput, NotFound
from tests import installation

SHIPPED: Library = installation.library()
CASES = Path(__file__).parents[2] / "cases" / "config"


def printed(name: str) -> str:
    console = Console(file=io.StringIO(), width=200)
    for part in printing.shown(SHIPPED.workflows[name]):
        console.print(part)
    return console.file.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize("typed", ["emergency_response", "emergency", "Emergency-Response", "critical"])
def test_a_workflow_is_found_by_name_beginning_and_severity(typed: str) -> None:
    assert choosing.workflow(SHIPPED, typed).name == "emergency_response"


@pytest.mark.parametrize("typed", ["bug", "bugfix_pipeline"])
def test_the_bug_pipeline_is_shown_as_it_is_compiled_for_one_repository(typed: str) -> None:
    found = choosing.workflow(SHIPPED, typed)
    assert found.step("3.1.1").repository == choosing.ONE_REPOSITORY
    console = Console(file=io.StringIO(), width=260)
    for part in [printing.listing(SHIPPED), *printing.shown(found)]:
        console.print(part)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "bugfix_pipeline     bugs" in text
    assert "sends 1.2 back, at most 3 times, then people decide" in text
    assert "deployment-engineer, by the affected area" in text


@pytest.mark.parametrize("typed", ["s", "emergancy_response", ""])
def test_what_is_not_clear_is_answered_with_what_there_is(typed: str) -> None:
    with pytest.raises(NotFound) as caught:
        choosing.workflow(SHIPPED, typed)
    assert "_response" in (caught.value.remedy or "")


def test_a_workflow_is_printed_with_what_holds_each_step_and_what_decides_the_end() -> None:
    text = printed("emergency_response")
    [deploy] = [line for line in text.splitlines() if " 3.1 " in line and "Emergency Deployment" in line]
    assert deploy.startswith("●")
    assert "deploy approved, gates of phases 2, 3" in deploy
    assert "first results of 4.1" in text
    assert "Critical path 1.1 → 1.3 → 2.1 → 2.3 → 3.1 → 4.1 → 4.3" in text


def test_a_picture_that_cannot_be_written_says_why(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be written"):
        picture.write(SHIPPED.workflows["emergency_response"], tmp_path / "nowhere" / "a.svg")


def test_files_of_ones_own_are_checked_without_settings(tmp_path: Path) -> None:
    own = tmp_path / "workflows"
    own.mkdir()
    text = (Path(str(loading.templates_root())) / "workflows" / "scheduled_response.yml").read_text(encoding="utf-8")
    (own / "patient_response.yml").write_text(text.replace("scheduled_response", "patient_response"))
    (tmp_path / "notes.yml").write_text("x: 1\n")
    said = checking.run(tmp_path)
    assert "Read: workflows/patient_response.yml." in said
    assert "patient_response: 9 steps in 3 phases, answers no severity yet" in said
    assert "notes.yml" in said


def test_every_mistake_is_told_at_once_and_those_of_ones_own_files_first(tmp_path: Path) -> None:
    for case in ("workflow-mistakes", "workflow-decisions", "policies-triggers-and-targets"):
        shutil.copytree(CASES / case, tmp_path, dirs_exist_ok=True)
    (tmp_path / "sitrep.yml").unlink()
    with pytest.raises(ConfigurationError) as caught:
        checking.run(tmp_path)
    files = [mistake.removeprefix(f"{tmp_path}/").split(":")[0] for mistake in caught.value.mistakes]
    assert {"workflows/scheduled_response.yml", "workflows/hurried_response.yml"} < {*files}
    shipped = [file.startswith("templates/") for file in files]
    assert shipped == sorted(shipped)


def test_a_folder_that_holds_nothing_of_a_configuration_is_no_success(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no workflow, policy or prompt"):
        checking.run(tmp_path)


def test_what_is_no_folder_is_named_with_the_folder_to_name_instead(tmp_path: Path) -> None:
    file = tmp_path / "emergency_response.yml"
    file.write_text("name: emergency_response\n")
    for path, said in ((tmp_path / "nowhere", "There is no folder"), (file, "is a file")):
        with pytest.raises(InvalidInput, match=said) as caught:
            checking.run(path)
        assert caught.value.remedy == "Name the folder that holds your workflows/, policies/ or prompts/."
