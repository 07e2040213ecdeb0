"""Properties of planning, over any workflow that loads: it ends, nothing overtakes, what may overlap does."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.cli.workflows import layers, picture
from incidents.definitions import WorkflowDefinition
from incidents.response import plan
from incidents.response.forecast import forecast
from incidents.response.plan import FINISHED, StepState
from tests.property.definitions import workflows

START = datetime(2026, 11, 21, 10, tzinfo=UTC)


class Course:
    """A run in which people, gates and agents take their time in any order."""

    def __init__(self, definition: WorkflowDefinition) -> None:
        self.definition = definition
        self.states = {step.name: StepState.QUEUED for step in definition.steps()}
        self.gates = {stage.number: not stage.gates for stage in definition.stages}
        self.approved: set[str] = set()
        self.early: set[str] = set()
        self.attempts = dict.fromkeys(self.states, 0)

    def may_start(self) -> tuple[str, ...]:
        return plan.ready(self.definition, self.states, self.gates, frozenset(self.approved), frozenset(self.early))[0]

    def start(self, name: str) -> None:
        step = self.definition.step(name)
        for word in step.depends_on:
            for other in plan.dependencies(self.definition, step.model_copy(update={"depends_on": (word,)})):
                first = word.endswith(plan.PRELIMINARY) and other in self.early
                assert self.states[other] in FINISHED or first, f"{name} overtook {other}, as {word} holds it"
        assert all(self.gates[number] for number in plan.gates_before(self.definition, step))
        assert step.approval is None or name in self.approved
        self.states[name] = StepState.RUNNING
        self.attempts[name] += 1

    def end(self, name: str, how: StepState) -> None:
        self.states[name] = how
        self.early.discard(name)

    def running(self) -> list[str]:
        return [name for name, state in self.states.items() if state is StepState.RUNNING]

    def moves(self) -> list[tuple[str, str]]:
        """Return everything that may happen next and brings the run on."""
        held = plan.ready(self.definition, self.states, self.gates, frozenset(self.approved), frozenset(self.early))[1]
        found = [("start", name) for name in self.may_start()]
        found += [(how, name) for name in self.running() for how in ("done", "failed", "taken_over")]
        found += [("early", name) for name in self.running() if name not in self.early]
        found += [("retry", name) for name, state in self.states.items() if state is StepState.FAILED]
        found += [("approve", name) for name, waits in held.items() if waits.approval is not None]
        found += [("gate", str(number)) for waits in held.values() for number in waits.gates]
        return found

    def make(self, move: str, name: str) -> None:
        match move:
            case "start":
                self.start(name)
            case "early":
                self.early.add(name)
            case "retry":
                self.states[name] = StepState.QUEUED
            case "approve":
                self.approved.add(name)
            case "gate":
                self.gates[int(name)] = True
            case _:
                self.end(name, StepState(move))


@given(workflows(), st.randoms(use_true_random=False))
@settings(max_examples=100)
def test_any_workflow_ends_and_no_step_overtakes_what_it_needs(definition: WorkflowDefinition, random: Random) -> None:
    course = Course(definition)
    failures = 3 * len(course.states)  # agents may fail as often as that, and each step is retried
    while not FINISHED.issuperset(course.states.values()):
        moves = [move for move in course.moves() if move[0] != "failed" or failures > 0]
        assert moves, f"stuck at {course.states}"
        move = random.choice(moves)
        failures -= move[0] == "failed"
        course.make(*move)
    assert all(course.attempts[name] >= 1 for name in course.states), "a step was lost"
    assert course.moves() == []


@given(workflows(people=False))
@settings(max_examples=100)
def test_each_step_begins_as_soon_as_it_may_so_that_the_whole_takes_its_critical_path(
    definition: WorkflowDefinition,
) -> None:
    course, now = Course(definition), START
    began: dict[str, datetime] = {}
    ends: dict[str, datetime] = {}
    while not FINISHED.issuperset(course.states.values()):
        while ready := course.may_start():
            for name in ready:  # beside whatever runs
                course.start(name)
                began[name], ends[name] = now, now + definition.step(name).duration
                if plan.is_awaited_early(definition, name):
                    course.early.add(name)
        now = min(ends[name] for name in course.running())
        for name in course.running():
            if ends[name] == now:
                course.end(name, StepState.DONE)
    expected = forecast(definition, {}, START)
    assert began == {name: span.start for name, span in expected.spans.items()}
    assert now == expected.ends_at
    chain = [(began[name], ends[name]) for name in expected.critical]
    assert chain[-1][1] == now
    assert chain[0][0] == START


@given(workflows(people=False))
@settings(max_examples=100)
def test_steps_that_wait_for_the_same_begin_together(definition: WorkflowDefinition) -> None:
    course = Course(definition)
    while ready := course.may_start():
        for name in ready:
            same = plan.dependencies(definition, definition.step(name))
            beside = [each.name for each in definition.steps() if plan.dependencies(definition, each) == same]
            unstarted = [each for each in beside if course.states[each] is StepState.QUEUED]
            assert {*unstarted} <= {*ready}
        for name in ready:
            course.start(name)
        for name in ready:
            course.end(name, StepState.DONE)
    assert FINISHED.issuperset(course.states.values())


@given(workflows(), st.data())
@settings(max_examples=100)
def test_what_builds_on_a_step_is_exactly_what_cannot_go_on_without_it(
    definition: WorkflowDefinition, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from([step.name for step in definition.steps()]))
    course = Course(definition)
    course.gates = dict.fromkeys(course.gates, True)
    course.approved = {*course.states}
    while ready := [each for each in course.may_start() if each != name]:
        for each in ready:
            course.start(each)
            course.end(each, StepState.DONE)
    stuck = {each for each, state in course.states.items() if state not in FINISHED}
    assert stuck == {name, *plan.downstream(definition, name)}


@given(workflows())
@settings(max_examples=100)
def test_any_workflow_can_be_drawn(definition: WorkflowDefinition) -> None:
    layout = layers.lay_out(definition)
    assert {node for row in layout.rows for node in row} >= {step.name for step in definition.steps()}
    for route in layout.routes:
        rows = [layout.row_of[node] for node in route.through]
        assert rows == sorted({*rows}), "an arrow leads up or stays in its row"
    for row in layout.rows:
        edges = [
            (layout.middle[node] - layers.width(node) / 2, layout.middle[node] + layers.width(node) / 2) for node in row
        ]
        assert all(left[1] < right[0] for left, right in pairwise(edges)), "two boxes overlap"
    reached = {(source, target) for route in layout.routes for source in route.steps[0] for target in route.steps[1]}
    assert reached == {(arrow.source, arrow.target) for arrow in layers.arrows(definition)}
    assert picture.svg(definition).count('class="box') >= len(definition.steps())
    assert timedelta(0) < forecast(definition, {}, START).ends_at - START  # type: ignore[operator]
