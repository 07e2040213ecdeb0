"""When a run is expected to end, and which steps decide that."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents.definitions import Phase, Severity, Stage, StepDefinition, WorkflowDefinition
from incidents.response.forecast import Stand, forecast, restores
from incidents.response.plan import FINISHED, StepState, dependencies
from tests import installation

NOW = datetime(2026, 11, 21, 15, 0, tzinfo=UTC)
DONE, RUNNING, QUEUED = Stand(StepState.DONE), StepState.RUNNING, Stand(StepState.QUEUED)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def workflow(**steps: tuple[float, tuple[str, ...]]) -> WorkflowDefinition:
    """Return a workflow of one stage; `steps` gives each its minutes and what it depends on."""
    made = tuple(
        StepDefinition(
            name=name,
            title=name,
            agent=("reviewer",),
            prompt="x.md",
            phase=Phase.STABILIZE,
            depends_on=after,
            inputs=(),
            outputs=(),
            duration=minutes(length),
            priority="high",
        )
        for name, (length, after) in steps.items()
    )
    stage = Stage(number=1, title="One", window="0-30 minutes", ends_after=minutes(30), steps=made)
    return WorkflowDefinition(name="w", title="W", severity=Severity.CRITICAL, stages=(stage,))


def test_the_longest_way_through_decides_the_end() -> None:
    found = forecast(workflow(a=(10, ()), b=(30, ("a",)), c=(5, ("a",)), d=(10, ("b", "c"))), {}, NOW)
    assert found.critical == ("a", "b", "d")
    assert found.ends_at == NOW + minutes(50)
    assert found.spans["c"].start == NOW + minutes(10)


def test_a_running_step_ends_by_its_budget_and_one_over_it_may_end_any_moment() -> None:
    states = {"a": Stand(RUNNING, NOW - minutes(4)), "b": Stand(RUNNING, NOW - minutes(14))}
    found = forecast(workflow(a=(10, ()), b=(10, ()), c=(10, ("b",))), states, NOW)
    assert found.spans["a"].end == NOW + minutes(6)
    assert found.spans["b"].end == NOW
    assert found.spans["b"].over == minutes(4)
    assert found.critical == ("b", "c")


def test_what_is_finished_takes_no_more_time_and_nothing_left_has_no_end() -> None:
    assert forecast(workflow(a=(10, ())), {"a": DONE}, NOW).ends_at is None
    found = forecast(workflow(a=(10, ()), b=(10, ("a",))), {"a": Stand(StepState.TAKEN_OVER)}, NOW)
    assert found.ends_at == NOW + minutes(10)


def test_first_results_let_a_step_start_with_the_one_it_waits_for() -> None:
    found = forecast(workflow(a=(60, ()), b=(90, ("a/preliminary",))), {"a": Stand(RUNNING, NOW - minutes(20))}, NOW)
    assert found.ends_at == NOW + minutes(90)


def test_a_run_that_begins_later_ends_later() -> None:
    found = forecast(workflow(a=(10, ())), {}, NOW, begins_at=NOW + minutes(600))
    assert found.ends_at == NOW + minutes(610)


def test_users_wait_for_the_fix_and_not_for_the_analysis_of_the_emergency_response() -> None:
    emergency = installation.library().workflows["emergency_response"]
    fixed = forecast(emergency, {}, NOW, until=restores(emergency))
    # 15 + 20 + 45 + 30 + 20 minutes: the document's own budgets in sequence
    assert fixed.critical == ("1.1", "1.3", "2.1", "2.3", "3.1")
    assert fixed.ends_at == NOW + minutes(130)
    assert forecast(emergency, {}, NOW).ends_at > fixed.ends_at


@pytest.mark.parametrize("name", ["emergency_response", "priority_response", "standard_response"])
@given(data=st.data())
def test_no_step_is_expected_before_what_it_depends_on(name: str, data: st.DataObject) -> None:
    definition = installation.library().workflows[name]
    states = {
        step.name: Stand(data.draw(st.sampled_from(StepState)), NOW - minutes(data.draw(st.integers(0, 90))))
        for step in definition.steps()
    }
    found = forecast(definition, states, NOW)
    left = {step for step, stand in states.items() if stand.state not in FINISHED}
    assert set(found.spans) == left
    for step in definition.steps():
        if step.name in left and states[step.name].state is not RUNNING and not any("/" in w for w in step.depends_on):
            for before in left & set(dependencies(definition, step)):
                assert found.spans[step.name].start >= found.spans[before].end
    if left:
        assert found.ends_at == max(span.end for span in found.spans.values())
        assert set(found.critical) <= left
