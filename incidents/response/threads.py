"""What the phase threads show, kept by reactors: heads edited in place, one reply for each result or failure."""

from incidents import outbox, posts, records, room, store
from incidents.context import Context
from incidents.definitions import Phase
from incidents.events import EventKind
from incidents.notices import Action, Lane, Notice
from incidents.response import progress
from incidents.service import queries

#: Events after which a failed step is no longer waited for as its message says.
_TAKEN_UP = (
    EventKind.STEP_RETRIED,
    EventKind.STEP_TAKEN_OVER,
    EventKind.STEP_SKIPPED,
    EventKind.STEP_REBASED,
    EventKind.STEP_HANDED_OVER,
)

#: Events after which the plan shows something else.
PLAN_EVENTS = (
    EventKind.STEP_STARTED,
    EventKind.STEP_DONE,
    EventKind.STEP_FAILED,
    EventKind.STEP_RETRIED,
    EventKind.STEP_STOPPED,
    EventKind.STEP_TAKEN_OVER,
    EventKind.STEP_SKIPPED,
    EventKind.STEP_REBASED,
    EventKind.STEP_HANDED_OVER,
    EventKind.APPROVAL_ASKED,
    EventKind.APPROVAL_DECIDED,
    EventKind.GATE_ATTESTED,
    EventKind.REPLANNED,
    EventKind.RUN_PAUSED,
    EventKind.RUN_RESUMED,
    EventKind.RUN_STOPPED,
    EventKind.RUN_RESTARTED,
    EventKind.RUN_DONE,
    EventKind.RESOLVED,
    EventKind.CLOSED,
    EventKind.CANCELLED,
)


class Threads:
    """Reactors that keep the phase threads."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    def register(self) -> None:
        """Listen to the steps."""
        react = self._ctx.store.react
        react(EventKind.STEP_STARTED, self.redraw_head)
        react(EventKind.STEP_STOPPED, self.redraw_head)
        react(EventKind.STEP_SKIPPED, self.redraw_head)
        react(EventKind.STEP_TAKEN_OVER, self.show_handwork)
        react(EventKind.STEP_DONE, self.show_result)
        react(EventKind.STEP_FAILED, self.show_failure)
        react(EventKind.GATE_PASSED, self.answer_gate)
        react(EventKind.DRIFT_JUDGED, self.redraw_analyses)
        for kind in (EventKind.GATE_ATTESTED, EventKind.GATE_OVERRIDDEN, EventKind.GATE_CONTRADICTED):
            react(kind, self.redraw_gate)
        for kind in (EventKind.ROLE_TAKEN, EventKind.ROLE_RELEASED):
            react(kind, self.redraw_open_gates)
        for kind in _TAKEN_UP:
            react(kind, self.redraw_failure)
        for kind in PLAN_EVENTS:
            react(kind, self.show_plan)

    async def redraw_head(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Post or edit the head of the step's phase."""
        room.show_phase(tx, incident, Phase(event.data["phase"]), event)

    async def show_result(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Reply with the step's result in its phase's thread."""
        await self.redraw_head(tx, incident, event)
        step_id, version = event.data["step_id"], event.data["version"]
        notice = room.in_thread(
            incident,
            Phase(event.data["phase"]),
            f"{incident.key}:step:{step_id}:{version}",
            "step_result",
            {"step_id": step_id, "version": version},
            Lane.CHATTER,
        )
        outbox.put_at_last(tx, incident.id, notice)

    async def show_failure(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Reply with what failed and what a person can do; a failure is a decision that somebody must take."""
        await self.redraw_head(tx, incident, event)
        step_id, attempt = event.data["step_id"], event.data["attempt"]
        notice = room.in_thread(
            incident,
            Phase(event.data["phase"]),
            f"{incident.key}:step:{step_id}:failed:{attempt}",
            "step_failed",
            {"step_id": step_id},
            Lane.DECISION,
        )
        outbox.put_at_last(tx, incident.id, notice)

    async def show_handwork(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Show what a person typed like any other result; who only said what they did stands in the head."""
        if event.data.get("version"):
            await self.show_result(tx, incident, event)
        else:
            await self.redraw_head(tx, incident, event)

    async def redraw_failure(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Edit what was said of a step's failure to what became of it."""
        step_id = event.data["step_id"]
        told = await queries.deliveries(tx.session, incident.number, f"{incident.key}:step:{step_id}:failed:")
        for row in told:
            if row.action == Action.POST.value:
                edit = posts.edit(row.key, event, "step_failed", {"step_id": step_id}, Lane.DECISION)
                await outbox.put(tx, incident.id, edit)

    async def redraw_analyses(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Edit the analyses that cite the specification to who says what is wrong, it or the code."""
        for each in event.data["steps"]:
            key = f"{incident.key}:step:{each['step_id']}:{each['version']}"
            await outbox.put(tx, incident.id, posts.edit(key, event, "step_result", each))

    async def show_plan(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Keep the plan below the live card, edited in place; it begins with the first step."""
        key = f"{incident.key}:plan"
        card = f"{incident.key}:card"
        if event.kind is EventKind.STEP_STARTED:
            first = Notice(
                key=key, lane=Lane.CHATTER, action=Action.POST, target=f"thread:{card}", surface="plan", after=card
            )
            outbox.put_at_last(tx, incident.id, first)
        outbox.put_at_last(tx, incident.id, posts.edit(key, event, "plan"))

    async def redraw_gate(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Edit the gate's question to who answers for it, and the count of gates that hold."""
        await self.answer_gate(tx, incident, event)
        run = await tx.session.get_one(records.Run, event.data["run"])
        for stage in progress.definition_of(run).stages:
            if stage.number == event.data["stage"]:
                room.show_phase(tx, incident, stage.steps[-1].phase, event)  # its head counts the gates

    async def redraw_open_gates(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Edit the gates that people were asked about to who may answer for them now."""
        run = await queries.latest_run(tx.session, incident.number)
        if run is None:
            return
        answered = {(each.stage, each.gate) for each in await queries.attestations(tx.session, run.number)}
        for row in await queries.deliveries(tx.session, incident.number, f"{incident.key}:gate:{run.number}:"):
            asked = (row.params["stage"], row.params["gate"])
            if row.action == Action.POST and asked not in answered:
                edit = posts.edit(row.key, event, row.surface, row.params, Lane.DECISION)
                await outbox.put(tx, incident.id, edit)

    async def answer_gate(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Edit the gate's question, where it was asked, to what shows it or who answers for it."""
        data = event.data
        key = f"{incident.key}:gate:{data['run']}:{data['stage']}:{data['gate']}"
        params = {"run_id": data["run"], "stage": data["stage"], "gate": data["gate"]}
        await outbox.put(tx, incident.id, posts.edit(key, event, "gate_attestation", params, Lane.DECISION))
