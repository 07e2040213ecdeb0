"""What whoever comes late to a decision is told: who decided it, when and what, or how it is asked anew. Pure."""

from datetime import datetime

from incidents import records
from incidents.errors import Conflict, Repeated
from incidents.response import decisions

_NEWEST = "`/incident status` says what waits now."


def require_pending(approval: records.Approval, now: datetime) -> None:
    """Return while the approval can still be decided.

    Raises:
        Conflict: it was decided (says by whom, when and what), has expired, or is no longer asked.
    """
    if approval.state in ("approved", "rejected"):
        done, at = _done(approval), f" at {approval.decided_at:%Y-%m-%d %H:%M} UTC" if approval.decided_at else ""
        raise Conflict(
            f"Already {done} by <@{approval.decided_by}>{at}: {_what(approval)}.", remedy="Nothing was changed."
        )
    if approval.state == "superseded":
        raise Conflict("This is no longer asked: the response moved on, or was stopped.", remedy=_NEWEST)
    if approval.state == "expired" and approval.decided_by:
        raise Conflict("What was approved came too late and is asked anew.", remedy=_NEWEST)
    if approval.state == "expired" or (approval.expires_at is not None and approval.expires_at <= now):
        until = f" by {approval.expires_at:%Y-%m-%d %H:%M} UTC" if approval.expires_at else ""
        raise Conflict(
            f"This has expired: nobody decided{until}.", remedy=f"`/incident retry {approval.step}` asks anew."
        )


def require_first(approval: records.Approval, actor: str, state: str, *, option: int | None, said: str) -> None:
    """Return unless `actor` decided exactly this before.

    Raises:
        Repeated: they pressed twice, or typed what they had pressed.
    """
    if (approval.state, approval.decided_by) != (state, actor):
        return
    before = approval.decision
    if before.get("feedback") == said if state == "rejected" else before.get("number") == option:
        raise Repeated(f"Your word stands: {_what(approval)} is {_done(approval)}.")


def _done(approval: records.Approval) -> str:
    return "approved" if approval.state == "approved" else "sent back"


def _what(approval: records.Approval) -> str:
    number = approval.decision.get("number")
    return f"{decisions.of(approval.kind).noun}{f' (option {number})' if number else ''}"
