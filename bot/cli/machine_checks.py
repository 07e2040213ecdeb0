"""Examining what is not Slack: database, git and repositories, sandbox, model, mail, the address for health."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from bot import http
from bot.cli.findings import Finding, fault, fine, note
from bot.serve import make_folders
from bot.settings import Settings
from escalation.roads import Mailer, Unsent
from incidents import catalog, migrations, store_errors
from incidents.clock import SystemClock
from incidents.errors import SitrepError
from incidents.store import Store
from incidents.tools import git, processes, sandbox

_TIMEOUT_SECONDS = 10.0
_GIT_TIMEOUT = timedelta(seconds=10)
_LITTLE_DISK_MB = 200  # an incident with all its evidence takes a few; logs of one night may take this


async def database(env: Settings) -> AsyncIterator[Finding]:
    """Yield whether the database can be read, written and upgraded."""
    try:
        await asyncio.to_thread(make_folders, env)
    except SitrepError as error:
        yield fault("database", error.message, error.remedy)
        return
    store = Store(env.database_url, SystemClock())
    kind = "PostgreSQL" if store.supports_skip_locked else "SQLite"
    try:
        async with store.engine.connect() as connection:
            revision = await connection.run_sync(migrations.stamped)
            await connection.execute(text("CREATE TABLE sitrep_doctor (id INTEGER)"))
            await connection.rollback()
        ahead = "" if revision == migrations.HEAD else " `sitrep serve` will upgrade it at start."
        yield fine("database", f"{kind} can be read and written.{ahead}")
    except DBAPIError as error:
        trouble = store_errors.explain(error)
        assert trouble is not None, "it came from the database"  # noqa: S101 - a fault of ours
        yield fault("database", trouble.message, trouble.remedy)
    finally:
        await store.close()
    free_mb = (await asyncio.to_thread(shutil.disk_usage, env.data)).free // 1_000_000
    if free_mb < _LITTLE_DISK_MB:
        yield fault("disk", f"Only {free_mb} MB are free in {env.data}.", "Free some space, or move SITREP_DATA.")


async def repositories(settings: catalog.Settings) -> AsyncIterator[Finding]:
    """Yield whether git works, and every service's repository."""
    try:
        done = await processes.run(("git", "--version"), timeout=_GIT_TIMEOUT)
    except SitrepError as error:
        yield fault("git", error.message, error.remedy)
        return
    yield fine("git", done.stdout.strip())
    for service in settings.services.values():
        about = f"service {service.key}"
        if not service.repository:
            yield note(about, "It has no repository: agents have no history to search and nothing to revert.")
            continue
        try:
            repository = await git.open_repository(Path(service.repository), SystemClock())
            await repository.require_full_history()
        except SitrepError as error:
            yield fault(about, error.message, error.remedy)
            continue
        if lacking := _lacking(service):
            yield note(about, f"The repository can be read; {', '.join(lacking)} not configured.", "See sitrep.yml.")
        else:
            yield fine(about, "The repository can be read; tests, health and deploy are configured.")


def _lacking(service: catalog.Service) -> list[str]:
    configured = {
        "tests": service.tests.command,
        "health": service.production.health,
        "deploy": service.production.deploy,
    }
    return [name for name, value in configured.items() if not value]


async def box(settings: catalog.Settings) -> Finding:
    """Return whether a repository's own code can be run where it does no harm."""
    try:
        await sandbox.check(settings.sandbox)
    except SitrepError as error:
        return fault("sandbox", error.message, error.remedy)
    if settings.sandbox.mode == "none":
        return note(
            "sandbox", "Repositories' tests, what agents write among them, run unprotected (`sandbox: {mode: none}`)."
        )
    return fine("sandbox", "bubblewrap works.")


async def model(env: Settings) -> Finding:
    """Return whether Claude answers, where a key is set."""
    key = env.anthropic_api_key.get_secret_value()
    if not key:
        return note("model", "No ANTHROPIC_API_KEY: the playbook does the agents' work.")
    headers = {"x-api-key": key, "anthropic-version": "2023-06-01"}
    try:
        async with httpx.AsyncClient(timeout=_TIMEOUT_SECONDS) as client:
            answer = await client.get(f"{env.anthropic_base_url}v1/models", headers=headers)
    except httpx.HTTPError as error:
        return fault(
            "model", f"The model's API cannot be reached ({error}).", "Check the network and ANTHROPIC_BASE_URL."
        )
    if answer.status_code in (401, 403):
        return fault("model", "The model's API refuses the key.", "Correct ANTHROPIC_API_KEY.")
    if answer.is_error:
        return fault("model", f"The model's API answers {answer.status_code}.", "Check ANTHROPIC_BASE_URL; try later.")
    return fine("model", "The model's API takes the key.")


async def mail(env: Settings) -> Finding:
    """Return whether the mail server answers and takes the password, where one is set."""
    url = env.smtp_url.get_secret_value()
    if not url:
        return note("mail", "No SMTP_URL: nobody is told by e-mail.")
    try:
        await Mailer(url).sign_in()
    except SitrepError as error:
        return fault("mail", error.message, error.remedy)
    except Unsent as failure:
        return fault("mail", f"{failure}.".replace("..", "."), "Correct SMTP_URL, or start the server.")
    return fine("mail", "The mail server lets Sitrep in.")


async def probes(env: Settings) -> Finding:
    """Return whether health and metrics can be served."""
    listening = http.Listening(env.http, "SITREP_HTTP", [])
    try:
        await listening.start()
        await listening.stop()
    except SitrepError as error:
        return note("health", f"{error.message} That is well where Sitrep is running there now.", error.remedy)
    return fine("health", f"http://{env.http} is free for /healthz, /readyz and /metrics.")
