"""The bug pipeline compiled: which steps a list of stages becomes, and how they wait for each other."""

import re
from collections.abc import Callable
from datetime import timedelta
from graphlib import TopologicalSorter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents.agents.outputs import MODELS
from incidents.definitions import ApprovalKind, Phase, StepDefinition, WorkflowDefinition
from incidents.response import decisions, handing_on, pipeline, plan, reviewing
from incidents.response.decisions import Wanted
from incidents.response.plan import StepState
from incidents.response.reviewing import Count
from incidents.stages import REVIEWS, AtLimit, BugfixPipeline, PipelineStage, Provider, StageType
from tests import installation

RCA, PLAN_REVIEW = StageType.RCA, StageType.PLAN_REVIEW
IMPLEMENTATION, CODE_REVIEW = StageType.IMPLEMENTATION, StageType.CODE_REVIEW


def stage(type_: StageType, *, parallel: bool = False, model: str = "") -> PipelineStage:
    return PipelineStage(type=type_, timeout=timedelta(minutes=7), parallel=parallel, model=model)


def stages(*each: PipelineStage) -> BugfixPipeline:
    return BugfixPipeline(stages=each)


#: The document's default: two analysts, a reviewer of the plan, three of the code, the first two side by side.
DOCUMENT = stages(
    stage(RCA, model="sonnet"),
    stage(RCA, model="opus"),
    stage(PLAN_REVIEW, model="o3"),
    stage(IMPLEMENTATION, model="sonnet"),
    stage(CODE_REVIEW, model="sonnet", parallel=True),
    stage(CODE_REVIEW, model="opus", parallel=True),
    stage(CODE_REVIEW, model="o3"),
)


CODE = next(step for step in pipeline.grow(pipeline.compile_(DOCUMENT), ["shop"]).steps() if step.type is CODE_REVIEW)


def waits_for(definition: WorkflowDefinition, name: str) -> set[str]:
    return set(plan.dependencies(definition, definition.step(name)))


def named(definition: WorkflowDefinition, title: str) -> StepDefinition:
    (found,) = [step for step in definition.steps() if step.title == title]
    return found


def test_reviews_of_one_type_that_stand_together_and_say_so_make_a_group() -> None:
    assert DOCUMENT.groups() == ((0,), (1,), (2,), (3,), (4, 5), (6,))


def test_one_parallel_review_alone_is_no_group_and_neither_are_two_types_or_one_that_does_not_say_so() -> None:
    lonely = stages(
        stage(RCA), stage(PLAN_REVIEW, parallel=True), stage(IMPLEMENTATION), stage(CODE_REVIEW, parallel=True)
    )
    assert lonely.groups() == ((0,), (1,), (2,), (3,))
    mixed = stages(stage(PLAN_REVIEW, parallel=True), stage(CODE_REVIEW, parallel=True), stage(CODE_REVIEW))
    assert mixed.groups() == ((0,), (1,), (2,))


def test_stages_that_do_not_review_never_run_side_by_side() -> None:
    assert stages(stage(RCA, parallel=True), stage(RCA, parallel=True)).groups() == ((0,), (1,))


def test_each_analysis_is_reflected_on_before_the_next_begins_and_all_are_consolidated() -> None:
    definition = pipeline.compile_(DOCUMENT)
    assert [step.title for step in definition.stages[0].steps] == [
        "Triage check",
        "Root cause analysis 1 - Sonnet",
        "Reflection on analysis 1 - Sonnet",
        "Root cause analysis 2 - Opus",
        "Reflection on analysis 2 - Opus",
        "Consolidated diagnosis",
    ]
    first, reflection = definition.step("1.2"), definition.step("1.3")
    assert reflection.reviews == (first.name,)
    assert reflection.passes == 3
    assert reflection.at_limit is AtLimit.ASK
    assert waits_for(definition, "1.4") == {"1.3"}
    assert waits_for(definition, "1.6") == {"1.5"}


def test_no_analysis_begins_before_triage_has_its_seven_facts() -> None:
    definition = pipeline.compile_(DOCUMENT)
    states = {step.name: StepState.QUEUED for step in definition.steps()} | {"1.1": StepState.DONE}
    assert plan.ready(definition, states, {1: False}, frozenset())[0] == ()
    assert plan.ready(definition, states, {1: True}, frozenset())[0] == ("1.2",)


def test_people_choose_the_fix_before_it_is_planned_and_approve_the_plan_before_it_is_decomposed() -> None:
    definition = pipeline.compile_(DOCUMENT)
    steps = definition.stages[1].steps
    assert [(step.title, step.approval) for step in steps] == [
        ("Fix plan", ApprovalKind.CHOOSE_FIX),
        ("Plan review 1 - O3", None),
        ("Tasks by repository", ApprovalKind.PLAN),
    ]
    assert steps[1].reviews == ("2.1",)
    assert steps[1].type is PLAN_REVIEW


def test_provider_model_and_timeout_of_a_stage_go_to_its_step() -> None:
    analyst = PipelineStage(type=RCA, provider=Provider.COMMAND, model="o3", timeout=timedelta(minutes=3))
    step = pipeline.compile_(stages(analyst)).step("1.2")
    assert (step.provider, step.model, step.duration) == (Provider.COMMAND, "o3", timedelta(minutes=3))


def test_the_phases_that_the_plan_brings_are_counted_before_it_does() -> None:
    definition = pipeline.compile_(DOCUMENT)
    assert pipeline.coming(definition) == (Phase.FIX, Phase.MERGE)
    assert pipeline.coming(pipeline.grow(definition, ["shop"])) == ()


def test_each_repository_of_the_plan_gets_its_own_steps_in_the_plans_order() -> None:
    definition = pipeline.grow(pipeline.compile_(DOCUMENT), ["shop", "search"])
    assert [step.title for step in definition.steps() if step.repository == "search"] == [
        "Implementation - Sonnet, search",
        "Code review 1 - Sonnet, search",
        "Code review 2 - Opus, search",
        "Code review 3 - O3, search",
        "Documentation, search",
        "Pull request, search",
        "Check results, search",
        "Merge, search",
    ]
    assert waits_for(definition, "3.1.1") == {"2.3"}
    assert waits_for(definition, "3.2.1") == {named(definition, "Pull request, shop").name}  # one after the other


def test_parallel_reviews_fan_out_from_the_implementation_and_fan_in_to_the_next() -> None:
    definition = pipeline.grow(pipeline.compile_(DOCUMENT), ["shop"])
    assert waits_for(definition, "3.1.2") == waits_for(definition, "3.1.3") == {"3.1.1"}
    assert waits_for(definition, "3.1.4") == {"3.1.1", "3.1.2", "3.1.3"}
    assert definition.step("3.1.2").parallel_with == ("3.1.3",)


def test_a_code_review_has_two_retries_and_then_goes_on() -> None:
    review = pipeline.grow(pipeline.compile_(DOCUMENT), ["shop"]).step("3.1.2")
    assert (review.reviews, review.passes, review.at_limit) == (("3.1.1",), 3, AtLimit.GO_ON)


def test_documentation_cannot_block_and_a_merge_is_approved_by_a_person() -> None:
    definition = pipeline.grow(pipeline.compile_(DOCUMENT), ["shop", "search"])
    assert [step.prompt for step in definition.steps() if step.optional] == [pipeline.DOCUMENTATION] * 2
    merges = pipeline.steps_with(definition, pipeline.MERGE)
    assert [step.approval for step in merges] == [ApprovalKind.MERGE] * 2
    assert waits_for(definition, "4.1") == {step.name for step in merges}


def test_each_implementation_is_reviewed_by_the_reviews_that_follow_it() -> None:
    twice = stages(stage(RCA), stage(IMPLEMENTATION), stage(CODE_REVIEW), stage(IMPLEMENTATION), stage(CODE_REVIEW))
    definition = pipeline.grow(pipeline.compile_(twice), ["shop"])
    reviews = pipeline.steps_with(definition, pipeline.CODE_REVIEW)
    assert [step.reviews for step in reviews] == [("3.1.1",), ("3.1.3",)]
    (checks,) = pipeline.steps_with(definition, pipeline.CHECK_RESULTS)
    assert checks.reviews == ("3.1.3",)


def test_growing_again_with_the_same_repositories_changes_nothing() -> None:
    once = pipeline.grow(pipeline.compile_(DOCUMENT), ["shop", "search"])
    assert pipeline.grow(once, ["shop", "search"]) == once
    assert once.base == pipeline.compile_(DOCUMENT).digest()


def test_a_repository_that_stays_keeps_the_names_of_its_steps() -> None:
    once = pipeline.grow(pipeline.compile_(DOCUMENT), ["shop", "search"])
    again = pipeline.grow(once, ["search", "billing"])
    kept = {step.name for step in again.steps() if step.repository == "search"}
    assert kept == {step.name for step in once.steps() if step.repository == "search"}
    assert {step.name.split(".")[1] for step in again.steps() if step.repository == "billing"} == {"3"}


def test_the_shipped_pipeline_compiles() -> None:
    shipped = installation.library()
    stages = shipped.policies.bugfix_pipeline
    assert stages is not None
    assert stages.max_iterations == 10
    assert [step.name for step in pipeline.compile_(stages).steps()] == [
        "1.1",
        "1.2",
        "1.3",
        "1.4",
        "2.1",
        "2.2",
        "2.3",
    ]


#: What prompts are given that no step brings.
_OF_THE_REPORT = {"incident_report", "error_logs", "system_architecture_docs", "recent_deployment_history"}


def test_every_name_that_a_later_step_is_given_stands_in_the_output_of_an_earlier_one() -> None:
    shipped = installation.library()
    definition = pipeline.grow(pipeline.compile_(DOCUMENT), ["shop"])
    brought = set(_OF_THE_REPORT)
    for step in definition.steps():
        model = MODELS[step.prompt.removesuffix(".md")]
        assert set(step.outputs) <= set(model.model_fields), step.title
        given_to = shipped.prompts[step.prompt].partition("## What you are given")[2].partition("\n## ")[0]
        named = set(re.findall(r"^- `([a-z_]+)`:", given_to, re.MULTILINE))
        assert named, step.title
        assert named <= brought, step.title
        brought |= set(model.model_fields)


class Noting(dict[str, Any]):
    """Something that a step brought, which notes what is read of it."""

    def __init__(self) -> None:
        super().__init__()
        self.read: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        self.read.add(name)
        return default

    def __bool__(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("prompt", "reads"),
    [
        ("bug-fix-plan", lambda it: decisions.DECISIONS[ApprovalKind.PLAN].subject(Wanted("", {}, brought=it))),
        ("bug-pull-request", lambda it: decisions.DECISIONS[ApprovalKind.MERGE].subject(Wanted("", {}, brought=it))),
        ("bug-check-results", lambda it: decisions.DECISIONS[ApprovalKind.MERGE].subject(Wanted("", {}, brought=it))),
        ("bug-code-review", lambda it: reviewing.of_review(CODE, it["bug-code-review"], Count(0, 0, 1))),
        ("bug-implementation", lambda it: reviewing.of_implementation(it["bug-implementation"], Count(0, 0, 1))),
        ("bug-root-cause-analysis", lambda it: handing_on._OF[RCA](it["bug-root-cause-analysis"])),
        ("bug-implementation", lambda it: handing_on._OF[IMPLEMENTATION](it["bug-implementation"])),
        ("bug-plan-review", lambda it: handing_on._OF[PLAN_REVIEW](it["bug-plan-review"])),
    ],
)
def test_what_rules_read_of_a_step_stands_in_its_output(prompt: str, reads: Callable[[Any], Any]) -> None:
    noting = Noting()
    reads({prompt: noting})
    assert noting.read
    assert noting.read <= set(MODELS[prompt].model_fields)


def test_what_a_decision_of_a_bug_rests_on_is_brought_by_a_step() -> None:
    definition = pipeline.grow(pipeline.compile_(DOCUMENT), ["shop"])
    brought = {name for step in definition.steps() for name in step.outputs}
    asked = [decisions.DECISIONS[step.approval] for step in definition.steps() if step.approval]
    assert {name for each in asked for name in (each.source, *each.made_of)} <= brought


_ANY = st.builds(
    lambda analysts, reviews, rest: stages(
        *(stage(RCA) for _ in range(analysts)),
        *(stage(PLAN_REVIEW, parallel=side) for side in reviews),
        stage(IMPLEMENTATION),
        *(stage(type_, parallel=side and type_ in REVIEWS) for type_, side in rest),
    ),
    st.integers(1, 4),
    st.lists(st.booleans(), max_size=5),
    st.lists(st.tuples(st.sampled_from([IMPLEMENTATION, CODE_REVIEW]), st.booleans()), max_size=8),
)


@given(_ANY, st.lists(st.sampled_from(["a", "b", "c"]), unique=True, min_size=1))
def test_any_pipeline_ends_and_every_review_waits_for_what_it_judges(
    configured: BugfixPipeline, repositories: list[str]
) -> None:
    definition = pipeline.grow(pipeline.compile_(configured), repositories)
    before = {step.name: set(plan.dependencies(definition, step)) for step in definition.steps()}
    assert set(TopologicalSorter(before).static_order()) == set(before)  # no cycle, no unknown name
    for step in definition.steps():
        assert all(step.name in plan.downstream(definition, judged) for judged in step.reviews)
        if step.type is not None and step.type not in REVIEWS:
            assert not step.parallel_with
    end = definition.steps()[-1].name
    assert all(end == name or end in plan.downstream(definition, name) for name in before)
