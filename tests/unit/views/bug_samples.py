"""Outputs of the bug pipeline around one piece of text from outside."""

from incidents.agents import diagnoses, merging, outputs, planning, reviews
from incidents.agents.findings import FixApproach, FixOption, Hypothesis, RootCause
from incidents.agents.statements import TestRun
from tests.unit.views import samples

_HASH = "a1b2c3d4e5f60718293a4b5c6d7e8f9012345678"


def every_output(text: str) -> list[outputs.Output]:
    short = text[:200]
    run = TestRun(command=text, exit_code=1, passed=2, failed=1, failing=[text], seconds=3.2, evidence="E000002")
    task = planning.RepositoryTask(repository=short, files=[text] * 9, tests=[text], steps=[text] * 5)
    finding = reviews.Finding(item=text[:60] or "x", holds=False, why=text[:400], evidence=["E3f9a2b"])
    review = {
        "verdict": reviews.ReviewVerdict.NEEDS_CHANGES,
        "critique": f"Why: {text[:1_900]}",
        "findings": [finding, finding.model_copy(update={"holds": None}), finding.model_copy(update={"holds": True})],
    }
    merge = merging.Merge(
        repository=short, into=short, head=_HASH, merged_commit=_HASH, url=text[:500], how=text[:300], evidence=["E1"]
    )
    note = merging.ReleaseNote(component=short, fix=text[:400], root_cause=text[:400], impact=text[:400])
    return [
        diagnoses.TriageCheck(
            complete=False,
            known_facts=[diagnoses.KnownFact(name=text[:40], said=text[:300], evidence=["E1"])],
            missing_facts=[text[:40]] * 6,
            question=text[:600],
        ),
        *_diagnoses(text),
        planning.FixPlan(
            option=1,
            approach=FixApproach.REVERT,
            commit=None,
            summary=text[:400],
            tasks=[task] * 8,
            risks=[text] * 10,
            evidence=["E1"],
        ),
        planning.Decomposition(tasks=[task] * 8),
        reviews.Review.model_validate(review),
        planning.Implementation(
            result=planning.ImplementationState.PARTIAL,
            repository=short,
            approach=FixApproach.HOTFIX,
            branch=short,
            base=_HASH,
            commit=_HASH,
            files=[text] * 12,
            additions=3,
            deletions=1,
            diffstat=text[:100],
            summary=text[:400],
            tests=planning.BothWays(
                without_fix=run,
                with_fix=run,
                failed_without_fix=[text],
                passed_with_fix=[text],
                newly_failing=[text] * 4,
                test_files=[text],
            ),
            remaining=[text] * 10,
            reason=text[:500],
            evidence=["E1"],
        ),
        planning.DocumentationUpdate(
            changed=True, repository=short, files=[text], commit=_HASH, entry=text[:500], reason="", evidence=["E1"]
        ),
        merging.PullRequest(
            repository=short,
            url=text[:500],
            number=3,
            branch=short,
            into=short,
            base=_HASH,
            head=_HASH,
            title=short,
            release_note=note,
            remote=text[:300],
            note=text[:300],
            evidence=["E1"],
        ),
        merging.CheckResults.model_validate(
            {
                **review,
                "repository": short,
                "head": _HASH,
                "state": merging.ChecksState.FAILED,
                "failures": [merging.CheckFailure(name=short, summary=text[:1000], url=text[:500])] * 20,
            }
        ),
        merge,
        merging.MergeSummary(summary=text[:600], merged=[merge] * 8, release_notes=[note] * 8, evidence=["E1"]),
    ]


def _diagnoses(text: str) -> list[outputs.Output]:
    short = text[:300]
    idea = Hypothesis(statement=short, state="rejected", reason=short, refuted_by=short, evidence=["E5"])
    cause: RootCause = samples.root_cause(text)
    diagnosed = diagnoses.DiagnosedCause(
        verdict=cause.verdict,
        summary=text[:400],
        root_file=short,
        root_line=88,
        root_function=text[:200],
        mechanism=text[:800],
        explanation=text[:2500],
        impact=text[:600],
        affected_files=[text],
        constraints=[text],
        base=_HASH,
        commit=_HASH,
        claims=[samples.claim(text)] * 6,
        specified=samples.specified(text),
    )
    options = [
        FixOption(number=number, title=text[:120], approach=FixApproach.REVERT, description=short)
        for number in range(1, 5)
    ]
    joined = diagnoses.Consolidation(
        agreed=True,
        preliminary_root_cause=cause,
        investigation_priorities=[idea] * 5,
        diagnosis=diagnosed,
        disagreements=[diagnoses.Disagreement(step="1.2", summary=text[:400], place=text[:320])] * 8,
        user_story=diagnoses.UserStory(
            title=text[:200], criteria=[diagnoses.Criterion(id=f"AC{n}", text=short) for n in range(12)]
        ),
        plan_draft=[diagnoses.PlanStep(text=text[:400], files=[text])],
        manifest=diagnoses.ArtifactManifest(artifacts=[short], criteria_count=12, step_count=1),
    )
    return [
        diagnoses.Diagnosis(root_cause=diagnosed, hypotheses=[idea] * 5, confidence=diagnosed.verdict, options=options),
        joined.model_copy(update={"agreed": False}),
        joined,
    ]
