"""Joins the analysts' results: what they agree on becomes one diagnosis; what they do not, people decide."""

import re
from collections.abc import Iterable, Sequence

from incidents.agents.diagnoses import (
    MAX_FILES,
    ArtifactManifest,
    Consolidation,
    Criterion,
    DiagnosedCause,
    Diagnosis,
    Disagreement,
    PlanStep,
    UserStory,
)
from incidents.agents.outputs import Claim, FixOption, Hypothesis, Output, RootCause, Specified, Verdict
from incidents.agents.playbook.bugs import past
from incidents.agents.playbook.bugs.past import Earlier
from incidents.agents.playbook.case import Case
from incidents.errors import StepFailed
from incidents.tools.evidence import EvidenceKind

_ORDER = {Verdict.CONFIRMED: 0, Verdict.LIKELY: 1, Verdict.INCONCLUSIVE: 2}
_NUMBER = re.compile(r"\b([1-8])\b")
_ALL = re.compile(r"\ball\b", re.IGNORECASE)


async def run(case: Case) -> tuple[Output, str]:
    """Consolidate the analyses of this bug.

    Raises:
        StepFailed: when there is none.
    """
    found = past.all_of(case, "bug-root-cause-analysis", Diagnosis)
    if not found:
        raise StepFailed("No analysis was finished.", remedy="Retry an analysis, or take this step over by hand.")
    believed, decided = _believed(case, found)
    agreed = decided or _agree(found)
    lead = min(believed, key=lambda each: _ORDER[each.output.root_cause.verdict])
    joined = _joined(case, lead, believed)
    options = _options(lead, believed)
    story = _story(case, joined)
    plan = _plan(joined)
    output = Consolidation(
        agreed=agreed,
        preliminary_root_cause=_as_chosen_by(joined, options),
        investigation_priorities=_hypotheses(case, found),
        diagnosis=joined,
        disagreements=[] if agreed else [_disagreement(each) for each in found[:8]],
        user_story=story,
        plan_draft=plan,
        believed=[each.step for each in believed[:8]],
        manifest=ArtifactManifest(
            artifacts=["diagnosis", "user_story", "plan_draft"],
            criteria_count=len(story.criteria),
            step_count=len(plan),
        ),
    )
    if not agreed:
        return output, f"{len(found)} analyses disagree: people say which diagnosis is right"
    many = f"{len(found)} analyses joined: " if len(found) > 1 else ""
    return output, f"{many}{joined.verdict.value}: {joined.summary}"


def _believed(case: Case, found: Sequence[Earlier[Diagnosis]]) -> tuple[Sequence[Earlier[Diagnosis]], bool]:
    """Return the analyses that count, and whether people have decided so: by the step's name, its place, or all."""
    said = case.request.feedback.strip()
    named = [each for each in found if each.step == said]
    if named:
        return named, True
    if said and _ALL.search(said):
        return found, True
    number = _NUMBER.search(said) if said else None
    if number is not None and int(number[1]) <= len(found):
        return [found[int(number[1]) - 1]], True
    if said and len(found) > 1:
        case.note("The answer names none of the analyses by its number, nor all of them.")
    return (found if _agree(found) else [min(found, key=lambda each: _ORDER[each.output.confidence])]), False


def _agree(found: Sequence[Earlier[Diagnosis]]) -> bool:
    """Tell whether they name the same file and, where they name commits, the same commit."""
    causes = [each.output.root_cause for each in found]
    return len({each.root_file for each in causes}) == 1 and len({each.commit for each in causes if each.commit}) <= 1


def _joined(case: Case, lead: Earlier[Diagnosis], believed: Sequence[Earlier[Diagnosis]]) -> DiagnosedCause:
    """Return the leading diagnosis with the longest explanation and all files, constraints and impacts."""
    causes = [each.output.root_cause for each in believed]
    first = lead.output.root_cause
    several = len({each.mechanism for each in causes}) > 1 and not _agree(believed)
    return first.model_copy(
        update={
            "mechanism": (" Also: ".join(each.mechanism for each in causes) if several else first.mechanism)[:800],
            "explanation": max((each.explanation for each in causes), key=len),
            "impact": " ".join(dict.fromkeys(each.impact for each in causes))[:600],
            "affected_files": _union(each.affected_files for each in causes)[:MAX_FILES],
            "constraints": _union(each.constraints for each in causes)[:20],
            "claims": [claim for each in believed for claim in _claims(case, each)][:30],
            "specified": _specified(case, lead),
        }
    )


def _union(lists: Iterable[Sequence[str]]) -> list[str]:
    return list(dict.fromkeys(item for each in lists for item in each))


def _claims(case: Case, analysis: Earlier[Diagnosis]) -> list[Claim]:
    """Return the claims, citing the record of the analysis; what was confirmed there rests on an execution."""
    found = []
    for claim in analysis.output.root_cause.claims:
        executed = claim.verdict is Verdict.CONFIRMED
        kind = EvidenceKind.TEST if executed else EvidenceKind.RECORD
        found.append(claim.model_copy(update={"evidence": [case.step_record(analysis.step, kind=kind)]}))
    return found


def _specified(case: Case, analysis: Earlier[Diagnosis]) -> Specified | None:
    """Return what the specification says, citing the record of the analysis, which alone has seen it."""
    found = analysis.output.root_cause.specified
    if found is None:
        return None
    record = [case.step_record(analysis.step)]
    cited = [each.model_copy(update={"evidence": record}) for each in found.requirements]
    return found.model_copy(update={"requirements": cited})


def _options(lead: Earlier[Diagnosis], believed: Sequence[Earlier[Diagnosis]]) -> list[FixOption]:
    every = [*lead.output.options, *(option for each in believed if each is not lead for option in each.output.options)]
    distinct = {(option.approach, option.commit): option for option in reversed(every)}
    kept = [option for option in every if distinct[option.approach, option.commit] is option][:4]
    best = next((option for option in kept if option.recommended), kept[0])
    return [
        option.model_copy(update={"number": number, "recommended": option is best})
        for number, option in enumerate(kept, start=1)
    ]


def _as_chosen_by(cause: DiagnosedCause, options: list[FixOption]) -> RootCause:
    return RootCause(
        verdict=cause.verdict,
        summary=cause.summary,
        mechanism=cause.mechanism,
        commit=cause.commit,
        commit_subject=cause.commit_subject,
        author=cause.author,
        file=cause.root_file,
        line=cause.root_line,
        claims=cause.claims,
        fix_options=options,
        specified=cause.specified,
    )


def _hypotheses(case: Case, found: Sequence[Earlier[Diagnosis]]) -> list[Hypothesis]:
    every = [
        hypothesis.model_copy(update={"evidence": [case.step_record(each.step)]})
        for each in found
        for hypothesis in each.output.hypotheses
    ]
    order = {"accepted": 0, "open": 1, "rejected": 2}
    distinct = {(each.statement, each.state): each for each in every}
    return sorted(distinct.values(), key=lambda each: order.get(each.state, 1))[:40]


def _disagreement(analysis: Earlier[Diagnosis]) -> Disagreement:
    cause = analysis.output.root_cause
    line = f":{cause.root_line}" if cause.root_line else ""
    place = f"{cause.root_file}{line}" if cause.root_file else ""
    return Disagreement(step=analysis.step, summary=cause.summary, place=place[:320])


def _story(case: Case, cause: DiagnosedCause) -> UserStory:
    """Return the four criteria of the orchestrator document, with what this report expects."""
    expected = case.request.incident.facts.get("expected_vs_actual", "").strip()
    where = f"`{cause.root_file}`" if cause.root_file else "the cause"
    texts = (
        f"The expected behaviour is restored: {expected}" if expected else "The expected behaviour is restored.",
        "A regression test covers exactly this bug.",
        "No existing test is broken by the fix.",
        f"The root cause in {where} is addressed, not its symptom.",
    )
    criteria = [Criterion(id=f"AC{number}", text=text[:300]) for number, text in enumerate(texts, start=1)]
    return UserStory(title=f"Fix: {case.request.incident.title}"[:200], criteria=criteria)


def _plan(cause: DiagnosedCause) -> list[PlanStep]:
    line = f" at line {cause.root_line}" if cause.root_line else ""
    place = f"`{cause.root_file}`{line}" if cause.root_file else "the place of the cause, once it is known"
    return [
        PlanStep(text="Write a regression test that reproduces the bug", files=[]),
        PlanStep(text=f"Apply the smallest fix to {place}", files=[cause.root_file] if cause.root_file else []),
        PlanStep(text="Run the regression test and all existing tests, without the fix and with it", files=[]),
    ]
