"""The transaction after the calls: what came of a trip, and what follows from it."""

import time
from datetime import datetime, timedelta

import structlog
from sqlmodel import col, func, select

from bot import slack_errors
from bot.delivery import lost_room
from bot.delivery.pace import Pace
from bot.delivery.trip import HELD_UP, Trip, Undelivered
from bot.delivery.web import UPLOAD, Json
from bot.slack_client import ANSWER_TIMEOUT_SECONDS
from bot.slack_errors import Refusal, Verdict
from incidents import records, room, sending, store
from incidents.events import EventKind
from incidents.notices import Action
from incidents.service import queries
from incidents.tools import redaction

#: Doing these twice is doing them once, so an unclear try is simply repeated.
_REPEATABLE = {
    Action.INVITE,
    Action.SET_TOPIC,
    Action.EDIT,
    Action.PIN,
    Action.HOME,
    Action.CANVAS,
    Action.ARCHIVE,
    Action.RENAME,
}
_LONGEST_BACKOFF_SECONDS = 30.0
_SEEN_SECONDS = 3.0  # after an answer of Slack's, until what the call did all the same can be seen
_MOST_TRIES = 60  # half an hour of an answer that is always unclear: the notice itself is what Slack trips over,
_LATELY = timedelta(minutes=10)  # if others of its kind arrived meanwhile,
_AMONG = 500  # looked for among the newest rows: the outbox holds years

log = structlog.get_logger()


async def arrived(tx: store.Tx, trip: Trip, result: Json) -> bool:
    """Store what came of a trip and what follows: the channel is there, somebody was told.

    Returns False when the row is no longer ours.
    """
    row = trip.row
    incident = None if row.incident_id is None else await queries.get(tx.session, row.incident_id)
    if not await sending.done(tx, row, result):
        log.warning("a notice was taken over while it was under way", key=row.key)
        return False
    tx.wake(row.key)  # somebody may wait for just this
    if incident is not None:
        await _follow(tx, incident, row, result)
    return True


async def _follow(tx: store.Tx, incident: records.Incident, row: records.Outbox, result: Json) -> None:
    if row.action == Action.CREATE_CHANNEL:
        await room.channel_ready(tx, incident.number, str(result["channel"]), str(result["name"]))
    if row.action == Action.RENAME:
        incident.channel_name = str(result["name"])
    for person, error in result.get("refused", {}).items():
        await tx.record(
            incident,
            EventKind.DELIVERY_FAILED,
            key=row.key,
            road=row.road,
            error=f"<@{person}> could not be invited: {error}.",
        )
    if _tells_somebody(row):
        late = (tx.now - row.due_at).total_seconds() if row.due_at else 0.0
        await tx.record(
            incident,
            EventKind.TOLD,
            key=row.key,
            audience=row.params["audience"],
            person=row.params.get("person", ""),
            road=row.road,
            late_seconds=max(0, round(late)),
        )


async def failed(tx: store.Tx, trip: Trip, failure: Undelivered, pace: Pace) -> datetime | None:
    """Give the row back for later, or up; returns when it is tried again (UTC)."""
    row, refusal = trip.row, failure.refusal
    if (asked := _asked(refusal)) is not None:
        pace.pause(failure.method, trip.scope, asked.total_seconds(), time.monotonic())
    trip.unclear = trip.unclear or refusal.verdict is Verdict.UNCLEAR
    if refusal.verdict is Verdict.REFUSED:
        await give_up(tx, trip, str(refusal))
        if slack_errors.channel_is_gone(refusal.error):
            await lost_room.tell(tx, trip, refusal)
        return None
    if row.attempts >= _MOST_TRIES and await _is_hopeless(tx, row, failure):
        await give_up(tx, trip, f"{refusal} Given up after {row.attempts} tries.")
        return None
    at = tx.now + _wait(trip, refusal)
    # A pager that broke off may ring all the same; it is remembered, so that it hears of the end.
    trip.unclear = trip.unclear or row.action == Action.PAGE
    # What was held up here was not tried in vain, as an error would tell the fall-back.
    await give_back(tx, trip, at, row.error if refusal.error == HELD_UP else str(refusal))
    return at


async def give_back(tx: store.Tx, trip: Trip, at: datetime, error: str) -> None:
    """Let the row go again at `at` (UTC). What was in doubt when it was begun stays so until a look has shown it."""
    if trip.unclear and trip.row.action not in _REPEATABLE:
        await sending.doubt(tx, trip.row, at, error)
    else:
        await sending.retry(tx, trip.row, at, error)


async def _is_hopeless(tx: store.Tx, row: records.Outbox, failure: Undelivered) -> bool:
    if failure.method == UPLOAD:  # Slack itself answers, else no address to upload to would be known
        return True
    return failure.refusal.verdict is Verdict.UNCLEAR and await _others_arrive(tx, row)


async def _others_arrive(tx: store.Tx, row: records.Outbox) -> bool:
    # While nothing of the kind arrives, the trouble is Slack's and passes: no notice is lost to a long outage.
    other = records.Outbox
    newest = select(func.max(other.id)).scalar_subquery()
    lately = select(other.id).where(
        col(other.id) > newest - _AMONG,
        other.road == row.road,
        other.action == row.action,
        col(other.sent_at) > tx.now - _LATELY,
    )
    return await tx.session.scalar(lately.limit(1)) is not None


def _asked(refusal: Refusal) -> timedelta | None:
    """Return how long the other side wants to be left alone, as far as rows are put off at all."""
    if refusal.retry_after_seconds is None:
        return None
    return timedelta(seconds=min(refusal.retry_after_seconds, sending.LONGEST_WAIT.total_seconds()))


def _wait(trip: Trip, refusal: Refusal) -> timedelta:
    """Return how long to leave the row alone."""
    if refusal.verdict is Verdict.SHUT_OUT:
        return timedelta()  # the whole road is shut; it goes when that opens
    if (asked := _asked(refusal)) is not None:
        return asked
    if refusal.verdict is Verdict.AGAIN or trip.row.action in _REPEATABLE:
        return backoff(trip.row)
    if not refusal.at_work:
        return max(backoff(trip.row), timedelta(seconds=_SEEN_SECONDS))
    # Once nobody would wait for its answer any more, its effect can be seen.
    spent = time.monotonic() - trip.began_at
    return max(backoff(trip.row), timedelta(seconds=ANSWER_TIMEOUT_SECONDS - spent))


def hastened(row: records.Outbox, now: datetime) -> datetime:
    """Return when a row that was to be tried again later may go now that Slack is back (UTC).

    Within a second, spread by its number; but not before it could be seen what an earlier try of unclear end did, and
    not before the time that Slack named.
    """
    if row.error.startswith(slack_errors.SLOW_DOWN):
        return row.not_before
    soon = now + timedelta(seconds=row.number % 8 / 8)
    if row.first_tried_at is not None:
        failed_at = row.not_before - backoff(row)  # or a little earlier
        soon = max(soon, failed_at + timedelta(seconds=ANSWER_TIMEOUT_SECONDS))
    return min(soon, row.not_before)


async def give_up(tx: store.Tx, trip: Trip, error: str) -> None:
    """Fail the row and write so into the timeline."""
    row, error = trip.row, redaction.redact(error)
    incident = None if row.incident_id is None else await queries.get(tx.session, row.incident_id)
    if not await sending.fail(tx, row, error, unclear=trip.unclear):
        return
    tx.wake(row.key)
    log.error("a notice could not be delivered", key=row.key, road=row.road, error=error)
    # An edit that fails is no news, and telling of it would be another edit of the same card.
    if incident is not None and row.action != Action.EDIT:
        await tx.record(incident, EventKind.DELIVERY_FAILED, key=row.key, road=row.road, error=error)


def _tells_somebody(row: records.Outbox) -> bool:
    # An edit repeats what was told, and a pager's acknowledge and resolve only end a call.
    return (
        "audience" in row.params
        and row.action != Action.EDIT
        and row.params.get("event_action", "trigger") == "trigger"
    )


def backoff(row: records.Outbox) -> timedelta:
    """Return how long to wait after the row's latest try: doubling, spread by its number, 30 s at most."""
    spread = 0.75 + (row.number % 8) / 16
    return timedelta(seconds=min(_LONGEST_BACKOFF_SECONDS, 2.0 ** min(row.attempts - 1, 10)) * spread)
