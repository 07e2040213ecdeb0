"""What is said in an incident's own channel, as notices: a post, a line about an event, an edit. Pure."""

from datetime import datetime
from typing import Any

from incidents import records
from incidents.notices import Action, Lane, Notice, room_of


def post(
    incident: records.Incident,
    key: str,
    surface: str,
    lane: Lane,
    *,
    params: dict[str, Any] | None = None,
    after: str = "",
    due_at: datetime | None = None,
    holds_while: str = "",
) -> Notice:
    """Return a post into the incident's channel, once that is there, or once the notice `after` is done."""
    return Notice(
        key=key,
        lane=lane,
        action=Action.POST,
        target="channel",
        surface=surface,
        params=params or {},
        after=after or room_of(incident.key),
        due_at=due_at,
        holds_while=holds_while,
    )


def line(incident: records.Incident, event: records.Event, lane: Lane = Lane.DECISION) -> Notice:
    """Return the line that tells the channel of `event`."""
    return post(incident, f"{incident.key}:line:{event.id}", "line", lane, params={"event_id": event.id})


def edit(
    of: str,
    event: records.Event,
    surface: str,
    params: dict[str, Any] | None = None,
    lane: Lane = Lane.CHATTER,
    target: str = "channel",
) -> Notice:
    """Return an edit of the message posted under `of`; waiting edits of one message become the newest one."""
    return Notice(
        key=f"{of}:edit:{event.id}",
        lane=lane,
        action=Action.EDIT,
        target=target,
        of=of,
        after=of,
        surface=surface,
        params=params or {},
        coalesce=of,
    )
