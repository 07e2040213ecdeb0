"""A real Bolt app over Socket Mode, a real person at the front door."""

import pytest

from bot.workspace.rules.errors import SlackError

MODAL = {
    "type": "modal",
    "callback_id": "declare",
    "title": {"type": "plain_text", "text": "Declare"},
    "submit": {"type": "plain_text", "text": "Declare"},
    "blocks": [
        {
            "type": "input",
            "block_id": "title",
            "label": {"type": "plain_text", "text": "Title"},
            "element": {"type": "plain_text_input", "action_id": "text"},
        },
        {
            "type": "input",
            "block_id": "service",
            "optional": True,
            "label": {"type": "plain_text", "text": "Service"},
            "element": {"type": "external_select", "action_id": "pick", "min_query_length": 0},
        },
        {
            "type": "actions",
            "block_id": "severity",
            "elements": [
                {
                    "type": "button",
                    "action_id": "sev:high",
                    "text": {"type": "plain_text", "text": "High"},
                    "value": "h",
                }
            ],
        },
    ],
}


async def test_command_opens_a_modal_whose_submission_reaches_the_app(app, connected, ava, seen):
    @app.command("/ops")
    async def ops(ack, body, client):
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=MODAL)

    @app.options("pick")
    async def pick(ack, payload):
        await ack(options=[{"text": {"type": "plain_text", "text": payload["value"]}, "value": "svc-1"}])

    @app.action("sev:high")
    async def press(ack, body, client):
        await ack()
        seen(body)
        view = {**MODAL, "blocks": [*MODAL["blocks"], {"type": "divider"}]}
        await client.views_update(view_id=body["view"]["id"], hash=body["view"]["hash"], view=view)

    @app.view("declare")
    async def submitted(ack, body):
        await ack(response_action="errors", errors={"title": "Too short"}) if len(
            body["view"]["state"]["values"]["title"]["text"]["value"]
        ) < 5 else await ack()
        seen(body)

    await ava.command("/ops", "now")
    view = await ava.wait_for_view()
    await ava.fill(view, {"title": "500", "service": "checkout"})
    await ava.click_in_view(view, "High")
    clicked = await seen.next()
    assert clicked["actions"][0]["value"] == "h"
    assert clicked["container"] == {"type": "view", "view_id": view["id"]}
    assert clicked["view"]["state"]["values"]["title"]["text"]["value"] == "500"
    updated = await ava.wait_for_view(lambda v: len(v["blocks"]) == 4)
    assert updated["hash"] != view["hash"]

    refused = await ava.submit(view)
    assert refused["errors"] == {"title": "Too short"}
    await seen.next()
    accepted = await ava.submit(view, {"title": "500s at checkout"})
    assert accepted["response_action"] is None
    body = await seen.next()
    assert body["view"]["state"]["values"]["service"]["pick"]["selected_option"]["value"] == "svc-1"
    await ava.wait_until_no_view()


async def test_buttons_of_a_message_edit_it_in_place(app, connected, client, ava, seen):
    channel = (await client.conversations_create(name="inc-1"))["channel"]["id"]
    await client.conversations_invite(channel=channel, users="U0AVA")

    @app.action("ack")
    async def acknowledge(ack, body, client, respond):
        await ack()
        seen(body)
        await client.chat_update(channel=channel, ts=body["message"]["ts"], text="Acknowledged", blocks=[])
        await respond("You have it", response_type="ephemeral")

    button = {"type": "button", "action_id": "ack", "text": {"type": "plain_text", "text": "Acknowledge"}}
    posted = await client.chat_postMessage(
        channel=channel, text="Open", blocks=[{"type": "actions", "block_id": "b", "elements": [button]}]
    )
    card = await ava.wait_for_message("inc-1", lambda m: m["ts"] == posted["ts"])
    await ava.click("inc-1", card, "Acknowledge")
    body = await seen.next()
    assert body["channel"] == {"id": channel, "name": "inc-1"}
    assert body["message"]["blocks"][0]["block_id"] == "b"
    await ava.wait_for_message("inc-1", lambda m: m["text"] == "Acknowledged")
    answer = await ava.wait_for_ephemeral(lambda m: m["text"] == "You have it")
    assert [m["ts"] for m in await ava.ephemerals("inc-1")] == [answer["ts"]]


async def test_the_ack_of_a_command_becomes_an_ephemeral_message(app, connected, ava):
    @app.command("/ops")
    async def ops(ack, command):
        await ack(text=f"Did you mean `{command['text']}`?")

    assert (await ava.command("/ops", "hlep"))["text"] == "Did you mean `hlep`?"
    await ava.wait_for_ephemeral(lambda m: "hlep" in m["text"])


async def test_a_command_without_a_connected_app_says_so(ava):
    with pytest.raises(SlackError, match="app_not_connected"):
        await ava.command("/ops")


async def test_messages_and_mentions_reach_the_app_where_it_is_a_member(app, connected, client, ava, ben, seen):
    @app.event("app_mention")
    async def mentioned(event):
        seen(("mention", event["text"]))

    @app.event("message")
    async def heard(event):
        seen(("message", event["text"]))

    await ben.post("secret", "nobody hears this")
    general = ava.channel_id("general")
    await client.conversations_join(channel=general)
    me = (await client.auth_test())["user_id"]
    await ava.post("general", f"<@{me}> are you there?")
    assert {await seen.next(), await seen.next()} == {
        ("message", f"<@{me}> are you there?"),
        ("mention", f"<@{me}> are you there?"),
    }


async def test_choices_on_a_message_come_with_its_whole_state(app, connected, client, ava, seen):
    @app.options("who")
    async def who(ack):
        group = {"label": {"type": "plain_text", "text": "People"}, "options": [choice("Ava"), choice("Ben")]}
        await ack(option_groups=[group])

    @app.action("who")
    @app.action("day")
    @app.action("more")
    async def chosen(ack, body):
        await ack()
        seen((body["actions"][0], body["state"]["values"]))

    def choice(name: str) -> dict:
        return {"text": {"type": "plain_text", "text": name}, "value": name.lower()}

    await client.conversations_join(channel=ava.channel_id("general"))
    elements = [
        {"type": "external_select", "action_id": "who", "min_query_length": 0},
        {"type": "datepicker", "action_id": "day"},
        {"type": "overflow", "action_id": "more", "options": [choice("Escalate"), choice("Close")]},
    ]
    card = await client.chat_postMessage(
        channel=ava.channel_id("general"),
        text="Who?",
        blocks=[{"type": "actions", "block_id": "b", "elements": elements}],
    )
    await ava.click("general", card["ts"], "who", "Ben")
    action, _ = await seen.next()
    assert action["selected_option"]["value"] == "ben"
    await ava.click("general", card["ts"], "day", "2026-11-21")
    action, values = await seen.next()
    assert action["selected_date"] == "2026-11-21"
    assert values["b"]["who"]["selected_option"]["value"] == "ben"
    await ava.click("general", card["ts"], "more", "Close")
    action, values = await seen.next()
    assert action["selected_option"]["value"] == "close"
    assert values["b"]["day"] == {"type": "datepicker", "selected_date": "2026-11-21"}
