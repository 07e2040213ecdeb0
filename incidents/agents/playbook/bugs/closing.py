"""The summary after the merge: what was wrong, what was changed, where it is, and the release notes."""

from incidents.agents.diagnoses import Consolidation
from incidents.agents.merging import Merge, MergeSummary, PullRequest
from incidents.agents.outputs import Output
from incidents.agents.playbook import wording
from incidents.agents.playbook.bugs import notes, past
from incidents.agents.playbook.case import Case
from incidents.errors import StepFailed


async def run(case: Case) -> tuple[Output, str]:
    """Put together what the merges recorded.

    Raises:
        StepFailed: when nothing was merged.
    """
    merges = past.all_of(case, "bug-merge", Merge)
    if not merges:
        raise StepFailed("Nothing was merged.", remedy="Retry the merge, or resolve the bug by hand.")
    found = past.all_of(case, "bug-diagnosis-consolidation", Consolidation)
    refs = [case.step_record(step) for step in (*(each.step for each in merges), *(each.step for each in found[-1:]))]
    places = wording.listed(
        [f"`{each.output.merged_commit[:7]}` on `{each.output.into}` of `{each.output.repository}`" for each in merges]
    )
    requests = past.all_of(case, "bug-pull-request", PullRequest)
    merged = {each.output.repository for each in merges}
    held = [f"`{each.output.repository}`" for each in requests if each.output.repository not in merged]
    left = f" Not merged: {wording.listed(held)}." if held else ""
    cause = f" {found[-1].output.diagnosis.summary}" if found else ""
    said = f"{notes.title(case)}.{cause} Merged: {places}. It is not deployed by this.{left}"
    summary = MergeSummary(
        summary=said[:600],
        merged=[each.output.model_copy(update={"evidence": [case.step_record(each.step)]}) for each in merges[:8]],
        release_notes=list({each.output.repository: each.output.release_note for each in requests}.values())[:8],
        evidence=refs,
    )
    return summary, f"Merged: {places}"
