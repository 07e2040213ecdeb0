"""The small deciding parts of the workspace, by themselves."""

import math

import pytest

from bot.workspace.apps.http_delivery import sign
from bot.workspace.apps.response_urls import ResponseUrls
from bot.workspace.apps.triggers import Triggers
from bot.workspace.client.hub import MAX_WAITING, Hub
from bot.workspace.config import DeliveryConfig, LimitConfig
from bot.workspace.contents import canvases, element_state
from bot.workspace.contents.ids import Ids, Timestamps
from bot.workspace.contents.model import View
from bot.workspace.person import choosing
from bot.workspace.rules import input_checks, limits
from bot.workspace.rules.errors import RateLimited, SlackError
from bot.workspace.rules.faults import Fault, FaultKind, Faults
from bot.workspace.rules.manifest import Manifest, ShortcutKind


class Clock:
    def __init__(self) -> None:
        self.time = 1_800_000_000.0

    def __call__(self) -> float:
        return self.time


def text(content: str) -> dict:
    return {"type": "plain_text", "text": content}


def option(value: str) -> dict:
    return {"text": text(value.title()), "value": value}


def question(element: dict, block_id: str = "b", **more) -> dict:
    element = {"action_id": "a", **element}
    return {"type": "input", "block_id": block_id, "label": text("Question"), "element": element, **more}


def view_of(block: dict, value: object) -> View:
    field, _ = element_state.FIELDS[block["element"]["type"]]
    values = {"b": {"a": {"type": block["element"]["type"], field: value}}}
    return View("V1", "A1", "U1", "modal", {"blocks": [block]}, "h", "V1", values=values)


def test_timestamps_increase_while_the_clock_stands_still_or_steps_back():
    clock = Clock()
    timestamps = Timestamps(clock)
    first, second = timestamps.next(), timestamps.next()
    clock.time -= 3600
    assert first < second < timestamps.next()


def test_ids_look_like_slack_s_and_are_unique():
    ids = Ids()
    made = [ids.new("C") for _ in range(100)]
    assert len(set(made)) == 100
    assert all(len(made_id) == 11 and made_id.isupper() for made_id in made)


def test_a_trigger_id_is_good_once_for_three_seconds_and_for_its_app():
    clock = Clock()
    triggers = Triggers(DeliveryConfig(), clock)
    trigger_id = triggers.issue("A1", "U1")
    with pytest.raises(SlackError, match="invalid_trigger_id"):
        triggers.redeem(trigger_id, "A2")
    assert triggers.redeem(trigger_id, "A1").user_id == "U1"
    with pytest.raises(SlackError, match="exchanged_trigger_id"):
        triggers.redeem(trigger_id, "A1")
    late = triggers.issue("A1", "U1")
    clock.time += 3.01
    with pytest.raises(SlackError, match="expired_trigger_id"):
        triggers.redeem(late, "A1")


def test_a_response_url_is_good_five_times_within_half_an_hour():
    clock = Clock()
    urls = ResponseUrls(DeliveryConfig(), clock)
    token = urls.issue("A1", "U1", "C1")
    for _ in range(5):
        urls.redeem(token)
    with pytest.raises(SlackError, match="used_url"):
        urls.redeem(token)
    other = urls.issue("A1", "U1", "C1")
    clock.time += 30 * 60 + 1
    with pytest.raises(SlackError, match="expired_url"):
        urls.redeem(other)


def test_every_tier_lets_its_minute_pass_at_once_and_then_says_how_long_to_wait():
    for method, allowed in (("conversations.create", 20), ("chat.update", 50), ("views.open", 100)):
        limiter = limits.Limiter(LimitConfig())
        for _ in range(allowed):
            limiter.take("A1", method)
        with pytest.raises(RateLimited) as caught:
            limiter.take("A1", method)
        assert caught.value.retry_after == math.ceil(60 / allowed)
        limiter.take("A2", method)


def test_limits_can_be_switched_off():
    limiter = limits.Limiter(LimitConfig(enabled=False))
    for _ in range(1000):
        limiter.take("A1", "conversations.create")


def test_a_fault_strikes_as_often_as_it_was_asked_to_and_where():
    faults = Faults()
    faults.request([Fault(method="chat.*", kind=FaultKind.SERVER_ERROR, times=2)])
    assert faults.strike("views.open") == []
    assert len(faults.strike("chat.postMessage")) == 1
    assert len(faults.strike("chat.update")) == 1
    assert faults.strike("chat.update") == []
    faults.request([Fault(kind=FaultKind.SERVER_ERROR)])
    faults.clear()
    assert faults.wanted() == []


def test_the_signature_is_slack_s_own():
    # The example of Slack's page "Verifying requests from Slack".
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
        b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
        b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
        b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    assert sign("8f742231b10e8888abcd99yyyzzz85a5", "1531420618", body) == (
        "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
    )


@pytest.mark.parametrize(
    ("element", "empty", "filled"),
    [
        ({"type": "plain_text_input", "initial_value": "x"}, {"value": None}, {"value": "x"}),
        ({"type": "number_input", "initial_value": "3"}, {"value": None}, {"value": "3"}),
        (
            {"type": "static_select", "initial_option": option("a")},
            {"selected_option": None},
            {"selected_option": option("a")},
        ),
        (
            {"type": "checkboxes", "initial_options": [option("a")]},
            {"selected_options": []},
            {"selected_options": [option("a")]},
        ),
        ({"type": "users_select", "initial_user": "U1"}, {"selected_user": None}, {"selected_user": "U1"}),
        ({"type": "multi_users_select", "initial_users": ["U1"]}, {"selected_users": []}, {"selected_users": ["U1"]}),
        (
            {"type": "datepicker", "initial_date": "2026-11-21"},
            {"selected_date": None},
            {"selected_date": "2026-11-21"},
        ),
        (
            {"type": "datetimepicker", "initial_date_time": 1_800_000_000},
            {"selected_date_time": None},
            {"selected_date_time": 1_800_000_000},
        ),
    ],
)
def test_state_begins_with_what_the_block_says(element, empty, filled):
    bare = {name: value for name, value in element.items() if not name.startswith("initial")}
    assert element_state.initial([question(bare)]) == {"b": {"a": {"type": element["type"], **empty}}}
    assert element_state.initial([question(element)]) == {"b": {"a": {"type": element["type"], **filled}}}


def test_state_survives_where_block_action_and_type_stay():
    values = {"b": {"a": {"type": "plain_text_input", "value": "typed"}}, "gone": {"a": {"type": "plain_text_input"}}}
    assert element_state.carried_over(values, [question({"type": "plain_text_input"})])["b"]["a"]["value"] == "typed"
    assert element_state.carried_over(values, [question({"type": "number_input"})])["b"]["a"]["value"] is None
    assert "gone" not in element_state.carried_over(values, [question({"type": "plain_text_input"})])


@pytest.mark.parametrize(
    ("element", "value", "complaint"),
    [
        ({"type": "plain_text_input"}, None, "Please complete this required field."),
        ({"type": "plain_text_input"}, "", "Please complete this required field."),
        ({"type": "plain_text_input", "min_length": 5}, "500", "Enter at least 5 characters."),
        ({"type": "plain_text_input", "max_length": 2}, "500", "Enter at most 2 characters."),
        ({"type": "plain_text_input"}, "fine", None),
        ({"type": "checkboxes"}, [], "Please complete this required field."),
        ({"type": "email_text_input"}, "nobody", "Enter a valid email address."),
        ({"type": "email_text_input"}, "a@example.com", None),
        ({"type": "url_text_input"}, "example.com", "Enter a valid URL."),
        ({"type": "number_input", "is_decimal_allowed": False}, "1.5", "Enter a whole number."),
        ({"type": "number_input", "is_decimal_allowed": True}, "x", "Enter a number."),
        ({"type": "number_input", "is_decimal_allowed": False, "min_value": "3"}, "2", "Enter a number of at least 3."),
        ({"type": "number_input", "is_decimal_allowed": False, "max_value": "3"}, "4", "Enter a number of at most 3."),
        ({"type": "number_input", "is_decimal_allowed": False}, "4", None),
    ],
)
def test_inputs_are_checked_as_slack_s_client_does(element, value, complaint):
    found = input_checks.complaints(view_of(question(element), value))
    assert found == ({"b": complaint} if complaint else {})


def test_an_optional_input_may_stay_empty():
    assert input_checks.complaints(view_of(question({"type": "plain_text_input"}, optional=True), None)) == {}


def test_elements_are_found_by_id_block_label_or_option():
    severity = {"type": "button", "action_id": "sev:high", "text": text("High")}
    layout = [
        {"type": "actions", "block_id": "severity", "elements": [severity]},
        question({"type": "static_select", "options": [option("checkout")]}, "service"),
    ]
    for what in ("sev:high", "severity", "High"):
        assert choosing.find(layout, what)["action_id"] == "sev:high"
    for what in ("service", "Question", "Checkout"):
        assert choosing.find(layout, what)["block_id"] == "service"
    with pytest.raises(SlackError, match="sev:high"):
        choosing.find(layout, "Low")
    assert choosing.entry(choosing.find(layout, "service"), "Checkout")["selected_option"]["value"] == "checkout"
    with pytest.raises(SlackError, match="option_not_found"):
        choosing.entry(choosing.find(layout, "service"), "Search")


def test_a_manifest_grants_what_it_lists():
    manifest = Manifest.parse(
        {
            "features": {
                "slash_commands": [{"command": "/incident", "description": "Declare", "usage_hint": "[title]"}],
                "shortcuts": [{"name": "Keep", "type": "message", "callback_id": "keep", "description": "Keep"}],
            },
            "oauth_config": {"scopes": {"bot": ["commands"], "bot_optional": ["groups:read"]}},
        },
        app_name="Sitrep",
    )
    assert manifest.bot_scopes == {"commands", "groups:read"}
    assert manifest.commands[0].name == "/incident"
    assert manifest.shortcuts[0].kind is ShortcutKind.MESSAGE
    assert (manifest.bot_name, manifest.home_tab) == ("Sitrep", False)


def test_a_canvas_is_split_at_blank_lines_but_not_inside_code():
    sections = canvases.split("# Title\n\n```\na\n\nb\n```\n\n\nend")
    assert [content for _, content in sections] == ["# Title", "```\na\n\nb\n```", "end"]


async def test_a_page_that_does_not_read_is_told_to_come_again():
    hub = Hub()
    notices = hub.listen("U1")
    for number in range(MAX_WAITING + 10):
        hub.publish({"type": "message", "number": number}, None)
    waiting = [notices.get_nowait() for _ in range(notices.qsize())]
    assert waiting[-1] is None
    assert len(waiting) == MAX_WAITING + 1


async def test_notices_reach_only_those_concerned():
    hub = Hub()
    mine, theirs = hub.listen("U1"), hub.listen("U2")
    hub.publish({"type": "ephemeral"}, ["U1"])
    assert (mine.qsize(), theirs.qsize()) == (1, 0)
    hub.leave("U1", mine)
    hub.publish({"type": "message"}, None)
    assert (mine.qsize(), theirs.qsize()) == (1, 1)
