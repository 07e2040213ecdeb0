"""Which steps may start: properties of the plan over the shipped workflows and over generated ones."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from incidents.definitions import ApprovalKind, Phase, Severity, Stage, StepDefinition, WorkflowDefinition
from incidents.response import plan
from incidents.response.plan import StepState, Waits


def step(name: str, *depends_on: str, approval: ApprovalKind | None = None) -> StepDefinition:
    return StepDefinition(
        name=name,
        title=name,
        agent=("reviewer",),
        prompt="critical-incident-triage.md",
        phase=Phase.STABILIZE,
        depends_on=depends_on,
        approval=approval,
        inputs=(),
        outputs=(),
        duration=timedelta(minutes=1),
        priority="high",
    )


def workflow(*stages: tuple[StepDefinition, ...]) -> WorkflowDefinition:
    return WorkflowDefinition(
        name="w",
        title="w",
        severity=Severity.CRITICAL,
        stages=tuple(
            Stage(number=number, title="s", window="w", ends_after=timedelta(hours=1), steps=steps)
            for number, steps in enumerate(stages, start=1)
        ),
    )


TWO = workflow((step("1.1"), step("1.2"), step("1.3", "1.1")), (step("2.1", "Phase 1"),))


def test_independent_steps_start_side_by_side() -> None:
    ready, held = plan.ready(TWO, dict.fromkeys(("1.1", "1.2", "1.3", "2.1"), StepState.QUEUED), {}, frozenset())
    assert ready == ("1.1", "1.2")
    assert held["1.3"] == Waits(steps=("1.1",))


def test_a_whole_stage_is_waited_for() -> None:
    states = {"1.1": StepState.DONE, "1.2": StepState.RUNNING, "1.3": StepState.TAKEN_OVER, "2.1": StepState.QUEUED}
    assert plan.ready(TWO, states, {}, frozenset()) == ((), {"2.1": Waits(steps=("1.2",))})


def test_an_open_gate_of_the_stage_before_holds_the_next_stage_up() -> None:
    states = {"1.1": StepState.DONE, "1.2": StepState.DONE, "1.3": StepState.DONE, "2.1": StepState.QUEUED}
    assert plan.ready(TWO, states, {1: False}, frozenset()) == ((), {"2.1": Waits(gates=(1,))})
    assert plan.ready(TWO, states, {1: True}, frozenset()) == (("2.1",), {})


def test_a_fix_can_be_chosen_while_gates_are_still_attested() -> None:
    definition = workflow((step("1.1"),), (step("2.1", "1.1", approval=ApprovalKind.CHOOSE_FIX),))
    states = {"1.1": StepState.DONE, "2.1": StepState.QUEUED}
    _, held = plan.ready(definition, states, {1: False}, frozenset())
    assert held["2.1"] == Waits(gates=(1,), approval=ApprovalKind.CHOOSE_FIX)


def test_a_deploy_is_asked_about_only_when_its_own_stages_gates_hold() -> None:
    definition = workflow((step("1.1"),), (step("2.1", "1.1", approval=ApprovalKind.DEPLOY),))
    states = {"1.1": StepState.DONE, "2.1": StepState.QUEUED}
    assert plan.ready(definition, states, {2: False}, frozenset())[1]["2.1"] == Waits(gates=(2,))
    assert plan.ready(definition, states, {2: True}, frozenset())[1]["2.1"] == Waits(approval=ApprovalKind.DEPLOY)
    assert plan.ready(definition, states, {2: True}, frozenset({"2.1"}))[0] == ("2.1",)


def test_sending_a_step_back_reaches_everything_built_on_it() -> None:
    definition = workflow((step("1.1"), step("1.2")), (step("2.1", "1.1"), step("2.2", "1.2")), (step("3.1", "2.1"),))
    assert plan.downstream(definition, "1.1") == ("2.1", "3.1")


@st.composite
def graphs(draw: st.DrawFn) -> WorkflowDefinition:
    names = [f"1.{n}" for n in range(1, draw(st.integers(1, 8)) + 1)]
    steps = [
        step(name, *draw(st.lists(st.sampled_from(names[:index]), unique=True) if index else st.just([])))
        for index, name in enumerate(names)
    ]
    return workflow(tuple(steps))


@given(graphs(), st.randoms(use_true_random=False))
def test_every_acyclic_workflow_runs_to_its_end_and_no_step_overtakes_what_it_needs(definition, random) -> None:
    states = {each.name: StepState.QUEUED for each in definition.steps()}
    finished: list[str] = []
    while len(finished) < len(states):
        ready, _ = plan.ready(definition, states, {}, frozenset())
        assert ready, "a workflow without cycles always has a step that may start"
        name = random.choice(ready)
        assert set(plan.dependencies(definition, definition.step(name))) <= set(finished)
        states[name] = StepState.DONE
        finished.append(name)


def test_a_step_that_needs_first_results_only_waits_for_no_more() -> None:
    definition = workflow((step("4.1"), step("4.3", "4.1/preliminary"), step("4.4", "4.1")))
    running = {"4.1": StepState.RUNNING, "4.3": StepState.QUEUED, "4.4": StepState.QUEUED}
    before, held = plan.ready(definition, running, {}, frozenset())
    assert (before, held["4.3"]) == ((), Waits(steps=("4.1",)))
    after, held = plan.ready(definition, running, {}, frozenset(), frozenset({"4.1"}))
    assert (after, held) == (("4.3",), {"4.4": Waits(steps=("4.1",))})
    assert plan.is_awaited_early(definition, "4.1")
    assert not plan.is_awaited_early(definition, "4.3")


def test_whoever_waits_for_the_whole_phase_too_is_not_content_with_first_results() -> None:
    definition = workflow((step("1.1"),), (step("2.1", "1.1/preliminary", "Phase 1"),))
    running = {"1.1": StepState.RUNNING, "2.1": StepState.QUEUED}
    assert plan.ready(definition, running, {}, frozenset(), frozenset({"1.1"})) == ((), {"2.1": Waits(steps=("1.1",))})


def test_first_results_of_an_attempt_that_was_lost_do_not_count() -> None:
    definition = workflow((step("4.1"), step("4.3", "4.1/preliminary")))
    queued = {"4.1": StepState.QUEUED, "4.3": StepState.QUEUED}
    assert plan.ready(definition, queued, {}, frozenset())[0] == ("4.1",)
