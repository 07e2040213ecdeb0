"""Reads a service's deploy log: what ran where, since when."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from incidents.clock import Clock
from incidents.errors import ToolFailed
from incidents.tools import evidence
from incidents.tools.evidence import Evidence, EvidenceKind

MAX_LOG = 2_000_000  # bytes; ten thousand deploys

CLOCKS_DIFFER = timedelta(seconds=5)  #: between this machine's clock and that of whoever writes the log

_ABBREVIATED = 7  # digits of a commit that name it in a log, or in what a service says of itself

#: What may stand in a command line as a release's name; what begins with a dash would be read as an option.
RELEASE = re.compile(r"\w[\w.+-]{0,63}")


class Deploy(BaseModel):
    """One line of the deploy log: at this time, this release ran there."""

    model_config = ConfigDict(frozen=True, coerce_numbers_to_str=True, extra="ignore")

    at: AwareDatetime
    release: str
    commit: str
    environment: str = "production"
    by: str = ""


@dataclass(frozen=True)
class DeployLog:
    """The deploys of a service, oldest first: as they were written, for the clocks that wrote them may differ."""

    deploys: tuple[Deploy, ...]
    unreadable: int  #: lines that say nothing
    evidence: Evidence

    def current(self, environment: str = "production") -> Deploy | None:
        """Return the deploy that runs in `environment` now."""
        return next((deploy for deploy in reversed(self.deploys) if deploy.environment == environment), None)

    def before(self, deploy: Deploy) -> Deploy | None:
        """Return what ran in the same environment before `deploy`: the last one with another commit."""
        earlier = self.deploys[: self.deploys.index(deploy)]
        return next(
            (e for e in reversed(earlier) if e.environment == deploy.environment and e.commit != deploy.commit), None
        )

    def at(self, moment: datetime, environment: str = "production") -> Deploy | None:
        """Return the deploy that ran in `environment` at `moment`."""
        return next((d for d in reversed(self.deploys) if d.environment == environment and d.at <= moment), None)


async def read(path: Path, clock: Clock) -> DeployLog:
    """Return the deploy log at `path`; lines that cannot be read are counted and skipped.

    Raises:
        ToolFailed: when the file cannot be read.
    """
    try:
        text = await asyncio.to_thread(_tail, path)
    except OSError as error:
        raise ToolFailed(
            f"The deploy log {path} cannot be read: {error.strerror}.",
            remedy="Correct `deploys` in sitrep.yml, or let the deploy command write it.",
        ) from error
    deploys: list[Deploy] = []
    unreadable = 0
    for line in filter(str.strip, text.splitlines()):
        try:
            deploys.append(Deploy.model_validate_json(line))
        except ValidationError:
            unreadable += 1
    seen = evidence.capture(EvidenceKind.DEPLOY, str(path), text, summary=_summary(deploys), captured_at=clock.now())
    return DeployLog(tuple(deploys), unreadable, seen)


def is_commit(named: str, commit: str) -> bool:
    """Tell whether `named` is `commit` (full hash), which logs and services may abbreviate."""
    shorter = min(len(named), len(commit))
    return shorter >= _ABBREVIATED and named[:shorter] == commit[:shorter]


def _tail(path: Path) -> str:
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - MAX_LOG))
        text = file.read().decode(errors="replace")
    return text if size <= MAX_LOG else text.partition("\n")[2]


def _summary(deploys: Sequence[Deploy]) -> str:
    if not deploys:
        return "The deploy log is empty"
    last = deploys[-1]
    by = f" by {last.by}" if last.by else ""
    what = f"release {last.release} (`{last.commit[:7]}`) to {last.environment}{by}"
    return f"{len(deploys)} deploys; last: {what}, {last.at.astimezone(UTC):%Y-%m-%d %H:%M}Z"
