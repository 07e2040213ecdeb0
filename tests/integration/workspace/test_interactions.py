"""Modals, shortcuts, events and answers through a real Bolt app."""

import httpx
import pytest
from slack_sdk.errors import SlackApiError

from bot.workspace.config import DeliveryConfig
from bot.workspace.rules.errors import SlackError
from bot.workspace.server import Workspace
from tests.integration.workspace.ops import configuration


def text(content: str) -> dict:
    return {"type": "plain_text", "text": content}


def modal(title: str = "Step", **more) -> dict:
    block = {"type": "section", "block_id": "s", "text": {"type": "mrkdwn", "text": title}}
    return {
        "type": "modal",
        "callback_id": "step",
        "title": text(title),
        "blocks": [block],
        "submit": text("Go"),
        **more,
    }


async def refusal(call):
    with pytest.raises(SlackApiError) as caught:
        await call
    return caught.value.response


@pytest.fixture
def opens(app, seen):
    """Let /ops hand its trigger id to the test."""

    @app.command("/ops")
    async def ops(ack, body):
        await ack()
        seen(body["trigger_id"])

    return app


async def test_a_trigger_id_opens_one_modal_once(opens, connected, client, ava, seen):
    await ava.command("/ops")
    trigger_id = await seen.next()
    await client.views_open(trigger_id=trigger_id, view=modal())
    assert (await refusal(client.views_open(trigger_id=trigger_id, view=modal())))["error"] == "exchanged_trigger_id"
    assert (await refusal(client.views_open(trigger_id="1.2.3", view=modal())))["error"] == "invalid_trigger_id"


async def test_a_trigger_id_expires(app, seen):
    clock = [1_800_000_000.0]
    async with Workspace(configuration(delivery=DeliveryConfig()), now=lambda: clock[0]) as running:
        trigger_id = running.core.triggers.issue(next(iter(running.core.team.apps)), "U0AVA")
        clock[0] += 3.1
        app.client.base_url = running.api_url
        response = await refusal(app.client.views_open(trigger_id=trigger_id, view=modal()))
        assert response["error"] == "expired_trigger_id"


async def test_a_view_with_faults_is_refused_and_the_places_named(opens, connected, client, ava, seen):
    await ava.command("/ops")
    wrong = modal(title="x" * 25)
    wrong["blocks"].append({"type": "header", "text": {"type": "mrkdwn", "text": "no"}})
    response = await refusal(client.views_open(trigger_id=await seen.next(), view=wrong))
    assert response["error"] == "invalid_arguments"
    assert response["response_metadata"]["messages"] == [
        "[ERROR] must be less than 25 characters [json-pointer:/view/title/text]",
        "[ERROR] must be plain_text [json-pointer:/view/blocks/1/text/type]",
    ]


async def test_a_stack_holds_three_modals(app, opens, connected, client, ava, seen):
    @app.view("step")
    async def step(ack, body):
        await ack(response_action="push", view=modal("Next"))
        seen(body["view"]["id"])

    await ava.command("/ops")
    await client.views_open(trigger_id=await seen.next(), view=modal())
    first = await ava.wait_for_view()
    await ava.submit(first)
    second = await ava.wait_for_view(lambda v: v["previous_view_id"] == first["id"])
    assert second["root_view_id"] == first["id"]
    await ava.submit(second)
    third = await ava.wait_for_view(lambda v: v["previous_view_id"] == second["id"])
    with pytest.raises(SlackError, match="dispatch_failed"):
        await ava.submit(third)
    await ava.close(third)
    assert (await ava.wait_for_view(lambda v: v["id"] == second["id"]))["id"] == second["id"]


async def test_a_submission_can_update_the_view_and_clear_the_stack(app, opens, connected, client, ava, seen):
    @app.view("step")
    async def step(ack, body):
        await ack(response_action="update", view=modal("Done", callback_id="done"))

    @app.view("done")
    async def done(ack):
        await ack(response_action="clear")

    await ava.command("/ops")
    await client.views_open(trigger_id=await seen.next(), view=modal())
    view = await ava.wait_for_view()
    answer = await ava.submit(view)
    assert answer["response_action"] == "update"
    assert answer["view"]["title"]["text"] == "Done"
    await ava.submit(await ava.wait_for_view(lambda v: v["callback_id"] == "done"))
    await ava.wait_until_no_view()


async def test_a_stale_hash_does_not_overwrite_a_newer_view(opens, connected, client, ava, seen):
    await ava.command("/ops")
    opened = (await client.views_open(trigger_id=await seen.next(), view=modal()))["view"]
    await client.views_update(view_id=opened["id"], hash=opened["hash"], view=modal("Newer"))
    late = client.views_update(view_id=opened["id"], hash=opened["hash"], view=modal("Older"))
    assert (await refusal(late))["error"] == "hash_conflict"


async def test_what_was_typed_survives_an_update_where_ids_stay(opens, connected, client, ava, seen):
    element = {"type": "plain_text_input", "action_id": "a"}
    blocks = [
        {"type": "input", "block_id": "title", "label": text("Title"), "element": element, "dispatch_action": True}
    ]
    await ava.command("/ops")
    await client.views_open(trigger_id=await seen.next(), view=modal(blocks=blocks))
    view = await ava.wait_for_view()

    @opens.action("a")
    async def typed(ack, body):
        await ack()
        seen(body["actions"][0])

    await ava.click_in_view(view, "a", "checkout is down")
    assert (await seen.next())["value"] == "checkout is down"
    updated = await client.views_update(view_id=view["id"], view=modal(blocks=[*blocks, {"type": "divider"}]))
    assert updated["view"]["state"]["values"]["title"]["a"]["value"] == "checkout is down"


async def test_required_fields_are_asked_for_before_the_app_is(app, opens, connected, client, ava, seen):
    @app.view("step")
    async def step(ack):
        await ack()
        seen("reached")

    element = {"type": "plain_text_input", "action_id": "a"}
    blocks = [{"type": "input", "block_id": "title", "label": text("Title"), "element": element}]
    await ava.command("/ops")
    await client.views_open(trigger_id=await seen.next(), view=modal(blocks=blocks))
    answer = await ava.submit(await ava.wait_for_view())
    assert answer["errors"] == {"title": "Please complete this required field."}
    assert seen.is_empty


async def test_closing_tells_apps_that_asked_for_it(app, opens, connected, client, ava, seen):
    @app.view_closed("step")
    async def closed(ack, body):
        await ack()
        seen(body["is_cleared"])

    await ava.command("/ops")
    await client.views_open(trigger_id=await seen.next(), view=modal(notify_on_close=True))
    await ava.close(await ava.wait_for_view(), whole_stack=True)
    assert await seen.next() is True


async def test_shortcuts_reach_the_app_with_their_message(app, connected, client, ava, seen):
    @app.shortcut("declare")
    async def declare(ack, body, client):
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=modal("From anywhere"))

    @app.shortcut("keep")
    async def keep(ack, body, respond):
        await ack()
        seen((body["message"]["text"], body["channel"]["name"]))
        await respond("Kept")

    await ava.shortcut("declare")
    await ava.wait_for_view(lambda v: v["title"]["text"] == "From anywhere")
    posted = await ava.post("general", "ERROR 500 at checkout")
    await ava.shortcut("keep", "general", posted["ts"])
    assert await seen.next() == ("ERROR 500 at checkout", "general")
    await ava.wait_for_ephemeral(lambda m: m["text"] == "Kept")


async def test_a_home_is_published_for_each_person(app, connected, client, ava, seen):
    @app.event("app_home_opened")
    async def opened(event, client):
        block = {"type": "section", "text": {"type": "mrkdwn", "text": "No open incidents"}}
        await client.views_publish(user_id=event["user"], view={"type": "home", "blocks": [block]})

    assert await ava.open_home("Ops") is None
    home = await ava.wait_for_home("Ops")
    assert home["blocks"][0]["text"]["text"] == "No open incidents"
    assert (await ava.open_home("Ops"))["id"] == home["id"]


async def test_commands_escape_mentions_only_where_the_manifest_says_so(app, connected, ava, seen):
    async def take(ack, command):
        await ack()
        seen(command["text"])

    app.command("/ops")(take)
    app.command("/page")(take)
    await ava.command("/page", "@ben in #general now")
    assert await seen.next() == f"<@U0BEN|ben> in <#{ava.channel_id('general')}|general> now"
    await ava.command("/ops", "<@U0BEN> now")
    assert await seen.next() == "@ben now"


async def test_a_response_url_works_five_times(app, connected, client, ava, seen):
    @app.command("/ops")
    async def ops(ack, body):
        await ack()
        seen(body["response_url"])

    await ava.command("/ops")
    url = await seen.next()
    async with httpx.AsyncClient() as http:
        codes = [(await http.post(url, json={"text": str(n)})).status_code for n in range(6)]
        broken = await http.post(url, content="{")
    assert codes == [200] * 5 + [404]
    assert broken.status_code == 400


async def test_a_response_can_replace_and_delete_what_was_acted_on(app, connected, client, ava, seen):
    @app.command("/ops")
    async def ops(ack, respond):
        button = {"type": "button", "action_id": "next", "text": text("Next")}
        await ack(text="page 1", blocks=[{"type": "actions", "elements": [button]}])

    @app.action("next")
    async def turn(ack, body, respond):
        await ack()
        seen(respond)

    await ava.command("/ops")
    private = await ava.wait_for_ephemeral(lambda m: m["text"] == "page 1")
    await ava.click("general", private, "next")
    respond = await seen.next()
    await respond(text="page 2", replace_original=True)
    shown = await ava.wait_for_ephemeral(lambda m: m["text"] == "page 2")
    assert shown["ts"] == private["ts"]
    await respond(delete_original=True)
    assert await ava.ephemerals("general") == []
    await respond(text="done", response_type="in_channel", replace_original=False)
    assert (await ava.messages("general"))[-1]["text"] == "done"


async def test_events_of_the_room_reach_the_app(app, connected, client, ava, seen):
    for name in ("reaction_added", "reaction_removed", "member_joined_channel", "pin_added"):

        @app.event(name)
        async def heard(event):
            seen(event)

    room = (await client.conversations_create(name="room"))["channel"]["id"]
    await client.conversations_invite(channel=room, users="U0AVA")
    joined = await seen.next()
    assert (joined["type"], joined["user"], joined["channel"]) == ("member_joined_channel", "U0AVA", room)
    card = (await client.chat_postMessage(channel=room, text="card"))["ts"]
    await ava.react(room, card, "eyes")
    added = await seen.next()
    assert (added["type"], added["item"]["ts"], added["reaction"]) == ("reaction_added", card, "eyes")
    await ava.api("reactions.remove", channel=room, timestamp=card, name="eyes")
    assert (await seen.next())["type"] == "reaction_removed"
    await ava.api("pins.add", channel=room, timestamp=card)
    assert (await seen.next())["item"]["message"]["ts"] == card


async def test_edits_and_deletions_come_as_message_events(app, connected, client, ava, seen):
    @app.event({"type": "message", "subtype": "message_changed"})
    async def changed(event):
        seen((event["previous_message"]["text"], event["message"]["text"]))

    @app.event({"type": "message", "subtype": "message_deleted"})
    async def deleted(event):
        seen(event["deleted_ts"])

    await client.conversations_join(channel=ava.channel_id("general"))
    posted = await ava.post("general", "500s")
    await ava.api("chat.update", channel=ava.channel_id("general"), ts=posted["ts"], text="502s")
    assert await seen.next() == ("500s", "502s")
    await ava.api("chat.delete", channel=ava.channel_id("general"), ts=posted["ts"])
    assert await seen.next() == posted["ts"]


async def test_a_stale_button_still_reaches_the_app(app, connected, client, ava, seen):
    @app.action("approve")
    async def approve(ack, body):
        await ack()
        seen(body["message"]["text"])

    await client.conversations_join(channel=ava.channel_id("general"))
    button = {"type": "button", "action_id": "approve", "text": text("Approve"), "value": "run-1"}
    blocks = [{"type": "actions", "block_id": "b", "elements": [button]}]
    card = await client.chat_postMessage(channel=ava.channel_id("general"), text="Approve?", blocks=blocks)
    await client.chat_update(channel=card["channel"], ts=card["ts"], text="Approved", blocks=[])
    clicked = {"type": "button", "block_id": "b", "action_id": "approve", "value": "run-1"}
    container = {"type": "message", "channel": card["channel"], "ts": card["ts"]}
    await ava._ask("POST", "action", {"container": container, "action": clicked})
    assert await seen.next() == "Approved"
