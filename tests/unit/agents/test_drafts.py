"""Messages to people follow from the state of the response and hold no more than its facts."""

from datetime import UTC, datetime
from typing import Any

import pytest

from incidents.agents.outputs import ImpactAssessment, ImpactResolution, Message
from incidents.agents.playbook import drafts
from tests.integration.agents.steps import facts

AT = datetime(2026, 11, 21, 14, 2, tzinfo=UTC)
STATES = ("investigating", "fixing", "testing", "ready", "deployed", "resolved")
IMPACT = ImpactAssessment(summary="s", error_rate=0.38, since=AT, data_loss=False, claims=[])


def message(template: str, state: str, **changes: Any) -> Message:
    known: dict[str, Any] = dict.fromkeys(
        ("cause", "impact", "fix", "tests", "readiness", "rollback", "resolution", "security")
    )
    if state in ("deployed", "resolved"):
        resolved = state == "resolved"
        known["resolution"] = ImpactResolution(resolved=resolved, summary="3 of 3 checks good.", evidence=["E000001"])
    known |= {"incident": facts(), "service": "checkout API", "state": state, "now": AT, **changes}
    return drafts.draft(template, audience="a", **known)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("template", ["leadership", "customer_success", "public", "internal"])
def test_every_message_can_be_written_with_nothing_known(template: str, state: str) -> None:
    written = message(template, state)
    assert written.subject
    assert written.body
    assert "None" not in written.body + written.subject
    assert "\n\n\n" not in written.body


@pytest.mark.parametrize(
    ("state", "word"), [("investigating", "Investigating"), ("ready", "Identified"), ("resolved", "Resolved")]
)
def test_the_public_message_begins_with_where_it_stands(state: str, word: str) -> None:
    assert message("public", state).subject == f"{word}: problems with checkout API"


def test_failing_is_told_in_the_tense_of_the_state() -> None:
    assert "about 38 % of requests fail since 14:02 UTC" in message("leadership", "ready", impact=IMPACT).body
    assert "about 38 % of requests failed since 14:02 UTC" in message("leadership", "resolved", impact=IMPACT).body


def test_data_loss_that_nobody_spoke_of_is_not_denied() -> None:
    unknown = IMPACT.model_copy(update={"data_loss": None})
    assert "promise nothing either way" in message("customer_success", "ready", impact=unknown).body
    assert "no data is lost" in message("customer_success", "ready", impact=IMPACT).body


def test_a_deployed_fix_without_recovery_is_not_called_a_recovery() -> None:
    body = message("leadership", "deployed").body
    assert "recovery is not shown yet" in body


def test_a_title_with_template_syntax_stays_text() -> None:
    written = message("internal", "ready", incident=facts(title="{{ 7 * 7 }} {% raw %} <!channel>"))
    assert written.subject == "inc-7: {{ 7 * 7 }} {% raw %} <!channel>"


def test_texts_beyond_the_limits_are_cut() -> None:
    written = message("internal", "ready", incident=facts(title="x" * 10_000))
    assert len(written.subject) == drafts.MAX_SUBJECT
    assert written.subject.endswith("…")
