"""The words and marks that all surfaces share. No mark stands without its word."""

from incidents.definitions import Phase, Severity
from incidents.lifecycle import ROLE_TITLES, Role, Status
from incidents.response.plan import StepState

SEVERITY_MARK = {Severity.CRITICAL: "🔴", Severity.HIGH: "🟠", Severity.MEDIUM: "🟡", Severity.LOW: "⚪"}

STATUS_MARK = {Status.RESOLVED: "✅", Status.CLOSED: "☑️", Status.CANCELLED: "🚫"}

STEP_MARK = {
    StepState.QUEUED: "▫️",
    StepState.READY: "▫️",
    StepState.RUNNING: "⏳",
    StepState.WAITING: "✋",
    StepState.DONE: "✅",
    StepState.FAILED: "❌",
    StepState.SKIPPED: "⏭️",
    StepState.TAKEN_OVER: "🙋",
    StepState.STOPPED: "⏹️",
}

STEP_WORD = {
    StepState.QUEUED: "queued",
    StepState.READY: "queued",
    StepState.RUNNING: "running",
    StepState.WAITING: "waiting for a person",
    StepState.DONE: "done",
    StepState.FAILED: "failed",
    StepState.SKIPPED: "skipped",
    StepState.TAKEN_OVER: "taken over by hand",
    StepState.STOPPED: "stopped",
}

PHASE_TITLE = {
    Phase.STABILIZE: "Stabilize",
    Phase.HOTFIX: "Hotfix",
    Phase.TEST: "Test",
    Phase.DEPLOY: "Deploy",
    Phase.POSTMORTEM: "Post-mortem",
    Phase.DIAGNOSE: "Diagnose",
    Phase.PLAN: "Plan",
    Phase.FIX: "Fix",
    Phase.MERGE: "Merge",
}

ROLE_GUIDANCE = {
    Role.COMMANDER: "Decides: severity, fix, deploy, resolve. Keeps hands off the keyboard.",
    Role.DEPUTY: "Stands in for the commander and follows up on what was asked.",
    Role.COMMS: "Sends the status updates; nobody has to ask what is going on.",
    Role.SCRIBE: "Puts what was seen and decided on the timeline (📌 on a message does it).",
    Role.RESPONDER: "Knows the system; adds facts and tries things, says what came of it.",
}

#: Impact and complexity triggers as a person picks them.
TRIGGER_TITLE = {
    "revenue_impact_exceeds_threshold": "Revenue is hurt above the threshold",
    "security_breach_suspected": "A security breach is suspected",
    "data_loss_confirmed": "Data loss is confirmed",
    "architecture_changes_required": "The architecture must change",
    "multi_service_impact": "Several services are hurt",
    "third_party_dependencies": "A vendor is involved",
}


def take(role: Role) -> str:
    """Return the button that takes a role: `Take command`, `Take comms`."""
    return "Take command" if role is Role.COMMANDER else f"Take {ROLE_TITLES[role].lower()}"


def trigger(name: str) -> str:
    """Return an escalation trigger's name for people."""
    return TRIGGER_TITLE.get(name, name.replace("_", " ").capitalize())
