import json
import time
from pathlib import Path

import pytest

from bot.workspace.rules import blocks
from bot.workspace.rules.errors import InvalidBlocks, SlackError

VIEWS = Path(__file__).parents[2] / "cases" / "slack" / "views"


def text(content: str, kind: str = "plain_text") -> dict:
    return {"type": kind, "text": content}


def section(content: str = "text", **more) -> dict:
    return {"type": "section", "text": text(content, "mrkdwn"), **more}


def button(action_id: str = "a", **more) -> dict:
    return {"type": "button", "action_id": action_id, "text": text("Press"), **more}


def modal(**more) -> dict:
    return {"type": "modal", "title": text("Title"), "blocks": [section()], **more}


def faults(layout: object) -> list[str]:
    with pytest.raises(InvalidBlocks) as caught:
        blocks.message_blocks(layout)
    return [message.removeprefix("[ERROR] ") for message in caught.value.fields["response_metadata"]["messages"]]


@pytest.mark.parametrize("path", sorted(VIEWS.glob("*.json")), ids=lambda path: path.stem)
def test_views_that_slack_takes_are_taken(path):
    view = json.loads(path.read_text())
    assert blocks.view_layout(view)["type"] == view["type"]


@pytest.mark.parametrize(
    ("block", "fault"),
    [
        ({"type": "nope"}, "unsupported type: nope [json-pointer:/blocks/0/type]"),
        ("text", "must provide an object [json-pointer:/blocks/0]"),
        ({"type": "section"}, "missing required field: text [json-pointer:/blocks/0]"),
        (section("x" * 3001), "must be less than 3001 characters [json-pointer:/blocks/0/text/text]"),
        (section(""), "must be more than 0 characters [json-pointer:/blocks/0/text/text]"),
        (section(colour="red"), "invalid additional property: colour [json-pointer:/blocks/0]"),
        (section(block_id="x" * 256), "must be less than 256 characters [json-pointer:/blocks/0/block_id]"),
        ({"type": "header", "text": text("x", "mrkdwn")}, "must be plain_text [json-pointer:/blocks/0/text/type]"),
        (
            {"type": "header", "text": text("x" * 151)},
            "must be less than 151 characters [json-pointer:/blocks/0/text/text]",
        ),
        (
            {"type": "section", "fields": [text("x")] * 11},
            "no more than 10 items allowed [json-pointer:/blocks/0/fields]",
        ),
        (
            {"type": "actions", "elements": [button(str(n)) for n in range(26)]},
            "no more than 25 items allowed [json-pointer:/blocks/0/elements]",
        ),
        (
            {"type": "actions", "elements": [button(style="green")]},
            "must be one of: primary, danger [json-pointer:/blocks/0/elements/0/style]",
        ),
        (
            {"type": "actions", "elements": [button(text=text("x" * 76))]},
            "must be less than 76 characters [json-pointer:/blocks/0/elements/0/text/text]",
        ),
        (
            {"type": "actions", "elements": [button(value=7)]},
            "must provide a string [json-pointer:/blocks/0/elements/0/value]",
        ),
        (
            {"type": "actions", "elements": [button("a"), button("a")]},
            "`action_id` 'a' already exists [json-pointer:/blocks/0/elements/1/action_id]",
        ),
        (
            {"type": "actions", "elements": [{"type": "image", "image_url": "u", "alt_text": "a"}]},
            "unsupported type: image [json-pointer:/blocks/0/elements/0/type]",
        ),
        ({"type": "image", "alt_text": "a"}, "failed to match all allowed schemas [json-pointer:/blocks/0]"),
    ],
)
def test_a_fault_names_its_place(block, fault):
    assert faults([block]) == [fault]


def test_all_faults_are_named_at_once():
    assert len(faults([section("x" * 3001), {"type": "divider", "extra": 1}, {"type": "nope"}])) == 3


def test_a_block_id_stands_once():
    assert faults([section(block_id="a"), section(block_id="a")]) == [
        "`block_id` 'a' already exists [json-pointer:/blocks/1/block_id]"
    ]


def test_a_message_has_fifty_blocks_and_a_view_a_hundred():
    assert len(blocks.message_blocks([section()] * 50)) == 50
    assert faults([section()] * 51) == ["no more than 50 items allowed [json-pointer:/blocks]"]
    assert len(blocks.view_layout(modal(blocks=[section()] * 100))["blocks"]) == 100
    with pytest.raises(InvalidBlocks, match="no more than 100 items"):
        blocks.view_layout(modal(blocks=[section()] * 101))


def test_a_message_holds_about_thirteen_thousand_characters():
    with pytest.raises(SlackError, match="msg_blocks_too_long"):
        blocks.message_blocks([section("x" * 2700)] * 5)
    with pytest.raises(SlackError, match="msg_too_long"):
        blocks.message_blocks([{"type": "markdown", "text": "x" * 6001}] * 2)


def test_a_message_s_blocks_are_a_list():
    with pytest.raises(SlackError, match="invalid_blocks_format"):
        blocks.message_blocks({"type": "section"})


def test_an_option_s_value_has_up_to_150_characters():
    def select(value: str) -> dict:
        return {"type": "static_select", "action_id": "s", "options": [{"text": text("o"), "value": value}]}

    blocks.message_blocks([section(accessory=select("x" * 150))])
    assert len(faults([section(accessory=select("x" * 151))])) == 1


@pytest.mark.parametrize(
    ("view", "fault"),
    [
        ({"type": "dialog"}, "unsupported type: dialog"),
        ([], "must provide an object"),
        (modal(title=text("x" * 25)), "must be less than 25 characters [json-pointer:/view/title/text]"),
        (modal(private_metadata="x" * 3001), "must be less than 3001 characters [json-pointer:/view/private_metadata]"),
        (
            modal(blocks=[{"type": "input", "label": text("l"), "element": {"type": "plain_text_input"}}]),
            "missing required field: submit [json-pointer:/view]",
        ),
        ({"type": "home"}, "must provide an array [json-pointer:/view/blocks]"),
    ],
)
def test_a_view_with_faults_is_refused(view, fault):
    with pytest.raises(InvalidBlocks) as caught:
        blocks.view_layout(view)
    assert caught.value.code == "invalid_arguments"
    assert any(fault in message for message in caught.value.fields["response_metadata"]["messages"])


def test_ids_are_given_to_blocks_and_elements_that_have_none():
    stored = blocks.message_blocks([{"type": "actions", "elements": [{"type": "button", "text": text("x")}]}])
    assert stored[0]["block_id"]
    assert stored[0]["elements"][0]["action_id"]
    assert stored[0]["elements"][0]["text"]["emoji"] is True


def test_what_an_app_sent_is_left_as_it_was():
    sent = [section(), {"type": "actions", "elements": [button()]}]
    before = json.dumps(sent)
    blocks.message_blocks(sent)
    assert json.dumps(sent) == before


def test_a_message_of_ten_blocks_is_checked_in_well_under_two_milliseconds():
    actions = {"type": "actions", "elements": [button(str(n), value="v") for n in range(4)]}
    fields = {"type": "section", "fields": [text(str(n), "mrkdwn") for n in range(6)]}
    layout = [
        *([section("some text")] * 5),
        fields,
        fields,
        actions,
        {"type": "context", "elements": [text("c")]},
        actions,
    ]
    blocks.message_blocks(layout)
    best = min(_seconds(layout) for _ in range(20))
    assert best < 0.002


def _seconds(layout: list[dict]) -> float:
    began = time.perf_counter()
    blocks.message_blocks(layout)
    return time.perf_counter() - began
