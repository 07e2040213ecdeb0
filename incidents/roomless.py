"""An incident whose channel Slack refuses to make: who hears of it and what remains, and how it is tried again."""

from sqlmodel import select

from incidents import outbox, posts, records, sending, store
from incidents.context import Context
from incidents.errors import Conflict
from incidents.events import EventKind
from incidents.lifecycle import Role
from incidents.notices import Action, Lane, Notice, room_of
from incidents.service import queries, respond

SURFACE = "room_refused"

#: What nobody wants to read late: it is on the timeline, and the card shows what came of it.
_STALE = frozenset({"line", "status_update", "status_draft"})


class Roomless:
    """Reactors to a channel that could not be made."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    def register(self) -> None:
        """Listen to the refusal, and to its end."""
        self._ctx.store.react(EventKind.DELIVERY_FAILED, self.tell)
        self._ctx.store.react(EventKind.CHANNEL_READY, self.redraw)

    async def tell(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Tell whoever declared and whoever commands, directly, and the operators: it is theirs to mend."""
        if event.data.get("key") != room_of(incident.key):
            return
        held = await queries.roles(tx.session, incident.number)
        people = dict.fromkeys([incident.reporter, *held.get(Role.COMMANDER, ())])
        notices = [_notice(incident, f"user:{person}", Action.DIRECT, person) for person in people]
        if self._ctx.settings.operators_channel:
            notices.append(_notice(incident, f"channel:{self._ctx.settings.operators_channel}", Action.POST, ""))
        await outbox.put(tx, incident.id, *notices)
        await self.redraw(tx, incident, event)

    async def redraw(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Show those who heard how it stands now."""
        await redraw(tx, incident, event)


async def redraw(tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
    """Edit what was said of the missing channel, where it is out already."""
    rows = await queries.deliveries(tx.session, incident.number, f"{room_of(incident.key)}:refused:")
    edits = [
        posts.edit(row.key, event, SURFACE, row.params, Lane.DECISION, target=row.target)
        for row in rows
        if row.action != Action.EDIT.value and row.state in ("sending", "done")
    ]
    await outbox.put(tx, incident.id, *edits)


async def try_again(tx: store.Tx, ctx: Context, incident_id: int, actor: str) -> None:
    """Ask Slack once more for the channel, and for what waited for it.

    Raises:
        Conflict: the incident is not open, has its channel, or Slack is being asked already.
    """
    del ctx
    incident = await respond.open_incident(tx, incident_id)
    if incident.channel:
        raise Conflict(f"{incident.key} has its channel: <#{incident.channel}>.")
    asked = await tx.session.scalar(select(records.Outbox).where(records.Outbox.key == room_of(incident.key)))
    if asked is None or asked.state != "failed":
        raise Conflict(f"Slack is being asked for the channel of {incident.key} already.")
    await sending.revive(tx, asked, stale=_STALE)
    event = await tx.record(incident, EventKind.NOTE, actor=actor, text="Slack is asked for the channel again")
    await redraw(tx, incident, event)
    tx.wake(store.VIEWS)


def _notice(incident: records.Incident, target: str, action: Action, person: str) -> Notice:
    return Notice(
        key=f"{room_of(incident.key)}:refused:{person or 'operators'}",
        lane=Lane.DECISION,
        action=action,
        target=target,
        surface=SURFACE,
        params={"person": person} if person else {},
    )
