"""What the environment says is read once, and what cannot be used is named."""

from pathlib import Path

import pytest

from bot import settings
from incidents.errors import ConfigurationError


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SLACK_BOT_TOKEN", "SLACK_API_URL", "DATABASE_URL", "SITREP_HTTP", "SITREP_DATA", "SITREP_LOG"):
        monkeypatch.delenv(name, raising=False)


def test_nothing_needs_to_be_set() -> None:
    read = settings.load()
    assert read.slack_api_url == "https://slack.com/api/"
    assert read.http == ("127.0.0.1", 8080)


def test_database_is_a_file_in_the_data_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SITREP_DATA", str(tmp_path))
    assert settings.load().database_url == f"sqlite+aiosqlite:///{tmp_path}/sitrep.db"


@pytest.mark.parametrize(
    ("written", "used"),
    [
        ("postgres://a@b/c", "postgresql+psycopg://a@b/c"),
        ("postgresql://a@b/c", "postgresql+psycopg://a@b/c"),
        ("postgresql+psycopg://a@b/c", "postgresql+psycopg://a@b/c"),
        ("sqlite:///x.db", "sqlite+aiosqlite:///x.db"),
    ],
)
def test_database_urls_get_the_driver_that_is_installed(
    monkeypatch: pytest.MonkeyPatch, written: str, used: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", written)
    assert settings.load().database_url == used


def test_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_API_URL", "")
    assert settings.load().slack_api_url == "https://slack.com/api/"


def test_api_url_gets_the_slash_that_method_names_need(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_API_URL", "http://127.0.0.1:9/api")
    assert settings.load().slack_api_url == "http://127.0.0.1:9/api/"


def test_all_mistakes_are_named_at_once_with_what_to_write(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SITREP_HTTP", "8080")
    monkeypatch.setenv("DATABASE_URL", "mysql://x")
    with pytest.raises(ConfigurationError) as caught:
        settings.load()
    assert len(caught.value.mistakes) == 2
    assert any("SITREP_HTTP" in line and "HOST:PORT" in line for line in caught.value.mistakes)
    assert any("DATABASE_URL" in line and "postgresql://" in line for line in caught.value.mistakes)


@pytest.mark.parametrize(
    "written", ["sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite+aiosqlite://?cache=shared"]
)
def test_database_in_memory_is_refused(monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    monkeypatch.setenv("DATABASE_URL", written)
    with pytest.raises(ConfigurationError, match="names no file"):
        settings.load()


def test_addresses_that_nobody_can_call_are_named_and_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SITREP_HEARTBEAT_URL", "WEBHOOK_URL"):
        monkeypatch.setenv(name, "hooks.example.org/secret")
    with pytest.raises(ConfigurationError) as caught:
        settings.load()
    assert [line.split(":")[0] for line in caught.value.mistakes] == ["WEBHOOK_URL", "SITREP_HEARTBEAT_URL"]
    assert "example.org/secret" not in str(caught.value)


def test_secrets_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-very-secret")
    monkeypatch.setenv("DATABASE_URL", "postgresql://user:hidden@host/db")
    read = settings.load()
    assert "xoxb-very-secret" not in repr(read)
    assert "hidden" not in repr(read)
    assert set(read.secrets) == {"xoxb-very-secret", "hidden"}


@pytest.mark.parametrize("written", ["[::1]:80", "localhost:0", ":9"])
def test_addresses_are_host_and_port(written: str) -> None:
    assert settings.parse_address(written).port in {80, 0, 9}


@pytest.mark.parametrize("written", ["", "localhost", "localhost:", "localhost:http", "localhost:70000"])
def test_other_addresses_are_refused(written: str) -> None:
    with pytest.raises(ValueError, match="HOST:PORT"):
        settings.parse_address(written)
