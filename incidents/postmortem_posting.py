"""Posts the post-mortem once it can be written, keeps it true afterwards, and files what the analysis proposes."""

from datetime import timedelta

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from incidents import followups, outbox, outbox_queries, postmortem, posts, records, store
from incidents.agents import outputs
from incidents.context import Context
from incidents.definitions import Phase
from incidents.events import EventKind
from incidents.lifecycle import Status
from incidents.notices import Action, Lane, Notice
from incidents.response import frozen, plan
from incidents.response.plan import FINISHED, StepState
from incidents.service import queries

_GIVEN_UP = frozenset({StepState.FAILED, StepState.STOPPED})  # until somebody retries
_PROPOSED = "prevention_strategy_proposal"  # the output whose items become follow-ups


class Writer:
    """Reactors that post the post-mortem once it can be written, and keep it true afterwards."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    def register(self) -> None:
        """Listen to what completes or changes a post-mortem."""
        react = self._ctx.store.react
        for kind in (
            EventKind.RESOLVED,
            EventKind.STEP_DONE,
            EventKind.STEP_FAILED,
            EventKind.STEP_STOPPED,
            EventKind.STEP_SKIPPED,
            EventKind.STEP_TAKEN_OVER,
            EventKind.RUN_STOPPED,
        ):
            react(kind, self.post_when_ready)
        react(EventKind.STEP_DONE, self.file_followups)
        for kind in (
            EventKind.POSTMORTEM_WRITTEN,
            EventKind.POSTMORTEM_SCHEDULED,
            EventKind.FOLLOWUP_ADDED,
            EventKind.FOLLOWUP_DONE,
            EventKind.CLOSED,
        ):
            react(kind, self.redraw)

    async def file_followups(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """File what the analysis proposes; owners are people's to name."""
        step = await tx.session.get_one(records.Step, event.data["step_id"])
        proposed = [outputs.Recommendation.model_validate(item) for item in step.output.get(_PROPOSED, [])]
        measures = [measure for measure in proposed if measure.title.strip()]
        await followups.withdraw(tx, incident.number, step.name, but=[measure.title for measure in measures])
        for measure in measures:
            due = tx.now + timedelta(days=measure.due_in_days)
            await followups.add(
                tx, incident.number, event.actor, measure.title, why=measure.why, due=due, step=step.name
            )

    async def post_when_ready(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Post it when the incident is resolved and the analysis has ended, well or not; once, then it is edited."""
        if incident.status is not Status.RESOLVED or not await _analysis_ended(tx.session, incident):
            return
        key = f"{incident.key}:postmortem"
        new = await outbox.put(
            tx,
            incident.id,
            posts.post(incident, key, "postmortem", Lane.STATUS),
            _canvas(incident, f"{key}:canvas", after=key),
            Notice(
                key=f"{key}:file",
                lane=Lane.CHATTER,
                action=Action.FILE,
                target=f"thread:{key}",
                surface="postmortem_markdown",
                params={"filename": f"{incident.key}-post-mortem.md", "title": f"Post-mortem {incident.key}"},
                after=key,
            ),
        )
        await self._file_solution(tx, incident)
        if key in new:
            await tx.record(incident, EventKind.POSTMORTEM_POSTED)
        else:
            await self.redraw(tx, incident, event)

    async def _file_solution(self, tx: store.Tx, incident: records.Incident) -> None:
        found = await postmortem.build(tx.session, self._ctx, incident.number)
        if not found.cause.get("summary") or incident.drill:  # what was made up teaches the next incident nothing
            return
        place = f"{found.cause.get('file') or ''}:{found.cause.get('line') or ''}".strip(":")
        # After reopening another fix may be what helped; the first must not be proposed to the next incident.
        await tx.session.execute(delete(records.Solution).where(col(records.Solution.incident_id) == incident.id))
        tx.session.add(
            records.Solution(
                incident_id=incident.id,
                service=incident.service,
                title=incident.title,
                problem=found.cause["summary"],
                solution=found.fix.get("summary") or incident.resolution,
                signature=place,
                created_at=tx.now,
            )
        )

    async def redraw(self, tx: store.Tx, incident: records.Incident, event: records.Event) -> None:
        """Edit the posted post-mortem and its canvas."""
        key = f"{incident.key}:postmortem"
        await outbox.put(tx, incident.id, posts.edit(key, event, "postmortem"))
        if await outbox_queries.was_put(tx.session, key):
            await outbox.put(tx, incident.id, _canvas(incident, f"{key}:canvas:{event.id}", after=f"{key}:canvas"))


def _canvas(incident: records.Incident, key: str, *, after: str) -> Notice:
    return Notice(
        key=key,
        lane=Lane.CHATTER,
        action=Action.CANVAS,
        target="channel",
        surface="postmortem_markdown",
        params={"title": f"Post-mortem {incident.key}"},
        after=after,
        # The first writing is what the rewritings wait for; only these take each other's place.
        coalesce="" if key.endswith(":canvas") else f"{incident.key}:postmortem:canvas",
    )


async def _analysis_ended(session: AsyncSession, incident: records.Incident) -> bool:
    run = await queries.latest_run(session, incident.number)
    if run is None or run.state == "stopped":
        return True
    definition = frozen.definition_of(run)
    wanted = {step.name for step in definition.steps() if step.phase is Phase.POSTMORTEM}
    states = {step.name: StepState(step.state) for step in await queries.steps(session, run.number)}
    settled = {name for name, state in states.items() if state in FINISHED | _GIVEN_UP}
    # What builds on a step that was given up never begins by itself: it is over, too.
    for name, state in states.items():
        if state in _GIVEN_UP:
            settled.update(plan.downstream(definition, name))
    return all(name in settled for name in wanted & states.keys())
