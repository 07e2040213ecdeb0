"""Who is who in Slack is found out at a start, also where Slack takes fewer look-ups than there are people."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy import text
from sqlmodel import SQLModel

from bot import directory
from bot.slack_client import SlackLine
from bot.workspace.config import LimitConfig
from bot.workspace.rules.faults import Fault
from bot.workspace.server import Workspace
from incidents import records
from incidents.catalog import Person, Settings
from incidents.store import Store
from tests import installation
from tests.clock import ManualClock
from tests.integration.outage.conftest import NAMES, TOKEN, configuration

A_MINUTE = 3  # look-ups that this Slack takes; those of a whole minute may come at once
FOUND = {name: f"U0{name.upper()}" for name in NAMES}


def named(*names: str) -> Settings:
    """Return settings that name these people by e-mail alone."""
    return Settings(people={name: Person(key=name, email=f"{name}@example.com") for name in names})


def ids(settings: Settings) -> dict[str, str]:
    return {key: person.slack for key, person in settings.people.items()}


class Slack:
    """A workspace that limits look-ups."""

    def __init__(self, workspace: Workspace, client: AsyncWebClient) -> None:
        self.client = client
        self._workspace = workspace

    def a_minute_later(self) -> None:
        self._workspace.core.limiter._buckets.clear()

    async def slow(self, seconds: float) -> None:
        await self._workspace.request_faults(Fault(method="users.lookupByEmail", kind="latency", seconds=seconds))

    @property
    def asked(self) -> list[str]:
        """Return what each look-up came to, in order."""
        entries = self._workspace.core.calls.entries()
        return [str(entry["error"] or "") for entry in entries if entry["method"] == "users.lookupByEmail"]


@pytest.fixture
async def slack() -> AsyncIterator[Slack]:
    limits = LimitConfig(scale=A_MINUTE / 50)
    async with (
        Workspace(configuration().model_copy(update={"limits": limits})) as workspace,
        SlackLine(TOKEN, workspace.api_url) as line,
    ):
        yield Slack(workspace, line.client)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = Store(installation.sqlite_database(tmp_path), ManualClock())
    yield store
    await store.close()


async def remember(store: Store, **known: str) -> None:
    async with store.transaction() as tx:
        for name, slack in known.items():
            tx.session.add(records.KnownPerson(email=f"{name}@example.com", slack=slack))


async def test_whom_slack_named_before_it_asked_to_slow_down_are_not_asked_for_again(
    slack: Slack, store: Store
) -> None:
    everybody = named(*NAMES)
    for _ in range(2):  # of eight people three are found each time
        with pytest.raises(SlackApiError, match="ratelimited"):
            await directory.resolve(slack.client, everybody, store)
        slack.a_minute_later()
    assert ids(await directory.resolve(slack.client, everybody, store)) == FOUND


async def test_whoever_was_added_is_asked_for_before_those_who_are_known(slack: Slack, store: Store) -> None:
    await remember(store, **{name: FOUND[name] for name in NAMES[:-1]})
    assert ids(await directory.resolve(slack.client, named(*NAMES), store)) == FOUND
    assert slack.asked == ["", "", "", "ratelimited"]  # one who was added, two of the others


async def test_who_has_another_account_by_now_is_known_after_some_starts_however_few_look_ups_slack_takes(
    slack: Slack, store: Store
) -> None:
    await remember(store, **dict.fromkeys(NAMES, "U0BEFORE"))
    for _ in range(len(NAMES)):
        found = ids(await directory.resolve(slack.client, named(*NAMES), store))
        assert isinstance(store.clock, ManualClock)
        store.clock.advance(timedelta(seconds=1))
        slack.a_minute_later()
    assert found == FOUND


async def test_a_slack_that_answers_slowly_holds_up_no_start_where_everybody_is_known(
    slack: Slack, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory, "_ASKING_AGAIN_SECONDS", 0.1)
    await slack.slow(0.2)
    await remember(store, **{name: FOUND[name] for name in NAMES[:-2]})
    assert ids(await directory.resolve(slack.client, named(*NAMES), store)) == FOUND
    assert slack.asked == ["", ""]  # the two whom nobody knew


async def test_replicas_that_learn_of_somebody_at_once_both_start(slack: Slack, postgres: str) -> None:
    first, second = Store(postgres, ManualClock()), Store(postgres, ManualClock())
    async with first.engine.begin() as connection:
        await connection.run_sync(SQLModel.metadata.drop_all)
        await connection.run_sync(SQLModel.metadata.create_all)
    waiting = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    try:
        async with asyncio.timeout(10), first.read() as session, first.transaction() as tx:
            tx.session.add(records.KnownPerson(email="ana@example.com", slack="U0ANA"))
            await tx.session.flush()
            starting = asyncio.create_task(directory.resolve(slack.client, named("ana"), second))
            while not await session.scalar(waiting):  # noqa: ASYNC110 - the database tells nobody
                await asyncio.sleep(0.01)
        assert ids(await starting) == {"ana": "U0ANA"}
    finally:
        await first.close()
        await second.close()
