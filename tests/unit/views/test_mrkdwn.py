"""Text from outside, made harmless and bounded."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.views import mrkdwn


@given(st.text(max_size=400))
def test_what_somebody_said_opens_no_mention_and_no_link(text: str) -> None:
    for shown in (mrkdwn.said(text), mrkdwn.paragraphs(text), mrkdwn.code(text), mrkdwn.pre(text)):
        assert "<" not in shown
        assert ">" not in shown


@given(st.text(max_size=400))
def test_kept_mentions_are_of_people_and_channels_alone(text: str) -> None:
    shown = mrkdwn.with_mentions(f"{text} <@U01ANA> <!here> <#C01INC|x>")
    assert "<!" not in shown
    assert all(part[0] in "@#" for part in shown.split("<")[1:])


@given(st.text(max_size=300), st.integers(min_value=1, max_value=60))
def test_a_clipped_text_is_no_longer_than_asked(text: str, limit: int) -> None:
    assert mrkdwn.width(mrkdwn.clip(text, limit)) <= limit


@given(st.text(alphabet="&<>`\n a", max_size=9000))
def test_a_block_of_code_fits_into_a_section(text: str) -> None:
    assert len(mrkdwn.pre(text)) <= 2806


def test_an_emoji_is_not_cut_in_two() -> None:
    family = "👩‍👩‍👧‍👦"
    assert mrkdwn.clip(f"ab{family}cd", 6) == "ab…"


@pytest.mark.parametrize("text", ["*b*", "_i_", "~s~", "a *b* c", "*", "**", "_a"])
def test_marks_open_nothing(text: str) -> None:
    shown = mrkdwn.said(text)
    for mark in "*_~":
        assert all(shown[n - 1] == "\u200b" and shown[n + 1] == "\u200b" for n, c in enumerate(shown) if c == mark)


def test_underscores_inside_names_stay_as_they_are() -> None:
    assert mrkdwn.said("test_legacy_cart fails") == "test_legacy_cart fails"


def test_an_agents_code_marks_are_kept_and_a_lone_backtick_is_not() -> None:
    assert mrkdwn.prose("`a<b` at ` end") == "`a&lt;b` at ˋ end"


def test_right_to_left_words_are_isolated_and_overrides_dropped() -> None:
    shown = mrkdwn.said("\u202eשלום")
    assert shown == "\u2068שלום\u2069"


def test_times_are_the_readers_own() -> None:
    at = datetime(2026, 11, 21, 15, 0, tzinfo=UTC)
    assert mrkdwn.clock(at) == "<!date^1795273200^{time}|15:00 UTC>"


@pytest.mark.parametrize("url", ["javascript:alert(1)", "ftp://x", "", "example.com"])
def test_only_web_addresses_become_links(url: str) -> None:
    assert mrkdwn.link(url, "log") == "log"


def test_an_address_cannot_leave_its_link() -> None:
    assert mrkdwn.link("https://x.example/a|b><!here>", "log") == "<https://x.example/a%7Cb%3E%3C!here%3E|log>"


def test_people_are_mentioned_agents_named() -> None:
    assert [mrkdwn.person(each) for each in ("U01ANA", "playbook", "")] == ["<@U01ANA>", "playbook", "Sitrep"]


def test_a_moment_ago_is_just_now() -> None:
    assert mrkdwn.ago(timedelta(seconds=59)) == "just now"
    assert mrkdwn.ago(timedelta(minutes=12)) == "12 min ago"


def test_moments_in_the_words_of_agents_are_the_readers_own() -> None:
    said = "since 2026-11-21 15:00 UTC, not 2026-13-41 15:00 UTC"
    shown = "since <!date^1795273200^{time}|15:00 UTC>, not 2026-13-41 15:00 UTC"
    assert [mrkdwn.prose(said), mrkdwn.with_mentions(said), mrkdwn.paragraphs(said)] == [shown] * 3


def test_a_time_of_day_is_the_one_nearest_to_its_message() -> None:
    midnight = datetime(2026, 11, 22, 0, 5, tzinfo=UTC)
    written = mrkdwn.with_mentions("23:58 UTC deployed, 2026-11-21 15:00 UTC declared")
    before = int(datetime(2026, 11, 21, 23, 58, tzinfo=UTC).timestamp())
    shown = f"<!date^{before}^{{time}}|23:58 UTC> deployed, <!date^1795273200^{{time}}|15:00 UTC> declared"
    assert mrkdwn.times_near(written, midnight) == shown


def test_of_a_long_text_whole_sentences_are_kept() -> None:
    assert mrkdwn.sentences("One is short. Two is longer; three too.", 30) == "One is short. Two is longer;"
    assert mrkdwn.sentences("A sentence that does not fit", 10) == "A sentenc…"
