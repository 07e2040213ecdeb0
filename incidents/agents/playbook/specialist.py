"""What the agent of the affected area looks at in a change, besides what every agent does."""

import asyncio

from incidents import areas
from incidents.agents.outputs import AreaCheck, Claim
from incidents.agents.playbook.case import Case
from incidents.agents.playbook.wording import counted
from incidents.definitions import Area
from incidents.errors import ToolFailed
from incidents.tools import areasigns, evidence, filekinds, redaction
from incidents.tools.areasigns import Sign
from incidents.tools.evidence import EvidenceKind
from incidents.tools.git import Commit, Diff, Repository

#: What is looked for in each area.
_LOOKED_FOR = {
    Area.DATA: "migrations, locks and lost data",
    Area.INFRASTRUCTURE: "limits, images and settings",
    Area.FRONTEND: "assets, bundles and what browsers keep",
    Area.API: "what callers rely on, time limits and swallowed errors",
}


async def check_fix(case: Case, repository: Repository, diff: Diff, commit: str) -> AreaCheck | None:
    """Return what the specialists of the areas that a fix touches see in it; None where nothing of it runs."""
    touched = _touched(case, diff.files)
    chosen = case.request.chosen
    area = chosen.area if chosen else touched[0] if touched else Area.API
    if not touched:
        return None
    looked = list(dict.fromkeys([area, *touched]))
    files = await repository.files(commit) if Area.FRONTEND in looked else ()
    claims = [claim for each in looked for claim in _claims(case, each, diff, await _signs(each, diff, files))]
    agent = chosen.agent if chosen else case.request.step.agent[0]
    return AreaCheck(
        area=area,
        agent=agent,
        looked_for="; ".join(_LOOKED_FOR[each] for each in looked)[:200],
        claims=claims,
    )


async def look_at_cause(case: Case, repository: Repository | None, commit: Commit | None) -> list[Claim]:
    """Return what specialists see in the commit that is held to be the cause."""
    looked = _touched(case, commit.files) if commit else []
    if repository is None or commit is None or not looked:
        return []
    try:
        diff = await repository.changed_by(commit)
    except ToolFailed as fault:
        case.missing(fault)
        return []
    return [claim for each in looked for claim in _claims(case, each, diff, await _signs(each, diff))]


def _touched(case: Case, paths: tuple[str, ...]) -> list[Area]:
    service = case.request.service
    return list(dict.fromkeys(areas.of_path(path, service, case.areas) for path in paths if filekinds.runs(path)))


async def _signs(area: Area, diff: Diff, files: tuple[str, ...] = ()) -> tuple[Sign, ...]:
    # A change of a generated file has megabytes; parsing it must not hold up who waits for an answer.
    return await asyncio.to_thread(areasigns.of, area, diff.text, files)


def _claims(case: Case, area: Area, diff: Diff, signs: tuple[Sign, ...]) -> list[Claim]:
    if not signs:
        return []
    lines = redaction.redact("\n".join(f"{sign}\n    {sign.code}".rstrip() for sign in signs))
    seen = evidence.capture(
        EvidenceKind.DIFF,
        diff.evidence.source,
        lines,
        summary=f"{diff.evidence.summary}: {counted(len(signs), 'sign')} in {area.value}",
        captured_at=case.now,
        command=diff.evidence.command,
    )
    cited = case.see(seen)
    return [case.claim(f"`{sign.path}{f':{sign.line}' if sign.line else ''}` {sign.says}.", cited) for sign in signs]
