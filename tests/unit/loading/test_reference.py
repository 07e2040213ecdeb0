"""docs/configuration.md names everything that can be set."""

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from bot import settings
from incidents import catalog, loading
from incidents.configuration import documents, policies

ROOT = Path(__file__).parents[3]
REFERENCE = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
NAMED = set(re.findall(r"`([A-Za-z_.]+)`", REFERENCE))


@pytest.mark.parametrize(
    "model",
    [
        catalog.Settings,
        catalog.Service,
        catalog.Repository,
        catalog.Environment,
        catalog.Tests,
        catalog.Person,
        catalog.Approvers,
        catalog.Sandbox,
        catalog.Retention,
        catalog.Lateness,
    ],
)
def test_every_key_of_sitrep_yml_is_described(model: type[BaseModel]) -> None:
    assert set(model.model_fields) - {"key", "name"} - NAMED == set()


def test_every_policy_file_is_described() -> None:
    assert {f"{name}.yml" for name in policies.FILES} - NAMED == set()


def test_every_environment_variable_is_described() -> None:
    names = {(field.alias or name).upper() for name, field in settings.Settings.model_fields.items()}
    assert names - NAMED == set()


def test_the_example_is_a_configuration_that_loads(tmp_path: Path) -> None:
    example = next(block for block in re.findall(r"```yaml\n(.*?)```", REFERENCE, re.DOTALL) if "services:" in block)
    (tmp_path / "sitrep.yml").write_text(example, encoding="utf-8")
    _, found = loading.load(loading.templates_root(), tmp_path)
    assert found.services["checkout"].production.rollback[-1] == "{release}"


def test_every_shipped_policy_file_is_one_that_is_read() -> None:
    shipped = {path.name for path in (ROOT / "templates" / "policies").iterdir()}
    assert shipped == {f"{name}.yml" for name in policies.FILES}


def test_limits_stand_in_the_reference_as_in_the_code() -> None:
    assert f"{documents.MAX_BYTES // 1024} KiB" in REFERENCE
    assert f"{documents.MAX_VALUES:,} values" in REFERENCE
