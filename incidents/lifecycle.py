"""An incident's states and milestones, and which change is allowed when. Pure."""

from enum import StrEnum

from incidents.errors import Conflict


class Status(StrEnum):
    """Where an incident stands."""

    OPEN = "open"  #: declared; people or agents are at work, or should be
    RESOLVED = "resolved"  #: users are served again; post-mortem and follow-ups remain
    CLOSED = "closed"  #: everything is written; nothing more is owed
    CANCELLED = "cancelled"  #: a false alarm or a duplicate


class Milestone(StrEnum):
    """Things that happen once to an incident; escalations wait for them, KPIs are measured by them."""

    DECLARED = "declared"
    ACKNOWLEDGED = "acknowledged"  #: a person said: I have it
    TRIAGED = "triaged"  #: severity confirmed by triage or by a person
    STARTED = "started"  #: work on the fix began
    MITIGATED = "mitigated"  #: users are hurt less
    DEPLOYED = "deployed"  #: the fix is in production
    RESOLVED = "resolved"
    CLOSED = "closed"


class Role(StrEnum):
    """Who does what in the response; one person may hold several."""

    COMMANDER = "commander"  #: decides; never looks for anything
    DEPUTY = "deputy"
    COMMS = "comms"  #: speaks to stakeholders
    SCRIBE = "scribe"
    RESPONDER = "responder"  #: subject-matter expert


ROLE_TITLES = {
    Role.COMMANDER: "Commander",
    Role.DEPUTY: "Deputy",
    Role.COMMS: "Comms",
    Role.SCRIBE: "Scribe",
    Role.RESPONDER: "Responder",
}

#: From which state one may go where.
TRANSITIONS: dict[Status, frozenset[Status]] = {
    Status.OPEN: frozenset({Status.RESOLVED, Status.CANCELLED}),
    Status.RESOLVED: frozenset({Status.OPEN, Status.CLOSED}),
    Status.CLOSED: frozenset(),
    Status.CANCELLED: frozenset(),
}

#: Reaching a milestone implies these, where they are not yet reached: who resolves has acknowledged.
IMPLIES: dict[Milestone, tuple[Milestone, ...]] = {
    Milestone.TRIAGED: (Milestone.ACKNOWLEDGED,),
    Milestone.STARTED: (Milestone.ACKNOWLEDGED,),
    Milestone.RESOLVED: (Milestone.ACKNOWLEDGED, Milestone.TRIAGED, Milestone.STARTED),
}

#: What an incident that is opened again has to reach anew: the fix did not hold.
UNDONE = (Milestone.MITIGATED, Milestone.DEPLOYED, Milestone.RESOLVED)


def check_transition(current: Status, wanted: Status, *, incident: str) -> None:
    """Return when the change is allowed.

    Raises:
        Conflict: when it is not; says where the incident stands.
    """
    if wanted not in TRANSITIONS[current]:
        said = f"already {current}" if wanted is current else f"{current}, it cannot become {wanted}"
        raise Conflict(f"{incident} is {said}.", remedy=way_back(current))


def way_back(status: Status) -> str:
    """Return what to do where an incident of this status is needed again; empty while it is open."""
    if status is Status.OPEN:
        return ""
    if Status.OPEN in TRANSITIONS[status]:
        return "`/incident reopen` takes it up again."
    return "Declare a new incident if the trouble is back."
