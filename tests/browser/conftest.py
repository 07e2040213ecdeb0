"""A Chromium for the tests of the workspace's page, and a workspace with a real Bolt app beside it."""

import inspect
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Generator

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright, expect
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.workspace.server import Workspace
from tests.browser.pager import register
from tests.integration.workspace.ops import APP_TOKEN, BOT_TOKEN, SECRET, configuration

# Chromium as a test needs it: no sandbox (containers forbid it), no first-run pages, no traffic of its own.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE = 10_000  # ms; a loaded machine draws slowly, a working page never comes near it

NO_CHROMIUM = "no Chromium here; not tested: the workspace's page (modals, threads, keyboard, contrast)"

OpenPage = Callable[..., Awaitable[Page]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent.name == "browser":
            item.add_marker(pytest.mark.browser)
            if isinstance(item, pytest.Function) and inspect.iscoroutinefunction(item.function):
                item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fold the skips of all these tests into one line, as pytest does with skips from one place."""
    report = yield
    if report.skipped and isinstance(report.longrepr, tuple) and NO_CHROMIUM in report.longrepr[2]:
        report.longrepr = (__file__, 1, report.longrepr[2])
    return report


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium; without one, one line of the summary says what was not tested."""
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        pytest.skip(NO_CHROMIUM)
    return path


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(chromium: str) -> AsyncIterator[Browser]:
    expect.set_options(timeout=PATIENCE)
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield running
        await running.close()


@pytest_asyncio.fixture(loop_scope="session")
async def workspace() -> AsyncIterator[Workspace]:
    async with Workspace(configuration()) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def bot(workspace: Workspace) -> AsyncIterator[AsyncWebClient]:
    """The app's own client; the app is in #general and listens as long as the test runs."""
    async with aiohttp.ClientSession() as session:
        client = AsyncWebClient(token=BOT_TOKEN, base_url=workspace.api_url, session=session)
        app = AsyncApp(client=client, signing_secret=SECRET)
        register(app)
        await client.conversations_join(channel=workspace.core.team.channels_by_name["general"].id)
        handler = AsyncSocketModeHandler(app, APP_TOKEN)
        await handler.connect_async()
        yield client
        await handler.close_async()


@pytest_asyncio.fixture(loop_scope="session")
async def open_page(browser: Browser, workspace: Workspace) -> AsyncIterator[OpenPage]:
    """Opens the page as somebody; whatever the page complains of in its console fails the test."""
    complaints: list[str] = []
    contexts = []

    async def opened(person: str = "U0AVA", place: str = "", **options: object) -> Page:
        context = await browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-US", **options)
        contexts.append(context)
        page = await context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda fault: complaints.append(str(fault)))
        page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
        await page.goto(f"{workspace.url}/?as={person}{place}")
        await expect(page.locator("#composer-main")).to_be_focused()
        return page

    yield opened
    for context in contexts:
        await context.close()
    # A page that lost its workspace says so in the console as well; those tests cut the line on purpose.
    assert [line for line in complaints if "WebSocket" not in line and "Failed to load resource" not in line] == []
