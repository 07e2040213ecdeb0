"""Looks up the Slack ids of the people that `sitrep.yml` names by e-mail."""

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot import slack_errors
from incidents.catalog import Person, Settings

log = structlog.get_logger(__name__)


async def resolve(client: AsyncWebClient, settings: Settings) -> Settings:
    """Return `settings` with the Slack id of every person that Slack knows by e-mail.

    Somebody whom Slack does not know stays without an id and is said so in the log; `sitrep doctor` names them too.

    Raises:
        SlackApiError: Slack refused for another reason than an unknown e-mail (token, scope).
        OSError: Slack is out of reach.
    """
    found: dict[str, Person] = {}
    for key, person in settings.people.items():
        if not person.slack and person.email:
            found[key] = person.model_copy(update={"slack": await _slack_id(client, key, person.email)})
    return settings.model_copy(update={"people": {**settings.people, **found}})


async def _slack_id(client: AsyncWebClient, key: str, email: str) -> str:
    try:
        answer = await client.users_lookupByEmail(email=email)
    except SlackApiError as error:
        if slack_errors.word(error) != "users_not_found":
            raise
        log.warning("person_not_in_slack", person=key, remedy="Correct the e-mail in sitrep.yml, or give a Slack id.")
        return ""
    return str(answer["user"]["id"])
