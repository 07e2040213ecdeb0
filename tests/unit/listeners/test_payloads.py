"""Slack's payloads, parsed."""

from typing import Any

import pytest

from bot.listeners import payloads
from bot.values import DeclareMeta


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


def test_the_same_modal_sent_twice_has_the_same_key() -> None:
    body = {"user": {"id": "U1"}, "view": {"id": "V1", "hash": "h1", "callback_id": "note"}, "trigger_id": "t1"}
    assert payloads.submission(body).key == payloads.submission({**body, "trigger_id": "t2"}).key


def submitted(typed: str, external_id: str = "", hash_: str = "1.a", pressed: str = "high") -> payloads.Submission:
    values = {"note": {"input": {"type": "plain_text_input", "value": typed}}}
    view = {"id": "V1", "hash": hash_, "external_id": external_id, "private_metadata": pressed}
    view["state"] = {"values": values}
    return payloads.submission({"user": {"id": "U01ANA"}, "view": view})


def test_a_form_drawn_again_has_the_key_of_what_was_typed_for_as_long_as_that_is_what_it_says() -> None:
    first = submitted("seen")
    drawn = payloads.kept(first)
    again = submitted("seen", drawn, "2.b")
    assert again.key == first.key == "view:V1:1.a"
    assert payloads.kept(again) == drawn
    assert submitted("something else", drawn, "2.b").key == "view:V1:2.b"
    assert submitted("seen", drawn, "2.b", pressed="critical").key == "view:V1:2.b"
    # Sent before it shows what was pressed: that makes it a new one, too.
    assert payloads.as_if(again, meta="critical", shape=again.view.shape).key == "view:V1:2.b"
    assert payloads.as_if(again, meta="high", shape=again.view.shape).key == first.key


def sent(view: dict[str, Any]) -> payloads.Submission:
    return payloads.submission({"user": {"id": "U01ANA"}, "view": {"id": "V1", "hash": "h1", **view}})


def form(meta: DeclareMeta, **typed: str) -> dict[str, Any]:
    values = {field: {"input": {"type": "plain_text_input", "value": said or None}} for field, said in typed.items()}
    return {"callback_id": "declare", "private_metadata": meta.encode(), "state": {"values": values}}


@pytest.mark.parametrize(
    ("meta", "typed", "same"),
    [
        (DeclareMeta(severity="high", drawn=4, seen=(7,), advised=True), {"title": "Nobody can pay", "more": ""}, True),
        (DeclareMeta(severity="critical"), {"title": "Nobody can pay"}, False),
        (DeclareMeta(severity="high"), {"title": "Nobody can pay today"}, False),
    ],
    ids=["drawn otherwise", "pressed otherwise", "typed otherwise"],
)
def test_a_form_that_comes_back_keeps_its_key_while_it_says_the_same(
    meta: DeclareMeta, typed: dict[str, str], same: bool
) -> None:
    first = sent(form(DeclareMeta(severity="high"), title="Nobody can pay"))
    again = sent({**form(meta, **typed), "hash": "h2", "external_id": payloads.kept(first)})
    assert (again.key == first.key) is same
