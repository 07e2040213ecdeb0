"""The announcement of an incident in the channel that everybody reads: one line, edited in place until it is over."""

from incidents import outbox, posts, records, store
from incidents.context import Context
from incidents.events import EventKind
from incidents.notices import Action, Lane, Notice

SURFACE = "announcement"

#: After these the line says something else.
_CHANGES = (
    EventKind.CHANNEL_READY,
    EventKind.SEVERITY_CHANGED,
    EventKind.RESOLVED,
    EventKind.REOPENED,
    EventKind.CLOSED,
    EventKind.CANCELLED,
)


class Announcing:
    """Reactors that announce incidents where `announce_channel` says."""

    def __init__(self, ctx: Context) -> None:
        self._channel = ctx.settings.announce_channel
        self._store = ctx.store

    def register(self) -> None:
        """Listen to declaring and to what changes the line; without a channel to nothing."""
        if not self._channel:
            return
        self._store.react(EventKind.DECLARED, self.announce)
        for kind in _CHANGES:
            self._store.react(kind, self.redraw)

    async def announce(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Post the line; what is private or a drill is nobody else's business."""
        del event
        if incident.private or incident.drill:
            return
        notice = Notice(
            key=_key(incident),
            lane=Lane.STATUS,
            action=Action.POST,
            target=f"channel:{self._channel}",
            surface=SURFACE,
            due_at=tx.now,
        )
        await outbox.put(tx, incident.id, notice)

    async def redraw(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Edit the line to how it stands; where there was none, there is none."""
        await outbox.put(
            tx, incident.id, posts.edit(_key(incident), event, SURFACE, None, Lane.STATUS, f"channel:{self._channel}")
        )


def _key(incident: records.Incident) -> str:
    return f"{incident.key}:announcement"
