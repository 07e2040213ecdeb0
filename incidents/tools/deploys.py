"""Runs a service's own commands: deploy, rollback, and those that switch a feature off."""

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType

from pydantic import JsonValue

from incidents import durations
from incidents.agents.base import ApprovedSubject
from incidents.agents.journal import VERBS, Begun, Journal
from incidents.catalog import Environment, Service
from incidents.clock import Clock
from incidents.errors import OutcomeUnknown, ToolFailed
from incidents.tools import adoption, aftermath, consent, deploylog, launches
from incidents.tools.evidence import Evidence, EvidenceKind
from incidents.tools.processes import Completed

_OURS = re.compile(r"(SLACK|ANTHROPIC|SITREP|SMTP|DATABASE)_")
_COMMIT = re.compile(r"[0-9a-fA-F]{7,64}")


@dataclass(frozen=True)
class Deployed:
    """A release that was started."""

    release: str
    commit: str  #: full hash
    seconds: float
    evidence: Evidence
    adopted: bool = False  #: an earlier attempt had begun it


@dataclass(frozen=True)
class _Wanted:
    """What a command is to do."""

    verb: str
    argv: Sequence[str]  #: as sitrep.yml has it today; empty where it has none
    approved: ApprovedSubject | None
    commit: str = ""
    release: str = ""
    switch: str = ""

    @property
    def what(self) -> str:
        return self.commit or self.release or self.switch


async def deploy(
    service: Service,
    environment: str,
    *,
    commit: str,
    approved: ApprovedSubject | None,
    journal: Journal,
    clock: Clock,
    before: Mapping[str, JsonValue] = MappingProxyType({}),
    again: bool = False,
) -> Deployed:
    """Start a release from `commit` in `environment` by the service's own command, once.

    Where an earlier attempt began it, the outcome of that is adopted. `before` is kept for such a later attempt.
    `again` is a second deploy of the same commit by the same step, after something else ran there.
    Production needs `approved`, and deploys exactly the commit that was approved.

    Raises:
        NotAllowed: when production was not approved for this commit.
        ToolFailed: when the command fails, runs too long, or started another commit.
        OutcomeUnknown: when an earlier attempt began it and nobody can tell what became of it.
    """
    target = target_of(service, environment)
    consent.require_name(commit, _COMMIT, "commit")
    if environment == "production":
        consent.require_deploy(approved, environment, commit)
    wanted = _Wanted("redeploy" if again else "deploy", target.deploying(commit), approved, commit=commit)
    return await _start(service, environment, wanted, journal=journal, clock=clock, before=before)


async def rollback(
    service: Service,
    environment: str,
    *,
    release: str,
    approved: ApprovedSubject | None,
    journal: Journal,
    clock: Clock,
) -> Deployed:
    """Put `release` back in `environment` by the service's own command, once.

    Production needs `approved`: of this rollback, or of a deploy that names this release as its way back.

    Raises:
        NotAllowed: when nobody approved that this release is put back in production.
        ToolFailed: when the command fails, runs too long, or put back another release.
        OutcomeUnknown: when an earlier attempt began it and nobody can tell what became of it.
    """
    target = target_of(service, environment)
    consent.require_name(release, deploylog.RELEASE, "release")
    if environment == "production":
        consent.require_way_back(approved, release)
    wanted = _Wanted("rollback", target.putting_back(release), approved, release=release)
    return await _start(service, environment, wanted, journal=journal, clock=clock, before={})


async def switch_off(
    service: Service, *, switch: str, approved: ApprovedSubject | None, journal: Journal, clock: Clock
) -> Deployed:
    """Run the command that switches `switch` off in production, once; a switch names neither release nor commit.

    Raises:
        NotAllowed: when nobody approved exactly this command.
        ToolFailed: when there is no such switch, or its command fails or runs too long.
        OutcomeUnknown: when an earlier attempt began it and nobody can tell what became of it.
    """
    consent.require_mitigation(approved, "switch", switch, f"switching {switch} off")
    wanted = _Wanted("switch", service.production.switching_off(switch), approved, switch=switch)
    return await _start(service, "production", wanted, journal=journal, clock=clock, before={})


async def earlier(
    service: Service, environment: str, verb: str, what: str, *, journal: Journal, clock: Clock
) -> Begun | None:
    """Return what an earlier attempt began of this and this one goes on with; None where it is to be begun.

    Raises:
        StepFailed: when the step is no longer ours.
        OutcomeUnknown: when it went through, but may not be what runs now, or was taken back.
    """
    place = aftermath.Place(service, target_of(service, environment), (verb,))
    with journal.under_way():
        begun = journal.open(verb, environment, what)
        if begun is None and (verb, environment) == ("deploy", "production"):
            await _require_not_taken_back(place, what, journal, clock)
        if begun is None or not await adoption.counts(begun, place, clock, journal):
            return None
        return await journal.adopt(begun) if begun.former else begun


async def _require_not_taken_back(place: aftermath.Place, commit: str, journal: Journal, clock: Clock) -> None:
    """Return unless an attempt that had found it running, or had deployed it, began to put something else back."""
    back = journal.open("rollback", "production")
    found = await aftermath.of(back, place, clock) if back and not back.former else None
    if back and found:
        raise OutcomeUnknown(
            f"{found.in_words(back)} It was to take back a deploy of {commit[:7]}, which would be done again now.",
            begun=back.id,
        )


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


async def _start(
    service: Service,
    environment: str,
    wanted: _Wanted,
    *,
    journal: Journal,
    clock: Clock,
    before: Mapping[str, JsonValue],
) -> Deployed:
    if not wanted.argv:
        raise ToolFailed(
            f"{service.key or 'The service'} has no {wanted.verb} command for {environment}.",
            remedy=f"Add `{environment}.{wanted.verb}` to it in sitrep.yml, or {wanted.verb} by hand.",
        )
    place = aftermath.Place(service, target_of(service, environment), tuple(wanted.argv))
    await _others_end(environment, wanted, place, journal, clock)
    with journal.under_way():
        adopted = await earlier(service, environment, wanted.verb, wanted.what, journal=journal, clock=clock)
        begun, found = adopted, await _followed(adopted, place, journal, clock) if adopted else None
        if begun is None or found is None:
            consent.require_same(wanted.approved, environment, wanted.verb, argv=wanted.argv, folder=service.repository)
            begun = await _begin(place, environment, wanted, journal, clock, before)
            adopted, found = None, await _followed(begun, place, journal, clock)
        if found is None:
            raise ToolFailed(f"The {begun.in_words} did not begin.", remedy="Read Sitrep's log, then retry the step.")
        journal.ended(begun, found.in_words(begun))
    if isinstance(found, aftermath.Traced):
        return Deployed(found.release, found.commit, 0.0, found.evidence, adopted=True)
    started = _started(found.run, wanted, begun, place.target.deploy_timeout)
    seen = found.run.as_evidence(
        EvidenceKind.DEPLOY,
        f"{service.key} {environment}",
        summary=f"{begun.in_words}: {_said(wanted, started)} in {found.run.seconds:.1f} s",
        captured_at=clock.now(),
    )
    release, commit = str(started.get("release", "")), str(started.get("commit", ""))
    return Deployed(release, commit, found.run.seconds, seen, adopted=adopted is not None)


async def _others_end(
    environment: str, wanted: _Wanted, place: aftermath.Place, journal: Journal, clock: Clock
) -> None:
    """Wait for what an earlier attempt began and nobody cut off: two commands at once would get in each other's way."""
    for verb in VERBS:
        other = journal.open(verb, environment)
        if other is not None and not other.is_for(wanted.verb, environment, wanted.what):
            await aftermath.no_longer_runs(other, place, clock)


async def _followed(
    begun: Begun, place: aftermath.Place, journal: Journal, clock: Clock
) -> aftermath.Ended | aftermath.Traced | None:
    """Return what `aftermath.of` does; a command that could not be started is over as well, and may begin anew."""
    try:
        return await aftermath.of(begun, place, clock)
    except ToolFailed as error:
        journal.ended(begun, f"The {begun.in_words} failed: {error.message}")
        raise


async def _begin(
    place: aftermath.Place,
    environment: str,
    wanted: _Wanted,
    journal: Journal,
    clock: Clock,
    before: Mapping[str, JsonValue],
) -> Begun:
    """Write down that it begins, and begin."""
    folder = journal.folder()
    begun = Begun(
        id=folder.name,
        verb=wanted.verb,
        environment=environment,
        what=wanted.what,
        at=clock.now(),
        machine=launches.machine(),
        folder=str(folder),
        before=dict(before),
    )
    await launches.prepare(folder)
    await journal.begin(begun)
    cwd = Path(place.service.repository) if place.service.repository else None
    await launches.start(folder, place.argv, cwd=cwd, env=_environment(), limit=place.target.deploy_timeout)
    return begun


def _said(wanted: _Wanted, started: Mapping[str, object]) -> str:
    return "done" if wanted.switch else f"release {started.get('release')}"


def _started(done: Completed, wanted: _Wanted, begun: Begun, limit: timedelta) -> dict[str, object]:
    """Return what the command says that it started.

    Raises:
        ToolFailed: when it failed, ran too long, or started something else.
    """
    if done.timed_out:
        raise ToolFailed(
            f"The {begun.in_words} did not end within {durations.spoken(limit)}.",
            remedy="Check by hand which release runs before trying again.",
        )
    if not done.ok:
        said = (done.output.splitlines() or ["no message"])[-1]
        raise ToolFailed(
            f"The {begun.in_words} failed (exit code {done.exit_code}): {said[:200]}.",
            remedy="Read the command's output, then retry the step or act by hand.",
        )
    started = done.last_object()
    commit, release = wanted.commit, wanted.release
    if (commit and started.get("commit") != commit) or (release and str(started.get("release")) != release):
        raise ToolFailed(
            f"The {wanted.verb} command was asked for {begun.what_in_words} but says that it started"
            f" {json.dumps(started)[:120]}.",
            remedy='Check by hand which release runs; the command must print {"release", "commit"} as JSON.',
        )
    return started


def _environment() -> dict[str, str]:
    """Return Sitrep's environment less its secrets: the service's own commands may need what a cloud's tools need."""
    inherited = os.environ  # noqa: TID251 - passed on, not read: the command is the operator's own
    return {name: value for name, value in inherited.items() if not _OURS.match(name)}
