"""Reads the deploy log, and runs a service's deploy and rollback commands."""

import asyncio
import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from incidents import durations
from incidents.agents.base import ApprovedSubject
from incidents.catalog import Environment, Service
from incidents.clock import Clock
from incidents.errors import NotAllowed, ToolFailed
from incidents.tools import evidence, processes
from incidents.tools.evidence import Evidence, EvidenceKind
from incidents.tools.processes import Survivors

_OURS = re.compile(r"(SLACK|ANTHROPIC|SITREP|SMTP|DATABASE)_")
MAX_LOG = 2_000_000  # bytes; ten thousand deploys


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
    """The deploys of a service, oldest first."""

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


@dataclass(frozen=True)
class Deployed:
    """A release that was started."""

    release: str
    commit: str  #: full hash
    seconds: float
    evidence: Evidence


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
    deploys.sort(key=lambda deploy: deploy.at)
    seen = evidence.capture(EvidenceKind.DEPLOY, str(path), text, summary=_summary(deploys), captured_at=clock.now())
    return DeployLog(tuple(deploys), unreadable, seen)


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


async def deploy(
    service: Service, environment: str, *, commit: str, approved: ApprovedSubject | None, clock: Clock
) -> Deployed:
    """Start a release from `commit` in `environment` by the service's own command.

    Production needs `approved`, and deploys exactly the commit that was approved.

    Raises:
        NotAllowed: when production was not approved for this commit.
        ToolFailed: when the command fails, runs too long, or started another commit.
    """
    target = target_of(service, environment)
    if environment == "production":
        _require_approval(approved, environment, commit)
    return await _start(service, environment, target.deploy, "deploy", commit=commit, clock=clock)


async def rollback(service: Service, environment: str, *, release: str, clock: Clock) -> Deployed:
    """Put `release` back in `environment` by the service's own command.

    Raises:
        ToolFailed: when the command fails, runs too long, or put back another release.
    """
    target = target_of(service, environment)
    return await _start(service, environment, target.rollback, "rollback", release=release, clock=clock)


def command(argv: Sequence[str], *, commit: str = "", release: str = "") -> tuple[str, ...]:
    """Return `argv` of sitrep.yml with `{commit}` and `{release}` filled in."""
    return tuple(part.replace("{commit}", commit).replace("{release}", release) for part in argv)


def target_of(service: Service, environment: str) -> Environment:
    """Return the service's `environment`, `production` or `staging`.

    Raises:
        ToolFailed: when the catalogue has no staging for it.
    """
    if environment == "production":
        return service.production
    if environment == "staging" and service.staging is not None:
        return service.staging
    raise ToolFailed(
        f"{service.key or 'The service'} has no environment {environment!r}.", remedy="Add it to sitrep.yml."
    )


def _require_approval(approved: ApprovedSubject | None, environment: str, commit: str) -> None:
    if approved is None or approved.kind != "deploy":
        raise NotAllowed(
            f"Nobody approved a deploy of {commit[:7]} to {environment}.", remedy="Ask for the approval first."
        )
    if (approved.subject.get("commit"), approved.subject.get("environment")) != (commit, environment):
        raise NotAllowed(
            f"{commit[:7]} to {environment} is not what {approved.decided_by} approved.",
            remedy="Ask for approval of exactly this commit.",
        )


async def _start(
    service: Service,
    environment: str,
    argv: Sequence[str],
    verb: str,
    *,
    clock: Clock,
    commit: str = "",
    release: str = "",
) -> Deployed:
    if not argv:
        raise ToolFailed(
            f"{service.key or 'The service'} has no {verb} command for {environment}.",
            remedy=f"Add `{environment}.{verb}` to it in sitrep.yml, or {verb} by hand.",
        )
    target = target_of(service, environment)
    cwd = Path(service.repository) if service.repository else None
    done = await processes.run(
        command(argv, commit=commit, release=release),
        cwd=cwd,
        env=_environment(),
        timeout=target.deploy_timeout,
        survivors=Survivors.KEEP,
    )
    what = commit[:7] or f"release {release}"
    if done.timed_out:
        limit = durations.spoken(target.deploy_timeout)
        raise ToolFailed(
            f"The {verb} of {what} to {environment} did not end within {limit}.",
            remedy="Check by hand which release runs before trying again.",
        )
    if not done.ok:
        said = (done.output.splitlines() or ["no message"])[-1]
        raise ToolFailed(
            f"The {verb} of {what} to {environment} failed (exit code {done.exit_code}): {said[:200]}.",
            remedy="Read the command's output, then retry the step or act by hand.",
        )
    started = _answer(done.stdout)
    if (commit and started.get("commit") != commit) or (release and str(started.get("release")) != release):
        raise ToolFailed(
            f"The {verb} command was asked for {what} but says that it started {json.dumps(started)[:120]}.",
            remedy='Check by hand which release runs; the command must print {"release", "commit"} as JSON.',
        )
    seen = done.as_evidence(
        EvidenceKind.DEPLOY,
        f"{service.key} {environment}",
        summary=f"{verb} of {what} to {environment}: release {started.get('release')} in {done.seconds:.1f} s",
        captured_at=clock.now(),
    )
    return Deployed(str(started.get("release", "")), str(started.get("commit", "")), done.seconds, seen)


def _environment() -> dict[str, str]:
    """Return Sitrep's environment less its secrets: the service's own commands may need what a cloud's tools need."""
    inherited = os.environ  # noqa: TID251 - passed on, not read: the command is the operator's own
    return {name: value for name, value in inherited.items() if not _OURS.match(name)}


def _answer(stdout: str) -> dict[str, object]:
    """Return the JSON object of the last line that is one."""
    for line in reversed(stdout.splitlines()):
        try:
            found = json.loads(line)
        except json.JSONDecodeError:
            continue
        if isinstance(found, dict):
            return found
    return {}
