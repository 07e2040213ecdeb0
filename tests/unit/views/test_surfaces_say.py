"""What the surfaces say: the next action is green, waits name people, decided things have no buttons."""

import json
import re
from dataclasses import replace

import pytest

from bot.views import (
    approval,
    card,
    deciding,
    declare,
    direct,
    ending,
    line,
    outcome,
    phase,
    plan,
    postmortem,
    status,
    step,
    triage,
    trouble,
)
from bot.views.message import Message
from incidents.areas import Choice
from incidents.catalog import Person, Settings
from incidents.definitions import Area, Kind, Severity
from incidents.errors import Conflict
from incidents.kpis import Measure
from incidents.lifecycle import Role, Status
from tests.unit.views import samples
from tests.unit.views.samples import ANA, NOW, incident, minutes


def text_of(shown: Message | dict) -> str:
    return json.dumps(shown.blocks if isinstance(shown, Message) else shown, ensure_ascii=False)


def green(message: Message) -> list[str]:
    """Return the labels of the green buttons."""
    elements = [e for block in message.blocks for e in [*block.get("elements", []), block.get("accessory") or {}]]
    return [each["text"]["text"] for each in elements if each.get("style") == "primary"]


@pytest.mark.parametrize(
    ("changes", "label"),
    [
        ({"incident": incident("x", acknowledged_at=None)}, "Acknowledge"),
        ({}, "Review the fix"),
        ({"approvals": (samples.fix_approval("x"),)}, "Choose the fix"),
        ({"approvals": (), "run_state": "paused"}, "Resume agents"),
        ({"approvals": (), "begins_at": NOW}, "Begin now"),
        ({"approvals": (), "gates": ("no_new_issues_introduced",)}, "Review the gate"),
        ({"approvals": (), "incident": incident("x", deployed_at=NOW, mitigated_at=NOW)}, "Resolve"),
        ({"incident": incident("x", status=Status.RESOLVED, resolved_at=NOW)}, "Write my part"),
    ],
)
def test_the_cards_one_green_button_is_the_next_action(changes: dict, label: str) -> None:
    assert green(card.draw(samples._card("x", **changes))) == [label]


def test_the_card_offers_the_open_role_and_says_who_is_waited_for() -> None:
    shown = text_of(card.draw(samples._card("x")))
    assert "Take comms" in shown
    assert f"approval asked of <@{ANA}> since" in shown
    assert "Told on time 6 of 6" in shown


def test_a_declared_form_counts_whoever_is_being_told_among_those_to_be_told() -> None:
    def shown(told: card.Told) -> str:
        return text_of(declare.result("inc-7", "x", "C01INC", told=told, missing=0))

    assert "Told at once: 1 of 3; the rest is on its way" in shown(card.Told(1, 1, 2))
    assert '"Told at once: 3 of 3' in shown(card.Told(3, 3))
    assert "Told at once" not in shown(card.Told(0, 0))


def test_the_card_of_a_repaired_service_waits_for_the_commanders_word() -> None:
    repaired = samples._card("x", approvals=(), incident=incident("x", deployed_at=NOW, mitigated_at=NOW))
    assert f"users are served again, <@{ANA}> says when it is resolved." in text_of(card.draw(repaired))


@pytest.mark.parametrize("state", [{}, {"incident": incident("x", acknowledged_at=None)}])
def test_nothing_on_the_card_grows_stale_until_it_is_drawn_again(state: dict) -> None:
    promised = state.get("incident") or incident("x")
    drawn = []
    for spent in ("47 min", "56 min"):
        now = NOW + minutes(int(spent[:2]))
        running = Measure("fix_deployed", "Fix deployed", spent, "2 h", None, running=True, due=NOW + minutes(120))
        late = Measure("triage_complete", "Triaged", spent, "30 min", False, running=True, due=NOW + minutes(30))
        promised.next_update_at = NOW + minutes(80)
        shown = {"incident": promised, "now": now, "measures": (running, late)}
        drawn.append(text_of(card.draw(samples._card("x", **shown))))
    assert drawn[0] == drawn[1]
    assert "fix due" in drawn[0] or "nobody has acknowledged" in drawn[0]


def test_the_card_of_a_release_that_has_not_helped_yet_claims_no_recovery() -> None:
    released = samples._card("x", approvals=(), incident=incident("x", deployed_at=NOW, mitigated_at=None))
    drawn = card.draw(released)
    assert "the fix is in production, recovery is not shown yet." in text_of(drawn)
    assert "served again" not in text_of(drawn)
    assert "Resolve" not in green(drawn)


def test_the_cards_sentence_ends_once() -> None:
    resolved = incident("x", status=Status.RESOLVED, resolution="Reverted the change.")
    assert "resolved: Reverted the change.\\n" in text_of(card.draw(samples._card("x", incident=resolved)))


def test_a_page_tells_the_hour_of_declaring_and_the_impact_as_a_sentence() -> None:
    letter = samples._letter("x", impact="38 % of checkouts fail")
    shown = text_of(direct.page(letter, direct.Paging(1, 4)))
    assert "38 % of checkouts fail.\\nDeclared by" in shown
    assert f"at <!date^{int(letter.incident.declared_at.timestamp())}^" in shown


def test_an_answered_page_no_longer_says_how_to_acknowledge() -> None:
    assert "inc-7 ack" not in text_of(direct.page(samples._letter("x", acknowledged_at=NOW), direct.Paging(1, 4)))
    assert "inc-7 ack" in text_of(direct.page(samples._letter("x", acknowledged_at=None), direct.Paging(1, 4)))


def test_a_page_names_the_choice_that_relieves_users_with_its_link() -> None:
    at = "https://example.slack.com/archives/C1/p11"
    shown = text_of(direct.page(samples._letter("x"), direct.Paging(1, 4, relief=True, relief_url=at)))
    assert f"<{at}|How are users relieved?>" in shown
    assert "`/incident inc-7 mitigate`" in shown
    assert "relieved" not in text_of(direct.page(samples._letter("x"), direct.Paging(1, 4)))


def test_what_is_approved_shows_its_command_whole_and_an_exercise_says_that_nothing_runs() -> None:
    row = samples.deploy_approval("x")
    row.subject = {**row.subject, "command": ["bin/deploy", "--note", "a `b` <!here>", "9f8e7d6"], "drill": False}
    shown = text_of(approval.draw(deciding.Asked(row)))
    assert "bin/deploy --note 'a ˋbˋ &lt;!here&gt;' 9f8e7d6" in shown
    assert "Drill" not in shown
    row.subject = {**row.subject, "command": ["/opt/shop/.venv/bin/python", "deploy.py"], "drill": True}
    assert "`python deploy.py`" in text_of(approval.draw(deciding.Asked(row)))
    assert "approving it runs nothing" in text_of(approval.draw(deciding.Asked(row)))


def test_a_late_update_says_when_it_was_due() -> None:
    shown = text_of(card.draw(samples._card("x", incident=incident("x", next_update_at=NOW - minutes(4)))))
    assert "*overdue*" in shown


def test_the_chosen_severity_alone_is_marked_and_red_is_kept_for_critical() -> None:
    for severity in Severity:
        filled = declare.Filled(samples.DeclareMeta(severity=severity))
        shown = declare.modal(filled, samples.preview("Down", severity), now=NOW)
        buttons = next(block for block in shown["blocks"] if block.get("block_id") == "severity")["elements"]
        marked = [(b["value"], b.get("style")) for b in buttons if b["text"]["text"].startswith("✓")]
        assert marked == [(severity.value, "danger" if severity is Severity.CRITICAL else "primary")]


def test_the_consequence_says_response_people_and_rhythm() -> None:
    shown = declare.consequence_line(samples.preview("Production down"))
    assert shown.splitlines() == [
        "*Critical*: production down. Response within 30 min.",
        ":bust_in_silhouette: *Now* on-call Ana, Production down, product Cy   "
        ":clock1: *+30\u00a0min* eng manager, CTO   :clock2: *+60\u00a0min* CEO, customer success",
        ":loudspeaker: Status every 30 min   :arrow_double_up: CTO if not resolved in 60 min",
    ]


def test_a_decided_approval_has_no_button_and_strikes_what_was_not_chosen() -> None:
    shown = samples.MESSAGES["choose_fix_decided"]("Revert")
    assert "button" not in text_of(shown)
    assert "~1  Revert~" in text_of(shown)
    assert f"Chosen* by <@{ANA}>" in text_of(shown)


def test_the_recommended_fix_is_the_green_one() -> None:
    assert green(samples.MESSAGES["choose_fix"]("Revert")) == ["Choose 1"]


def test_a_cause_that_is_a_sentence_ends_once() -> None:
    assert samples.MESSAGES["choose_fix"]("A price is missing.").text.endswith("A price is missing. Choose a fix.")


def test_a_deploy_that_is_not_ready_warns() -> None:
    row = samples.deploy_approval("x")
    row.subject = {**row.subject, "ready": False, "reason": "one test fails", "newly_failing": ["a"], "passed": 3}
    shown = text_of(approval.draw(deciding.Asked(row)))
    assert "Not confirmed ready:* one test fails" in shown
    assert "1 newly failing ✗" in shown


def test_an_answered_page_asks_for_nothing() -> None:
    shown = direct.page(samples._letter("x"), direct.Paging(1, 4, "<@U02BO>", NOW))
    assert green(shown) == []
    assert "is paged" not in text_of(shown)


def test_a_step_at_work_shows_its_time_against_its_budget() -> None:
    slow = samples.step_row("x", "running", started_at=NOW - minutes(25), attempt=1)
    assert "25 min of 20 min, *over budget*" in phase.step_line(phase.StepLine(samples.definition("x"), slow), NOW)


def test_a_finished_phase_counts_its_time_and_gates() -> None:
    done = samples.step_row("x", "done", started_at=NOW - minutes(14))
    head = phase.Head(samples.Phase.STABILIZE, 1, [phase.StepLine(samples.definition("x"), done)], [], None, 3, NOW)
    assert "done in 14 min" in text_of(phase.draw(head))


def test_each_missing_thing_has_its_own_button() -> None:
    shown = text_of(ending.resolve_form(incident("x"), samples.MISSING))
    for label in ("Take command", "Write the impact", "Review the fix"):
        assert label in shown


def test_evidence_ids_become_buttons_and_the_rest_one_more() -> None:
    shown = samples.step_result(samples.every_output("x")[2], "x")
    row = next(block for block in shown.blocks if block["type"] == "actions")
    assert [each["text"]["text"] for each in row["elements"]][-1] == "All 14"
    assert len(row["elements"]) == 5


def test_a_verdict_word_stands_in_a_steps_head() -> None:
    assert "*confirmed*" in text_of(samples.step_result(samples.every_output("x")[2], "x"))


def test_expected_and_actual_stand_beside_each_other_with_the_requirement() -> None:
    shown = text_of(samples.step_result(samples.every_output("`KeyError`")[2], "x"))
    assert "*Specification*" in shown
    assert shown.index("*Expected*  `KeyError`") < shown.index("*Actual*  `KeyError`")


def test_discarded_ideas_stay_visible_and_struck() -> None:
    assert "~idea~" in text_of(samples.step_result(samples.every_output("idea")[2], "x"))


def test_a_status_update_keeps_its_lines_and_says_when_the_next_one_comes() -> None:
    shown = status.lines({"condition": "ok", "done": "14:31 UTC a\n14:44 b"}, NOW, NOW)
    at = int(NOW.replace(minute=31).timestamp())
    assert f"*Done*  <!date^{at}^{{time}}|14:31 UTC> a\n    14:44 b" in shown
    assert shown.endswith(f"*Next update*  <!date^{int(NOW.timestamp())}^{{time}}|14:49 UTC>")


def test_a_draft_that_was_sent_has_no_verbs() -> None:
    assert "button" not in text_of(samples.MESSAGES["status_draft_sent"]("x"))


def test_a_bugs_card_promises_no_update_to_anybody() -> None:
    shown = text_of(card.draw(samples._card("x", incident=incident("x", kind=Kind.BUG), approvals=())))
    assert not [word for word in ("Comms", "Next update", "Post update", "Take comms") if word in shown]
    assert "Commander" in shown


def test_a_failed_step_offers_two_ways_until_one_is_taken() -> None:
    failed = step.failed(step.Failure(samples.definition("x"), samples.step_row("x", "failed"), "Mend it."))
    assert green(failed) == ["Retry"]
    assert "button" not in text_of(samples.MESSAGES["step_failed_then_retried"]("x"))


def test_a_line_names_who_and_why() -> None:
    shown = line.draw(samples._event(samples.EventKind.RUN_STOPPED, reason="by hand"))
    assert shown.text.startswith(f"⏹️ *Agents stopped* by <@{ANA}>: by hand")


def test_the_reader_may_give_back_a_role_they_hold_and_join_the_others() -> None:
    blocks = samples.overview.roles(incident("x"), {Role.COMMANDER: [ANA]}, ANA)
    labels = [block.to_dict().get("accessory", {}).get("text", {}).get("text") for block in blocks]
    assert labels[1:6] == ["Give it back", "Join", "Join", "Join", "Join"]


@pytest.mark.parametrize(
    ("test_id", "name"),
    [
        ("tests/test_cart.py::CartTest::test_legacy", "`test_legacy`"),
        ("tests.contract.test_cart.CartTest.test_legacy", "`test_legacy`"),
        ("test_legacy", "`test_legacy`"),
    ],
)
def test_a_test_is_called_by_its_own_name(test_id: str, name: str) -> None:
    assert outcome.test_name(test_id) == name


def test_a_bugs_pipeline_may_begin_anew_from_its_plan_also_when_it_was_stopped_and_an_incidents_may_not() -> None:
    kept = samples.planned("a")
    bug = replace(kept, incident=samples.incident("a", kind=Kind.BUG))
    offered = [
        "Begin anew" in text_of(plan.draw(replace(each, run_state=state)))
        for each in (bug, kept)
        for state in ("running", "stopped")
    ]
    assert offered == [True, True, False, False]


def test_the_plan_begins_with_what_everything_hangs_on_and_says_who_the_area_chose() -> None:
    kept = samples.planned("a")
    chosen = Choice("data-engineer", Area.DATA, "affected-area-data.md", "db/orders.sql")
    several = kept.steps[4].definition.model_copy(update={"agent": ("api-engineer", "data-engineer")})
    steps = [*kept.steps]
    steps[4] = replace(steps[4], definition=several.model_copy(update={"name": "1.5"}), chosen=chosen)
    steps[5] = replace(steps[5], definition=several)
    shown = text_of(plan.draw(replace(kept, steps=steps)))
    assert "*Now*  *waits for people*: 1.4, 1.5, running: 1.3" in shown
    assert "data-engineer (data: db/orders.sql)" in shown
    assert "agent by the affected area" in shown


def test_one_sentence_that_answers_two_facts_stands_there_once() -> None:
    answered = {"environment": "production", "context": "production", "versions": "41"}
    shown = text_of(triage.draw(incident("x", facts=answered)))
    assert shown.count("production") == 1


def test_what_an_agent_measured_stands_there_once() -> None:
    found = samples.every_output("x")[1].model_copy(deep=True)
    found.system_status_report.release = "41"
    found.system_status_report.summary = "release 41 answers 0 of 6 checks, 33 % of requests fail"
    found.rollback_readiness_assessment.evidence = ["E1", "E2", "E3", "E4"]
    drawn = outcome.drawn(found).lines
    assert drawn[0] == "*Now*  not healthy. Release 41 answers 0 of 6 checks, 33 % of requests fail"
    assert drawn[1].endswith("[E1] [E2] +2")


def test_the_list_of_the_plan_begins_with_what_waits_for_people_and_ends_with_what_is_done() -> None:
    shown = plan.draw(samples.planned("a"))
    names = [name for block in shown.blocks for name in re.findall(r"\*(1\.\d+) a\*", text_of(block))]
    assert names[:4] == ["1.4", "1.5", "1.3", "1.6"]
    assert names[-2:] == ["1.1", "1.2"]


def test_before_the_plan_of_a_bug_is_approved_nobody_is_told_when_it_is_fixed() -> None:
    shown = text_of(plan.draw(replace(samples.planned("a"), grows=True)))
    assert "*Planned by*" in shown
    assert not [word for word in ("Fixed by", "All done by", "critical path 1") if word in shown]


def test_a_plan_to_approve_is_read_over_the_whole_width() -> None:
    tasks = [{"repository": "shop", "files": ["a.py"], "tests": [], "steps": ["Find the test", "Undo it"] * 8}]
    row = samples.deploy_approval("x", kind="plan", subject={"summary": "Revert", "tasks": tasks})
    blocks = approval.draw(deciding.Asked(row)).blocks
    assert not [block for block in blocks if "fields" in block]
    assert "*shop*  Find the test" in text_of(blocks[1])


def test_the_reminder_of_a_post_mortem_asks_its_owner_until_it_is_written() -> None:
    asked = postmortem.due(samples.written_up("Down"))
    assert green(asked) == ["Write my part"]
    assert "`/incident inc-7 postmortem date 2026-12-03` moves it" in text_of(asked)
    written = postmortem.due(samples.written_up("Down", "went_well", "went_badly"))
    assert "button" not in text_of(written)
    assert "is written" in text_of(written)


def test_a_form_names_people_where_slack_shows_no_mention() -> None:
    known = Settings(people={"ana": Person(key="ana", name="Ana", slack=ANA)})
    error = Conflict(f"Already approved by <@{ANA}>; <@U0NOBODY> asked.", remedy="Join <#C0ROOM>.")
    assert trouble.sentence(error, known) == "Already approved by Ana; somebody else asked. Join its channel."
