"""What Slack's refusals and a broken line mean: whether to try again, and what a person can do about it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError

#: What a call of the Web API raises when Slack refuses it, or gives no answer. A line that is hung up on is no OSError.
TROUBLE: Final = (SlackClientError, aiohttp.ClientError, OSError)


class Verdict(StrEnum):
    """What a failed call means for what was to be sent."""

    AGAIN = "again"  #: it had no effect; try again later
    UNCLEAR = "unclear"  #: it may have taken effect; look before trying again
    REFUSED = "refused"  #: no repetition changes the answer
    SHUT_OUT = "shut_out"  #: the token no longer opens anything; nothing goes until that is mended


@dataclass(frozen=True)
class Refusal:
    """One failed call, read."""

    verdict: Verdict
    error: str  #: Slack's own word, or what happened to the line
    message: str  #: one sentence: what is wrong
    remedy: str = ""  #: one sentence: what to do about it
    retry_after_seconds: float | None = None  #: how long Slack wants to be left alone with this method
    at_work: bool = False  #: nobody answered for it: the call may still be about to take effect

    @property
    def outcome(self) -> str:
        """Return Slack's own word where it is known here, else the verdict: a closed set, whatever an answer holds."""
        return self.error if self.error in _KNOWN else self.verdict.value

    def __str__(self) -> str:
        """Return message and remedy."""
        return f"{self.message} {self.remedy}".strip()


_NEW_TOKEN = "Install the app again and set SLACK_BOT_TOKEN to its new token."  # noqa: S105 - advice, no secret

#: https://docs.slack.dev/reference/methods/auth.test#errors
_SHUT_OUT = {
    "invalid_auth": (
        "Slack does not accept the bot token.",
        f"{_NEW_TOKEN} If it has that, add this machine's address to the app's list of allowed addresses.",
    ),
    "not_authed": ("Slack got no bot token.", "Set SLACK_BOT_TOKEN."),
    "token_revoked": ("The bot token was revoked.", _NEW_TOKEN),
    "token_expired": ("The bot token has expired.", _NEW_TOKEN),
    "account_inactive": ("The bot's account was switched off.", "Ask a workspace admin to approve the app again."),
    "accesslimited": ("Slack limits access from this network.", "Add it to the app's list of allowed addresses."),
}
#: Faults on Slack's side, answered after work had begun.
_UNCLEAR = {"internal_error", "fatal_error", "service_unavailable", "request_timeout"}
_GATEWAY_GAVE_UP = (502, 504)  # what stands before Slack's servers heard nothing from them
SLOW_DOWN = "Slack asks to slow down"  #: how the message of a refusal begins that names its own time
#: Nothing happened, and it passes by itself.
_AGAIN = {"ratelimited", "rate_limited", "message_limit_exceeded", "team_added_to_org", "org_login_required"}
#: The channel cannot be written to any more.
_CHANNEL_GONE = {
    "is_archived": (
        "The channel is archived.",
        "Unarchive it in Slack and invite Sitrep again.",
    ),
    "channel_not_found": (
        "Slack knows no such channel, or Sitrep is not in it.",
        "Invite Sitrep to the channel; a deleted channel cannot be brought back.",
    ),
    "not_in_channel": ("Sitrep is not in the channel.", "Invite Sitrep to the channel."),
}
_REFUSED = {
    **_CHANNEL_GONE,
    "name_taken": (
        "Slack has other channels by all the names that were tried, archived ones included.",
        "Rename or delete these channels.",
    ),
    "access_denied": ("Slack denies access to what this is about.", "Ask a workspace admin to allow it."),
    "team_access_not_granted": (
        "The bot token is not granted the workspace that this is about.",
        "Ask an admin to approve the app there.",
    ),
    "restricted_action": ("The workspace does not let apps do this.", "Ask a workspace admin to allow it."),
    "user_not_found": ("Slack knows no such person.", "Correct the person's entry in sitrep.yml."),
    "user_disabled": ("The person's account is switched off.", "Name somebody else in sitrep.yml."),
    "users_not_found": ("Slack knows nobody with this e-mail address.", "Correct the person's entry in sitrep.yml."),
    "cannot_dm_bot": ("Bots cannot be sent direct messages.", "Name a person in sitrep.yml."),
    "message_not_found": ("The message was deleted in Slack.", ""),
    "msg_too_long": ("The message is too long for Slack.", ""),
    "canvas_disabled_user_team": ("Canvases are switched off in this workspace.", "The post-mortem is in the channel."),
}
_KNOWN = frozenset({*_SHUT_OUT, *_UNCLEAR, *_AGAIN, *_REFUSED, "missing_scope", "unreachable", "line_broke"})


def channel_is_gone(error: str) -> bool:
    """Return whether Slack's word `error` says that a channel cannot be written to any more."""
    return error in _CHANNEL_GONE


def word(failure: SlackApiError) -> str:
    """Return Slack's own word for why a call failed; an answer of 5xx need not hold one."""
    _, _, data = _parts(failure.response)
    return str(data.get("error") or "")


def read(failure: BaseException, method: str = "") -> Refusal | None:
    """Return what `failure` of the Web API call `method` means, or None when it is no failure of a call."""
    if isinstance(failure, SlackApiError):
        return _answered(failure, method)
    if isinstance(failure, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
        return Refusal(
            Verdict.AGAIN,
            "unreachable",
            f"Slack cannot be reached ({_cause(failure)}).",
            "Check the network, the proxy and SLACK_API_URL.",
        )
    if isinstance(failure, aiohttp.ClientError | TimeoutError | ConnectionError | SlackClientError):
        return Refusal(
            Verdict.UNCLEAR,
            "line_broke",
            f"The line to Slack broke before it answered ({_cause(failure)}).",
            at_work=True,
        )
    return None


def _answered(failure: SlackApiError, method: str) -> Refusal:
    status, headers, data = _parts(failure.response)
    error = str(data.get("error") or "")
    what = method or "the call"
    if status == 429 or error in _AGAIN:
        return Refusal(Verdict.AGAIN, error or "ratelimited", f"{SLOW_DOWN} ({what}).", "", _seconds(headers))
    if error in _SHUT_OUT:
        return Refusal(Verdict.SHUT_OUT, error, *_SHUT_OUT[error])
    if error in _UNCLEAR or status >= 500 or not error:
        said = error or f"http_{status}"
        return Refusal(
            Verdict.UNCLEAR, said, f"Slack is in trouble ({error or status}).", at_work=status in _GATEWAY_GAVE_UP
        )
    if error == "missing_scope":
        needed = str(data.get("needed") or "a scope")
        return Refusal(
            Verdict.REFUSED,
            error,
            f"The app lacks {needed} for {what}.",
            "Update the app from manifest.yml and install it again.",
        )
    known = _REFUSED.get(error)
    if known:
        return Refusal(Verdict.REFUSED, error, *known)
    detail = "; ".join(str(line) for line in (data.get("response_metadata") or {}).get("messages") or ())[:500]
    return Refusal(Verdict.REFUSED, error, f"Slack refused {what}: {error}{f' ({detail})' if detail else ''}.")


def _parts(response: Any) -> tuple[int, Any, dict[str, Any]]:
    # An answer that is no JSON carries aiohttp's response instead of the SDK's.
    status = int(getattr(response, "status_code", None) or getattr(response, "status", None) or 0)
    headers = getattr(response, "headers", None) or {}
    data = getattr(response, "data", response)
    return status, headers, data if isinstance(data, dict) else {}


def _seconds(headers: Any) -> float:
    written = headers.get("Retry-After") or headers.get("retry-after") or "1"
    return max(0.0, float(written)) if str(written).replace(".", "", 1).isdigit() else 1.0


def _cause(failure: BaseException) -> str:
    return str(failure) or type(failure).__name__
