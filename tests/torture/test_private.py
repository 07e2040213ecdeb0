"""Whoever was shown something twice is named, though another answer was lost meanwhile."""

from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.workspace.contents.ephemerals import KEPT
from bot.workspace.server import Workspace
from tests.torture import town
from tests.torture.private import Shown

ANA = town.PEOPLE["ana"]


async def test_command_that_is_answered_twice_is_named_though_the_answer_to_another_was_lost() -> None:
    async with Workspace(town.slack_config()) as workspace:
        core = workspace.core
        shown, general = Shown.watch(core), core.team.channels_by_name["general"].id
        [app] = core.team.apps
        addresses = [f"{core.base_url}/hooks/{core.responses.issue(app, ANA, general)}" for _ in range(2)]
        for _ in range(2):
            await AsyncWebhookClient(addresses[1]).send(text="Nothing is open.", response_type="ephemeral")
        assert shown.twice({(ANA, general): 2}) == [f"{ANA} in {general}: one command answered 2 times"]


async def test_what_is_shown_oftener_than_it_was_asked_for_is_named_beyond_what_the_workspace_keeps() -> None:
    async with Workspace(town.slack_config()) as workspace:
        line = AsyncWebClient("xoxb-sitrep", base_url=workspace.api_url)
        room = str((await line.conversations_create(name="inc-1-checkout"))["channel"]["id"])
        await line.conversations_invite(channel=room, users=ANA)
        shown = Shown.watch(workspace.core)
        for _ in range(KEPT + 1):
            await line.chat_postEphemeral(channel=room, user=ANA, text="how it stands")
        assert shown.twice({(ANA, room): KEPT + 1}) == []
        assert shown.twice({(ANA, room): KEPT}) == [f"{ANA} in {room}: asked {KEPT}, shown {KEPT + 1}"]
