"""Everything that is planned when an incident is declared, changes or ends, joined to the events that call for it."""

from escalation import telling, timers
from escalation.beginning import Beginning
from escalation.escalating import Escalating
from escalation.holdups import Holdups
from escalation.paging import Paging
from escalation.postmortems import Postmortems
from escalation.promises import Promises
from escalation.reminders import Reminders
from escalation.status import StatusUpdates
from escalation.succession import Vacancy
from escalation.summaries import Summaries
from escalation.telling import Desk
from escalation.timers import Timers
from escalation.unanswered import Unanswered
from incidents import records
from incidents.context import Context
from incidents.events import EventKind
from incidents.notices import Road
from incidents.store import Store, Tx


def register(store: Store, clock: Timers, ctx: Context, *, roads: frozenset[Road] = frozenset({Road.SLACK})) -> Desk:
    """Let matrix, paging, escalations, updates and reminders hear the events; returns the desk they work at.

    Args:
        store: Whose events they hear.
        clock: Whose timers they answer.
        ctx: The installation.
        roads: The roads that are set up; e-mail and pager only where there is a server for them.
    """
    desk = Desk(ctx, roads)
    # What ends comes first: the last update goes out when nothing else can fire, and what is owed then is armed later.
    for kind in (EventKind.RESOLVED, EventKind.CANCELLED):
        store.react(kind, _stop_all)
    Promises(desk).register(store, clock)
    Paging(desk).register(store, clock)
    Escalating(desk).register(store, clock)
    StatusUpdates(desk).register(store, clock)
    Summaries(desk).register(store, clock)
    Reminders(desk).register(store, clock)
    Unanswered(desk).register(store, clock)
    Postmortems(desk).register(store, clock)
    Holdups(desk).register(store, clock)
    Vacancy(desk).register(store)
    Beginning(ctx).register(store, clock)
    store.react(EventKind.CHANNEL_READY, _link)
    return desk


async def _link(tx: Tx, incident: records.Incident, event: records.Event) -> None:
    """Bring the channel's link into what people were told before there was one."""
    await telling.redraw(tx, incident, event, await telling.notices_with(tx.session, incident, telling.TELLING))


async def _stop_all(tx: Tx, incident: records.Incident, event: records.Event) -> None:
    del event
    await timers.cancel_of(tx, incident)
