"""What goes wrong in the workspace, in Slack's words.

WorkspaceError
├── SlackError            an answer `{"ok": false, "error": code}`
│   ├── MissingScope
│   ├── InvalidBlocks
│   └── RateLimited       HTTP 429
└── DeliveryError         the app could not be reached or did not answer
    ├── AppNotConnected
    ├── OperationTimeout
    └── DispatchFailed
        └── RetryUnwanted
"""

from collections.abc import Iterable, Sequence
from typing import Any


class WorkspaceError(Exception):
    """Everything that the workspace raises by itself."""


class SlackError(WorkspaceError):
    """A refused Web API call; `code` is Slack's name for the reason, `fields` ride beside it."""

    def __init__(self, code: str, **fields: Any) -> None:
        super().__init__(f"{code} {fields}" if fields else code)
        self.code = code
        self.fields = fields

    def body(self) -> dict[str, Any]:
        """Return the answer as Slack sends it."""
        return {"ok": False, "error": self.code, **self.fields}


class MissingScope(SlackError):
    """The token lacks every scope that would allow the call."""

    def __init__(self, needed: Sequence[str], provided: Iterable[str]) -> None:
        super().__init__("missing_scope", needed=",".join(needed), provided=",".join(sorted(provided)))


class InvalidBlocks(SlackError):
    """Blocks or a view break Slack's limits; every fault names its place as a JSON pointer."""

    def __init__(self, faults: Sequence[str], code: str = "invalid_blocks") -> None:
        messages = [f"[ERROR] {fault}" for fault in faults]
        super().__init__(code, errors=list(faults), response_metadata={"messages": messages})


class RateLimited(SlackError):
    """The method was called too often; `retry_after` is in whole seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__("ratelimited")
        self.retry_after = retry_after


class DeliveryError(WorkspaceError):
    """A payload that did not come back with an ack.

    `code` is what Slack shows to the person, `reason` what it writes into a retry.
    """

    code = "dispatch_failed"
    reason = "unknown_error"


class AppNotConnected(DeliveryError):
    """No connection of the app is open, or its request URL refuses connections."""

    code = "app_not_connected"
    reason = "connection_failed"


class OperationTimeout(DeliveryError):
    """The app took the payload and did not acknowledge it in time."""

    code = "operation_timeout"
    reason = "timeout"


class DispatchFailed(DeliveryError):
    """The app answered with a failure."""

    code = "dispatch_failed"
    reason = "http_error"


class RetryUnwanted(DispatchFailed):
    """The app answered with a failure and with `x-slack-no-retry: 1`."""
