"""Rules of the analysis fire on their fact and are silent without it."""

import dataclasses
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from incidents.agents import outputs
from incidents.agents.playbook import contributing, past, review
from incidents.agents.playbook.case import Case, Settings
from incidents.agents.playbook.runner import PlaybookRunner
from incidents.agents.playbook.sources import Release
from incidents.agents.playbook.story import Story
from incidents.catalog import Sandbox
from incidents.clock import SystemClock
from tests.integration.agents.steps import Response, facts

AT = datetime(2026, 11, 21, 14, 0, tzinfo=UTC)


def run(*, failing: list[str], timed_out: bool = False) -> dict[str, Any]:
    made = outputs.TestRun(
        command="pytest",
        exit_code=1 if failing else 0,
        passed=5,
        failed=len(failing),
        failing=failing,
        seconds=1.0,
        timed_out=timed_out,
        evidence="E000001",
    )
    return made.model_dump(mode="json")


def suite(before: dict[str, Any], repaired: list[str]) -> dict[str, Any]:
    return {"before": before, "after": run(failing=[]), "repaired": repaired, "newly_failing": [], "note": ""}


def status(*, healthy: bool, error_rate: float) -> dict[str, Any]:
    return {
        "healthy": healthy,
        "release": "41",
        "commit": "a1b2c3d",
        "error_rate": error_rate,
        "summary": "s",
        "claims": [],
    }


def story(tmp_path: Path, **recorded: Any) -> Story:
    response = Response(PlaybookRunner(SystemClock()), None, tmp_path, facts(declared_at=AT), outputs=recorded)
    case = Case(response.request("4.1"), Settings(SystemClock(), Sandbox()))
    return Story(case, past.read(case), Release(None, None, None, None), None, (), None, (), None, None)


def titles(told: Story) -> list[str]:
    return [found.title for found in contributing.findings(told)]


def test_without_facts_no_rule_fires(tmp_path: Path) -> None:
    assert titles(story(tmp_path)) == []


def test_red_tests_that_the_fix_repairs_ask_for_green_ones_before_a_release(tmp_path: Path) -> None:
    told = story(tmp_path, minimal_test_suite=suite(run(failing=["t.test_cart"]), ["t.test_cart"]))
    assert titles(told) == ["Let no release start while its own tests fail"]


def test_green_tests_on_a_broken_release_ask_for_a_new_one(tmp_path: Path) -> None:
    cause = {
        "verdict": "likely",
        "summary": "s",
        "mechanism": "m",
        "commit": None,
        "file": "shop/pricing.py",
        "line": 88,
        "claims": [],
        "fix_options": [],
    }
    told = story(tmp_path, minimal_test_suite=suite(run(failing=[]), []), preliminary_root_cause=cause)
    assert titles(told) == ["Write a test that fails without the fix around `shop/pricing.py:88`"]


@pytest.mark.parametrize(("healthy", "rate", "fires"), [(True, 0.4, True), (False, 0.4, False), (True, 0.0, False)])
def test_a_blind_health_check_is_one_that_stayed_green_while_requests_failed(
    tmp_path: Path, healthy: bool, rate: float, fires: bool
) -> None:
    told = story(tmp_path, system_status_report=status(healthy=healthy, error_rate=rate))
    assert bool(titles(told)) is fires


@pytest.mark.parametrize(("minutes", "days"), [(30, 7), (2, 14)])
def test_the_alert_is_due_sooner_the_longer_nobody_noticed(tmp_path: Path, minutes: int, days: int) -> None:
    told = dataclasses.replace(story(tmp_path), onset=AT - timedelta(minutes=minutes))
    (found,) = contributing.findings(told)
    assert found.due_in_days == days
    assert f"{minutes} min" in found.factor.text


def test_what_was_declared_before_it_failed_asks_for_no_alert(tmp_path: Path) -> None:
    assert titles(dataclasses.replace(story(tmp_path), onset=AT + timedelta(minutes=1))) == []


def test_every_recommendation_cites_what_led_to_it(tmp_path: Path) -> None:
    told = story(
        tmp_path,
        minimal_test_suite=suite(run(failing=["t.test_cart"]), ["t.test_cart"]),
        system_status_report=status(healthy=True, error_rate=0.4),
    )
    found = contributing.findings(told)
    assert len(found) == 2
    for each in found:
        assert set(each.recommendation.evidence) <= set(told.case.seen)
        assert each.recommendation.evidence


async def test_a_review_without_misses_recommends_nothing(tmp_path: Path) -> None:
    incident = facts(
        measures={"initial_response": "2 min, target 15 min, met"},
        timeline=("2026-11-21T14:05:00Z declared critical", "2026-11-21T14:07:00Z acknowledged by <@ana>"),
        told=("14:05 cto told by slack",),
    )
    response = Response(PlaybookRunner(SystemClock()), None, tmp_path, incident)
    output, summary = await review.run(Case(response.request("4.2"), Settings(SystemClock(), Sandbox())))
    assert isinstance(output, outputs.ProcessOutput)
    assert output.process_improvement_recommendations == []
    assert summary == "1 of 1 measures within target, 0 recommendations"


async def test_an_earlier_output_of_another_form_is_left_out_with_a_note(tmp_path: Path) -> None:
    told = story(tmp_path, preliminary_root_cause={"verdict": "maybe"}, investigation_priorities="none")
    assert told.past.cause is None
    assert told.past.hypotheses == ()
    assert len(told.case.notes) == 2
