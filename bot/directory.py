"""Looks up the Slack ids of the people that `sitrep.yml` names by e-mail, and remembers them for when Slack is away."""

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from sqlmodel import select

from bot import slack_errors
from bot.slack_errors import Verdict
from incidents import records
from incidents.catalog import Settings
from incidents.store import Store

log = structlog.get_logger(__name__)


async def resolve(client: AsyncWebClient, settings: Settings, store: Store | None = None) -> Settings:
    """Return `settings` with the Slack id of every person that Slack knows by e-mail.

    Somebody whom Slack does not know stays without an id and is said so in the log; `sitrep doctor` names them too.
    What Slack said is remembered in `store`: a process that starts while Slack is away pages and tells people by it.

    Raises:
        SlackApiError: Slack refused for another reason than an unknown e-mail (token, scope).
        slack_errors.TROUBLE: Slack is out of reach, and somebody was never looked up before.
    """
    wanted = {key: person for key, person in settings.people.items() if not person.slack and person.email}
    if not wanted:
        return settings
    try:
        ids = {person.email: await _slack_id(client, key, person.email) for key, person in wanted.items()}
        if store is not None:
            await _remember(store, ids)
    except slack_errors.TROUBLE as failure:
        ids = await _remembered(store) if store is not None else {}
        if not is_away(failure) or any(person.email not in ids for person in wanted.values()):
            raise
        log.warning("Slack is away; people are known from an earlier start", people=len(wanted))
    found = {key: person.model_copy(update={"slack": ids[person.email]}) for key, person in wanted.items()}
    return settings.model_copy(update={"people": {**settings.people, **found}})


def is_away(failure: Exception) -> bool:
    """Return whether `failure` of a call means that Slack does not answer now; a refusal is an answer."""
    refusal = slack_errors.read(failure)
    return refusal is not None and refusal.verdict in (Verdict.AGAIN, Verdict.UNCLEAR)


async def _slack_id(client: AsyncWebClient, key: str, email: str) -> str:
    try:
        answer = await client.users_lookupByEmail(email=email)
    except SlackApiError as error:
        if slack_errors.word(error) != "users_not_found":
            raise
        log.warning("person_not_in_slack", person=key, remedy="Correct the e-mail in sitrep.yml, or give a Slack id.")
        return ""
    return str(answer["user"]["id"])


async def _remember(store: Store, ids: dict[str, str]) -> None:
    known = await _remembered(store)
    if known | ids == known:
        return
    async with store.transaction() as tx:
        for email, slack in ids.items():
            await tx.session.merge(records.KnownPerson(email=email, slack=slack))


async def _remembered(store: Store) -> dict[str, str]:
    async with store.read() as session:
        return {row.email: row.slack for row in (await session.scalars(select(records.KnownPerson))).all()}
