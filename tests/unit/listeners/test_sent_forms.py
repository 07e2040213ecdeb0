"""A form that is sent again is the same for as long as it says the same."""

from typing import Any

import pytest

from bot.listeners import sent_forms
from bot.listeners.payloads import Submission
from bot.values import DeclareMeta


def test_the_same_modal_sent_twice_has_the_same_key() -> None:
    body = {"user": {"id": "U1"}, "view": {"id": "V1", "hash": "h1", "callback_id": "note"}, "trigger_id": "t1"}
    assert sent_forms.submission(body).key == sent_forms.submission({**body, "trigger_id": "t2"}).key


def submitted(typed: str, external_id: str = "", hash_: str = "1.a", pressed: str = "high") -> Submission:
    values = {"note": {"input": {"type": "plain_text_input", "value": typed}}}
    view = {"id": "V1", "hash": hash_, "external_id": external_id, "private_metadata": pressed}
    view["state"] = {"values": values}
    return sent_forms.submission({"user": {"id": "U01ANA"}, "view": view})


def test_a_form_drawn_again_has_the_key_of_what_was_typed_for_as_long_as_that_is_what_it_says() -> None:
    first = submitted("seen")
    drawn = sent_forms.kept(first)
    again = submitted("seen", drawn, "2.b")
    assert again.key == first.key == "view:V1:1.a"
    assert sent_forms.kept(again) == drawn
    assert submitted("something else", drawn, "2.b").key == "view:V1:2.b"
    assert submitted("seen", drawn, "2.b", pressed="critical").key == "view:V1:2.b"
    # Sent before it shows what was pressed: that makes it a new one, too.
    assert sent_forms.as_if(again, meta="critical", shape=again.view.shape).key == "view:V1:2.b"
    assert sent_forms.as_if(again, meta="high", shape=again.view.shape).key == first.key


def sent(view: dict[str, Any]) -> Submission:
    return sent_forms.submission({"user": {"id": "U01ANA"}, "view": {"id": "V1", "hash": "h1", **view}})


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
    again = sent({**form(meta, **typed), "hash": "h2", "external_id": sent_forms.kept(first)})
    assert (again.key == first.key) is same
