"""What relieves users at once: the means there are, what each would do here, and the step that does it. Pure.

Source: the operations document, severity 1 ("immediate mitigation (rollback/disable)") and severity 2 ("assess
mitigation options"); its menu names the three means.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from incidents.catalog import Service
from incidents.definitions import ApprovalKind, Kind, Phase, Severity, Stage, StepDefinition, WorkflowDefinition
from incidents.stages import Provider

#: Where the choice is offered unasked; typed, it is there at any severity.
OFFERED_AT = frozenset({Severity.CRITICAL, Severity.HIGH})

PROMPT = "immediate-mitigation"
STAGE = 0  #: stands behind the workflow's own stages and in no other's way: nothing waits for it
_TITLE = "Immediate mitigation"
_BUDGET = timedelta(minutes=10)


class Means(StrEnum):
    """How users are relieved."""

    ROLLBACK = "rollback"  #: put back the release before
    FLAG = "flag"  #: switch off what fails
    HOTFIX = "hotfix"  #: neither: the response repairs it


@dataclass(frozen=True)
class WayBack:
    """The release that a rollback goes to, or why none is known."""

    release: str = ""
    running: str = ""  #: the release that runs now
    caution: str = ""  #: what speaks against it, one sentence
    missing: str = ""  #: why no release is known, and what to do: one or two sentences


@dataclass(frozen=True)
class Offer:
    """One means, and what it would do here."""

    means: Means
    what: str  #: `Put release 40 back`; what is missing where it cannot be done
    can: bool = True
    switch: str = ""
    release: str = ""


def is_offered(severity: Severity, kind: Kind) -> bool:
    """Tell whether it is grave enough to ask at once, before anything is known of the cause."""
    return severity in OFFERED_AT and kind is Kind.INCIDENT


def offers(service: Service | None, back: WayBack) -> tuple[Offer, ...]:
    """Return every means, in the order in which they relieve: the fastest to undo first."""
    return (_rollback(service, back), *_switches(service), Offer(Means.HOTFIX, _HOTFIX))


_HOTFIX = "The response finds the cause and prepares a fix; you choose it and approve its deploy."


def _rollback(service: Service | None, back: WayBack) -> Offer:
    if service is None:
        return Offer(Means.ROLLBACK, "No service is named, so nothing can be put back.", can=False)
    if not service.production.rollback:
        how = f"Add `production.rollback` to `services.{service.key}` in sitrep.yml."
        return Offer(Means.ROLLBACK, f"{service.key} has no rollback command. {how}", can=False)
    if not back.release:
        return Offer(Means.ROLLBACK, back.missing, can=False)
    instead = f" in place of {back.running}" if back.running else ""
    caution = f" {back.caution}" if back.caution else ""
    return Offer(Means.ROLLBACK, f"Put release {back.release} back{instead}.{caution}", release=back.release)


def _switches(service: Service | None) -> list[Offer]:
    switches = service.production.switches if service else {}
    if service is None or not switches:
        where = f"services.{service.key}.production.switches" if service else "the service"
        how = f"Name what switches a feature off under `{where}` in sitrep.yml: `new-prices: [flags, off, new-prices]`."
        return [Offer(Means.FLAG, f"No switch is configured. {how}", can=False)]
    return [Offer(Means.FLAG, f"Switch {name} off in production.", switch=name) for name in switches]


def choice(service: Service, means: Means, back: WayBack, switch: str) -> dict[str, Any]:
    """Return what the step is to do, as its row keeps it until it is done."""
    found = {"means": means.value, "release": "", "running": "", "switch": ""}
    if means is Means.ROLLBACK:
        return {**found, "release": back.release, "running": back.running, "caution": back.caution}
    return {**found, "switch": switch, "service": service.key}


def command(service: Service | None, chosen: Mapping[str, Any]) -> list[str]:
    """Return the command that carries `chosen` out, as sitrep.yml has it; empty where it has none."""
    if service is None:
        return []
    if chosen.get("means") == Means.FLAG:
        return service.production.switching_off(str(chosen.get("switch")))
    return service.production.putting_back(str(chosen["release"])) if chosen.get("release") else []


def said(chosen: Mapping[str, Any]) -> str:
    """Return what is done in a few words: `put release 40 back`, `switch new-prices off`."""
    if chosen.get("means") == Means.FLAG:
        return f"switch {chosen.get('switch')} off"
    return f"put release {chosen.get('release')} back"


def kept_as(step: str) -> str:
    """Return the name of the output under which the step's row keeps what was chosen."""
    return f"mitigation_choice_{step}"


def stage_of(definition: WorkflowDefinition) -> Stage | None:
    """Return the stage of the definition that holds what was chosen to relieve users."""
    return next((stage for stage in definition.stages if stage.number == STAGE), None)


def grown(definition: WorkflowDefinition, title: str) -> tuple[WorkflowDefinition, str]:
    """Return the definition with one more step that relieves users, and its name; nothing waits for that step."""
    stage = stage_of(definition)
    steps = stage.steps if stage else ()
    step = StepDefinition(
        name=f"{STAGE}.{len(steps) + 1}",
        title=title[:1].upper() + title[1:],
        agent=("deployment-engineer",),
        prompt=f"{PROMPT}.md",
        phase=Phase.STABILIZE,
        approval=ApprovalKind.MITIGATE,
        inputs=(),
        outputs=("temporary_mitigation_actions", "mitigation_effect"),
        duration=_BUDGET,
        priority="immediate",
        provider=Provider.PLAYBOOK,
    )
    return _with(definition, (*steps, step)), step.name


def retitled(definition: WorkflowDefinition, name: str, title: str) -> WorkflowDefinition:
    """Return the definition with another title for the step `name`: something else was chosen before it began."""
    stage = stage_of(definition)
    words = title[:1].upper() + title[1:]
    steps = stage.steps if stage else ()
    return _with(
        definition,
        tuple(step.model_copy(update={"title": words}) if step.name == name else step for step in steps),
    )


def carried(before: WorkflowDefinition, after: WorkflowDefinition) -> WorkflowDefinition:
    """Return `after` with what was chosen under `before`: another severity does not undo it."""
    stage = stage_of(before)
    return _with(after, stage.steps) if stage else after


def _with(definition: WorkflowDefinition, steps: Sequence[StepDefinition]) -> WorkflowDefinition:
    # At the end: `Phase 1` means the first in the list.
    others = tuple(stage for stage in definition.stages if stage.number != STAGE)
    stage = Stage(number=STAGE, title=_TITLE, window="at once", ends_after=_BUDGET, steps=tuple(steps))
    return definition.model_copy(update={"stages": (*others, stage)})
