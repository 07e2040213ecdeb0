"""Looks up the Slack ids of the people that `sitrep.yml` names by e-mail, and remembers them for when Slack is away."""

import time
from collections.abc import Iterable

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import select

from bot import slack_errors
from bot.slack_errors import Verdict
from incidents import records
from incidents.catalog import Settings
from incidents.store import Store

_ASKING_AGAIN_SECONDS = 10.0  # for people who are known: no page leaves and no timer rings before the start is over

log = structlog.get_logger(__name__)


async def resolve(client: AsyncWebClient, settings: Settings, store: Store | None = None) -> Settings:
    """Return `settings` with the Slack id of every person that Slack knows by e-mail.

    Somebody whom Slack does not know stays without an id and is said so in the log; `sitrep doctor` names them too.
    Each answer is remembered in `store` at once: a process that starts while Slack is away pages and tells people by
    it, and one that Slack asked to slow down goes on from there.

    Raises:
        SlackApiError: Slack refused for another reason than an unknown e-mail (token, scope).
        slack_errors.TROUBLE: Slack is out of reach or asks to slow down, and somebody was never looked up before.
    """
    wanted = {person.email: key for key, person in settings.people.items() if not person.slack and person.email}
    if not wanted:
        return settings
    known = await _remembered(store) if store is not None else {}
    enough = time.monotonic() + _ASKING_AGAIN_SECONDS
    for email in _in_order(wanted, known, int(store.clock.now().timestamp()) if store is not None else 0):
        everybody = wanted.keys() <= known.keys()
        if everybody and time.monotonic() > enough:
            log.warning("Slack answers slowly; people who were not asked for are known from an earlier start")
            break
        try:
            slack = await _slack_id(client, wanted[email], email)
        except slack_errors.TROUBLE as failure:
            if not everybody or not is_away(failure):
                raise
            log.warning("Slack does not say who is who; people are known from an earlier start", why=str(failure))
            break
        if store is not None and known.get(email) != slack:
            await _remember(store, email, slack)
        known[email] = slack
    found = {
        key: person.model_copy(update={"slack": known[person.email]})
        for key, person in settings.people.items()
        if not person.slack and person.email
    }
    return settings.model_copy(update={"people": {**settings.people, **found}})


def is_away(failure: Exception) -> bool:
    """Return whether `failure` of a call means that Slack does not answer now; a refusal is an answer."""
    refusal = slack_errors.read(failure)
    return refusal is not None and refusal.verdict in (Verdict.AGAIN, Verdict.UNCLEAR)


def _in_order(emails: Iterable[str], known: dict[str, str], turn: int) -> list[str]:
    """Return who is asked for first: those without an id, then the others, from another one at each `turn`.

    Slack takes some fifty look-ups a minute: whom it does not come to at one start it comes to at another.
    """
    new = [email for email in emails if not known.get(email)]
    others = [email for email in emails if known.get(email)]
    first = turn % max(1, len(others))
    return [*new, *others[first:], *others[:first]]


async def _slack_id(client: AsyncWebClient, key: str, email: str) -> str:
    try:
        answer = await client.users_lookupByEmail(email=email)
    except SlackApiError as error:
        if slack_errors.word(error) != "users_not_found":
            raise
        log.warning("person_not_in_slack", person=key, remedy="Correct the e-mail in sitrep.yml, or give a Slack id.")
        return ""
    return str(answer["user"]["id"])


async def _remember(store: Store, email: str, slack: str) -> None:
    async with store.transaction() as tx:
        # Replicas that start together learn the same: the second insert waits for the first.
        insert = postgresql.insert if store.supports_skip_locked else sqlite.insert
        learnt = insert(records.KnownPerson).values(email=email, slack=slack)
        await tx.session.execute(learnt.on_conflict_do_update(index_elements=["email"], set_={"slack": slack}))


async def _remembered(store: Store) -> dict[str, str]:
    async with store.read() as session:
        return {row.email: row.slack for row in (await session.scalars(select(records.KnownPerson))).all()}
