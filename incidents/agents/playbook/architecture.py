"""Architecture impact: how far the trouble reaches, by what the release changed and what the service needs."""

from incidents import areas
from incidents.agents.outputs import ArchitectureImpact, ArchitectureImpactOutput, Area, Claim, Output
from incidents.agents.playbook import precedents, sources
from incidents.agents.playbook.case import Case
from incidents.agents.playbook.sources import Release
from incidents.agents.playbook.wording import counted, listed
from incidents.errors import ToolFailed
from incidents.tools import filekinds
from incidents.tools.filekinds import FileKind
from incidents.tools.git import Diff


async def run(case: Case) -> tuple[Output, str]:
    """Say which areas, services, vendors and stored data are touched."""
    release = await sources.release(case)
    known = await precedents.consult(case, release)
    diff = await _released(case, release)
    service = case.request.service
    running = [path for path in diff.files if filekinds.runs(path)] if diff else []
    touched = sorted({areas.of_path(path, service, case.areas) for path in running}, key=list(Area).index)
    stored = [path for path in running if filekinds.kind(path) is FileKind.MIGRATION]
    services = list(service.depends_on) if service else []
    vendors = list(service.third_parties) if service else []
    summary = _in_words(diff, touched, stored, services, vendors)
    impact = ArchitectureImpact(
        summary=summary[:400],
        # Stored data that a release changed is not put back by code alone; whether more is needed, people judge.
        changes_required=True if stored else None,
        areas=touched,
        services=services,
        third_parties=vendors,
        stored_data=stored,
        claims=[*_claims(case, diff, running, stored), *precedents.claims(case, known)],
    )
    return ArchitectureImpactOutput(architecture_impact=impact), summary


async def _released(case: Case, release: Release) -> Diff | None:
    """Return the change that the failing release brought; None, with a note, where that cannot be told."""
    repository = await sources.repository(case)
    if repository is None:
        return None
    if release.good is None or release.bad is None:
        case.note("No good release before the failing one is known, so what it changed cannot be told.")
        return None
    try:
        diff = await repository.diff(release.good.commit, release.bad.commit)
    except ToolFailed as fault:
        case.missing(fault)
        return None
    case.see(diff.evidence)
    return diff


def _in_words(
    diff: Diff | None, touched: list[Area], stored: list[str], services: list[str], vendors: list[str]
) -> str:
    if diff is None:
        changed = "What the failing release changed could not be read"
    elif not touched:
        changed = "The failing release changed nothing that runs"
    else:
        changed = f"The failing release changed {listed([area.value for area in touched])}"
    data = f", with {counted(len(stored), 'migration')} of stored data" if stored else ""
    needs = [*services, *vendors]
    needed = f"; the service needs {listed(needs)}" if needs else ""
    return f"{changed}{data}{needed}."


def _claims(case: Case, diff: Diff | None, running: list[str], stored: list[str]) -> list[Claim]:
    if diff is None:
        return []
    cited = case.see(diff.evidence)
    claims = [case.claim(f"{counted(len(running), 'file')} that run in production changed with the release.", cited)]
    if stored:
        claims.append(case.claim(f"Stored data changed: {listed([f'`{path}`' for path in stored])}.", cited))
    return claims
