"""Slack takes every surface, whatever stands in it, and nobody is notified by what others typed."""

import json
import re

import pytest

from bot.views.bug_outcome import drawn
from bot.views.message import Message
from bot.workspace.rules import blocks
from incidents.agents.outputs import MODELS, Output
from tests.unit.views import bug_samples, samples

TEXTS = {
    "plain": "Checkout returns 500s",
    "empty": "",
    "long": "checkout fails " * 700,
    "long_word": "x" * 10_000,
    "right_to_left": "التحقق من السلة يعيد خطأ 500 \u202e‮ שלום" * 10,
    "emoji": "👩‍👩‍👧‍👦🔥🏳️‍🌈" * 300,
    "mentions": "<!channel> <!here> <!everyone> @channel @here <@U0SOMEBODY> <!subteam^S1|x> " * 30,
    "markup": "*bold* _it_ ~struck~ `code` ```pre``` > quote & < > | <https://evil.example|click> \n\n# x" * 40,
    "ampersands": "&<>" * 3_000,
    "backticks": "`" * 4_000,
    "controls": "a\x00b\x08c\r\n\td\u2028e" * 200,
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("name", samples.MESSAGES)
def test_slack_takes_every_message(name: str, text: str) -> None:
    accepted(samples.MESSAGES[name](text))


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_slack_takes_every_steps_result(text: str) -> None:
    for output in [*samples.every_output(text), *bug_samples.every_output(text)]:
        accepted(samples.step_result(output, text))


@pytest.mark.parametrize("prompt", MODELS)
def test_what_a_step_brings_can_be_shown(prompt: str) -> None:
    assert drawn.dispatch(MODELS[prompt]) is not drawn.dispatch(Output)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("name", [*samples.MODALS, *samples.HOMES])
def test_slack_takes_every_view(name: str, text: str) -> None:
    view = (samples.MODALS | samples.HOMES)[name](text)
    stored = blocks.view_layout(view)
    assert len(json.dumps(view)) < 250_000  # https://docs.slack.dev/reference/views
    assert_nobody_is_notified(json.dumps(stored, ensure_ascii=False))


def accepted(message: Message) -> None:
    stored = blocks.message_blocks(message.blocks)
    assert message.text.strip()
    assert len(message.text) <= 4_000  # chat.update refuses more
    assert_nobody_is_notified(message.text)
    assert_nobody_is_notified(json.dumps([block for block in stored if block["type"] != "header"], ensure_ascii=False))


def assert_nobody_is_notified(shown: str) -> None:
    """Look for what Slack would act on: broadcasts, and links that we did not write."""
    assert not re.search(r"<!(channel|here|everyone|subteam)", mrkdwn_only(shown)), shown[:500]
    assert "<https://evil.example" not in mrkdwn_only(shown)


def mrkdwn_only(shown: str) -> str:
    """Leave out plain text and what a form gives back to whoever typed it: Slack does not format these."""
    try:
        found = json.loads(shown)
    except ValueError:
        return shown
    return "\n".join(_mrkdwn(found))


def _mrkdwn(part: object) -> list[str]:
    if isinstance(part, dict):
        if part.get("type") == "mrkdwn":
            assert part["verbatim"] is True
            return [part["text"]]
        return [text for value in part.values() for text in _mrkdwn(value)]
    return [text for each in part for text in _mrkdwn(each)] if isinstance(part, list) else []
