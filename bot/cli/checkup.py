"""`sitrep doctor`: everything that serving needs, tried for real; each fault with its remedy."""

from collections.abc import AsyncIterator

from rich.console import Console
from rich.markup import escape

from bot import settings as environment
from bot.cli import live_checks, machine_checks, slack_checks
from bot.cli.findings import Finding, Grade, fault, fine, note
from bot.settings import Settings
from incidents import catalog, loading
from incidents.errors import ConfigurationError

_MARKS = {Grade.FINE: "[green]ok   [/green]", Grade.NOTE: "[yellow]note [/yellow]", Grade.FAULT: "[red]FAULT[/red]"}


async def run(*, live: bool = False, to: str = "") -> int:
    """Print what was found, with `live` what became of a message to `to`; returns 1 when something must be mended."""
    console = Console(highlight=False, soft_wrap=True)
    faults = 0
    async for finding in _examine(live=live, to=to):
        faults += finding.grade is Grade.FAULT
        console.print(f"{_MARKS[finding.grade]}  [bold]{escape(finding.about)}[/bold]: {escape(finding.said)}")
        if finding.remedy:
            console.print(f"       {escape(finding.remedy)}")
    console.print(f"{faults} to mend." if faults else "All is well.")
    return 1 if faults else 0


async def _examine(*, live: bool, to: str) -> AsyncIterator[Finding]:
    try:
        env = environment.load()
    except ConfigurationError as error:
        for mistake in error.mistakes:
            yield fault("environment", mistake, "")
        return
    environment.reach_directly(env.slack_api_url)
    async for finding in _examine_with(env, live=live, to=to):
        yield finding


async def _examine_with(env: Settings, *, live: bool, to: str) -> AsyncIterator[Finding]:
    settings: catalog.Settings | None = None
    async for finding in _configuration(env):
        yield finding
        if finding.grade is not Grade.FAULT:
            _, settings = loading.load(loading.templates_root(), env.config)
    async for finding in slack_checks.examine(env, settings):
        yield finding
    if live:
        async for finding in live_checks.examine(env, settings, to):
            yield finding
    async for finding in machine_checks.database(env):
        yield finding
    if settings is not None:
        async for finding in machine_checks.repositories(settings):
            yield finding
        yield await machine_checks.box(settings)
    yield await machine_checks.model(env)
    yield await machine_checks.mail(env)
    yield await machine_checks.probes(env)


async def _configuration(env: Settings) -> AsyncIterator[Finding]:
    try:
        _, settings = loading.load(loading.templates_root(), env.config)
    except ConfigurationError as error:
        for mistake in error.mistakes:
            yield fault("configuration", mistake, "")
        return
    if env.config is None:
        yield note("configuration", "No SITREP_CONFIG: no services, no people.", "Set it to the folder of sitrep.yml.")
    else:
        yield fine("configuration", f"Services: {len(settings.services)}, people: {len(settings.people)}.")
