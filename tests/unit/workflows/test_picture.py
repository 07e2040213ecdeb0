"""The pictures of workflows: what stands in them, and that the documents carry today's."""

from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from bot.cli.workflows import choosing, frame, layers, picture, reckoning, series
from incidents.definitions import Library, Severity, Stage, WorkflowDefinition
from incidents.response import pipeline
from incidents.stages import PipelineStage, Provider, StageType
from tests import installation
from tests.unit.response.test_plan import step, workflow

ROOT = Path(__file__).parents[3]
SHIPPED: Library = installation.library()
WORKFLOWS = choosing.everything(SHIPPED)
each_workflow = pytest.mark.parametrize("name", sorted(WORKFLOWS))


@each_workflow
def test_the_documents_carry_the_picture_of_todays_file(name: str) -> None:
    kept = ROOT / "docs" / "images" / "workflows" / f"{name}.svg"
    remedy = f"write it anew: sitrep workflows show {name} --svg docs/images/workflows/{name}.svg"
    assert kept.read_text(encoding="utf-8") == picture.svg(WORKFLOWS[name]), remedy


@each_workflow
def test_the_page_on_workflows_shows_each(name: str) -> None:
    assert f"(images/workflows/{name}.svg)" in (ROOT / "docs" / "workflows.md").read_text(encoding="utf-8")


@each_workflow
def test_boxes_keep_apart_and_arrows_lead_down(name: str) -> None:
    layout = layers.lay_out(WORKFLOWS[name])
    for row in layout.rows:
        for left, right in pairwise(row):
            between = layout.middle[right] - layout.middle[left]
            assert between >= (layers.width(left) + layers.width(right)) / 2 + layers.GAP - 0.01
    for route in layout.routes:
        rows = [layout.row_of[node] for node in route.through]
        assert rows == sorted(set(rows))


def test_what_follows_from_other_arrows_is_not_drawn() -> None:
    drawn = layers.arrows(workflow((step("1.1"), step("1.2", "1.1")), (step("2.1", "1.1", "1.2"),)))
    assert [(arrow.source, arrow.target) for arrow in drawn] == [("1.1", "1.2"), ("1.2", "2.1")]


def test_a_wait_for_first_results_stands_beside_the_wait_for_the_whole() -> None:
    drawn = layers.arrows(workflow((step("4.1"), step("4.2", "4.1/preliminary"), step("4.3", "4.1"))))
    assert {(arrow.target, arrow.early) for arrow in drawn} == {("4.2", True), ("4.3", False)}


def test_several_that_wait_for_the_same_several_meet_in_one_point() -> None:
    layout = layers.lay_out(workflow((step("1.1"), step("1.2")), (step("2.1", "Phase 1"), step("2.2", "Phase 1"))))
    assert len(layout.junctions) == 1
    assert len(layout.routes) == 4


def test_an_arrow_past_a_row_goes_between_its_boxes() -> None:
    layout = layers.lay_out(
        workflow(
            (step("1.1"), step("1.2", "1.1"), step("1.3", "1.1"), step("1.4", "1.2")),
        )
    )
    long = workflow((step("1.1"), step("1.2", "1.1")), (step("2.1", "1.2"), step("2.2", "2.1")), (step("3.1", "2.2"),))
    assert all(len(route.through) == 2 for route in layout.routes)
    beside = workflow((step("1.1"), step("1.9"), step("1.2", "1.1"), step("1.3", "1.2", "1.9")))
    [passing] = [route for route in layers.lay_out(beside).routes if route.arrow.source == "1.9"]
    assert len(passing.through) == 3
    assert len(layers.lay_out(long).rows) == 5


def test_the_critical_path_is_the_longest_by_budget() -> None:
    slow = step("1.2").model_copy(update={"duration": step("1.2").duration * 5})
    reckoned = reckoning.of(workflow((step("1.1"), slow), (step("2.1", "Phase 1"),)))
    assert reckoned.critical == ("1.2", "2.1")
    assert reckoned.whole == step("1.1").duration * 6
    assert reckoned.longest == {1: step("1.1").duration * 5, 2: step("1.1").duration}


def test_a_bugs_reviews_lead_back_side_by_side_and_say_how_often_at_most() -> None:
    review = PipelineStage(type=StageType.CODE_REVIEW, timeout=timedelta(minutes=9), parallel=True)
    kept = SHIPPED.policies.bugfix_pipeline
    assert kept is not None
    asked = review.model_copy(update={"provider": Provider.COMMAND, "model": "o3"})
    stages = kept.model_copy(update={"stages": (*kept.stages[:3], review, asked)})
    drawn = picture.svg(pipeline.grow(pipeline.compile_(stages, SHIPPED.policies.affected_areas), ["shop"]))
    assert drawn.count('class="back"') == 5  # reflection, plan review, two code reviews, check results
    assert drawn.count("↺ 3.1.1, at most 3 times") == 2
    assert all(words in drawn for words in ("reviewer, o3", "beside 3.1.2", "agent by affected area", "holds nobody"))


def test_a_long_series_is_drawn_in_lines_and_what_runs_side_by_side_one_below_the_other() -> None:
    chain = [step(f"1.{n}", *([f"1.{n - 1}"] if n > 1 else [])) for n in range(1, 7)]
    beside = [step("2.1", "1.6"), step("2.2", "1.6"), step("2.3", "2.1", "2.2"), step("2.4", "2.3")]
    ends = [step("3.1", "2.4"), step("3.2", "3.1")]
    long = workflow(tuple(chain), tuple(beside), tuple(ends))
    course = series.groups(long)
    assert course is not None
    at = series.draw(long, course, ("1.1",)).boxes
    assert [at["1.1"][1], at["1.1"][0]] == [at["1.3"][1], at["1.4"][0]]
    assert at["1.3"][0] > at["1.2"][0] > at["1.1"][0]
    assert at["1.4"][1] >= at["1.1"][1] + frame.STEP_HEIGHT
    assert at["2.1"][0] == at["2.2"][0]
    assert at["2.2"][1] >= at["2.1"][1] + frame.STEP_HEIGHT
    assert series.groups(workflow(tuple(chain), tuple(beside))) is None, "it fits a screen"
    assert series.groups(workflow(tuple(chain), tuple(beside), (*ends, step("3.3", "2.3")))) is None, "it is no series"


def test_words_of_a_file_cannot_break_the_picture() -> None:
    hostile = step("1.1").model_copy(update={"title": '</text><script>alert("1")</script> & more and more and more'})
    assert "<script" not in picture.svg(workflow((hostile,)))


def test_a_phase_without_steps_has_its_band() -> None:
    empty = Stage(number=1, title="Nothing yet", window="0-1 hours", ends_after="1h", steps=())
    drawn = WorkflowDefinition(name="w", title="w", severity=Severity.LOW, stages=(empty,))
    assert "Phase 1: Nothing yet" in picture.svg(drawn)
