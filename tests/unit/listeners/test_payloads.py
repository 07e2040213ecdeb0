"""Slack's payloads, parsed."""

import pytest

from bot.listeners import payloads


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ask <@U01ANA|ana>", "ask <@U01ANA>"),
        ("see <#C01INC|inc-7>", "see #inc-7"),
        ("<https://example.com/a?b=1|the log>", "https://example.com/a?b=1"),
        ("<!channel> <!subteam^S01OPS|@ops> now", "@channel @ops now"),
        ("a &lt; b &amp; c", "a < b & c"),
        ("&gt;option 2", ">option 2"),
    ],
)
def test_text_is_taken_out_of_slacks_escaping(text: str, expected: str) -> None:
    assert payloads.plain(text) == expected


def message(**changes: object) -> dict[str, object]:
    event = {"type": "message", "user": "U01ANA", "channel": "C01INC", "ts": "1.0", "text": "hello"} | changes
    return {"event_id": "Ev1", "event": event}


def test_a_persons_message_is_heard() -> None:
    posted = payloads.posted(message())
    assert posted is not None
    assert (posted.key, posted.text, posted.place.thread) == ("event:Ev1", "hello", "")


def test_a_threads_first_message_is_not_in_the_thread() -> None:
    posted = payloads.posted(message(thread_ts="1.0"))
    assert posted is not None
    assert posted.place.thread == ""


@pytest.mark.parametrize(
    "changes",
    [
        {"bot_id": "B1"},
        {"subtype": "channel_join"},
        {"subtype": "message_deleted", "user": None},
        {
            "subtype": "message_changed",
            "message": {"user": "U1", "ts": "1.0", "text": "same"},
            "previous_message": {"text": "same"},
        },
    ],
)
def test_what_is_no_persons_words_is_not_heard(changes: dict[str, object]) -> None:
    assert payloads.posted(message(**changes)) is None


def test_an_edited_message_is_heard_with_its_new_words() -> None:
    changed = {"user": "U01ANA", "ts": "1.0", "text": "new", "edited": {"user": "U01ANA", "ts": "2.0"}}
    posted = payloads.posted(message(subtype="message_changed", message=changed, previous_message={"text": "old"}))
    assert posted is not None
    assert (posted.text, posted.edited, posted.before, posted.as_of) == ("new", True, "old", "2.0")


def test_a_mention_loses_the_bots_name() -> None:
    typed = payloads.mention(message(text="<@U0BOT> ack please", thread_ts="0.5"))
    assert (typed.text, typed.place.thread) == ("ack please", "0.5")
