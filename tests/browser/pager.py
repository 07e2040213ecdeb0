"""A small Bolt app for the browser tests: one command, one modal, buttons, options and a home."""

from typing import Any

from slack_bolt.async_app import AsyncApp

SERVICES = ("checkout", "invoices", "search")


def plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


def button(text: str, action_id: str, **more: Any) -> dict[str, Any]:
    return {"type": "button", "text": plain(text), "action_id": action_id, "value": action_id, **more}


def field(block_id: str, label: str, element: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "input", "block_id": block_id, "label": plain(label), "element": element, **more}


def modal(severity: str = "") -> dict[str, Any]:
    """The declare modal; choosing a severity adds the line that says what it means."""
    choices = [button(name, f"severity_{name.lower()}") for name in ("Critical", "High")]
    consequence = {"type": "context", "elements": [{"type": "mrkdwn", "text": f"*{severity}*: pages the on-call"}]}
    return {
        "type": "modal",
        "callback_id": "declare",
        "title": plain("Declare"),
        "submit": plain("Declare"),
        "close": plain("Cancel"),
        "blocks": [
            field("title", "What is happening?", {"type": "plain_text_input", "action_id": "title", "max_length": 20}),
            field(
                "service",
                "Service",
                {"type": "external_select", "action_id": "service", "min_query_length": 0},
                optional=True,
            ),
            {"type": "actions", "block_id": "severity", "elements": choices},
            *([consequence] if severity else []),
            field(
                "facts",
                "What do you know?",
                {"type": "plain_text_input", "action_id": "facts", "multiline": True},
                optional=True,
            ),
        ],
    }


def card(title: str, service: str, facts: str) -> list[dict[str, Any]]:
    """The message that a submission posts, with a button that asks back."""
    confirm = {
        "title": plain("Deploy?"),
        "text": {"type": "mrkdwn", "text": "*checkout*, production"},
        "confirm": plain("Deploy"),
        "deny": plain("Not yet"),
    }
    said = f"*{title}* on {service}: {facts}"
    return [
        {"type": "section", "text": {"type": "mrkdwn", "text": said}},
        {"type": "actions", "elements": [button("Approve", "approve", style="primary", confirm=confirm)]},
    ]


def option(text: str, value: str) -> dict[str, Any]:
    return {"text": plain(text), "value": value}


def impact(hurt: str = "") -> dict[str, Any]:
    """The second modal; it says back what it is told while somebody types."""
    told = {"trigger_actions_on": ["on_character_entered"]}
    text = {"type": "plain_text_input", "action_id": "hurt", "dispatch_action_config": told}
    echo = {"type": "context", "elements": [plain(f"Counting: {hurt}")]}
    revenue = {"type": "radio_buttons", "action_id": "revenue", "options": [option("Yes", "yes"), option("No", "no")]}
    lost = {"type": "checkboxes", "action_id": "data", "options": [option("Data was lost", "lost")]}
    return {
        "type": "modal",
        "callback_id": "impact",
        "title": plain("Impact"),
        "submit": plain("Save"),
        "close": plain("Back"),
        "blocks": [
            field("hurt", "Who is hurt?", text, dispatch_action=True),
            *([echo] if hurt else []),
            field("since", "Since", {"type": "datetimepicker", "action_id": "since"}, optional=True),
            field("helpers", "Who helps?", {"type": "multi_users_select", "action_id": "helpers"}, optional=True),
            field("data", "Data", lost, optional=True),
            field("revenue", "Revenue is hurt", revenue, optional=True),
        ],
    }


def home(count: int) -> dict[str, Any]:
    return {
        "type": "home",
        "blocks": [
            {"type": "header", "text": plain("Pager at home")},
            {"type": "section", "text": {"type": "mrkdwn", "text": f"Pressed {count} times"}},
            {"type": "actions", "elements": [button("Press", "press")]},
        ],
    }


async def ops(ack: Any, body: dict[str, Any], client: Any, respond: Any) -> None:
    await ack()
    if body["text"] == "quiet":
        await respond("Nothing is open.")
    else:
        await client.views_open(trigger_id=body["trigger_id"], view=modal())


async def services(ack: Any, payload: dict[str, Any]) -> None:
    found = [name for name in SERVICES if payload["value"] in name]
    await ack(options=[{"text": plain(name), "value": name} for name in found])


async def critical(ack: Any, body: dict[str, Any], client: Any) -> None:
    await ack()
    await client.views_update(view_id=body["view"]["id"], view=modal("Critical"))


async def high(ack: Any, body: dict[str, Any], client: Any) -> None:
    await ack()
    await client.views_push(trigger_id=body["trigger_id"], view=impact())


async def hurt(ack: Any, body: dict[str, Any], action: dict[str, Any], client: Any) -> None:
    await ack()
    await client.views_update(view_id=body["view"]["id"], view=impact(action["value"]))


async def save(ack: Any, view: dict[str, Any], client: Any) -> None:
    await ack(response_action="clear")
    values = view["state"]["values"]
    helpers = " ".join(values["helpers"]["helpers"]["selected_users"])
    options = " ".join(chosen["value"] for chosen in values["data"]["data"]["selected_options"])
    revenue = values["revenue"]["revenue"]["selected_option"]["value"]
    text = f"Impact: {values['hurt']['hurt']['value']}, helpers {helpers}, options {options}, revenue {revenue}"
    await client.chat_postMessage(channel="general", text=text)


async def declare(ack: Any, view: dict[str, Any], client: Any) -> None:
    values = view["state"]["values"]
    title = values["title"]["title"]["value"]
    if title == "asdf":
        await ack(response_action="errors", errors={"title": "Say in a few words what does not work."})
        return
    await ack()
    service = values["service"]["service"]["selected_option"]
    blocks = card(title, service["value"] if service else "-", values["facts"]["facts"]["value"] or "-")
    await client.chat_postMessage(channel="general", text=title, blocks=blocks)


async def approve(ack: Any, body: dict[str, Any], client: Any) -> None:
    await ack()
    done = f"Approved by <@{body['user']['id']}>"
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": done}}]
    await client.chat_update(channel=body["channel"]["id"], ts=body["message"]["ts"], text=done, blocks=blocks)


async def opened(event: dict[str, Any], client: Any) -> None:
    if event["tab"] == "home" and "view" not in event:
        await client.views_publish(user_id=event["user"], view=home(0))


async def press(ack: Any, body: dict[str, Any], client: Any) -> None:
    await ack()
    await client.views_publish(user_id=body["user"]["id"], view=home(1))


async def keep(ack: Any, shortcut: dict[str, Any], respond: Any) -> None:
    await ack()
    await respond(f"Kept: {shortcut['message']['text']}")


async def ignored() -> None:
    """Take what Bolt would complain of without a listener."""


def register(app: AsyncApp) -> None:
    """Add the listeners."""
    app.command("/ops")(ops)
    app.options("service")(services)
    app.action("severity_critical")(critical)
    app.action("severity_high")(high)
    app.action("hurt")(hurt)
    app.view("impact")(save)
    app.view("declare")(declare)
    app.action("approve")(approve)
    app.event("app_home_opened")(opened)
    app.action("press")(press)
    app.message_shortcut("keep")(keep)
    for event in ("message", "member_joined_channel", "reaction_added", "reaction_removed", "pin_added"):
        app.event(event)(ignored)
