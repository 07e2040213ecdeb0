"""A bug through its pipeline: what each verdict brings about, what people are asked, how the run grows."""

import asyncio
from typing import Any

import pytest

from incidents import records
from incidents.agents.merging import REBASE
from incidents.definitions import Kind, Severity
from incidents.errors import Conflict, InvalidInput
from incidents.response import answering, control, drift, frozen, growing, intervening, rebasing
from incidents.response.engine import Engine
from incidents.service import declare, queries, resolve, respond, triaging
from incidents.stages import BugfixPipeline
from tests.integration.response import bugs
from tests.integration.response.conftest import ANA, DEE, House


@pytest.fixture
def bug(house: House) -> House:
    house.agent.results.update(bugs.answers(house.agent.seen.id))
    return house


async def declared(house: House, known: str = bugs.COMPLETE) -> records.Incident:
    declaration = declare.Declaration(
        title="Old carts", severity=Severity.MEDIUM, reporter=DEE, service="checkout", known=known, kind=Kind.BUG
    )
    async with house.store.transaction() as tx:
        incident = await declare.declare(tx, house.ctx, declaration)
        await respond.acknowledge(tx, house.ctx, incident.number, ANA)
        return incident


async def questions(house: House, incident: records.Incident) -> list[records.Question]:
    async with house.store.read() as session:
        return await queries.questions(session, incident.number)


async def decided(house: House, incident: records.Incident, **named: Any) -> None:
    (approval,) = await house.pending(incident)
    await house.do(control.decide, approval.number, ANA, "approve", **named)


async def planned(house: House, incident: records.Incident) -> None:
    """Bring the bug to where its fix is implemented."""
    await house.work()
    await decided(house, incident, option=1)
    await house.work()
    await decided(house, incident)


async def run_of(house: House, incident: records.Incident) -> records.Run:
    async with house.store.read() as session:
        run = await queries.latest_run(session, incident.number)
        assert run is not None
        return run


async def test_a_bug_goes_from_its_report_to_the_release_note(bug: House) -> None:
    async with bug.store.transaction() as tx:
        tx.session.add(records.Solution(title="Old carts", problem="KeyError", filed_by=DEE, created_at=tx.now))
    incident = await declared(bug)
    assert await bug.work() == ["1.1", "1.2", "1.3", "1.4"]
    assert [each.title for each in next(it for it in bug.agent.asked if it.step.name == "1.2").solutions] == [
        "Old carts"
    ]
    await decided(bug, incident, option=2)
    assert await bug.work() == ["2.1", "2.2"]
    await decided(bug, incident)
    assert await bug.work() == ["2.3", "3.1.1", "3.1.2", "3.1.3", "3.1.4", "3.1.5"]
    await decided(bug, incident)
    assert await bug.work() == ["3.1.6", "4.1"]
    run = await run_of(bug, incident)
    assert (run.state, run.outcome) == ("done", "complete")


async def test_analysis_waits_until_the_seven_facts_are_known(bug: House) -> None:
    incident = await declared(bug, known="Environment: production")
    assert await bug.work() == ["1.1"]
    for label in ("Steps to reproduce", "Expected", "Versions", "Error output", "Context"):
        await bug.do(triaging.add_facts, incident.number, DEE, f"{label}: as it was")
    assert (await bug.work())[0] == "1.2"


async def test_a_critique_goes_back_to_the_analysis_and_its_versions_are_kept(bug: House) -> None:
    incident = await declared(bug)
    bug.agent.plan("bug-root-cause-reflection", bugs.review("needs_changes", "pricing.py has no line 7"))
    assert await bug.work() == ["1.1", "1.2", "1.3", "1.2", "1.3", "1.4"]
    assert [each.feedback for each in bug.agent.asked if each.step.name == "1.2"] == [
        "",
        "Reflection on analysis 1: pricing.py has no line 7",
    ]
    async with bug.store.read() as session:
        kept = await queries.versions(session, (await step(bug, incident, "1.3")).number)
    assert [version.output["verdict"] for version in kept] == ["needs_changes", "approved"]


async def step(house: House, incident: records.Incident, name: str) -> records.Step:
    run = await run_of(house, incident)
    async with house.store.read() as session:
        return next(row for row in await queries.steps(session, run.number) if row.name == name)


async def test_after_three_passes_of_the_reflection_people_are_asked(bug: House) -> None:
    incident = await declared(bug)
    bug.agent.results["bug-root-cause-reflection"] = bugs.review("needs_changes", "no proof")
    assert (await bug.work()).count("1.3") == 3
    (asked,) = await questions(bug, incident)
    assert asked.text == "Reflection on analysis 1 still finds faults after 3 passes.\nno proof"
    assert (await bug.states(incident))["1.3"] == "waiting"
    await bug.do(answering.answer, asked.number, ANA, 3)  # continue anyway
    assert await bug.work() == ["1.4"]


async def test_a_code_review_sends_back_twice_and_then_goes_on(bug: House) -> None:
    incident = await declared(bug)
    await planned(bug, incident)
    bug.agent.results["bug-code-review"] = bugs.review("needs_changes", "no test")
    done = await bug.work()
    assert (done.count("3.1.1"), done.count("3.1.2")) == (3, 3)
    assert done[-1] == "3.1.5"
    assert await questions(bug, incident) == []


async def test_a_red_check_sends_the_fix_back_and_pushes_it_again(bug: House) -> None:
    incident = await declared(bug)
    await planned(bug, incident)
    red = {**bug.agent.results["bug-check-results"], **bugs.review("needs_changes", "test_old fails")}
    bug.agent.plan("bug-check-results", red)
    done = await bug.work()
    assert done[-5:] == ["3.1.1", "3.1.2", "3.1.3", "3.1.4", "3.1.5"]


async def test_a_rebase_voids_what_was_approved_and_offers_and_checks_again(bug: House) -> None:
    incident = await declared(bug)
    await planned(bug, incident)
    with pytest.raises(Conflict, match="No fix is offered"):
        await bug.do(rebasing.rebase, incident.number, ANA)
    await bug.work()
    (merge,) = await bug.pending(incident)
    bug.agent.plan("bug-pull-request", {**bug.agent.results["bug-pull-request"], "head": "1234567"})
    conflicting = {**bug.agent.results["bug-check-results"], "head": "1234567", "conflicts": ["pricing.py"]}
    bug.agent.plan("bug-check-results", conflicting)
    assert await bug.do(rebasing.rebase, incident.number, ANA, "3.1.6") == "checkout"
    with pytest.raises(Conflict, match="no longer asked"):
        await bug.do(control.decide, merge.number, ANA, "approve")
    assert await bug.work() == ["3.1.4", "3.1.5"]
    assert [each.feedback for each in bug.agent.asked[-2:]] == [REBASE, ""]
    (asked,) = await bug.pending(incident)
    assert (asked.subject["head"], asked.subject["conflicts"]) == ("1234567", ["pricing.py"])
    await bug.do(rebasing.rebase, incident.number, ANA, "checkout")  # people have solved what conflicts
    assert await bug.work() == ["3.1.1", "3.1.2", "3.1.3", "3.1.4", "3.1.5"]
    assert bug.agent.asked[-5].feedback == REBASE


async def test_a_reopened_bug_goes_on_without_what_was_left_out_and_begins_anew_once_it_was_merged(bug: House) -> None:
    incident = await declared(bug)
    await planned(bug, incident)
    bug.agent.failing = {"3.1.3"}
    await bug.work()
    await bug.do(resolve.resolve, incident.number, ANA, "works for everybody")
    await bug.do(resolve.reopen, incident.number, ANA, "old carts again")
    assert await bug.work() == []
    assert (await bug.states(incident))["3.1.3"] == "skipped"
    await decided(bug, incident)
    assert await bug.work() == ["3.1.6", "4.1"]
    await bug.do(resolve.resolve, incident.number, ANA, "merged")
    await bug.do(resolve.reopen, incident.number, ANA, "it did not help")
    assert (await bug.work())[:2] == ["1.1", "1.2"]


async def test_a_step_is_handed_over_from_the_provider_of_its_stage(bug: House) -> None:
    object.__setattr__(bug.ctx, "providers", ("claude", "playbook", "command"))
    rca = {"type": "rca", "timeout": "5m", "provider": "playbook"}
    limited(bug, stages=[rca, {"type": "implementation", "timeout": "5m"}])
    incident = await declared(bug)
    analysis = await step(bug, incident, "1.2")
    definition = frozen.definition_of(await run_of(bug, incident)).step("1.2")
    assert (definition.provider, intervening.with_whom(bug.ctx, definition, analysis)) == ("playbook", "playbook")
    with pytest.raises(Conflict, match="with playbook already"):
        await bug.do(intervening.hand_over, analysis.number, ANA, "playbook")
    await bug.do(intervening.hand_over, analysis.number, ANA, "claude")
    assert (await step(bug, incident, "1.2")).provider == "claude"


async def test_what_a_partial_implementation_leaves_is_done_next_and_a_failed_one_asks(bug: House) -> None:
    incident = await declared(bug)
    await planned(bug, incident)
    bug.agent.plan("bug-implementation", bugs.implementation("checkout", result="partial", remaining=["a test"]))
    bug.agent.plan("bug-implementation", bugs.implementation("checkout", result="failed", reason="no such file"))
    assert await bug.work() == ["2.3", "3.1.1", "3.1.1"]
    assert bug.agent.asked[-1].feedback == "a test"
    assert (await run_of(bug, incident)).outcome == "implementation_failed"
    (asked,) = await questions(bug, incident)
    await bug.do(answering.answer, asked.number, ANA, 1)
    assert (await run_of(bug, incident)).outcome == ""
    assert (await bug.work())[0] == "3.1.1"


async def test_a_rejected_plan_asks_for_context_and_code_that_an_external_agent_rejects_ends_there(bug: House) -> None:
    reviews = [{"type": "plan-review"}, {"type": "implementation"}, {"type": "code-review", "provider": "command"}]
    limited(bug, stages=[{**each, "timeout": "5m"} for each in ({"type": "rca"}, *reviews)])
    incident = await declared(bug)
    await bug.work()
    bug.agent.plan("bug-plan-review", bugs.review("rejected", "the cart service is not looked at"))
    await decided(bug, incident, option=1)
    await bug.work()
    (asked,) = await questions(bug, incident)
    assert (asked.kind, asked.choices[0]["label"]) == ("plan_rejected", "Give more context")
    with pytest.raises(InvalidInput, match="Say it in a sentence"):
        await bug.do(answering.answer, asked.number, ANA, 1)
    await bug.do(answering.answer, asked.number, ANA, 1, "carts are read in pricing.py alone")
    assert await bug.work() == ["2.1", "2.2"]
    assert bug.agent.asked[-2].feedback == "carts are read in pricing.py alone"
    bug.agent.plan("bug-code-review", bugs.review("rejected", "it hides the error"))
    await decided(bug, incident)
    assert (await bug.work())[-1] == "3.1.2"
    asked = (await questions(bug, incident))[-1]
    assert (asked.kind, (await run_of(bug, incident)).outcome) == ("code_rejected", "code_rejected")
    labels = [choice["label"] for choice in asked.choices]
    assert labels == [
        "Try once more", "Restart from the cause", "Revise the plan", "Continue anyway", "Stop the agents",
    ]  # fmt: skip
    await bug.do(answering.answer, asked.number, ANA, 1)
    assert await bug.work() == ["3.1.1", "3.1.2"]
    assert (await run_of(bug, incident)).outcome == ""
    asked = (await questions(bug, incident))[-1]
    assert asked.kind == "reviewer_away", "somebody else than the external agent approved in its place"
    await bug.do(answering.answer, asked.number, ANA, 1)
    assert await bug.work() == ["3.1.2"]
    asked = (await questions(bug, incident))[-1]
    await bug.do(answering.answer, asked.number, ANA, 2)
    assert (await bug.work())[0] == "3.1.3"


async def test_the_runs_limit_on_iterations_ends_in_a_question(bug: House) -> None:
    limited(bug, max_iterations=2)
    incident = await declared(bug)
    bug.agent.results["bug-plan-review"] = bugs.review("needs_changes", "no test planned")
    await bug.work()
    await decided(bug, incident, option=1)
    assert (await bug.work()).count("2.2") == 3
    (asked,) = await questions(bug, incident)
    assert asked.kind == "iterations"
    assert (await run_of(bug, incident)).outcome == "max_iterations_reached"


def limited(house: House, **changed: Any) -> None:
    """Let runs that begin from now on follow another pipeline."""
    policies = house.ctx.library.policies
    assert policies.bugfix_pipeline is not None
    pipeline = policies.bugfix_pipeline.model_dump() | changed
    other = policies.model_copy(update={"bugfix_pipeline": BugfixPipeline.model_validate(pipeline)})
    house.configure(house.ctx.library.model_copy(update={"policies": other}))


async def test_of_parallel_reviews_all_critiques_go_back_together_and_only_who_asked_looks_again(bug: House) -> None:
    review = {"type": "code-review", "timeout": "5m", "parallel": True}
    limited(
        bug,
        stages=[{"type": "rca", "timeout": "5m"}, {"type": "implementation", "timeout": "5m"}, review, review, review],
    )
    incident = await declared(bug)
    await planned(bug, incident)
    bug.agent.plan("bug-code-review", bugs.review("needs_changes", "no test"))
    bug.agent.plan("bug-code-review", bugs.review("approved"))
    bug.agent.plan("bug-code-review", bugs.review("needs_changes", "too wide"))
    done = await bug.work()
    assert done[:7] == ["2.2", "3.1.1", "3.1.2", "3.1.3", "3.1.4", "3.1.1", "3.1.2"]
    assert done[7] == "3.1.4"
    second = [each for each in bug.agent.asked if each.step.name == "3.1.1"][1]
    assert "no test" in second.feedback
    assert "too wide" in second.feedback


async def test_analysts_that_disagree_are_laid_before_people_and_the_answer_decides(bug: House) -> None:
    limited(
        bug,
        stages=[
            {"type": "rca", "timeout": "5m"},
            {"type": "rca", "timeout": "5m"},
            {"type": "implementation", "timeout": "5m"},
        ],
    )
    incident = await declared(bug)
    differ = [
        {"step": "1.2", "summary": "a missing key", "place": "pricing.py:7"},
        {"step": "1.4", "summary": "a stale cache", "place": "cache.py:3"},
    ]
    bug.agent.plan(
        "bug-diagnosis-consolidation",
        {**bug.agent.results["bug-diagnosis-consolidation"], "agreed": False, "disagreements": differ},
    )
    await bug.work()
    (asked,) = await questions(bug, incident)
    assert "1.4: a stale cache (cache.py:3)" in asked.text
    assert [choice["label"] for choice in asked.choices] == ["The one of 1.2", "The one of 1.4", "All may contribute"]
    assert await bug.pending(incident) == []
    await bug.do(answering.answer, asked.number, ANA, 2)
    assert await bug.work() == ["1.6"]
    assert bug.agent.asked[-1].feedback == "1.4"
    assert [approval.kind for approval in await bug.pending(incident)] == ["choose_fix"]


async def test_feedback_at_the_option_gate_goes_to_every_analyst(bug: House) -> None:
    incident = await declared(bug)
    await bug.work()
    (approval,) = await bug.pending(incident)
    await bug.do(control.decide, approval.number, ANA, "reject", feedback="Look at the cache")
    assert await bug.work() == ["1.2", "1.3", "1.4"]
    assert bug.agent.asked[-3].feedback == "Look at the cache"


async def test_each_repository_of_the_plan_gets_its_steps_once(bug: House) -> None:
    incident = await declared(bug)
    await bug.work()
    await decided(bug, incident, option=1)
    await bug.work()
    bug.agent.results["bug-decomposition"] = {"tasks": [bugs.task("checkout"), bugs.task("search")]}
    await decided(bug, incident)
    await bug.work()
    names = set(await bug.states(incident))
    assert {"3.1.1", "3.2.1", "4.1"} < names
    given = {each.step.name: each.inputs for each in bug.agent.asked}
    assert ("branch" in given["3.1.2"], "branch" in given["3.2.1"]) == (True, False), "of another repository"
    run = await run_of(bug, incident)
    async with bug.store.transaction() as tx:
        await growing.grow(tx, incident, run, bug.agent.results["bug-decomposition"])
    assert set(await bug.states(incident)) == names
    assert (await run_of(bug, incident)).digest == run.digest


async def test_documentation_that_fails_holds_nothing_up(bug: House) -> None:
    incident = await declared(bug)
    await planned(bug, incident)
    bug.agent.failing = {"3.1.3"}
    assert (await bug.work())[-1] == "3.1.5"
    assert (await bug.states(incident))["3.1.3"] == "skipped"


async def test_a_run_that_began_under_other_stages_asks_once_whether_to_begin_anew(bug: House) -> None:
    incident = await declared(bug)
    await bug.work()
    assert await drift.ask(bug.ctx) == 0
    limited(bug, max_iterations=3)
    assert await drift.ask(bug.ctx) == 1
    assert await drift.ask(bug.ctx) == 0
    (asked,) = await questions(bug, incident)
    await bug.do(answering.answer, asked.number, ANA, 2)
    begun = await run_of(bug, incident)
    assert begun.definition["pipeline"]["max_iterations"] == 3
    assert await bug.work() == ["1.1", "1.2", "1.3", "1.4"]


async def test_a_run_that_continues_with_its_own_copy_is_asked_no_more(bug: House) -> None:
    incident = await declared(bug)
    await bug.work()
    limited(bug, max_iterations=3)
    await drift.ask(bug.ctx)
    (asked,) = await questions(bug, incident)
    await bug.do(answering.answer, asked.number, ANA, 1)
    assert await drift.ask(bug.ctx) == 0
    assert (await run_of(bug, incident)).definition["pipeline"]["max_iterations"] == 10


async def test_a_bug_is_begun_anew_by_word_also_when_it_was_stopped_and_an_incident_is_not(bug: House) -> None:
    incident = await declared(bug)
    await bug.work()
    assert await bug.pending(incident)
    for before in ((), (control.stop,)):
        for steer in before:
            await bug.do(steer, incident.number, ANA)
        await bug.do(control.restart, incident.number, ANA, "it is another place")
        assert await bug.pending(incident) == []
        assert await bug.work() == ["1.1", "1.2", "1.3", "1.4"]
    other = await bug.declare()
    await bug.do(respond.acknowledge, other.number, ANA)
    with pytest.raises(Conflict, match="not begun anew"):
        await bug.do(control.restart, other.number, ANA)


async def test_of_two_processes_one_carries_a_step_out(bug: House) -> None:
    await declared(bug)
    other = Engine(bug.ctx, bug.agent, bug.workdir, "there")
    taken = await asyncio.gather(bug.engine.claim(10), other.claim(10))
    assert sorted(map(len, taken)) == [0, 1]


async def test_what_is_noted_after_the_implementation_began_may_restart_the_analysis(bug: House) -> None:
    incident = await declared(bug)
    await bug.do(respond.add_note, incident.number, DEE, "It is the cache")
    assert await questions(bug, incident) == []
    await planned(bug, incident)
    await bug.work()
    await bug.do(respond.add_note, incident.number, DEE, "It is the cache")
    (asked,) = await questions(bug, incident)
    assert [choice["label"] for choice in asked.choices] == ["Continue", "Restart from the cause", "Revise the plan"]
    await bug.do(answering.answer, asked.number, ANA, 2)
    assert (await bug.work())[0] == "1.2"
    assert bug.agent.asked[-3].feedback == "It is the cache"


async def test_a_bug_that_is_resolved_by_hand_asks_nothing_more_and_claims_no_merge(bug: House) -> None:
    incident = await declared(bug)
    bug.agent.results["bug-root-cause-reflection"] = bugs.review("needs_changes", "no proof")
    await bug.work()
    assert len(await questions(bug, incident)) == 1
    await bug.do(resolve.resolve, incident.number, ANA, "Fixed by hand")
    assert await questions(bug, incident) == []
    run = await run_of(bug, incident)
    assert (run.state, run.outcome) == ("done", "")


async def test_what_was_asked_of_steps_that_are_done_again_no_longer_arises(bug: House) -> None:
    incident = await declared(bug)
    await planned(bug, incident)
    bug.agent.plan("bug-implementation", bugs.implementation("checkout", result="failed", reason="no such file"))
    await bug.work()
    await bug.do(respond.add_note, incident.number, DEE, "It is the cache")
    await bug.do(respond.add_note, incident.number, DEE, "Only in the EU")
    failed, news = await questions(bug, incident)
    assert news.text.endswith("\nIt is the cache\nOnly in the EU")
    await bug.do(answering.answer, news.number, ANA, 1)
    assert (await run_of(bug, incident)).outcome == "implementation_failed", "going on decides nothing of that"
    await bug.do(respond.add_note, incident.number, DEE, "It is the cache")
    (*_, news) = await questions(bug, incident)
    await bug.do(answering.answer, news.number, ANA, 2)
    assert await questions(bug, incident) == []
    with pytest.raises(Conflict, match="no longer arises"):
        await bug.do(answering.answer, failed.number, ANA, 1)
    assert (await bug.work())[0] == "1.2"


async def test_a_repository_that_the_plan_leaves_out_asks_for_no_merge_any_more(bug: House) -> None:
    incident = await declared(bug)
    await bug.work()
    await decided(bug, incident, option=1)
    await bug.work()
    bug.agent.results["bug-decomposition"] = {"tasks": [bugs.task("checkout"), bugs.task("search")]}
    await decided(bug, incident)
    await bug.work()
    assert [each.step for each in await bug.pending(incident)] == ["3.1.6"]
    async with bug.store.transaction() as tx:
        await growing.grow(tx, incident, await run_of(bug, incident), {"tasks": [bugs.task("search")]})
    assert await bug.pending(incident) == []
