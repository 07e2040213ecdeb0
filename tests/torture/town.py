"""The company of the crash tests: its people, its policies in seconds, and what its people do, stubbornly."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from ruamel.yaml import YAML
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from websockets.exceptions import WebSocketException

from bot.workspace.config import ChannelConfig, LimitConfig, PersonConfig, WorkspaceConfig
from bot.workspace.driver import Person
from bot.workspace.rules.errors import SlackError
from tests.integration.delivery.conftest import configuration

#: Handle -> Slack id; Gil has none and reads his e-mail.
PEOPLE = {"ana": "U01ANA", "bo": "U02BO", "cy": "U03CY", "dee": "U05DEE", "eli": "U06ELI", "fay": "U07FAY", "gil": ""}
AUDIENCES = {
    "on_call_engineer": ["ana"],
    "team_lead": ["bo"],
    "product_manager": ["cy"],
    "engineering_manager": ["eli"],
    "cto": ["fay"],
    "ceo": ["gil"],
    "customer_success": ["cy"],
}
#: Severity -> label -> audiences; as in the policy file.
MATRIX = {
    "critical": {
        "immediate": ["on_call_engineer", "team_lead", "product_manager"],
        "within_15s": ["engineering_manager"],
        "within_40s": ["cto", "ceo"],
    },
    "high": {"immediate": ["on_call_engineer", "team_lead"], "within_20s": ["product_manager"], "within_50s": ["ceo"]},
}
UPDATES_SECONDS = {"critical": 30, "high": 60}
DRAFT_AHEAD_SECONDS, OVERDUE_SECONDS = 8, 8
PAGING_LEVELS = ["on_call_engineer", "team_lead", "engineering_manager"]
PAGING_SECONDS = {"critical": 12, "high": 25}
#: Trigger -> (severity, milestone, seconds, audience)
ESCALATIONS = {
    "critical_bug_not_resolved_45_seconds": ("critical", "resolved", 45, "cto"),
    "high_bug_not_triaged_35_seconds": ("high", "triaged", 35, "engineering_manager"),
}
BOOKMARKS = {"War room": "https://example.com/war", "Runbook": "https://example.com/runbook"}

_PATIENCE_SECONDS = 4.0  # how long somebody waits for an answer before doing it again


def slack_config() -> WorkspaceConfig:
    """Return the workspace."""
    people = [
        PersonConfig(id=slack, name=handle, real_name=handle.capitalize(), email=f"{handle}@example.com")
        for handle, slack in PEOPLE.items()
        if slack
    ]
    return configuration(people=people, channels=[ChannelConfig(name="general")], limits=LimitConfig(enabled=False))


def write_configuration(folder: Path, services: dict[str, Any] | None = None) -> None:
    """Write `sitrep.yml` and the policies whose times are shortened."""
    folder.mkdir(parents=True, exist_ok=True)
    links = {"war_room": BOOKMARKS["War room"], "runbook": BOOKMARKS["Runbook"]}
    people = {
        handle: {"name": handle.capitalize(), "email": f"{handle}@example.com", **({"slack": slack} if slack else {})}
        for handle, slack in PEOPLE.items()
    }
    files: dict[str, Any] = {
        "sitrep": {
            "services": services or {"checkout": {"title": "Checkout", **links}},
            "people": people,
            "audiences": AUDIENCES,
            "approvers": {"deploy": ["team_lead"], "choose_fix": ["team_lead"]},
            "sandbox": {"mode": "none"},
        },
        "communication_matrix": {
            "communication_matrix": {
                "critical_incident": MATRIX["critical"],
                "high_severity": MATRIX["high"],
                "regular_updates": {
                    "frequency": [f"every_{each}_seconds_{severity}" for severity, each in UPDATES_SECONDS.items()],
                    "channels": ["slack_incident_channel", "email_stakeholders"],
                    "format": "structured_status_update",
                    "draft_ahead": f"{DRAFT_AHEAD_SECONDS}s",
                    "overdue_after": f"{OVERDUE_SECONDS}s",
                },
            }
        },
        "paging": {
            "paging": {
                severity: {"levels": PAGING_LEVELS, "every": f"{seconds}s"}
                for severity, seconds in PAGING_SECONDS.items()
            }
        },
        "escalation_triggers": {
            "escalation_triggers": {
                "time_based": [{name: f"escalate_to_{row[3]}"} for name, row in ESCALATIONS.items()],
                "impact_based": [],
                "complexity_based": [],
            }
        },
    }
    yaml = YAML()
    for name, content in files.items():
        with (folder / f"{name}.yml").open("w") as file:
            yaml.dump(content, file)


class Record:
    """What Sitrep has recorded, read from outside: incidents and events, never the outbox."""

    def __init__(self, url: str) -> None:
        self._engine = create_async_engine(url)

    async def rows(self, query: str, **values: Any) -> list[dict[str, Any]]:
        """Return rows; none while there is no such table yet."""
        try:
            async with self._engine.connect() as connection:
                return [dict(row) for row in (await connection.execute(text(query), values)).mappings()]
        except DBAPIError:
            return []

    async def has(self, query: str, **values: Any) -> bool:
        return bool(await self.rows(query, **values))

    async def close(self) -> None:
        await self._engine.dispose()


class Townsfolk:
    """People at their screens, who do a thing again when nothing came of it."""

    def __init__(self, record: Record, people: dict[str, Person]) -> None:
        self.record = record
        self.people = people
        self.repeated: dict[str, int] = {}  #: what had to be done again after it seemed to be taken
        self.asked_privately = 0

    async def persist(
        self, name: str, is_done: Callable[[], Awaitable[bool]], act: Callable[[], Awaitable[Any]]
    ) -> None:
        """Do `act` until `is_done`; what fails or gets no answer is done again."""
        taken = False
        while not await is_done():
            if taken:
                self.repeated[name] = self.repeated.get(name, 0) + 1
            try:
                await act()
                taken = True
            except (SlackError, TimeoutError, httpx.HTTPError, WebSocketException, json.JSONDecodeError):
                taken = False  # the person saw that it was not taken
                await asyncio.sleep(0.3)
            until = time.monotonic() + _PATIENCE_SECONDS
            while time.monotonic() < until and not await is_done():  # noqa: ASYNC110 - the database tells nobody
                await asyncio.sleep(0.2)

    async def declare(self, title: str, severity: str) -> None:
        """Declare through the modal; a modal that stays open is sent again."""
        dee = self.people["dee"]

        async def is_declared() -> bool:
            return await self.record.has("SELECT 1 FROM incident WHERE title = :title", title=title)

        async def act() -> None:
            for view in list(dee.screen.views):
                with contextlib.suppress(SlackError, TimeoutError, httpx.HTTPError):
                    await dee.close(view)
            await dee.command("/incident", f"declare {title}")
            modal = await dee.wait_for_view(lambda view: view["callback_id"] == "declare", timeout=3)
            await dee.click_in_view(modal, f"severity_{severity}")
            word = f"✓ {severity.capitalize()}"
            modal = await dee.wait_for_view(lambda view: word in json.dumps(view, ensure_ascii=False), timeout=3)
            fields = {"title": title, "service": "checkout"}
            for _ in range(3):  # it was not taken, or something alike is shown: the person presses once more
                try:
                    answer = await dee.submit(modal, fields)
                except SlackError:
                    await asyncio.sleep(1)
                else:
                    # An envelope that came again may have declared it meanwhile: who is shown their own incident as a
                    # possible duplicate does not insist.
                    if (answer.get("view") or {}).get("callback_id") != "declare" or await is_declared():
                        break

        await self.persist("declare", is_declared, act)

    async def command(self, who: str, name: str, words: str, query: str, **values: Any) -> None:
        """Type a command until a row tells that it was done."""

        async def is_done() -> bool:
            return await self.record.has(query, **values)

        await self.persist(name, is_done, lambda: self.people[who].command("/incident", words))

    async def look(self) -> None:
        """Open a home, and ask for what is shown to one person alone; nobody insists."""
        with contextlib.suppress(SlackError, TimeoutError, httpx.HTTPError):
            self.asked_privately += 1
            await self.people["bo"].command("/incident", "list")

    async def open_home(self, seconds: float) -> None:
        """Open the home again and again for a while."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            with contextlib.suppress(SlackError, TimeoutError, httpx.HTTPError):
                await self.people["bo"].open_home("Sitrep")
            await asyncio.sleep(0.5)


@asynccontextmanager
async def at_their_screens(url: str, record: Record) -> AsyncIterator[Townsfolk]:
    """Sign everybody in."""
    async with AsyncExitStack() as stack:
        people = {
            handle: await stack.enter_async_context(Person(url, slack)) for handle, slack in PEOPLE.items() if slack
        }
        yield Townsfolk(record, people)
