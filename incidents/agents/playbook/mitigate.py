"""Carries out what people chose and approved to relieve users: a rollback, or a switch; then looks whether it does."""

from pathlib import Path

from incidents.agents.base import ApprovedSubject
from incidents.agents.outputs import Mitigation, MitigationEffect, MitigationOutput, Output
from incidents.agents.playbook import cadence, sources
from incidents.agents.playbook.case import Case
from incidents.agents.playbook.sources import PRODUCTION
from incidents.agents.playbook.wording import percent
from incidents.errors import NotAllowed, StepFailed, ToolFailed
from incidents.response import mitigations
from incidents.response.mitigations import Means
from incidents.tools import consent, deploylog, deploys
from incidents.tools.deploys import Deployed
from incidents.tools.health import Watched


async def run(case: Case) -> tuple[Output, str]:
    """Do exactly what was approved, watch production, and say whether users are relieved.

    Raises:
        StepFailed: when nobody approved it, what was approved is not what would be done now, or it failed.
    """
    approved = case.request.approved
    if approved is None or approved.kind != "mitigate":
        raise StepFailed("Nobody approved a mitigation.", remedy="Choose one with `/incident mitigate`.")
    if case.request.incident.drill:
        return _rehearsed(case, approved)
    await _require_as_it_was(case, approved)
    before = await sources.watched(case, cadence.glance(case.service.production.watch))
    done = await _act(case, approved)
    case.see(done.evidence)
    after = await sources.watched(case, cadence.sample(case.service.production.watch))
    words = mitigations.said(approved.subject)
    effect = _effect(before, after, [done.evidence.id, *([after.evidence.id] if after else [])])
    action = _action(approved, taken=True, reason=effect.summary, cited=[done.evidence.id])
    return MitigationOutput(
        temporary_mitigation_actions=[action], mitigation_effect=effect
    ), f"{words}: {effect.summary}"


async def _require_as_it_was(case: Case, approved: ApprovedSubject) -> None:
    """Check that the release runs in whose place another was to be put back: meanwhile the fix may have been deployed.

    What an earlier attempt began is followed all the same.

    Raises:
        StepFailed: when another release runs.
    """
    release, was = (str(approved.subject.get(name) or "") for name in ("release", "running"))
    if not was or not case.service.deploys:
        return
    journal = case.request.journal
    if await deploys.earlier(case.service, PRODUCTION, "rollback", release, journal=journal, clock=case.clock):
        return
    try:
        running = (await deploylog.read(Path(case.service.deploys), case.clock)).current()
    except ToolFailed as fault:
        case.missing(fault)
        return
    if running is not None and running.release != was:
        raise StepFailed(
            f"Release {running.release} runs now, but release {release} was to be put back in place of {was}; nothing"
            " was done.",
            remedy="Choose it again with `/incident mitigate` where users still are not served.",
        )


def _rehearsed(case: Case, approved: ApprovedSubject) -> tuple[Output, str]:
    """Return what a drill brings: what would have been run, and that it was not."""
    words = f"Drill: {consent.not_run(approved)}. Production is as it was."
    cited = [case.reported()]
    action = _action(approved, taken=False, reason=words, cited=cited)
    effect = MitigationEffect(relieved=None, watched_seconds=0, checks=0, summary=words[:400], evidence=cited)
    return MitigationOutput(temporary_mitigation_actions=[action], mitigation_effect=effect), words


def _action(approved: ApprovedSubject, *, taken: bool, reason: str, cited: list[str]) -> Mitigation:
    words = mitigations.said(approved.subject)
    return Mitigation(
        kind="rollback" if approved.subject.get("means") == Means.ROLLBACK else "feature_flag",
        description=f"{words[:1].upper()}{words[1:]}, as <@{approved.decided_by}> approved."[:300],
        taken=taken,
        reason=reason[:300],
        evidence=cited,
    )


async def _act(case: Case, approved: ApprovedSubject) -> Deployed:
    journal, clock = case.request.journal, case.clock
    try:
        if approved.subject.get("means") == Means.ROLLBACK:
            release = str(approved.subject.get("release"))
            return await deploys.rollback(
                case.service, PRODUCTION, release=release, approved=approved, journal=journal, clock=clock
            )
        switch = str(approved.subject.get("switch"))
        return await deploys.switch_off(case.service, switch=switch, approved=approved, journal=journal, clock=clock)
    except (NotAllowed, ToolFailed) as fault:
        raise StepFailed(fault.message, remedy=fault.remedy) from fault


def _effect(before: Watched | None, after: Watched | None, cited: list[str]) -> MitigationEffect:
    rate = before.error_rate if before else None
    if after is None:
        words = "done; whether users are relieved cannot be seen without a health address"
        return MitigationEffect(
            relieved=None, error_rate_before=rate, watched_seconds=0, checks=0, summary=words, evidence=cited
        )
    good = f"{after.checks - after.failed_checks} of {after.checks} health checks good"
    if after.error_rate is not None:
        good += f", {percent(after.error_rate)} of {after.requests} requests fail"
        good += f" ({percent(rate)} before)" if rate is not None else ""
    shown = after.error_rate is not None or (before is not None and before.failed_checks == before.checks)
    relieved = (True if shown else None) if after.healthy else False
    words = {True: "users are served", False: "users are not served well yet", None: "no request shows it yet"}[
        relieved
    ]
    return MitigationEffect(
        relieved=relieved,
        error_rate_before=rate,
        error_rate_after=after.error_rate,
        watched_seconds=after.seconds,
        checks=after.checks,
        summary=f"{words}: {good}"[:400],
        evidence=cited,
    )
