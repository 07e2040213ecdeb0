"""Step 3.1: deploys exactly the commit that a person approved, watches it, takes it back if it made things worse."""

import dataclasses
from dataclasses import dataclass

from pydantic import BaseModel

from incidents.agents.base import ApprovedSubject
from incidents.agents.journal import Begun
from incidents.agents.outputs import (
    DeploymentOutput,
    DeploymentStatus,
    FixCode,
    HealthMetrics,
    ImpactResolution,
    Output,
    Readiness,
    SystemStatus,
)
from incidents.agents.playbook import cadence, sources
from incidents.agents.playbook.case import Case
from incidents.agents.playbook.sources import PRODUCTION
from incidents.agents.playbook.wording import moment, percent
from incidents.errors import NotAllowed, StepFailed, ToolFailed
from incidents.tools import consent, deploylog, deploys
from incidents.tools.deploys import Deployed
from incidents.tools.evidence import Evidence
from incidents.tools.health import Watched

#: How much higher than before the error rate must be to count as worse: less is noise at light traffic.
_WORSE_BY = 0.05


class _Before(BaseModel):
    """What production did just before the deploy; kept with it, as afterwards it cannot be seen any more."""

    checks: int
    failed_checks: int
    requests: int
    error_rate: float | None
    evidence: Evidence


@dataclass(frozen=True)
class _Watch:
    """Production before and after."""

    before: _Before | None
    rate_before: float | None  #: just before the deploy; with little traffic then, as measured when it was stabilized
    after: Watched | None

    @property
    def was_down(self) -> bool:
        """Tell whether no health check was good before."""
        return self.before is not None and self.before.failed_checks == self.before.checks

    @property
    def is_worse(self) -> bool:
        """Tell whether the release does worse than what ran before it."""
        if self.after is None:
            return False
        if self.before is not None and not self.was_down and self.after.failed_checks == self.after.checks:
            return True
        rate, was = self.after.error_rate, self.rate_before
        return rate is not None and was is not None and rate > was + _WORSE_BY


async def run(case: Case) -> tuple[Output, str]:
    """Deploy the approved commit, watch the service, and tell truthfully what became of it.

    Raises:
        StepFailed: when what was approved is not what was tested, or nothing could be deployed.
    """
    approved, commit = _approved(case)
    if case.request.incident.drill:
        await _require_exact(case, commit)
        return _rehearsed(case, approved, commit)
    begun = await _earlier(case, "deploy", commit)
    running = await _running_already(case, commit) if begun is None and case.request.attempt > 1 else None
    if begun is None and running is None:
        # Only where it is still to begin: a release that runs is to be watched, whatever became of its branch since.
        await _require_exact(case, commit)
    before = await _before(case, begun)
    deployed = running or await _deploy(case, approved, commit, before)
    watch = _Watch(before, _rate_before(case, before), await _watch(case))
    taken_back = watch.is_worse or (deployed.adopted and await _was_taken_back(case, approved))
    rolled_back = await _roll_back(case, approved, watch) if taken_back else None
    if rolled_back is not None:
        watch = dataclasses.replace(watch, after=await _watch(case) or watch.after)
    return _report(case, commit, deployed, watch, rolled_back)


async def _earlier(case: Case, verb: str, what: str) -> Begun | None:
    return await deploys.earlier(case.service, PRODUCTION, verb, what, journal=case.request.journal, clock=case.clock)


async def _was_taken_back(case: Case, approved: ApprovedSubject) -> bool:
    """Tell whether the attempt that began the deploy had begun to take it back, too."""
    return await _earlier(case, "rollback", str(approved.subject.get("rollback_release") or "")) is not None


async def _before(case: Case, begun: Begun | None) -> _Before | None:
    """Look at what runs now; where an earlier attempt began the deploy, return what that saw."""
    if begun is not None:
        kept = _Before.model_validate(begun.before) if begun.before else None
        case.see(*([kept.evidence] if kept else []))
        return kept
    seen = await sources.watched(case, cadence.glance(case.service.production.watch))
    if seen is None:
        return None
    return _Before(
        checks=seen.checks,
        failed_checks=seen.failed_checks,
        requests=seen.requests,
        error_rate=seen.error_rate,
        evidence=seen.evidence,
    )


def _rate_before(case: Case, before: _Before | None) -> float | None:
    status = case.earlier("system_status_report", SystemStatus)
    if before is None or before.requests < cadence.ENOUGH_REQUESTS:
        return status.error_rate if status else None
    return before.error_rate


def _approved(case: Case) -> tuple[ApprovedSubject, str]:
    """Return the approval and its commit.

    Raises:
        StepFailed: when there is none.
    """
    approved = case.request.approved
    if approved is None or approved.kind != "deploy" or not approved.subject.get("commit"):
        raise StepFailed("Nobody approved a deploy.", remedy="Ask the incident commander to approve it.")
    return approved, str(approved.subject["commit"])


async def _require_exact(case: Case, commit: str) -> None:
    """Check that `commit` is what was prepared and tested, and what the branch holds.

    Raises:
        StepFailed: when one of them differs.
    """
    fix, readiness = (
        case.earlier("emergency_fix_code", FixCode),
        case.earlier("deployment_readiness_confirmation", Readiness),
    )
    tested = readiness.commit if readiness else None
    prepared = fix.commit if fix else None
    repository = await sources.repository(case)
    head = await repository.resolve(f"refs/heads/{fix.branch}") if repository and fix else None
    for name, other in (("tested", tested), ("prepared", prepared), ("the head of its branch", head)):
        if other is not None and other != commit:
            raise StepFailed(
                f"`{commit[:7]}` was approved, but `{other[:7]}` is {name}.",
                remedy="Retry the testing step and approve its commit; nothing was deployed.",
            )
    if tested is None:
        raise StepFailed(f"`{commit[:7]}` was never tested.", remedy="Retry the testing step; nothing was deployed.")


async def _deploy(case: Case, approved: ApprovedSubject, commit: str, before: _Before | None) -> Deployed:
    """Deploy, or follow what an earlier attempt began.

    Raises:
        StepFailed: when the deploy failed; says how production is after it.
        OutcomeUnknown: when an earlier attempt began it and nobody can tell what became of it.
    """
    try:
        deployed = await deploys.deploy(
            case.service,
            PRODUCTION,
            commit=commit,
            approved=approved,
            journal=case.request.journal,
            clock=case.clock,
            before=before.model_dump(mode="json") if before else {},
        )
    except ToolFailed as fault:
        look = await sources.probe(case)
        state = "" if look is None else f" Production answers {look.status or look.trouble} now."
        raise StepFailed(f"{fault.message}{state}", remedy=fault.remedy) from fault
    if deployed.adopted:
        case.note(f"An earlier attempt had begun the deploy of `{commit[:7]}`; it was not deployed again.")
    case.see(deployed.evidence)
    return deployed


async def _running_already(case: Case, commit: str) -> Deployed | None:
    release = await sources.release(case)
    running = release.log.current() if release.log else None
    if release.log is None or running is None or not deploylog.is_commit(running.commit, commit):
        return None
    case.note(f"An earlier attempt had deployed it as release {running.release}; it was not deployed again.")
    case.see(release.log.evidence)
    return Deployed(running.release, commit, 0.0, release.log.evidence)


async def _watch(case: Case) -> Watched | None:
    period = cadence.fitting(case.service.production.watch, case.left)
    if period < case.service.production.watch:
        case.note(f"Watched for {period.total_seconds():.0f} s only: the step's budget ends.")
    return await sources.watched(case, period)


async def _roll_back(case: Case, approved: ApprovedSubject, watch: _Watch) -> Deployed | None:
    """Put back the release that the approval names, and no other; None when that is not possible."""
    release = str(approved.subject.get("rollback_release") or "")
    summary = watch.after.evidence.summary if watch.after else ""
    if not release:
        case.note(
            f"The release is worse than before ({summary}), and the approval named no release to go back to:"
            " `/incident mitigate rollback` asks for one."
        )
        return None
    try:
        back = await deploys.rollback(
            case.service,
            PRODUCTION,
            release=release,
            approved=approved,
            journal=case.request.journal,
            clock=case.clock,
        )
    except (NotAllowed, ToolFailed) as fault:
        case.note(f"The release is worse than before, and going back failed: {fault}")
        return None
    case.see(back.evidence)
    case.note(f"Release {release} was put back, because the new one was worse: {summary}.")
    return back


def _rehearsed(case: Case, approved: ApprovedSubject, commit: str) -> tuple[Output, str]:
    """Return what a drill brings: what would have been run, and that it was not."""
    words = f"Drill: {consent.not_run(approved)}. Production is as it was."
    nothing = HealthMetrics(
        healthy=False, error_rate_before=None, error_rate_after=None, watched_seconds=0.0, checks=0, evidence=[]
    )
    cited = [case.reported()]
    return DeploymentOutput(
        deployment_status=DeploymentStatus(
            deployed=False, release=None, commit=commit, seconds=0.0, rehearsed=True, evidence=cited
        ),
        system_health_metrics=nothing,
        user_impact_resolution=ImpactResolution(resolved=False, summary=words[:300], evidence=cited),
    ), words


def _report(
    case: Case, commit: str, deployed: Deployed, watch: _Watch, rolled_back: Deployed | None
) -> tuple[Output, str]:
    after = watch.after
    seen = [item for item in (deployed.evidence.id, rolled_back.evidence.id if rolled_back else None) if item]
    watched = [after.evidence.id] if after else []
    before = [watch.before.evidence.id] if watch.before else []
    resolution = _resolution(deployed, watch, rolled_back, [*seen, *watched])
    output = DeploymentOutput(
        deployment_status=DeploymentStatus(
            deployed=True,
            release=rolled_back.release if rolled_back else deployed.release,
            commit=commit,
            seconds=round(deployed.seconds, 2),
            rolled_back=rolled_back is not None,
            evidence=seen,
        ),
        system_health_metrics=HealthMetrics(
            healthy=after.healthy if after else False,
            error_rate_before=watch.rate_before,
            error_rate_after=after.error_rate if after else None,
            watched_seconds=after.seconds if after else 0.0,
            checks=after.checks if after else 0,
            evidence=[*before, *watched],
        ),
        user_impact_resolution=resolution,
    )
    did = f"release {deployed.release} from `{commit[:7]}`"
    did += f", taken back to release {rolled_back.release}" if rolled_back else ""
    return output, f"{did}: {resolution.summary}"


def _resolution(deployed: Deployed, watch: _Watch, rolled_back: Deployed | None, cited: list[str]) -> ImpactResolution:
    after = watch.after
    if after is None:
        text = "Deployed; whether users are served cannot be seen without a health address."
        return ImpactResolution(resolved=False, summary=text, evidence=cited)
    measured = _measured(watch, after)
    if rolled_back is not None:
        text = f"The fix made it worse and was taken back; {measured}. The incident goes on."
        return ImpactResolution(resolved=False, summary=text[:300], evidence=cited)
    if not after.healthy:
        text = f"Release {deployed.release} runs, but users are not served well: {measured}."
        return ImpactResolution(resolved=False, summary=text[:300], evidence=cited)
    if after.error_rate is None and not watch.was_down:
        text = f"Healthy, but no request came while it was watched, so recovery is not shown yet: {measured}."
        return ImpactResolution(resolved=False, summary=text[:300], evidence=cited)
    since = f" since {moment(after.recovered_at)}" if after.recovered_at else ""
    text = f"Users are served{since}: {measured}."
    return ImpactResolution(resolved=True, summary=text[:300], recovered_at=after.recovered_at, evidence=cited)


def _measured(watch: _Watch, after: Watched) -> str:
    was = f", {percent(watch.rate_before)} before" if watch.rate_before is not None else ""
    rate = (
        "no requests" if after.error_rate is None else f"{percent(after.error_rate)} of {after.requests} requests fail"
    )
    return f"{after.checks - after.failed_checks} of {after.checks} health checks good, {rate}{was}"
