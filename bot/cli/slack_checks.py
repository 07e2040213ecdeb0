"""Examining the tokens: do they open Slack, and all that the app needs of it."""

from collections.abc import AsyncIterator

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot import manifest, slack_errors
from bot.cli.findings import Finding, fault, fine, note
from bot.settings import Settings
from bot.slack_client import SlackLine
from bot.slack_errors import Verdict
from incidents import catalog


async def examine(env: Settings, settings: catalog.Settings | None) -> AsyncIterator[Finding]:
    """Yield what was found about tokens, scopes, people and channels."""
    token = env.slack_bot_token.get_secret_value()
    if not token:
        yield fault("bot token", "SLACK_BOT_TOKEN is not set.", "Set it to the app's bot token (xoxb-…).")
        return
    async with SlackLine(token, env.slack_api_url) as line:
        try:
            answer = await line.client.auth_test()
        except slack_errors.TROUBLE as failure:
            yield _failed("bot token", failure, "auth.test")
            return
        yield fine("bot token", f"Slack knows it as @{answer['user']} in {answer['team']}.")
        yield _scopes(str(answer.headers.get("x-oauth-scopes", "")))
        yield await _intake(env, line.client)
        async for finding in _people(line.client, settings):
            yield finding
        async for finding in _channels(line.client, settings):
            yield finding


def _scopes(granted: str) -> Finding:
    scopes = manifest.read()["oauth_config"]["scopes"]
    wanted, optional = set(scopes["bot"]), set(scopes.get("bot_optional", ()))
    have = {scope.strip() for scope in granted.split(",")}
    remedy = f"Update the app from {manifest.path()} and install it again."
    if missing := sorted(wanted - optional - have):
        return fault("scopes", f"The app lacks {', '.join(missing)}.", remedy)
    if absent := sorted(optional - have):
        return note("scopes", f"Without {', '.join(absent)} there are no private incidents.", remedy)
    return fine("scopes", f"The app has all {len(wanted | optional)} of manifest.yml.")


async def _intake(env: Settings, client: AsyncWebClient) -> Finding:
    app_token = env.slack_app_token.get_secret_value()
    if not app_token:
        if env.slack_signing_secret.get_secret_value():
            return fine("intake", "No SLACK_APP_TOKEN: start with `sitrep serve --http HOST:PORT`.")
        return fault(
            "intake",
            "Neither SLACK_APP_TOKEN nor SLACK_SIGNING_SECRET is set.",
            "Set SLACK_APP_TOKEN (xapp-…) for Socket Mode, or SLACK_SIGNING_SECRET for --http.",
        )
    try:
        await client.apps_connections_open(app_token=app_token)
    except slack_errors.TROUBLE as failure:
        refusal = slack_errors.read(failure)
        if not isinstance(failure, SlackApiError) or (refusal and refusal.verdict in (Verdict.AGAIN, Verdict.UNCLEAR)):
            return _failed("intake", failure, "apps.connections.open")
        return fault(
            "intake",
            f"SLACK_APP_TOKEN opens no Socket Mode ({slack_errors.word(failure) or failure}).",
            "Make an app-level token with connections:write, and switch Socket Mode on in the app's settings.",
        )
    return fine("intake", "Socket Mode can be opened.")


async def _people(client: AsyncWebClient, settings: catalog.Settings | None) -> AsyncIterator[Finding]:
    people = settings.people.values() if settings else ()
    unknown = []
    for person in people:
        try:
            if person.slack:
                await client.users_info(user=person.slack)
            elif person.email:
                await client.users_lookupByEmail(email=person.email)
            else:
                unknown.append(f"{person.key} (neither e-mail nor Slack id)")
        except slack_errors.TROUBLE as failure:
            word = _unknown(failure)
            if not word:  # the next one would fail as this one did
                yield _failed("people", failure, "users.info" if person.slack else "users.lookupByEmail")
                return
            unknown.append(f"{person.key} ({word})")
    if unknown:
        yield fault("people", f"Slack does not know {', '.join(unknown)}.", "Correct them in sitrep.yml.")
    elif people:
        yield fine("people", f"Slack knows all {len(people)} of sitrep.yml.")


async def _channels(client: AsyncWebClient, settings: catalog.Settings | None) -> AsyncIterator[Finding]:
    named = {
        "operators_channel": settings.operators_channel if settings else "",
        "announce_channel": settings.announce_channel if settings else "",
    }
    for key, channel in named.items():
        if not channel:
            continue
        try:
            found = (await client.conversations_info(channel=channel))["channel"]
        except slack_errors.TROUBLE as failure:
            word = _unknown(failure)
            if not word:
                yield _failed(key, failure, "conversations.info")
                continue
            yield fault(
                key,
                f"Slack shows Sitrep no channel {channel} ({word}).",
                "Correct the id in sitrep.yml (the channel's details end with it); a private one has to invite Sitrep.",
            )
        else:
            if found.get("is_member"):
                yield fine(key, f"Sitrep is in #{found['name']}.")
            else:
                yield fault(key, f"Sitrep is not in #{found['name']}.", "Invite it: type `/invite @sitrep` there.")


def _unknown(failure: BaseException) -> str:
    """Return Slack's word where it refused what was named, or an empty string: it is the app, or the line."""
    refusal = slack_errors.read(failure)
    if refusal is None or refusal.verdict is not Verdict.REFUSED or refusal.error == "missing_scope":
        return ""
    return refusal.error


def _failed(about: str, failure: BaseException, method: str) -> Finding:
    refusal = slack_errors.read(failure, method)
    said, remedy = (refusal.message, refusal.remedy) if refusal else (f"{method} failed ({failure}).", "")
    return fault(about, said, remedy or "Try again in a minute.")
