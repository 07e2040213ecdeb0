"""Security validation of the fix: signs in its change, and files whose change somebody must look at."""

import re

from incidents.agents.outputs import (
    Claim,
    FixApproach,
    FixCode,
    Output,
    SecurityValidation,
    SecurityValidationOutput,
    Verdict,
)
from incidents.agents.playbook import signals, sources
from incidents.agents.playbook.case import Case
from incidents.agents.playbook.signals import Sign
from incidents.agents.playbook.wording import counted, listed
from incidents.errors import StepFailed, ToolFailed
from incidents.tools import filekinds
from incidents.tools.git import Diff

#: Paths whose change a person reads, whatever stands in it.
_SENSITIVE = re.compile(
    r"(?i)(^|/|_)(auth\w*|login|session|permissions?|crypto\w*|secrets?|tokens?|passwords?|csrf|oauth\w*|payments?)(/|_|\.|$)"
)


async def run(case: Case) -> tuple[Output, str]:
    """Validate the change of the fix.

    Raises:
        StepFailed: when there is no fix.
    """
    fix = case.earlier("emergency_fix_code", FixCode)
    if fix is None:
        raise StepFailed("There is no fix to review.", remedy="Retry the fix, or take this step over by hand.")
    diff = await _change(case, fix)
    signs = [sign for sign in signals.in_diff(diff.text) if sign.suspicious] if diff else []
    risks = _risks(fix, diff)
    validation = _validate(case, fix, diff, signs)
    output = SecurityValidationOutput(security_validation=validation, remaining_security_risks=risks)
    return output, validation.summary


async def _change(case: Case, fix: FixCode) -> Diff | None:
    repository = await sources.repository(case)
    if repository is None:
        return None
    try:
        diff = await repository.diff(fix.base, fix.commit)
    except ToolFailed as fault:
        case.missing(fault)
        return None
    case.see(diff.evidence)
    return diff


def _validate(case: Case, fix: FixCode, diff: Diff | None, signs: list[Sign]) -> SecurityValidation:
    if diff is None:
        summary = "The change of the fix could not be read, so nothing is validated. A person must review it."
        return SecurityValidation(passed=None, verdict=Verdict.INCONCLUSIVE, summary=summary, claims=[])
    cited = case.see(diff.evidence)
    claims: list[Claim] = [case.claim(f"{sign.title}: `{sign.sample}`", cited) for sign in signs]
    size = counted(len(diff.files), "file")
    if signs:
        summary = f"`{fix.commit[:7]}` needs a person's review: {listed([sign.title for sign in signs])}."
    else:
        summary = f"No sign of a security problem in `{fix.commit[:7]}` ({size}). That is no proof that there is none."
        claims.append(case.claim(f"Read {size}, +{diff.additions} −{diff.deletions}; no sign found.", cited))
    return SecurityValidation(passed=not signs, verdict=Verdict.LIKELY, summary=summary[:400], claims=claims)


def _risks(fix: FixCode, diff: Diff | None) -> list[str]:
    files = diff.files if diff else tuple(fix.files)
    sensitive = [f"`{path}`" for path in files if _SENSITIVE.search(path)]
    packages = [f"`{path}`" for path in files if filekinds.is_dependency_list(path)]
    risks = []
    if sensitive:
        risks.append(f"{listed(sensitive)} decides on access or money: somebody should read this change.")
    if packages:
        risks.append(f"{listed(packages)} changes what is installed: check it against known weaknesses.")
    if fix.approach is FixApproach.ROLLBACK:
        risks.append("Going back brings back what later releases closed: check the commits in between.")
    return risks
