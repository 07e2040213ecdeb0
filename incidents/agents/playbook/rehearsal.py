"""The way back tried out on staging: the release from before is put back there, seen running, and the fix put back.

Done where a workflow's gates ask for it (`rollback_tested`); a critical incident does not wait for it.
"""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from incidents.agents.outputs import FixCode, Rehearsal
from incidents.agents.playbook import cadence
from incidents.agents.playbook.case import Case
from incidents.catalog import Environment
from incidents.errors import ToolFailed
from incidents.tools import deploylog, deploys, health
from incidents.tools.deploys import Deployed

GATE = "rollback_tested"

_STAGING = "staging"
_ENOUGH = timedelta(seconds=30)  # besides twice what the deploy took: what must be left of the step's time to begin


@dataclass(frozen=True)
class Former:
    """What ran on staging before the fix, and whether an earlier attempt was cut off half-way there and back."""

    release: str
    evidence: tuple[str, ...]
    cut_off: bool = False


def is_wanted(case: Case) -> bool:
    """Tell whether a gate of the workflow asks whether the way back was tried out."""
    workflow = case.request.workflow
    return workflow is not None and any(GATE in stage.gates for stage in workflow.stages)


async def former(case: Case, staging: Environment, fix: FixCode) -> Former | None:
    """Return what runs on staging before the fix goes there; None where nothing tells."""
    found = await _by_log(case, fix) or await _by_version(case, staging, fix)
    if found is None:
        return None
    begun = case.request.journal.open("rollback", _STAGING, found.release)
    return Former(found.release, found.evidence, cut_off=begun is not None)


async def try_out(case: Case, staging: Environment, fix: FixCode, before: Former | None, fixed: Deployed) -> Rehearsal:
    """Put `before` back on staging, look at it, and put the fix back; says why where it cannot be tried."""
    if before is None or not staging.rollback:
        lacks = "no rollback command" if not staging.rollback else "no release from before the fix that anything names"
        return _untried(f"Staging has {lacks}: a person says whether the way back was tried.")
    if before.cut_off:
        return _untried("An earlier attempt was cut off while trying it; the fix is on staging again.")
    if case.left < timedelta(seconds=2 * fixed.seconds) + 2 * cadence.sample(staging.watch) + _ENOUGH:
        return _untried("Too little of the step's time was left to try it.")
    try:
        back = await deploys.rollback(
            case.service,
            _STAGING,
            release=before.release,
            approved=None,
            journal=case.request.journal,
            clock=case.clock,
        )
    except ToolFailed as fault:
        return await _after(case, staging, fix, Rehearsal.failed(before.release, fault.message, list(before.evidence)))
    looked = await _look(case, staging)
    cited = [*before.evidence, *case.see(back.evidence), *case.see(*([looked.evidence] if looked else []))]
    sound = looked is None or looked.healthy
    state = "" if looked is None else f", {'healthy' if looked.healthy else 'not healthy'} for {looked.seconds:.0f} s"
    tried = Rehearsal(
        tested=sound,
        release=before.release,
        seconds=back.seconds,
        put_back=False,
        reason=f"Release {before.release} was put back on staging in {back.seconds:.0f} s{state}.",
        evidence=cited,
    )
    return await _after(case, staging, fix, tried)


async def put_fix_back(case: Case, fix: FixCode) -> Deployed:
    """Deploy the fix to staging once more, after the way back was tried.

    Raises:
        ToolFailed: when the command fails; staging then runs the former release.
    """
    return await deploys.deploy(
        case.service,
        _STAGING,
        commit=fix.commit,
        approved=None,
        journal=case.request.journal,
        clock=case.clock,
        again=True,
    )


async def _after(case: Case, staging: Environment, fix: FixCode, tried: Rehearsal) -> Rehearsal:
    """Put the fix back and see that it runs, whatever became of the way back."""
    try:
        again = await put_fix_back(case, fix)
    except ToolFailed as fault:
        return tried.model_copy(update={"reason": f"{tried.reason} The fix is not back: {fault.message}"[:300]})
    looked = await _look(case, staging)
    seen = case.see(again.evidence, *([looked.evidence] if looked else []))
    is_back = looked is None or looked.healthy
    told = "Then the fix was put back." if is_back else "The fix was put back, and staging is not healthy since."
    update = {"put_back": is_back, "reason": f"{tried.reason} {told}"[:300], "evidence": [*tried.evidence, *seen]}
    return tried.model_copy(update=update)


async def _look(case: Case, staging: Environment) -> health.Watched | None:
    """Watch staging for a moment; None where no address tells how it is."""
    if not staging.health:
        return None
    period = cadence.fitting(cadence.sample(staging.watch), case.left)
    return await health.watch(staging, case.clock, period=period, every=cadence.every(staging.watch))


async def _by_log(case: Case, fix: FixCode) -> Former | None:
    if not case.service.deploys:
        return None
    try:
        log = await deploylog.read(Path(case.service.deploys), case.clock)
    except ToolFailed as fault:
        case.missing(fault)
        return None
    running = log.current(_STAGING)
    if running is not None and running.commit == fix.commit:
        running = log.before(running)  # an earlier attempt has put the fix there
    return Former(running.release, tuple(case.see(log.evidence))) if running else None


async def _by_version(case: Case, staging: Environment, fix: FixCode) -> Former | None:
    if not staging.health:
        return None
    look = await health.probe(staging, case.clock)
    release, commit = look.version
    if not release or commit == fix.commit:
        return None
    return Former(release, tuple(case.see(look.evidence)))


def _untried(reason: str) -> Rehearsal:
    return Rehearsal(tested=None, release=None, seconds=0.0, put_back=True, reason=reason, evidence=[])
