"""What the engine itself has to say: on the timeline, and as a line in the channel."""

from incidents import outbox, posts, records, store
from incidents.events import EventKind
from incidents.response import journal


async def say(tx: store.Tx, incident: records.Incident, text: str) -> None:
    """Tell the channel `text`, and keep it on the timeline."""
    event = await tx.record(incident, EventKind.NOTE, text=text)
    await outbox.put(tx, incident.id, posts.line(incident, event))


async def of_what_goes_on(tx: store.Tx, incident: records.Incident, step: records.Step) -> None:
    """Say of a step that is about to be stopped that its deploy is not cut off half-way, where one is under way.

    What becomes of it is owed from then on, also where this process does not live to see it: see `belated`.
    """
    text = journal.ends_by_itself(step)
    if text:
        await say(tx, incident, text)
        journal.owe(step)
