"""What a step found, and what a failed step leaves to people; both in the phase's thread."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from slack_sdk.models.blocks import Block, InteractiveElement

from bot.ids import Act, Steer
from bot.values import OfDrift, OfEvidence, OfSteer, OfStep
from bot.views import bug_outcome, mrkdwn, outcome, parts, words
from bot.views.message import Message
from incidents import records
from incidents.agents.outputs import Output
from incidents.definitions import StepDefinition
from incidents.response.plan import StepState
from incidents.response.specdrift import Drift, Judged

_BUTTONS = 4  # evidence ids on one row; a button more opens all of them


@dataclass(frozen=True)
class Result:
    """A finished step."""

    incident_id: int
    definition: StepDefinition
    row: records.Step
    output: Output | None  #: None where what was stored is no longer readable, or a person did it by hand
    evidence: Sequence[str]  #: ids of all evidence of this version
    drift: Judged | None = None  #: what people said of the specification that the step cites


def result(facts: Result) -> Message:
    """Return a step's output, short, with its verdict and the evidence behind it."""
    found = bug_outcome.drawn(facts.output) if facts.output else outcome.Outcome(())
    verdict = f"   *{found.verdict}*" if found.verdict else ""
    state = StepState(facts.row.state)
    title = f"{facts.definition.name} {mrkdwn.said(facts.definition.title, 100)}"
    mark = words.STEP_MARK[state if state is StepState.TAKEN_OVER else StepState.DONE]
    return parts.message(
        f"{title}: {mrkdwn.prose(facts.row.summary, 200) or 'done'}",
        [
            parts.section(f"{mark} *{title}*  {_who(facts)}{verdict}"),
            # The summary stands in the phase's head; here it stands in for lines that are not there.
            parts.section(parts.fitting(filter(None, found.lines)) or mrkdwn.prose(facts.row.summary, 300) or "Done."),
            *[parts.section(f":information_source: {mrkdwn.prose(note, 400)}") for note in facts.row.notes[:3]],
            _evidence(facts, found),
            *(_drift(facts) if found.is_specified else ()),
        ],
    )


def _who(facts: Result) -> str:
    row = facts.row
    agent = mrkdwn.said(row.agent or facts.definition.agent[0], 40)
    runner = f" ({mrkdwn.person(row.runner)})" if row.runner else ""
    version = f", version {row.version}" if row.version > 1 else ""
    return f"{agent}{runner}, {_spent(row)}{mrkdwn.spoken(facts.definition.duration)}{version}"


def _spent(row: records.Step) -> str:
    if row.started_at is None or row.finished_at is None:
        return "budget "
    return f"{mrkdwn.spoken(max(row.finished_at - row.started_at, timedelta(0)))} of "


def _drift(facts: Result) -> tuple[Block, ...]:
    """Return the question which is wrong, specification or code; once somebody said, their verdict."""
    if facts.drift is not None:
        why = f": {mrkdwn.said(facts.drift.why, 300)}" if facts.drift.why else ""
        said = f"⚖️ {facts.drift.drift.in_words}, says {mrkdwn.person(facts.drift.person)}{why}"
        return (parts.context(said, "typed: `/incident drift spec|code why` changes it"),)
    labels = {Drift.CODE: "The code is wrong", Drift.SPEC: "The spec is wrong"}
    return (
        parts.actions(
            *[
                parts.button(label, Act.DRIFT.numbered(n), OfDrift(incident=facts.incident_id, verdict=drift))
                for n, (drift, label) in enumerate(labels.items(), 1)
            ]
        ),
    )


def _evidence(facts: Result, found: outcome.Outcome) -> Block | None:
    every = tuple(dict.fromkeys([*[ref for ref in found.evidence if ref in facts.evidence], *facts.evidence]))
    if not every:
        return None
    buttons: list[InteractiveElement] = [
        parts.button(ref, Act.EVIDENCE.numbered(n), OfEvidence(incident=facts.incident_id, ref=ref))
        for n, ref in enumerate(every[:_BUTTONS], 1)
    ]
    if len(every) > _BUTTONS:
        all_of_it = OfEvidence(incident=facts.incident_id, step=facts.row.number)
        buttons.append(parts.button(f"All {len(every)}", Act.EVIDENCE, all_of_it))
    return parts.actions(*buttons)


@dataclass(frozen=True)
class Failure:
    """A step that failed, and what its last attempt said."""

    definition: StepDefinition
    row: records.Step
    remedy: str
    rebase: bool = False  #: whether the fix has to go onto a newer state first
    conflicts: Sequence[Mapping[str, str]] = ()  #: path, there, here, by: as `tools.conflicts.Conflict`


def failed(failure: Failure, *, waiting_for: str = "") -> Message:
    """Return what went wrong and the ways on; without buttons once somebody has taken one."""
    definition, row, remedy = failure.definition, failure.row, failure.remedy
    state = StepState(row.state)
    title = f"{definition.name} {mrkdwn.said(definition.title, 100)}"
    apart = failure.rebase and bool(remedy) and row.error.endswith(remedy)  # stands below what conflicts
    said = row.error.removesuffix(remedy) if apart else row.error
    lines = f"❌ *{title} failed*   attempt {row.attempt}\n{mrkdwn.prose(said, 900)}"
    if remedy and not apart and remedy not in row.error:  # most errors end with it
        lines += f"\n{mrkdwn.prose(remedy, 400)}"
    if state is not StepState.FAILED:
        gone_on = (
            "being tried again" if state in (StepState.READY, StepState.RUNNING, StepState.QUEUED) else state.value
        )
        return parts.message(
            f"{title} failed", [parts.section(lines), parts.context(f"Now {gone_on.replace('_', ' ')}")]
        )
    into = definition.repository
    return parts.message(
        f"{title} failed: {mrkdwn.prose(row.error, 300)}",
        [
            parts.section(lines),
            parts.section(parts.fitting(_sides(each) for each in failure.conflicts)) if failure.conflicts else None,
            parts.section(f"*To do*  {_remedy(remedy)}") if apart else None,
            _ways_on(failure),
            parts.context(
                f"The steps that build on it wait{f' for {waiting_for}' if waiting_for else ''}",
                f"typed: `/incident rebase {mrkdwn.said(into, 60)}`, `takeover`, `skip`"
                if failure.rebase
                else f"typed: `/incident retry {definition.name}`, `takeover`, `skip`",
            ),
        ],
    )


def _remedy(words: str) -> str:
    return mrkdwn.prose(words, 600)


def _sides(conflict: Mapping[str, str]) -> str:
    """Return one file that conflicts, with what each side made of the place."""
    name = f"• {mrkdwn.code(str(conflict.get('path', '')), 120)}"
    if not conflict.get("there"):
        return name
    by = f"  {mrkdwn.said(conflict['by'], 120)}" if conflict.get("by") else ""
    there, here = mrkdwn.prose(conflict["there"], 260), mrkdwn.prose(str(conflict.get("here", "")), 260)
    return f"{name}\n      now there: {there}{by}\n      the fix: {here}"


def _ways_on(failure: Failure) -> Block:
    number = failure.row.number
    value = OfStep(step=number)
    if failure.rebase:
        rebase = OfSteer(step=number, steer=Steer.REBASE)
        first = parts.button("Rebase", Act.STEER.numbered(1), rebase, style=parts.PRIMARY)
    else:
        first = parts.button("Retry", Act.RETRY, value, style=parts.PRIMARY)
    return parts.actions(
        first,
        parts.button("Take over by hand", Act.TAKE_OVER, value),
        parts.button("Skip", Act.STEER, OfSteer(step=number, steer=Steer.SKIP)),
    )
