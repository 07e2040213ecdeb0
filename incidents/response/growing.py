"""A run that grows: once the plan is decomposed, each repository gets its steps under the frozen definition."""

from collections.abc import Mapping
from typing import Any

from incidents import records, store
from incidents.events import EventKind
from incidents.response import frozen, pipeline, rework
from incidents.response.plan import StepState
from incidents.service import queries


async def grow(tx: store.Tx, incident: records.Incident, run: records.Run, output: Mapping[str, Any]) -> None:
    """Give every repository that the decomposition names its steps; growing again by the same tasks changes nothing.

    Steps of a repository that a later decomposition leaves out are skipped, with what they brought and what was asked.
    """
    repositories = [str(task["repository"]) for task in output.get("tasks", ())]
    definition = frozen.definition_of(run)
    grown = pipeline.grow(definition, repositories)
    if grown == definition:
        return
    rows = {row.name: row for row in await queries.steps(tx.session, run.number)}
    added = [step.name for step in grown.steps() if step.name not in rows]
    tx.session.add_all(records.Step(run_id=run.number, name=name) for name in added)
    await tx.session.flush()
    wanted = {step.name for step in grown.steps()}
    for name, row in rows.items():
        if name not in wanted and StepState(row.state) is not StepState.TAKEN_OVER:
            row.state, row.owner, row.lease_until = StepState.SKIPPED.value, "", None
            tx.session.add(row)
        elif name in wanted and name not in {step.name for step in definition.steps()}:
            row.state = StepState.QUEUED.value  # left out before, and wanted again
            tx.session.add(row)
    await rework.withdraw(tx, incident, run, rows.keys() - wanted)
    frozen.keep(tx, run, grown)
    await tx.session.flush()
    await tx.record(
        incident, EventKind.RUN_GREW, run=run.id, repositories=list(dict.fromkeys(repositories)), added=added
    )
