"""The case for a deploy: what speaks for it and against it, put before whoever approves; it decides nothing."""

from incidents.agents.outputs import ApprovalCase, ApprovalCaseOutput, Claim, Output, SecurityValidation
from incidents.agents.playbook import past
from incidents.agents.playbook.case import Case
from incidents.agents.playbook.past import Past
from incidents.agents.playbook.wording import counted


async def run(case: Case) -> tuple[Output, str]:
    """Put together what the earlier steps recorded."""
    known = past.read(case)
    security = case.earlier("security_validation", SecurityValidation)
    speaks_for, against = _weigh(case, known, security)
    ready = known.readiness is not None and known.readiness.ready
    questions = _open(known, security)
    recommended = ready and not against
    summary = (
        f"{'Recommended' if recommended else 'Not recommended'}: {counted(len(speaks_for), 'statement')} for it, "
        f"{len(against)} against, {counted(len(questions), 'open question')}. A person decides."
    )
    output = ApprovalCase(
        recommended=recommended,
        summary=summary,
        speaks_for=speaks_for,
        speaks_against=against,
        open_questions=questions,
    )
    return ApprovalCaseOutput(deployment_approval_case=output), summary


def _weigh(case: Case, known: Past, security: SecurityValidation | None) -> tuple[list[Claim], list[Claim]]:
    speaks_for: list[Claim] = []
    against: list[Claim] = []
    if known.readiness is not None:
        text = f"Testing and staging: {known.readiness.reason}"
        side = speaks_for if known.readiness.ready else against
        side.append(case.claim(text, [case.record("deployment_readiness_confirmation")]))
    if known.tests is not None and known.tests.repaired:
        text = f"{counted(len(known.tests.repaired), 'test')} failed without the fix and pass with it."
        speaks_for.append(case.claim(text, [case.record("minimal_test_suite")]))
    if security is not None and security.passed is not None:
        side = speaks_for if security.passed else against
        side.append(case.claim(f"Security: {security.summary}", [case.record("security_validation")]))
    if known.rollback is not None and known.rollback.release and known.rollback.command:
        text = f"The way back is known: release {known.rollback.release}."
        speaks_for.append(case.claim(text, [case.record("rollback_procedure")]))
    return speaks_for, against


def _open(known: Past, security: SecurityValidation | None) -> list[str]:
    questions = ["Did somebody other than the author read the change?", "Is this a good hour to deploy?"]
    if known.tests is None or not known.tests.repaired:
        questions.append("No test fails without the fix and passes with it: how is it known that it helps?")
    if known.rollback is None or not known.rollback.release:
        questions.append("No release is known to go back to: what is done when it fails?")
    if security is None or security.passed is None:
        questions.append("The change was not reviewed for security: who does?")
    return questions
