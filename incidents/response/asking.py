"""What people are asked when a bug's run cannot decide by itself, in words, with the answers that there are.

Source: the review machinery document: disagreeing analyses, result handling, limits, "Suggesting Restart", and the
four terminal states with what each asks of people.
"""

from collections.abc import Mapping
from typing import Any

from incidents import records, store
from incidents.definitions import StepDefinition, WorkflowDefinition
from incidents.response import frozen, pipeline, questions
from incidents.response.questions import About, Choice, Does
from incidents.service import queries

#: Characters of one analyst's summary and place: eight of them fit into one question, none is cut off.
_SUMMARY, _PLACE = 180, 80

_SAY = {
    About.PASSES: "{title} still finds faults after {passes} passes.",
    About.ITERATIONS: "{title} asks for changes again, and all {limit} reviews that one run may repeat are used up.",
    About.PLAN_REJECTED: "{title} rejects the plan. More context may help, or another look for the cause.",
    About.CODE_REJECTED: "{title} rejects the code.",
    About.CLARIFICATION: "{title} asks something before it can go on.",
    About.REVIEWER_AWAY: "{title} is the external agent's, and it did not answer; only the playbook's rules approved.",
    About.BLOCKED: "{title} is partly done and cannot go on by itself.",
    About.IMPLEMENTATION_FAILED: "{title} failed.",
    About.NEWS: "This came after the implementation began. Does it change what has to be done?",
}


async def about(
    tx: store.Tx,
    incident: records.Incident,
    run: records.Run,
    definition: WorkflowDefinition,
    step: StepDefinition,
    about_: About,
    words: str,
) -> records.Question:
    """Ask what becomes of what `step` brought."""
    limit = definition.pipeline.max_iterations if definition.pipeline else 0
    said = _SAY[about_].format(title=step.title, passes=step.passes, limit=limit)
    text = f"{said}\n{words}".strip()
    return await questions.ask(tx, incident, run, step.name, about_, text, answers(definition, step, about_))


def answers(definition: WorkflowDefinition, step: StepDefinition, about_: About) -> list[Choice]:
    """Return the answers that there are. Pure."""
    judged = definition.step(step.reviews[0]) if step.reviews else step
    again = Choice(label="Try once more", does=Does.REDO, step=judged.name)
    rerun = Choice(label="Answer", does=Does.RERUN, words=True)
    on = Choice(label="Continue anyway", does=Does.GO_ON)
    stop = Choice(label="Stop the agents", does=Does.STOP)
    restart = _restarts(definition, step)
    match about_:
        case About.CLARIFICATION:
            return [rerun, on]
        case About.REVIEWER_AWAY:
            return [
                Choice(label="Ask it again", does=Does.RERUN),
                Choice(label="Go on without it", does=Does.GO_ON),
                stop,
            ]
        case About.PLAN_REJECTED:
            context = Choice(label="Give more context", does=Does.REDO, step=judged.name, words=True)
            return [context, *restart[:1], on, stop]
        case About.IMPLEMENTATION_FAILED | About.BLOCKED:
            return [again, *restart, stop]
        case About.NEWS:
            return [Choice(label="Continue", does=Does.KEEP), *restart]
        case _:
            return [again, *restart, on, stop]


def _restarts(definition: WorkflowDefinition, step: StepDefinition) -> list[Choice]:
    """Return the ways back: to the cause, and to the plan where there is one yet. Pure."""
    first = pipeline.steps_with(definition, pipeline.ANALYSIS)[0]
    plan = pipeline.steps_with(definition, pipeline.PLAN)[0]
    found = [Choice(label="Restart from the cause", does=Does.REDO, step=first.name)]
    if step.repository:
        found.append(Choice(label="Revise the plan", does=Does.REDO, step=plan.name))
    return found


async def news(tx: store.Tx, incident: records.Incident, run: records.Run, words: str) -> None:
    """Ask whether what somebody added changes what is to be done, once an implementation has begun; before, it does."""
    definition = frozen.definition_of(run)
    implementations = pipeline.steps_with(definition, pipeline.IMPLEMENTATION)
    names = {step.name for step in implementations}
    if any(row.name in names and row.attempt for row in await queries.steps(tx.session, run.number)):
        # What was added before and is not answered yet is asked together with this: one answer serves both.
        before = [each.text.partition("\n")[2] for each in await questions.pending(tx, run) if each.kind == About.NEWS]
        text = "\n".join([_SAY[About.NEWS], *before, words])
        choices = answers(definition, implementations[0], About.NEWS)
        await questions.ask(tx, incident, run, "", About.NEWS, text, choices)


async def which_diagnosis(
    tx: store.Tx, incident: records.Incident, run: records.Run, step: StepDefinition, output: Mapping[str, Any]
) -> records.Question:
    """Ask which of the differing diagnoses is right, or whether all contribute."""
    lines, choices = [], []
    for each in output.get("disagreements") or ():
        name, place = str(each["step"]), str(each["place"])
        lines.append(f"{name}: {str(each['summary'])[:_SUMMARY]}" + (f" ({place[:_PLACE]})" if place else ""))
        choices.append(Choice(label=f"The one of {name}", does=Does.RERUN, step=name))
    text = "The analyses disagree on the root cause. Which is more likely correct?\n" + "\n".join(lines)
    choices.append(Choice(label="All may contribute", does=Does.RERUN))
    return await questions.ask(tx, incident, run, step.name, About.DISAGREEMENT, text, choices)
