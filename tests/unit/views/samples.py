"""Every surface, drawn around one piece of text from outside: for looking at, and for trying to break."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.ids import Form
from bot.values import DeclareMeta, OfGate, ShownMeta
from bot.views import (
    approval,
    bug,
    card,
    deciding,
    declare,
    direct,
    ending,
    forms,
    gate,
    handwork,
    help,
    home,
    line,
    menu,
    mitigation,
    overview,
    parts,
    phase,
    plan,
    postmortem,
    question,
    reading,
    status,
    step,
    triage,
    trouble,
    unstored,
)
from bot.views import hardening as hardening_view
from bot.views.message import Message
from escalation.matrix import Foretold, Preview
from incidents import catalog, hardening, records
from incidents import triage as facts
from incidents.agents import blanks, outputs
from incidents.definitions import Kind, Phase, Severity, StepDefinition
from incidents.errors import Conflict
from incidents.events import EventKind
from incidents.knowledge import filing
from incidents.kpis import Measure
from incidents.lifecycle import Role, Status
from incidents.postmortem import SECTIONS, Postmortem
from incidents.response import forecast, questions
from incidents.response.gates import GateState, GateVerdict, Word
from incidents.response.mitigations import Means, Offer
from incidents.response.specdrift import Drift, Judged
from incidents.service.resolve import Missing
from incidents.timeline import Entry

NOW = datetime(2026, 11, 21, 14, 49, tzinfo=UTC)
ANA, BO, DEE = "U01ANA", "U02BO", "U05DEE"


def _checklist(text: str) -> hardening.Checklist:
    points = tuple(
        hardening.Point(topic, ready=ready, says=text, remedy="" if ready else text)
        for topic in hardening.Topic
        for ready in (True, False)
    )
    return hardening.Checklist(catalog.Service(key=text, title=text), points, unread=text)


def _solution(text: str) -> records.Solution:
    return records.Solution(
        id=3, service=text, title=text[:150], problem=text, solution=text, signature="", filed_by=ANA, created_at=NOW
    )


def _learned(text: str) -> filing.Learned:
    rows = (_solution(text),) * 5
    return filing.Learned(300, rows, (filing.Pattern(text[:150], (text[:40],) * 8, rows),) * 5)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def incident(text: str, **changes: Any) -> records.Incident:
    values: dict[str, Any] = {
        "id": 7,
        "title": text,
        "severity": Severity.CRITICAL,
        "service": text[:60],
        "reporter": DEE,
        "known": text,
        "facts": dict.fromkeys(list(facts.FACTS)[:3], text[:300]),
        "impact": text[:300],
        "channel": "C01INC",
        "channel_name": "inc-7",
        "declared_at": NOW - minutes(47),
        "acknowledged_at": NOW - minutes(45),
        "next_update_at": NOW + minutes(11),
        "resolution": text,
    }
    return records.Incident(**(values | changes))


def claim(text: str) -> outputs.Claim:
    return outputs.Claim(text=text[:600], verdict=outputs.Verdict.CONFIRMED, evidence=["E3f9a2b", "E000001"])


def tests_run(text: str) -> outputs.TestRun:
    return outputs.TestRun(
        command=text, exit_code=1, passed=214, failed=1, failing=[text], seconds=3.2, evidence="E000002"
    )


def specified(text: str) -> outputs.Specified:
    cited = outputs.CitedRequirement(id=text[:200], place=text[:320], text=text[:600], evidence=["E5"])
    return outputs.Specified(requirements=[cited] * 4, expected=text[:600], actual=text[:400])


def root_cause(text: str) -> outputs.RootCause:
    option = {"approach": "revert", "description": text[:300], "loses": text[:200]}
    return outputs.RootCause(
        verdict=outputs.Verdict.CONFIRMED,
        summary=text[:400],
        mechanism=text[:800],
        commit="a1b2c3d4e5f6",
        commit_subject=text,
        author=text,
        file="pricing.py",
        line=88,
        claims=[claim(text)] * 6,
        fix_options=[
            outputs.FixOption(number=1, title=text[:120], recommended=True, **option),
            outputs.FixOption(number=2, title=text[:120], **option),
        ],
        specified=specified(text),
    )


def recommendation(text: str) -> outputs.Recommendation:
    return outputs.Recommendation(title=text[:150], why=text[:400], due_in_days=10, evidence=["E3f9a2b"])


def _question(text: str, **changes: Any) -> records.Question:
    choices = [
        questions.Choice(label="Answer", does=questions.Does.RERUN, words=True),
        questions.Choice(label=f"The one of {text[:20]}", does=questions.Does.RERUN, step="1.2"),
        questions.Choice(label="Stop the agents", does=questions.Does.STOP),
    ]
    values: dict[str, Any] = {
        "id": 4,
        "incident_id": 7,
        "run_id": 3,
        "step": "1.3",
        "kind": "clarification",
        "text": text,
        "choices": [each.model_dump(mode="json") for each in choices],
        "asked_at": NOW,
    }
    return records.Question(**values | changes)


def every_output(text: str) -> list[outputs.Output]:
    short = text[:300]
    idea = outputs.Hypothesis(statement=short, state="rejected", reason=short, refuted_by=short, evidence=["E5"])
    message = outputs.Message(audience=text, subject=text[:150], body=text[:2500])
    return [
        outputs.TriageOutput(
            severity_classification=outputs.SeverityClassification(
                severity=text, agrees_with_declared=False, reasons=[claim(text)]
            ),
            impact_assessment=outputs.ImpactAssessment(
                summary=short, error_rate=0.38, failed_requests=412, since=NOW, data_loss=True, claims=[claim(text)]
            ),
            initial_stakeholder_communication=message,
        ),
        outputs.StabilizationOutput(
            system_status_report=outputs.SystemStatus(
                healthy=False, release=text, commit=text, error_rate=0.4, summary=short, claims=[claim(text)]
            ),
            temporary_mitigation_actions=[
                outputs.Mitigation(kind="rollback", description=short, taken=False, reason=short, evidence=["E1"])
            ],
            rollback_readiness_assessment=outputs.RollbackReadiness(
                ready=True, release="40", commit="abc", reason=short, evidence=["E1"]
            ),
        ),
        outputs.RootCauseOutput(
            preliminary_root_cause=root_cause(text),
            affected_components_list=[outputs.Component(name=text, path=text, area=outputs.Area.API, evidence=["E1"])],
            investigation_priorities=[idea, idea],
        ),
        outputs.HotfixOutput(
            emergency_fix_code=outputs.FixCode(
                approach=outputs.FixApproach.REVERT,
                branch=text,
                commit="9f8e7d6aa",
                base="abc",
                files=[text, text],
                additions=3,
                deletions=41,
                summary=short,
                diff=text,
                evidence=["E1"],
            ),
            minimal_test_suite=outputs.MinimalTests(
                before=tests_run(text), after=tests_run(text), repaired=[text], newly_failing=[text], note=short
            ),
            rollback_procedure=outputs.RollbackProcedure(release=text, commit=text, command=text, evidence=["E1"]),
        ),
        outputs.SecurityOutput(
            security_impact_assessment=outputs.SecurityAssessment(
                suspected=True, verdict=outputs.Verdict.LIKELY, summary=text[:400], claims=[claim(text)]
            ),
            immediate_security_controls=[text],
            breach_notification_requirements=outputs.BreachNotification(required=None, reason=short, evidence=["E1"]),
        ),
        outputs.TestingOutput(
            fix_validation_results=tests_run(text),
            regression_test_results=None,
            deployment_readiness_confirmation=outputs.Readiness(
                ready=False,
                commit=text,
                reason=short,
                staging=outputs.StagingCheck(
                    healthy=False, release=text, url=text, error_rate=0.02, watched_seconds=300, evidence=["E1"]
                ),
                evidence=["E1"],
            ),
        ),
        outputs.DeploymentOutput(
            deployment_status=outputs.DeploymentStatus(
                deployed=True, release=text, commit=text, seconds=40, evidence=["E1"]
            ),
            system_health_metrics=outputs.HealthMetrics(
                healthy=True,
                error_rate_before=0.38,
                error_rate_after=0.0,
                watched_seconds=600,
                checks=60,
                evidence=["E1"],
            ),
            user_impact_resolution=outputs.ImpactResolution(
                resolved=True, summary=short, recovered_at=NOW, evidence=["E1"]
            ),
        ),
        outputs.CommunicationOutput(
            stakeholder_updates=[message] * 6, public_communication=message, internal_status_reports=message
        ),
        outputs.AnalysisOutput(
            detailed_root_cause_report=outputs.RootCauseReport(
                summary=text[:1500], contributing_factors=[claim(text)] * 6, detection=text[:400], tried=[claim(text)]
            ),
            architectural_improvement_recommendations=[recommendation(text)] * 5,
            prevention_strategy_proposal=[recommendation(text)] * 5,
        ),
        outputs.ProcessOutput(
            process_improvement_recommendations=[recommendation(text)] * 5,
            incident_response_lessons_learned=[claim(text)] * 5,
            team_performance_assessment=[claim(text)],
        ),
        outputs.LongTermFixOutput(
            comprehensive_fix_implementation=outputs.LongTermFix(
                branch=text, commit=text, plan=[text] * 8, summary=text[:600], evidence=["E1"]
            ),
            complete_test_suite=[text] * 5,
            documentation_updates=[text],
        ),
        *_planned_outputs(text),
    ]


def _planned_outputs(text: str) -> list[outputs.Output]:
    """Return the outputs that only the priority and standard responses have."""
    short = text[:200]
    message = outputs.Message(audience=text, subject=text[:150], body=text[:2500])
    strategy = outputs.TestStrategy(
        summary=short,
        scenarios=[
            outputs.TestScenario(title=short, why=short, covered_by=[text] * 6, evidence=["E1"]),
            outputs.TestScenario(title=short, why=short, covered_by=[], evidence=[]),
        ]
        * 3,
        gaps=[text] * 5,
        claims=[claim(text)] * 5,
    )
    ready = outputs.Readiness(ready=True, commit="9f8e7d6aa", reason=short, staging=None, evidence=["E1"])
    return [
        outputs.TestStrategyOutput(test_strategy=strategy),
        outputs.TestedStrategyOutput(
            test_strategy=strategy, fix_validation_results=tests_run(text), regression_test_results=None
        ),
        outputs.BugTestingOutput(fix_validation_results=tests_run(text), regression_test_results=tests_run(text)),
        outputs.BusinessImpactOutput(
            business_impact=outputs.BusinessImpact(
                summary=short, loss_per_hour=9000, customers_affected=short, unknown=[text] * 5, claims=[claim(text)]
            )
        ),
        outputs.CommunicationPlanOutput(
            stakeholder_communication_plan=[
                outputs.PlannedNotice(audience=text, says=short, when=text[:100], evidence=["E1"])
            ]
            * 8,
            planned_messages=[message] * 5,
        ),
        outputs.ArchitectureImpactOutput(
            architecture_impact=outputs.ArchitectureImpact(
                summary=short,
                changes_required=None,
                areas=[outputs.Area.API],
                services=[text],
                third_parties=[text],
                stored_data=[text] * 5,
                claims=[claim(text)],
            )
        ),
        outputs.SecurityValidationOutput(
            security_validation=outputs.SecurityValidation(
                passed=False, verdict=outputs.Verdict.LIKELY, summary=short, claims=[claim(text)]
            ),
            remaining_security_risks=[text] * 5,
        ),
        outputs.StagingOutput(deployment_readiness_confirmation=ready),
        outputs.ApprovalCaseOutput(
            deployment_approval_case=outputs.ApprovalCase(
                recommended=False,
                summary=short,
                speaks_for=[claim(text)] * 5,
                speaks_against=[claim(text)] * 5,
                open_questions=[text] * 5,
            )
        ),
        outputs.MonitoringOutput(
            monitoring_report=outputs.MonitoringReport(
                healthy=False,
                error_rate=0.02,
                watched_seconds=1800,
                checks=60,
                new_failures=[text] * 5,
                summary=short,
                claims=[claim(text)],
            )
        ),
        outputs.ProductionValidationOutput(
            production_validation=outputs.ProductionValidation(validated=None, summary=short, claims=[claim(text)])
        ),
    ]


def definition(text: str, name: str = "1.3") -> StepDefinition:
    return StepDefinition(
        name=name,
        title=text,
        agent=(text,),
        prompt="rapid-root-cause-analysis.md",
        phase=Phase.STABILIZE,
        inputs=(),
        outputs=(),
        duration=minutes(20),
        priority="immediate",
    )


def step_row(text: str, state: str = "done", **changes: Any) -> records.Step:
    values: dict[str, Any] = {
        "id": 11,
        "run_id": 3,
        "name": "1.3",
        "state": state,
        "attempt": 2,
        "version": 2,
        "agent": text,
        "runner": "playbook",
        "started_at": NOW - minutes(11),
        "finished_at": None if state == "running" else NOW,
        "summary": text[:200],
        "notes": [text, text],
        "error": text,
    }
    return records.Step(**(values | changes))


def preview(text: str, severity: Severity = Severity.CRITICAL) -> Preview:
    return Preview(
        severity=severity,
        description=text or "Production down, data loss, or security breach",
        response_time=minutes(30),
        rows=(
            Foretold(minutes(0), ("on-call Ana", text[:200], "product Cy")),
            Foretold(minutes(30), ("eng manager", "CTO")),
            Foretold(minutes(60), ("CEO", "customer success")),
        ),
        updates_every=minutes(30),
        escalations=("CTO if not resolved in 60 min",),
        steps=11,
    )


MEASURES = (
    Measure("initial_response", "Acknowledged", "2 min", "15 min", True),
    Measure("triage_complete", "Triaged", "40 min", "30 min", False),
    Measure("fix_deployed", "Fix deployed", "47 min", "2 h", None, running=True),
    Measure("updates_on_time", "Updates on time", "5 of 6", "", False),
)


def fix_approval(text: str, **changes: Any) -> records.Approval:
    cause = root_cause(text)
    values: dict[str, Any] = {
        "id": 31,
        "incident_id": 7,
        "run_id": 3,
        "step": "2.1",
        "kind": "choose_fix",
        "subject": {
            "verdict": "confirmed",
            "summary": cause.summary,
            "options": [each.model_dump(mode="json") for each in cause.fix_options],
        },
        "digest": "0" * 64,
        "asked_at": NOW - minutes(5),
    }
    return records.Approval(**(values | changes))


def _made_by(row: records.Approval, *people: str) -> records.Approval:
    row.subject = {**row.subject, "made_by": list(people)}
    return row


def _mitigation(text: str) -> records.Approval:
    subject = {"means": "rollback", "release": text, "running": text, "caution": text, "command": [text, "--to", text]}
    return deploy_approval(text, kind="mitigate", subject={**subject, "service": text, "environment": "production"})


def deploy_approval(text: str, **changes: Any) -> records.Approval:
    subject = {
        "service": text,
        "environment": "production",
        "command": [text, "--to", text],
        "drill": True,
        "commit": "9f8e7d6aabbcc",
        "branch": text,
        "files": [text, text],
        "additions": 3,
        "deletions": 41,
        "passed": 214,
        "newly_failing": [],
        "violates": [text],
        "repaired": [text],
        "ready": True,
        "reason": text,
        "staging_healthy": True,
        "staging_seconds": 300.0,
        "rollback_release": text[:40] or "40",
        "watch_seconds": 600.0,
        "max_error_rate": 0.01,
    }
    values: dict[str, Any] = {"kind": "deploy", "step": "3.1", "subject": subject, "expires_at": NOW + minutes(30)}
    return fix_approval(text, **(values | changes))


def update_row(text: str, **changes: Any) -> records.StatusUpdate:
    values: dict[str, Any] = {
        "id": 5,
        "incident_id": 7,
        "slot": "2026-11-21T15:00:00Z",
        "due_at": NOW + minutes(11),
        "state": "drafted",
        "fields": dict.fromkeys(("condition", "impact", "done", "next", "needs"), text[:1000]),
    }
    return records.StatusUpdate(**(values | changes))


def _update(text: str, **changes: Any) -> status.Update:
    return status.Update(
        update_row(text, **changes),
        incident(text),
        since=NOW - minutes(19),
        next_at=NOW + minutes(41),
        mailed=14,
        overdue_at=NOW + minutes(16),
        missed_to=f"<@{BO}>",
    )


def _card(text: str, **changes: Any) -> card.Card:
    values: dict[str, Any] = {
        "incident": incident(text),
        "now": NOW,
        "roles": {Role.COMMANDER: [ANA]},
        "phase": Phase.HOTFIX,
        "phases": tuple(Phase),
        "approvals": (deploy_approval(text),),
        "deciders": {31: [ANA]},
        "cause": root_cause(text),
        "measures": MEASURES,
        "told": card.Told(6, 6),
        "links": {"Runbook": "https://example.com/r|x>", "War room": "https://example.com/w"},
        "run_state": "running",
    }
    return card.Card(**(values | changes))


def _letter(text: str, **changes: Any) -> direct.Letter:
    return direct.Letter(
        incident(text, **changes), NOW, "on_call_engineer", ANA, summary="*Now:* the hotfix is being tested.",
        url="https://example.com/archives/C01INC",
    )  # fmt: skip


def _event(kind: EventKind, **data: Any) -> records.Event:
    return records.Event(id=9, incident_id=7, kind=kind, actor=ANA, at=NOW, recorded_at=NOW, data=data)


def _head(text: str) -> phase.Head:
    states = ("done", "running", "failed", "waiting", "queued", "taken_over")
    return phase.Head(
        phase=Phase.STABILIZE,
        place=1,
        steps=[phase.StepLine(definition(text), step_row(text, state), "after 1.1") for state in states],
        gates=[GateVerdict("root_cause_identified", GateState.OPEN, text)],
        due_at=NOW + minutes(10),
        evidence=14,
        now=NOW,
    )


def planned(text: str) -> plan.Plan:
    states = ["done", "skipped", "running", "failed", "waiting", *["queued"] * 25]
    steps = [
        plan.Planned(definition(text, f"1.{n}"), step_row(text, state, id=n, name=f"1.{n}"), "after 1.3", next=n == 6)
        for n, state in enumerate(states, 1)
    ]
    ends = forecast.Forecast(
        {step.definition.name: forecast.Span(NOW, NOW + minutes(20)) for step in steps[2:]},
        tuple(step.definition.name for step in steps[2:12]),
        NOW + minutes(20),
    )
    return plan.Plan(incident(text), text, "running", steps, ends, ends, NOW, ("claude", "playbook"))


def _evidence(text: str) -> records.EvidenceRow:
    return records.EvidenceRow(
        id=1, incident_id=7, step_id=11, ref="E3f9a2b", kind="log", source=text, summary=text[:300],
        command=["git", "log", text], exit_code=0, digest="f" * 64, excerpt=text[:4000], captured_at=NOW,
    )  # fmt: skip


def _followup(text: str) -> records.Followup:
    return records.Followup(id=4, incident_id=7, title=text[:150] or "x", owner=ANA, due=NOW, created_at=NOW)


def written_up(text: str, *written: str) -> Postmortem:
    entry = Entry(NOW, text, "https://example.com", key=True)
    return Postmortem(
        incident=incident(text, status=Status.RESOLVED, resolved_at=NOW),
        owner=ANA,
        writers=dict.fromkeys(SECTIONS, BO),
        review_by=NOW + timedelta(days=5),
        duration="47 min",
        cause=root_cause(text).model_dump(mode="json"),
        factors=(text,),
        tried=(text,),
        fix={"commit": "9f8e7d6aa", "approach": "revert"},
        deployed={"deployed": True, "release": text},
        measures=MEASURES,
        entries=(entry,) * 30,
        told=(text,) * 5,
        vouched=(entry,) * 5,
        followups=(_followup(text),) * 12,
        sections={
            each: records.PostmortemSection(incident_id=7, section=each, text=text, author=ANA, at=NOW)
            for each in written
        },
        evidence=14,
        model_usd=0.4,
    )


MISSING = [
    Missing("Nobody is commander.", "Take the role.", "role"),
    Missing("Nobody has said who is hurt.", "Write the impact in one line.", "impact"),
    Missing("No fix is deployed.", "Approve the deploy.", "approve"),
    Missing("Something else.", "Do it.", "unheard of"),
]


def _conflict(text: str) -> dict[str, str]:
    return {"path": text, "there": f"`{text}`", "here": f"`{text}`", "by": text}


def _message(*blocks: Any) -> Message:
    return parts.message("x", blocks)


MESSAGES: dict[str, Callable[[str], Message]] = {
    "announcement": lambda t: line.announcement(incident(t)),
    "announcement_over": lambda t: line.announcement(incident(t, status=Status.RESOLVED, resolved_at=NOW)),
    "reported": lambda t: line.reported(incident(t, known="\n".join([t] * 9)[:12_500])),
    "no_channel": lambda t: trouble.no_channel(incident(t, channel=""), t),
    "channel_after_all": lambda t: trouble.no_channel(incident(t), ""),
    "command_offered": lambda t: direct.escalation(_letter(t), t, offered=Role.COMMANDER),
    "card": lambda t: card.draw(_card(t)),
    "card_new": lambda t: card.draw(
        _card(t, incident=incident(t, acknowledged_at=None, impact="", next_update_at=None), roles={}, approvals=())
    ),
    "card_resolved": lambda t: card.draw(_card(t, incident=incident(t, status=Status.RESOLVED, resolved_at=NOW))),
    "card_failed": lambda t: card.draw(
        _card(t, approvals=(), steps=(card.Doing("1.3", t, t, "failed"),), run_state="paused", undelivered=2)
    ),
    "triage": lambda t: triage.draw(incident(t)),
    "triage_done": lambda t: triage.draw(incident(t, facts=dict.fromkeys(facts.FACTS, t[:300] or "x"))),
    "plan": lambda t: plan.draw(planned(t)),
    "plan_stopped_bug": lambda t: plan.draw(
        replace(planned(t), incident=incident(t, kind=Kind.BUG), run_state="stopped")
    ),
    "plan_paused": lambda t: plan.draw(replace(planned(t), run_state="paused")),
    "plan_over": lambda t: plan.draw(replace(planned(t), steps=planned(t).steps[:2], run_state="done", alive=False)),
    "phase": lambda t: phase.draw(_head(t)),
    "step_failed": lambda t: step.failed(
        step.Failure(definition(t), step_row(t, "failed"), t), waiting_for=f"<@{ANA}>"
    ),
    "step_failed_then_retried": lambda t: step.failed(step.Failure(definition(t), step_row(t, "running"), t)),
    "step_failed_on_conflicts": lambda t: step.failed(
        step.Failure(definition(t), step_row(t, "failed"), t, rebase=True, conflicts=[_conflict(t)] * 30),
        waiting_for=f"<@{ANA}>",
    ),
    "step_drift_judged": lambda t: step.result(
        step.Result(7, definition(t), step_row(t), every_output(t)[2], ["E5"], Judged(Drift.CODE, ANA, t[:300]))
    ),
    "step_taken_over": lambda t: step.result(step.Result(7, definition(t), step_row(t, "taken_over"), None, [])),
    "choose_fix": lambda t: approval.draw(
        deciding.Asked(
            fix_approval(t),
            who=(ANA,),
            remind_at=NOW,
            then=f"<@{BO}>",
            cause=root_cause(t),
            ideas=[outputs.Hypothesis(statement=t[:300], state="rejected", reason=t[:300], refuted_by="", evidence=[])],
        )
    ),
    "choose_fix_decided": lambda t: approval.draw(
        deciding.Asked(fix_approval(t, state="approved", decided_by=ANA, decided_at=NOW, decision={"number": 2}))
    ),
    "deploy": lambda t: approval.draw(deciding.Asked(deploy_approval(t), who=(ANA, BO))),
    "deploy_made_by_hand": lambda t: approval.draw(deciding.Asked(_made_by(deploy_approval(t), ANA, BO), who=())),
    "mitigation_asked": lambda t: approval.draw(deciding.Asked(_mitigation(t), who=(ANA, BO))),
    "mitigation": lambda t: mitigation.draw(
        incident(t),
        [
            Offer(Means.ROLLBACK, t, release=t[:64]),
            Offer(Means.FLAG, t, switch=t[:40]),
            Offer(Means.FLAG, t, can=False),
            Offer(Means.HOTFIX, t),
        ],
        who=(ANA, BO),
        chosen=[mitigation.Chosen(ANA, t, "waits for approval")],
    ),
    "plain_approval": lambda t: approval.plain(deciding.Asked(deploy_approval(t), who=(ANA, BO))),
    "deploy_sent_back": lambda t: approval.draw(
        deciding.Asked(
            deploy_approval(t, state="rejected", decided_by=ANA, decided_at=NOW, decision={"feedback": t[:2000]})
        )
    ),
    "gate": lambda t: gate.draw(
        OfGate(incident=7, run=3, stage=1, gate="initial_mitigation_attempted"),
        GateVerdict("initial_mitigation_attempted", GateState.OPEN, t, ("E1",)),
        who=f"<@{ANA}>",
        asks="Was anything tried?",
    ),
    "gate_attested": lambda t: gate.draw(
        OfGate(incident=7, run=3, stage=1, gate="x"),
        GateVerdict("x", GateState.ATTESTED, t, word=Word(ANA, NOW, t)),
        who="",
        asks=t,
    ),
    "question": lambda t: question.draw(_question(t), who=f"<@{ANA}>"),
    "question_answered": lambda t: question.draw(
        _question(t, state="answered", answered_by=ANA, answer={"choice": t, "words": t}), who=""
    ),
    "gate_against": lambda t: gate.draw(
        OfGate(incident=7, run=3, stage=3, gate="fix_validates_in_staging"),
        GateVerdict("fix_validates_in_staging", GateState.FAILED, t, ("E1",)),
        who=f"<@{ANA}>",
        commander=f"<@{BO}>",
        asks=t,
    ),
    "gate_overridden": lambda t: gate.draw(
        OfGate(incident=7, run=3, stage=3, gate="x"),
        GateVerdict("x", GateState.OVERRIDDEN, t, ("E1",), Word(ANA, NOW, t, overridden=True), against=t),
        who="",
        asks=t,
    ),
    "line_overridden": lambda t: line.draw(_event(EventKind.GATE_OVERRIDDEN, gate="x", reason=t)),
    "line_contradicted": lambda t: line.draw(
        _event(EventKind.GATE_CONTRADICTED, gate="x", person=ANA, against=t, overridden=True)
    ),
    "status_draft": lambda t: status.draft(_update(t)),
    "status_draft_sent": lambda t: status.draft(_update(t, state="sent", sent_by=ANA, sent_at=NOW)),
    "status_update": lambda t: status.sent(_update(t, state="sent", sent_by=ANA, sent_at=NOW + minutes(20))),
    "summary": lambda t: status.summary(
        incident(t), {"condition": t, "done": t, "next": t}, since=NOW, url="https://example.com/archives/C01INC"
    ),
    "status_no_change": lambda t: status.sent(_update(t, state="no_change", sent_by=ANA, sent_at=NOW)),
    "page": lambda t: direct.page(
        _letter(t, acknowledged_at=None),
        direct.Paging(1, 4, f"<@{BO}>", NOW + minutes(5), ("e-mail", "pager"), True, t),
    ),
    "page_answered": lambda t: direct.page(_letter(t), direct.Paging(1, 4)),
    "matrix": lambda t: direct.matrix(_letter(t), "within 30 min"),
    "escalation": lambda t: direct.escalation(_letter(t, acknowledged_at=None), t),
    "line_severity": lambda t: line.draw(_event(EventKind.SEVERITY_CHANGED, before="high", after="critical", reason=t)),
    "line_escalated": lambda t: line.draw(_event(EventKind.ESCALATED, audience=t, reason=t)),
    "line_cancelled": lambda t: line.draw(_event(EventKind.CANCELLED, reason=t, duplicate_of=6)),
    "resolved": lambda t: ending.resolved(
        ending.Resolved(incident(t, status=Status.RESOLVED, resolved_at=NOW), ANA, MEASURES, MISSING, 14)
    ),
    "postmortem": lambda t: postmortem.draw(written_up(t), canvas_url="https://example.com/canvas"),
    "postmortem_written": lambda t: postmortem.draw(written_up(t, *SECTIONS)),
    "postmortem_due": lambda t: postmortem.due(written_up(t)),
    "postmortem_due_no_more": lambda t: postmortem.due(written_up(t, *SECTIONS)),
    "line_postmortem": lambda t: line.draw(_event(EventKind.POSTMORTEM_SCHEDULED, due=NOW.isoformat(), owner=ANA)),
    "list": lambda t: overview.listing([overview.Row(incident(t), "at work")] * 20, NOW, count=23),
    "found": lambda t: overview.found([incident(t, resolution=t)] * 20, NOW, text=t, older=7),
    "found_nothing": lambda t: overview.found([], NOW, text=t, older=None),
    "list_empty": lambda t: overview.listing([], NOW, count=0),
    "menu": lambda t: menu.draw(),
    "learned": lambda t: menu.learned(_learned(t)),
    "learned_found": lambda t: menu.learned(_learned(t), words=t),
    "learned_nothing": lambda t: menu.learned(filing.Learned(0, ()), words=t),
    "filed": lambda t: menu.filed(_solution(t)),
    "hardening": lambda t: hardening_view.draw([_checklist(t)] * 5, more=3),
    "hardening_of_nothing": lambda t: hardening_view.draw([]),
    "help": lambda t: help.draw([help.Word("status", "status", "how it stands", "Look")], unknown=t, nearest="status"),
    "help_group": lambda t: help.draw([help.Word("note", "note", "x", "Act")], group="act"),
    "did_you_mean": lambda t: help.did_you_mean(t, "status"),
    "error": lambda t: trouble.private(Conflict(f"{t} is wrong.", remedy=f"Ask <@{ANA}>. {t}")),
    "roles": lambda t: _message(*overview.roles(incident(t), {Role.COMMANDER: [ANA], Role.COMMS: [BO]}, ANA)),
    "timeline": lambda t: _message(*overview.timeline(incident(t), [Entry(NOW, t, "https://example.com")] * 30)),
    "promises": lambda t: _message(
        *overview.promises(incident(t), [overview.Kept(NOW, "CTO", "slack", "late", minutes(3))])
    ),
}


def sent_update(t: str) -> dict[str, Any]:
    """Return the form of a status update as it comes back."""
    typed = {"condition": {"input": {"type": "plain_text_input", "value": t[:1000]}}}
    return {**status.form(incident(t), {"done": t}), "id": "V1", "hash": "h", "state": {"values": typed}}


MODALS: dict[str, Callable[[str], dict[str, Any]]] = {
    "declare": lambda t: declare.modal(
        declare.Filled(
            DeclareMeta(severity=Severity.CRITICAL, seen=(6,)),
            t,
            t[:60],
            t,
            declare.parted(t),
            frozenset({"private", "drill"}),
        ),
        preview(t),
        [declare.Alike(6, t, Severity.CRITICAL, t, "C01INC", NOW - minutes(12))],
        now=NOW,
        advice=t,
    ),
    "bug": lambda t: bug.modal(bug.Filled(t, t[:60], t, Severity.LOW, dict.fromkeys(bug.FACTS, t))),
    "solution": lambda t: menu.solution_form(problem=t),
    "bug_empty": lambda t: bug.modal(bug.Filled()),
    "question_words": lambda t: question.words(_question(t), 1),
    "declare_empty": lambda t: declare.modal(declare.Filled(DeclareMeta()), preview(t, Severity.HIGH), now=NOW),
    "not_stored_yet": lambda t: unstored.waiting(sent_update(t), "key"),
    "not_stored": lambda t: unstored.failed(sent_update(t), "key", {"condition": t, "impact": t}),
    "stored": lambda t: unstored.stored(sent_update(t)),
    "stored_above_others": lambda t: unstored.stored(sent_update(t), clears=True),
    "progress": lambda t: declare.progress("inc-7", t),
    "result": lambda t: declare.result(
        "inc-7", t, "C01INC", told=card.Told(3, 3), missing=4, channel_url="https://example.com"
    ),
    "update": lambda t: status.form(incident(t), {"condition": t, "done": t}, update=5, error=t),
    "resolve": lambda t: ending.resolve_form(incident(t), MISSING, summary=t, error=t),
    "close": lambda t: ending.close_form(incident(t), MISSING, reason=t),
    "severity": lambda t: forms.severity(incident(t), {each: f"*{each}* {t[:0]}" for each in Severity}),
    "escalate": lambda t: forms.escalate(incident(t), {"security_breach_suspected": "security team", "x_y": "cto"}),
    "note": lambda t: forms.note(incident(t), typed=t),
    "impact": lambda t: forms.impact(incident(t)),
    "override": lambda t: forms.override(OfGate(incident=7, run=3, stage=3, gate="x"), "X", reason=t, asks=t),
    "send_back": lambda t: forms.send_back(fix_approval(t), "*The fix*", typed=t),
    "take_over": lambda t: handwork.take_over(
        incident(t), step_row(t, "failed"), t, blanks.fields("emergency-hotfix-development")
    ),
    "skip": lambda t: handwork.skip(incident(t), step_row(t, "queued"), t),
    "hand_over": lambda t: handwork.hand_over(incident(t), step_row(t), t, "claude", ("playbook",)),
    "write": lambda t: forms.write(incident(t), {"went_well": t}),
    "followup": lambda t: forms.followup(incident(t), title=t),
    "cancel": lambda t: forms.reason(
        Form.CANCEL, incident(t), "Why", title="Cancel inc-7", submit="Cancel it", typed=t
    ),
    "which_incident": lambda t: forms.which_incident(Form.NOTE, [incident(t), incident(t, id=8)], typed=t or "x"),
    "evidence": lambda t: reading.evidence(_evidence(t)),
    "evidence_list": lambda t: reading.evidence_list("Evidence", [_evidence(t)] * 60),
    "diff": lambda t: reading.diff(deploy_approval(t), {"commit": "9f8e7d6", "branch": t, "files": [t], "diff": t}),
    "shown": lambda t: reading.shown_blocks("Decide", card.draw(_card(t)).blocks, ShownMeta(approval=31)),
    "shown_nothing": lambda t: reading.shown_blocks("Decide", []),
    "trouble": lambda t: trouble.modal("Sitrep", t),
}

HOMES: dict[str, Callable[[str], dict[str, Any]]] = {
    "home": lambda t: home.view(
        home.draw(
            home.Home(
                NOW,
                [overview.Row(incident(t), "Hotfix, waiting for approval")] * 20,
                20,
                waiting=["the deploy of inc-7 waits for you"],
                followups=[_followup(t)] * 10,
                figures=["30 days: 9 incidents", "acknowledged 3 min (median, n=9)"],
            )
        )
    ),
    "home_quiet": lambda t: home.view(home.draw(home.Home(NOW, [], 0))),
}


def step_result(output: outputs.Output, text: str) -> Message:
    refs = [f"E{n:06x}" for n in range(14)]
    return step.result(step.Result(7, definition(text), step_row(text), output, refs))
