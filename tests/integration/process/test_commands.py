"""`sitrep doctor`, `export` and `check-config`, as somebody at a terminal meets them."""

import json
import sqlite3
import subprocess
from importlib import metadata
from pathlib import Path

import pytest

from bot.cli import app, checkup, configuration, exporting, machine_checks
from bot.slack_client import SlackLine
from bot.workspace.config import AppConfig, PersonConfig
from bot.workspace.driver import Person
from bot.workspace.rules.faults import Fault
from incidents import migrations, records
from incidents.clock import SystemClock
from incidents.definitions import Severity
from incidents.errors import ConfigurationError, NotFound, SitrepError
from incidents.events import EventKind
from incidents.store import Store
from tests.integration.delivery.conftest import TOKEN, manifest
from tests.integration.process.sitrep import APP_TOKEN, environment, run, workspace
from tests.processes import free_port


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration folder and a data folder, with nothing else in the environment."""
    for name in ("SLACK_SIGNING_SECRET", "ANTHROPIC_API_KEY", "SMTP_URL", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    repository = tmp_path / "checkout"
    subprocess.run(["git", "init", "--quiet", repository], check=True)
    author = ["-c", "user.name=Ava", "-c", "user.email=ava@example.com"]
    subprocess.run(["git", *author, "-C", repository, "commit", "--quiet", "--allow-empty", "-m", "Start"], check=True)
    config = tmp_path / "config"
    config.mkdir()
    (config / "sitrep.yml").write_text(
        f"services:\n  checkout:\n    repository: {repository}\n"
        "people:\n  ava:\n    name: Ava\n    email: ava@example.com\n"
        "sandbox:\n  mode: none\n"
    )
    monkeypatch.setenv("SITREP_CONFIG", str(config))
    monkeypatch.setenv("SITREP_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("SITREP_HTTP", f"127.0.0.1:{free_port()}")
    monkeypatch.setenv("SLACK_BOT_TOKEN", TOKEN)
    monkeypatch.setenv("SLACK_APP_TOKEN", APP_TOKEN)
    return tmp_path


async def test_doctor_finds_nothing_to_mend_in_a_sound_house(
    house: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with workspace() as slack:
        monkeypatch.setenv("SLACK_API_URL", slack.api_url)
        code = await checkup.run()
    said = capsys.readouterr().out
    assert code == 0, said
    assert "All is well." in said
    for about in ("bot token", "scopes", "intake", "people", "database", "git", "service checkout", "sandbox", "model"):
        assert about in said


async def test_doctor_names_each_fault_with_its_remedy(
    house: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    poor = json.loads(json.dumps(manifest()))
    poor["oauth_config"]["scopes"]["bot"].remove("pins:write")
    poor["oauth_config"]["scopes"]["bot_optional"] = []
    app = AppConfig(name="Sitrep", bot_token=TOKEN, app_token="xapp-other", signing_secret="s", manifest=poor)
    ben = PersonConfig(id="U0BEN", name="ben", real_name="Ben Okafor", email="ben@example.com")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-nothing")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("SMTP_URL", f"smtp://127.0.0.1:{free_port()}")
    (house / "checkout" / ".git" / "HEAD").unlink()
    with (house / "config" / "sitrep.yml").open("a") as file:
        file.write("operators_channel: C0NOWHERE\n")
    async with workspace(apps=[app], people=[ben]) as slack:
        monkeypatch.setenv("SLACK_API_URL", slack.api_url)
        code = await checkup.run()
    said = capsys.readouterr().out
    assert code == 1
    assert "The app lacks pins:write." in said
    assert "connections:write" in said
    assert "ava (users_not_found)" in said
    assert "is not a git repository" in said
    assert "ANTHROPIC_BASE_URL" in said
    assert "is out of reach" in said
    assert "operators_channel: Slack shows Sitrep no channel C0NOWHERE (channel_not_found)." in said
    assert "7 to mend." in said


async def test_doctor_live_proves_a_round_trip_and_leaves_nothing(
    house: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with workspace() as slack, SlackLine(TOKEN, slack.api_url) as line:
        ops = str((await line.client.conversations_create(name="ops"))["channel"]["id"])
        (house / "config" / "sitrep.yml").write_text(f"operators_channel: {ops}\nsandbox: {{mode: none}}\n")
        monkeypatch.setenv("SLACK_API_URL", slack.api_url)
        code = await checkup.run(live=True)
        said = capsys.readouterr().out
        assert code == 0, said
        assert "operators_channel: Sitrep is in #ops." in said
        assert "Posted, found by its key, edited and deleted in" in said
        assert "says hello over Socket Mode" in said
        called = [entry["method"] for entry in slack.core.calls.entries()]
        for method in ("chat.postMessage", "conversations.history", "chat.update", "chat.delete"):
            assert method in called
        history = await line.client.conversations_history(channel=ops)
        assert not [message for message in history["messages"] if not message.get("subtype")]


async def test_doctor_live_writes_to_a_person(
    house: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with workspace() as slack:
        monkeypatch.setenv("SLACK_API_URL", slack.api_url)
        assert await checkup.run(live=True, to="U0AVA") == 0
        assert "Posted, found by its key" in capsys.readouterr().out
        assert await checkup.run(live=True) == 1
        assert "Set operators_channel in sitrep.yml" in capsys.readouterr().out


async def test_doctor_live_says_what_slack_refuses(
    house: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with workspace() as slack, Person(slack.url, "U0AVA") as ava:
        monkeypatch.setenv("SLACK_API_URL", slack.api_url)
        assert await checkup.run(live=True, to="C0NOWHERE") == 1
        assert "Slack knows no such channel" in capsys.readouterr().out
        # Posting needs no invitation, but a message whose answer was lost could not be found there.
        assert await checkup.run(live=True, to=ava.channel_id("general")) == 1
        assert "Invite Sitrep to the channel" in capsys.readouterr().out


async def test_doctor_tells_trouble_with_slack_from_a_wrong_entry(
    house: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with (house / "config" / "sitrep.yml").open("a") as file:
        file.write("operators_channel: C0OPS\nannounce_channel: C0ALL\n")
    async with workspace() as slack:
        monkeypatch.setenv("SLACK_API_URL", slack.api_url)
        await slack.request_faults(
            Fault(method="apps.connections.open", kind="drop_before", times=2),
            Fault(method="users.lookupByEmail", kind="error", error="missing_scope", times=1),
            Fault(method="conversations.info", kind="5xx", times=1),
            Fault(method="conversations.info", kind="error", error="missing_scope", times=2),
        )
        assert await checkup.run() == 1
    said = capsys.readouterr().out
    assert "intake: The line to Slack broke" in said
    assert "people: The app lacks a scope for users.lookupByEmail." in said
    assert "operators_channel: Slack is in trouble" in said
    assert "announce_channel: The app lacks a scope for conversations.info." in said
    assert "Correct" not in said  # nothing in sitrep.yml is wrong


async def test_doctor_says_when_slack_is_away(
    house: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SLACK_API_URL", f"http://127.0.0.1:{free_port()}/api/")
    assert await checkup.run() == 1
    assert "Slack cannot be reached" in capsys.readouterr().out


async def test_doctor_names_every_mistake_of_the_configuration(
    house: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (house / "config" / "sitrep.yml").write_text("servises: {}\npeople:\n  ava: 3\n")
    monkeypatch.setenv("SLACK_API_URL", f"http://127.0.0.1:{free_port()}/api/")
    assert await checkup.run() == 1
    assert capsys.readouterr().out.count("sitrep.yml:") == 2


async def test_export_holds_the_whole_incident(tmp_path: Path) -> None:
    env = environment("http://127.0.0.1:1/api/", tmp_path)
    store = Store(env.database_url, SystemClock())
    await migrations.upgrade(store)
    async with store.transaction() as tx:
        incident = records.Incident(
            title="Zahlung schlägt fehl 🔥", severity=Severity.HIGH, reporter="U0AVA", declared_at=tx.now
        )
        tx.session.add(incident)
        await tx.session.flush()
        await tx.record(incident, EventKind.NOTE, actor="U0AVA", text="seen")
        run_ = records.Run(incident_id=incident.number, workflow="emergency_response", digest="d", created_at=tx.now)
        tx.session.add(run_)
        await tx.session.flush()
        tx.session.add(records.Step(run_id=run_.number, name="triage"))
    await store.close()

    whole = json.loads(await exporting.run(env, "inc-1"))
    assert whole["key"] == "inc-1"
    assert whole["incident"]["title"] == "Zahlung schlägt fehl 🔥"
    assert whole["incident"]["declared_at"].endswith("Z")
    assert [event["data"]["text"] for event in whole["timeline"]] == ["seen"]
    assert [step["name"] for step in whole["steps"]] == ["triage"]
    # Everything that refers to an incident or its run; only the words it is found by stand in its title already.
    tables = {
        table.name
        for table in records.SQLModel.metadata.tables.values()
        if table.name == "incident"
        or {key.column.table.name for key in table.foreign_keys} & {"incident", "run", "step"}
    } - {"incident_word"}
    assert len(whole) - len({"format", "key"}) == len(tables)
    with pytest.raises(NotFound):
        await exporting.run(env, "inc-2")


async def test_export_of_an_empty_database_says_where_to_look(tmp_path: Path) -> None:
    with pytest.raises(SitrepError, match="DATABASE_URL"):
        await exporting.run(environment("http://127.0.0.1:1/api/", tmp_path), "inc-1")


async def test_export_of_a_missing_folder_says_so(tmp_path: Path) -> None:
    with pytest.raises(SitrepError, match="cannot be opened"):
        await exporting.run(environment("http://127.0.0.1:1/api/", tmp_path / "nowhere"), "inc-1")


def test_command_line_says_which_version_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        app(["--version"])
    assert capsys.readouterr().out == f"sitrep {metadata.version('sitrep-bot')}\n"


async def test_command_line_gives_one_sentence_and_exit_code_1(tmp_path: Path) -> None:
    code, out, err = await run("export", "inc-1", SITREP_DATA=str(tmp_path))
    assert (code, out) == (1, "")
    assert len(err.strip().splitlines()) == 1


def test_check_config_counts_what_it_read(house: Path) -> None:
    assert "Services: 1, people: 1" in configuration.run(house / "config")


def test_check_config_raises_every_mistake(house: Path) -> None:
    (house / "config" / "sitrep.yml").write_text("services:\n  checkout:\n    repositry: x\npeople:\n  ava: 3\n")
    with pytest.raises(ConfigurationError) as caught:
        configuration.run(house / "config")
    assert len(caught.value.mistakes) == 2


async def test_database_that_another_program_holds_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("incidents.database._BUSY_TIMEOUT_MS", 50)
    env = environment("http://127.0.0.1:1/api/", tmp_path)
    holder = sqlite3.connect(tmp_path / "sitrep.db", isolation_level=None)
    holder.execute("PRAGMA journal_mode=WAL")
    holder.execute("BEGIN IMMEDIATE")
    findings = [finding async for finding in machine_checks.database(env)]
    holder.close()
    assert "Another program holds the database" in findings[0].said
