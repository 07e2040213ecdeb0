"""Step 4.3: the plan for the lasting fix, its tests, and the documents to update; writing code is left to people."""

from incidents.agents.outputs import FixApproach, LongTermFix, LongTermFixOutput, Output, Recommendation, Verdict
from incidents.agents.playbook import story, wording
from incidents.agents.playbook.case import Case
from incidents.agents.playbook.story import Story


async def run(case: Case) -> tuple[Output, str]:
    """Plan the lasting fix from the emergency fix and the analysis."""
    told = await story.tell(case)
    plan = [*_merge(told), *_restore(told), *_recommended(case)]
    cited = _cited(told)
    if not plan:
        plan = ["Find the cause first: the record names none, so there is nothing to plan a lasting fix for."]
    fix = told.past.fix
    output = LongTermFixOutput(
        comprehensive_fix_implementation=LongTermFix(
            branch=fix.branch if fix and told.is_on_main is False else None,
            commit=fix.commit if fix and told.is_on_main is False else None,
            plan=plan,
            summary=_summary(told)[:600],
            evidence=cited,
        ),
        complete_test_suite=_tests(told),
        documentation_updates=_documents(told),
    )
    return output, f"{len(plan)} steps planned for the lasting fix; people write it"


def _merge(told: Story) -> list[str]:
    fix = told.past.fix
    if fix is None or told.is_on_main is not False:
        return []
    branch = told.case.service.branch
    if fix.approach is FixApproach.ROLLBACK:
        return [
            f"Production runs an older commit than `{branch}`: deploy nothing from `{branch}` until it is repaired."
        ]
    return [f"Merge `{fix.branch}` (`{fix.commit[:7]}`) into `{branch}`: without it the next release breaks again."]


def _restore(told: Story) -> list[str]:
    fix, culprit = told.past.fix, told.culprit
    if fix is None or culprit is None or fix.approach is FixApproach.HOTFIX:
        return []
    findings = told.release.findings
    failure = findings.failures[0] if findings and findings.failures else None
    guard = f" that no longer raises `{failure.raised.headline[:80]}`" if failure else ""
    return [
        f"Write a test from the data that failed in production; it must fail on `{culprit.short}`.",
        f"Bring back “{culprit.subject}” in a form{guard}, with that test.",
    ]


def _recommended(case: Case) -> list[str]:
    names = ("architectural_improvement_recommendations", "prevention_strategy_proposal")
    return [
        f"{each.title} (within {each.due_in_days} days)"
        for name in names
        for each in case.earlier_list(name, Recommendation)
    ]


def _summary(told: Story) -> str:
    fix, cause = told.past.fix, told.past.cause
    if fix is None:
        return "No emergency fix is on record, so the lasting one has nothing to build on yet."
    where = {True: "is on the main branch", False: "is not on the main branch yet", None: "stands on its own branch"}
    text = f"The emergency fix `{fix.commit[:7]}` {where[told.is_on_main]}. {fix.summary}"
    if cause is not None and cause.verdict is not Verdict.CONFIRMED:
        text += f" The cause is {cause.verdict.value}, so confirming it comes first."
    return text


def _tests(told: Story) -> list[str]:
    tests, failure = told.past.tests, None
    if told.release.findings and told.release.findings.failures:
        failure = told.release.findings.failures[0]
    suite = [f"{wording.test_name(test)} (repaired by the fix; keep it)" for test in (tests.repaired if tests else [])]
    if failure is not None:
        place = failure.raised.frames[-1].function if failure.raised.frames else "the failing path"
        suite.append(f"{place} with data that raised {failure.raised.headline[:80]}, taken from production's logs")
    if tests is not None and tests.after is not None:
        suite.append(f"all {tests.after.passed} tests that pass on the emergency fix")
    return suite


def _documents(told: Story) -> list[str]:
    service, findings = told.case.request.service, told.release.findings
    updates = []
    if findings and findings.failures:
        headline = findings.failures[0].raised.headline[:80]
        where = f" ({service.runbook})" if service and service.runbook else ""
        updates.append(f"Runbook{where}: what `{headline}` means and how it was undone")
    if service is not None and not service.runbook:
        updates.append("Write a runbook: the catalogue names none for this service")
    if told.past.rollback is not None and told.past.rollback.command:
        updates.append(f"Runbook: the way back, `{told.past.rollback.command}`")
    if told.culprit is not None:
        updates.append(f"Change log: “{told.culprit.subject}” was taken back and why")
    return updates


def _cited(told: Story) -> list[str]:
    case = told.case
    names = ("emergency_fix_code", "preliminary_root_cause", "detailed_root_cause_report")
    cited = [case.record(name) for name in names if case.request.inputs.get(name)]
    return [*cited, *told.culprit_seen] or [case.reported()]
