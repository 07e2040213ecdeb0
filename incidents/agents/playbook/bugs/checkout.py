"""A checkout of the code that a step is about, for an agent that reads it; gone when the step ends."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from incidents.agents.planning import Implementation
from incidents.agents.playbook.bugs import past
from incidents.agents.playbook.case import Case
from incidents.errors import StepFailed, ToolFailed
from incidents.tools import worktrees


@asynccontextmanager
async def of_step(case: Case) -> AsyncIterator[Path]:
    """Yield a folder with the code: the implementation's commit where there is one, else the branch of production.

    Without a repository the folder is empty; what is written into it is thrown away.

    Raises:
        ToolFailed: when git refuses.
    """
    folder = case.folder(f"read-{case.request.step.name}")
    try:
        code = past.codebase(case)
        repository = await past.clone(case, code)
    except (StepFailed, ToolFailed):
        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
        try:
            yield folder
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        return
    made = past.newest(case, "bug-implementation", Implementation) if case.request.step.repository else None
    commit = made.output.commit if made and made.output.commit else await repository.resolve(code.branch)
    try:
        await worktrees.add(repository, folder, commit=commit)
        yield folder
    finally:
        await worktrees.remove(repository, folder)
