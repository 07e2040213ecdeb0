"""A response that goes on under another plan: what serves is kept, what is dropped withdrawn, what is new added."""

from collections.abc import Callable
from typing import Any

import pytest

from bot.surfaces import work
from incidents import records
from incidents.definitions import Severity, Stage, StepDefinition, WorkflowDefinition
from incidents.errors import NotFound
from incidents.events import EventKind
from incidents.notices import Lane
from incidents.response import answering, control, drift, intervening, progress, questions, replanning, vouching
from incidents.service import queries, resolve, respond
from tests.integration.response.conftest import ANA, BO, House
from tests.integration.response.test_expiry import step
from tests.integration.response.test_story import GATE, until_deploy_is_asked, until_fix_is_asked

Change = Callable[[StepDefinition], dict[str, Any] | None]


def high_runs(house: House, change: Change, **gates: tuple[str, ...]) -> WorkflowDefinition:
    """Let high severity run the emergency workflow, each step changed by `change`, or left out where that is None."""
    emergency = house.ctx.library.workflows["emergency_response"]
    stages = []
    for stage in emergency.stages:
        changed = [(each, change(each)) for each in stage.steps]
        steps = tuple(each.model_copy(update=update) for each, update in changed if update is not None)
        kept = gates.get(f"phase_{stage.number}", stage.gates)
        if steps:
            stages.append(Stage.model_validate({**stage.model_dump(), "steps": steps, "gates": kept}))
    made = emergency.model_copy(
        update={"name": "priority_response", "severity": Severity.HIGH, "stages": tuple(stages)}
    )
    house.ctx.library.workflows["priority_response"] = made
    return made


@pytest.fixture
def house(house: House) -> House:
    """Let tests change workflows without changing the library of others."""
    library = house.ctx.library.model_copy(update={"workflows": dict(house.ctx.library.workflows)})
    object.__setattr__(house.ctx, "library", library)
    return house


async def severity(house: House, incident: records.Incident, to: Severity) -> None:
    await house.do(respond.change_severity, incident.number, ANA, to, "as it turns out")


async def delivered(house: House, incident: records.Incident) -> None:
    """Let everything have arrived: what has not left yet is drawn anew when it is sent, and needs no edit."""
    async with house.store.transaction() as tx:
        for row in await queries.deliveries(tx.session, incident.number):
            row.state, row.sent_at = "done", tx.now
            tx.session.add(row)


def without(*names: str) -> Change:
    return lambda each: None if each.name in names else {}


def answered_by(name: str, prompt: str) -> Change:
    return lambda each: {"prompt": prompt} if each.name == name else {}


async def test_what_waits_for_a_decision_on_a_dropped_step_is_withdrawn(house: House) -> None:
    incident, asked = await until_fix_is_asked(house)
    await delivered(house, incident)
    high_runs(house, without("2.1", "2.2", "2.3", "3.1", "3.2", "4.1", "4.2", "4.3"))
    await severity(house, incident, Severity.HIGH)
    assert await house.pending(incident) == []
    async with house.store.read() as session:
        assert (await session.get_one(records.Approval, asked.number)).state == "superseded"
    assert f"approval:{asked.id}:superseded-{asked.id}" in await house.outbox(incident)


async def test_a_choice_made_for_a_step_of_the_former_plan_does_not_start_another(house: House) -> None:
    incident, asked = await until_fix_is_asked(house)
    await house.do(control.decide, asked.number, ANA, "approve", option=1)
    high_runs(house, answered_by("2.1", "comprehensive-bug-fix-development.md"))
    await severity(house, incident, Severity.HIGH)
    await house.do(vouching.attest, asked.run_id, 1, GATE, ANA)
    assert "2.1" not in await house.work()
    [anew] = await house.pending(incident)
    assert (anew.kind, anew.step) == ("choose_fix", "2.1")


async def test_gates_that_the_new_plan_does_not_have_are_asked_no_longer(house: House) -> None:
    incident, asked = await until_fix_is_asked(house)
    await delivered(house, incident)
    high_runs(house, lambda each: {}, phase_1=())
    await severity(house, incident, Severity.HIGH)
    rows = await house.outbox(incident, f"gate:{asked.run_id}:1:{GATE}")
    assert any(":edit:" in key for key in rows)
    with pytest.raises(NotFound):
        await house.do(vouching.attest, asked.run_id, 1, GATE, ANA)


async def test_words_for_a_gate_that_is_dropped_do_not_stand_when_it_comes_back(house: House) -> None:
    incident, asked = await until_fix_is_asked(house)
    await house.do(vouching.attest, asked.run_id, 1, GATE, ANA)
    high_runs(house, lambda each: {}, phase_1=())
    await severity(house, incident, Severity.HIGH)
    await severity(house, incident, Severity.CRITICAL)
    await house.do(vouching.attest, asked.run_id, 1, GATE, ANA)  # asked again, so it can be answered again


async def test_a_step_that_another_prompt_answers_is_done_anew_and_its_former_work_is_kept(house: House) -> None:
    incident, _ = await until_fix_is_asked(house)
    high_runs(house, answered_by("1.1", "post-incident-process-review.md"))
    ran = len(house.agent.asked)
    await severity(house, incident, Severity.HIGH)
    assert "1.1" in await house.work()
    assert [each.step.name for each in house.agent.asked[ran:]] == ["1.1"]
    former = await step(house, incident, "1.1@emergency_response")
    assert (former.state, former.version) == ("done", 1)
    assert former.output


async def test_going_back_to_the_former_plan_finds_its_work(house: House) -> None:
    incident, _ = await until_fix_is_asked(house)
    high_runs(house, answered_by("1.1", "post-incident-process-review.md"))
    await severity(house, incident, Severity.HIGH)
    await house.work()
    ran = len(house.agent.asked)
    await severity(house, incident, Severity.CRITICAL)
    await house.work()
    assert [each.step.name for each in house.agent.asked[ran:]] == []
    assert (await step(house, incident, "1.1@priority_response")).state == "done"
    assert (await step(house, incident, "1.1")).output["severity_classification"]


async def test_an_approved_deploy_that_somebody_left_out_stays_left_out_under_another_severity(house: House) -> None:
    incident, deploy = await until_deploy_is_asked(house)
    await house.do(control.decide, deploy.number, BO, "approve")
    number = (await step(house, incident, "3.1")).number
    await house.do(intervening.skip_step, number, ANA, "do not deploy: the vendor mends it")
    high_runs(house, lambda each: {})
    await severity(house, incident, Severity.HIGH)
    assert "3.1" not in await house.work(), "deployed, and nobody was asked"
    assert (await house.states(incident))["3.1"] == "skipped"
    assert await house.pending(incident) == []
    async with house.store.read() as session:
        assert (await session.get_one(records.Approval, deploy.number)).state == "superseded"


async def test_a_running_step_that_is_dropped_is_interrupted_and_its_result_refused(house: House) -> None:
    incident = await house.declare()
    claims = await house.engine.claim(10)
    high_runs(house, without("1.2"))
    await severity(house, incident, Severity.HIGH)
    for claim in claims:
        await house.engine.carry_out(claim)
    states = await house.states(incident)
    assert (states["1.1"], states["1.2"]) == ("done", "skipped")


async def done_at_medium(house: House) -> records.Incident:
    """Bring a response of medium severity, whose plan has only the first stage, to its end."""
    emergency = house.ctx.library.workflows["emergency_response"]
    first = emergency.stages[0].model_copy(update={"gates": ()})
    house.ctx.library.workflows["standard_response"] = emergency.model_copy(
        update={"name": "standard_response", "severity": Severity.MEDIUM, "stages": (first,)}
    )
    incident = await house.declare(Severity.MEDIUM)
    await house.work()
    async with house.store.read() as session:
        run = await queries.latest_run(session, incident.number)
        assert run is not None
        assert run.state == "done"
    return incident


async def test_raising_the_severity_after_the_end_adds_what_is_new(house: House) -> None:
    incident = await done_at_medium(house)
    ran = len(house.agent.asked)
    await severity(house, incident, Severity.CRITICAL)
    await house.work()
    states = await house.states(incident)
    assert [states[name] for name in ("1.1", "1.3", "2.1", "3.1")] == ["done", "done", "waiting", "queued"]
    assert [each.step.name for each in house.agent.asked[ran:]] == []
    [asked] = await house.pending(incident)
    assert asked.kind == "choose_fix"


async def test_lowering_the_severity_of_a_finished_response_ends_it_no_second_time(house: House) -> None:
    incident = await done_at_medium(house)
    house.ctx.library.workflows["scheduled_response"] = house.ctx.library.workflows["standard_response"].model_copy(
        update={"name": "scheduled_response", "severity": Severity.LOW}
    )
    await severity(house, incident, Severity.LOW)
    async with house.store.read() as session:
        ended = [each for each in await queries.events(session, incident.number) if each.kind is EventKind.RUN_DONE]
    assert len(ended) == 1


async def test_re_planning_twice_is_like_re_planning_once(house: House) -> None:
    incident, _ = await until_deploy_is_asked(house)
    made = high_runs(house, answered_by("1.1", "post-incident-process-review.md"))
    await severity(house, incident, Severity.HIGH)
    before = await house.states(incident)
    async with house.store.transaction() as tx:
        run = await queries.latest_run(tx.session, incident.number)
        assert run is not None
        stored = await queries.get(tx.session, incident.number)
        event = await tx.record(stored, EventKind.NOTE, text="once more")
        await replanning.adapt(tx, stored, run, made, made, event)
        await progress.advance(tx, house.ctx, stored, run)  # as whoever re-plans does at once
    assert await house.states(incident) == before


async def test_a_stopped_response_stays_stopped(house: House) -> None:
    incident, _ = await until_fix_is_asked(house)
    await house.do(control.stop, incident.number, ANA, "by hand")
    await severity(house, incident, Severity.HIGH)
    await house.work()
    assert (await house.states(incident))["2.1"] == "stopped"


async def test_the_postmortem_comes_after_a_raise_too(house: House) -> None:
    incident = await done_at_medium(house)
    await severity(house, incident, Severity.CRITICAL)
    await house.work()
    await house.do(resolve.resolve, incident.number, ANA, "the vendor fixed it")
    await house.work()
    assert "postmortem" in await house.outbox(incident)


async def test_what_a_step_found_is_told_though_it_was_set_aside_meanwhile(house: House) -> None:
    incident = await house.declare()
    await house.work()
    await house.do(respond.change_severity, incident.number, ANA, Severity.LOW, "only a colour")
    async with house.store.read() as session:
        run = await queries.latest_run(session, incident.number)
        assert run is not None
        aside = [row for row in await queries.steps(session, run.number) if "@" in row.name]
        told = [await work.step_result(session, house.ctx, row.number) for row in aside]
    assert aside
    for row, message in zip(aside, told, strict=True):
        name, _ = replanning.former(row.name)
        assert f"{name} " in message.text


async def test_steps_of_a_plan_left_before_are_to_be_done_when_it_comes_back(house: House) -> None:
    incident, _ = await until_fix_is_asked(house)
    await severity(house, incident, Severity.HIGH)
    before = await house.states(incident)
    await severity(house, incident, Severity.CRITICAL)
    await severity(house, incident, Severity.HIGH)
    after = await house.states(incident)
    high = house.ctx.library.workflows["priority_response"]
    assert {step.name: after[step.name] for step in high.steps()} == {
        step.name: before[step.name] for step in high.steps()
    }


async def test_going_on_to_a_third_plan_finds_no_name_taken(house: House) -> None:
    incident, deploy = await until_deploy_is_asked(house)
    await house.do(control.decide, deploy.number, BO, "approve")
    await house.work()
    for to in (Severity.HIGH, Severity.CRITICAL, Severity.MEDIUM, Severity.CRITICAL, Severity.LOW, Severity.HIGH):
        await severity(house, incident, to)
    states = await house.states(incident)
    assert states["3.2"] == "done"


async def test_of_responses_that_are_alike_one_copy_is_compared_with_the_files_and_each_is_asked_about(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    alike = [await house.declare() for _ in range(3)]
    await house.declare(Severity.HIGH)
    resolved = await house.declare()
    await house.do(resolve.resolve, resolved.number, ANA, "rolled back")
    read: list[records.Run] = []
    monkeypatch.setattr(drift, "_told", lambda ctx, incident, run: read.append(run))
    assert await drift.ask(house.ctx) == 0
    assert sorted(run.workflow for run in read) == ["emergency_response", "priority_response"]
    monkeypatch.undo()
    workflows = house.ctx.library.workflows
    workflows["emergency_response"] = workflows["emergency_response"].model_copy(update={"title": "Changed"})
    assert await drift.ask(house.ctx) == 3
    async with house.store.read() as session:
        assert all([await queries.questions(session, incident.number) for incident in alike])
    alike.append(await house.declare())  # under today's files
    assert await drift.ask(house.ctx) == 0


async def test_a_response_that_began_by_other_files_asks_once_and_keeps_what_still_serves(house: House) -> None:
    incident = await house.declare()
    await house.work()
    assert await drift.ask(house.ctx) == 0
    workflows = house.ctx.library.workflows
    high_runs(house, lambda each: {"prompt": "bug-impact-assessment.md", "outputs": ()} if each.name == "1.2" else {})
    changed = workflows["priority_response"].model_copy(update={"name": "emergency_response"})
    workflows["emergency_response"] = changed.model_copy(update={"severity": Severity.CRITICAL})
    assert [await drift.ask(house.ctx), await drift.ask(house.ctx)] == [1, 0]
    workflows["emergency_response"] = workflows["emergency_response"].model_copy(update={"title": "Changed again"})
    assert await drift.ask(house.ctx) == 1
    async with house.store.read() as session:
        (asked,) = await queries.questions(session, incident.number)  # one card stands
        (posted,) = await queries.deliveries(session, incident.number, questions.key(incident, asked))
    assert posted.lane > Lane.ROOM  # there may be hundreds of them: a new incident's card goes first
    await house.do(answering.answer, asked.number, ANA, 2)
    assert await drift.ask(house.ctx) == 0
    states = await house.states(incident)
    assert {name: states[name] for name in ("1.1", "1.2", "1.2@emergency_response~", "1.3")} == {
        "1.1": "done",
        "1.2": "ready",
        "1.2@emergency_response~": "done",
        "1.3": "done",
    }
