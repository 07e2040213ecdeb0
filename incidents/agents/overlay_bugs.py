"""What of a bug's outputs a model may not say: what git, test runs and GitHub showed is laid over its answer."""

from collections.abc import Callable
from typing import Any, TypeVar

from incidents.agents.diagnoses import Consolidation, DiagnosedCause, Diagnosis, TriageCheck
from incidents.agents.merging import CheckResults, Merge, MergeSummary, PullRequest
from incidents.agents.planning import Decomposition, DocumentationUpdate, FixPlan, Implementation
from incidents.agents.reviews import Finding, Review, ReviewVerdict
from incidents.agents.statements import Output, Verdict

AnyOutput = TypeVar("AnyOutput", bound=Output)


def triage(draft: TriageCheck, answer: TriageCheck) -> TriageCheck:
    """Let a model see facts that the rules overlook; what the rules found is known."""
    known = {each.name: each for each in (*answer.known_facts, *draft.known_facts)}
    missing = [name for name in draft.missing_facts if name not in known]
    return answer.model_copy(
        update={"complete": not missing, "known_facts": list(known.values()), "missing_facts": missing}
    )


def diagnosis(draft: Diagnosis, answer: Diagnosis) -> Diagnosis:
    """Keep what was proven; let a model place, explain and reword the rest."""
    cause = _taken(_cause(draft.root_cause, answer.root_cause), draft.root_cause, "specified")
    tried = {option.commit for option in draft.options if option.commit}
    # An undoing that nobody tried is no option: people would choose what may conflict.
    options = [each for each in answer.options if each.commit is None or each.commit in tried] or draft.options
    numbered = [each.model_copy(update={"number": number}) for number, each in enumerate(options[:4], start=1)]
    confirmed = cause.verdict is Verdict.CONFIRMED
    confidence = answer.confidence if confirmed or answer.confidence is not Verdict.CONFIRMED else Verdict.LIKELY
    return answer.model_copy(update={"root_cause": cause, "options": numbered, "confidence": confidence})


def _cause(was: DiagnosedCause, says: DiagnosedCause) -> DiagnosedCause:
    if was.verdict is Verdict.CONFIRMED:
        return _taken(
            says, was, "verdict", "root_file", "root_line", "base", "commit", "commit_subject", "author", "claims"
        )
    if says.verdict is Verdict.CONFIRMED:
        says = says.model_copy(update={"verdict": Verdict.LIKELY})
    same = bool(was.commit and says.commit and was.commit.startswith(says.commit[:7]))
    by = _taken(says, was, "commit", "commit_subject", "author") if same else _unattributed(says)
    return _taken(by, was, "base")


def _unattributed(says: DiagnosedCause) -> DiagnosedCause:
    return says.model_copy(update={"commit_subject": None, "author": None})


def review(draft: Review, answer: Review) -> Review:
    """Let a model find faults, and none of what was looked up be waved through."""
    refuted = {each.item: each for each in draft.findings if each.holds is False}
    said = [refuted.get(each.item, each) for each in answer.findings]
    missing = [each for each in draft.findings if each.item not in {other.item for other in said}]
    findings: list[Finding] = [*said, *missing]
    update: dict[str, Any] = {"findings": findings[:20]}
    if answer.verdict is ReviewVerdict.APPROVED and draft.verdict is not ReviewVerdict.APPROVED:
        update |= {"verdict": draft.verdict, "critique": draft.critique}
    return answer.model_copy(update=update)


def consolidation(draft: Consolidation, answer: Consolidation) -> Consolidation:
    """Keep the joined diagnosis, which is made by rules and people; let a model word story and plan."""
    steps = answer.plan_draft
    manifest = draft.manifest.model_copy(
        update={"criteria_count": len(answer.user_story.criteria), "step_count": len(steps)}
    )
    return draft.model_copy(update={"user_story": answer.user_story, "plan_draft": steps, "manifest": manifest})


def plan(draft: FixPlan, answer: FixPlan) -> FixPlan:
    """Keep the option that a person chose, and what is undone where; a fix that is written may need more repositories.

    One that the catalogue does not have is found by the plan's review, and refused when the plan is divided.
    """
    drafted = {task.repository: task for task in draft.tasks}
    tasks = []
    for task in answer.tasks:
        was = drafted.get(task.repository)
        if was is not None:
            tasks.append(_taken(task, was, "commit", "asked_for"))
        elif draft.commit is None:
            tasks.append(task.model_copy(update={"commit": None, "asked_for": []}))
    tasks = tasks or draft.tasks
    return _taken(answer, draft, "option", "approach", "commit").model_copy(update={"tasks": tasks})


def implementation(draft: Implementation, answer: Implementation) -> Implementation:
    """Take all but the words from what git and the tests said."""
    return draft.model_copy(update={"summary": answer.summary or draft.summary})


def pull_request(draft: PullRequest, answer: PullRequest) -> PullRequest:
    """Take the words of the release note alone; the request is open already."""
    return draft.model_copy(update={"release_note": answer.release_note})


def check_results(draft: CheckResults, answer: CheckResults) -> CheckResults:
    """Take the critique's words alone; red is red."""
    if draft.verdict is ReviewVerdict.APPROVED:
        return draft
    return draft.model_copy(update={"critique": answer.critique or draft.critique})


def merge_summary(draft: MergeSummary, answer: MergeSummary) -> MergeSummary:
    """Take the words."""
    return _taken(answer, draft, "merged")


def as_done(draft: Output, answer: Output) -> Output:
    """Take nothing: it was done, or follows from what people approved."""
    del answer
    return draft


def _taken(answer: AnyOutput, draft: AnyOutput, *fields: str) -> AnyOutput:
    return answer.model_copy(update={name: getattr(draft, name) for name in fields})


RULES: dict[type[Output], Callable[[Any, Any], Output]] = {
    TriageCheck: triage,
    Diagnosis: diagnosis,
    Review: review,
    Consolidation: consolidation,
    FixPlan: plan,
    Decomposition: as_done,
    Implementation: implementation,
    DocumentationUpdate: as_done,
    PullRequest: pull_request,
    CheckResults: check_results,
    Merge: as_done,
    MergeSummary: merge_summary,
}
