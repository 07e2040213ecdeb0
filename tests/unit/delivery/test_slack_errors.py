"""What Slack's refusals and a broken line mean."""

import errno

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot import slack_errors
from bot.slack_errors import Verdict


def answered(error: str, *, status: int = 200, **more: object) -> SlackApiError:
    headers = {"Retry-After": str(more.pop("retry_after"))} if "retry_after" in more else {}
    response = AsyncSlackResponse(
        client=None,
        http_verb="POST",
        api_url="https://slack.com/api/chat.postMessage",
        req_args={},
        data={"ok": False, "error": error, **more},
        headers=headers,
        status_code=status,
    )
    return SlackApiError("refused", response)


def refused_line() -> aiohttp.ClientConnectorError:
    key = ConnectionKey("slack.com", 443, True, True, None, None, None)
    return aiohttp.ClientConnectorError(key, OSError(errno.ECONNREFUSED, "Connection refused"))


@pytest.mark.parametrize(
    ("failure", "verdict"),
    [
        (answered("ratelimited", status=429, retry_after=3), Verdict.AGAIN),
        (answered("", status=429, retry_after=3), Verdict.AGAIN),
        (answered("internal_error"), Verdict.UNCLEAR),
        (answered("fatal_error", status=500), Verdict.UNCLEAR),
        (answered("", status=503), Verdict.UNCLEAR),
        (answered("token_revoked"), Verdict.SHUT_OUT),
        (answered("invalid_auth"), Verdict.SHUT_OUT),
        (answered("accesslimited"), Verdict.SHUT_OUT),
        (answered("access_denied"), Verdict.REFUSED),
        (answered("team_access_not_granted"), Verdict.REFUSED),
        (answered("is_archived"), Verdict.REFUSED),
        (answered("never_heard_of_it"), Verdict.REFUSED),
        (refused_line(), Verdict.AGAIN),
        (aiohttp.ConnectionTimeoutError(), Verdict.AGAIN),
        (aiohttp.ServerDisconnectedError(), Verdict.UNCLEAR),
        (aiohttp.ClientPayloadError(), Verdict.UNCLEAR),
        (TimeoutError(), Verdict.UNCLEAR),
        (ConnectionResetError(), Verdict.UNCLEAR),
    ],
)
def test_failure_says_what_may_happen_next(failure: BaseException, verdict: Verdict) -> None:
    refusal = slack_errors.read(failure, "chat.postMessage")
    assert refusal is not None
    assert refusal.verdict is verdict
    assert refusal.message.endswith(".")


@pytest.mark.parametrize(
    ("error", "outcome"), [("ratelimited", "ratelimited"), ("is_archived", "is_archived"), ("inc_7_of_ava", "refused")]
)
def test_what_slack_never_documented_is_counted_by_what_it_means(error: str, outcome: str) -> None:
    refusal = slack_errors.read(answered(error))
    assert refusal is not None
    assert refusal.outcome == outcome


def test_retry_after_is_read() -> None:
    refusal = slack_errors.read(answered("ratelimited", status=429, retry_after=30))
    assert refusal is not None
    assert refusal.retry_after_seconds == 30


@pytest.mark.parametrize("written", ["", "soon", "-1"])
def test_retry_after_that_is_no_number_counts_as_a_second(written: str) -> None:
    refusal = slack_errors.read(answered("ratelimited", status=429, retry_after=written))
    assert refusal is not None
    assert refusal.retry_after_seconds == 1


def test_missing_scope_is_named() -> None:
    refusal = slack_errors.read(answered("missing_scope", needed="pins:write"), "pins.add")
    assert refusal is not None
    assert "pins:write" in refusal.message
    assert "manifest.yml" in refusal.remedy


def test_place_of_a_refused_block_is_kept() -> None:
    failure = answered(
        "invalid_blocks", response_metadata={"messages": ["no more than 50 items [json-pointer:/blocks]"]}
    )
    refusal = slack_errors.read(failure, "chat.postMessage")
    assert refusal is not None
    assert "json-pointer:/blocks" in refusal.message


def test_fault_of_ours_is_no_failure_of_a_call() -> None:
    assert slack_errors.read(KeyError("channel")) is None


def test_gone_channels_are_known() -> None:
    assert slack_errors.channel_is_gone("is_archived")
    assert not slack_errors.channel_is_gone("message_not_found")
