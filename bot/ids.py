"""Every action, block and callback id that Slack sends back."""

import re
from enum import StrEnum

from incidents.definitions import Severity
from incidents.lifecycle import Role

COMMAND = "/incident"


class Act(StrEnum):
    """Action ids of buttons, menus and inputs."""

    # Declaring
    DECLARE = "declare"  #: opens the declare modal, from the home
    DRILL = "drill"  #: the same, with the drill option set
    BUG = "bug"  #: opens the form that reports a bug, from the menu and the home
    SOLUTION = "solution"  #: opens the form that files a solved problem
    LEARNED = "learned"  #: shows what was learned
    HARDENING = "hardening"  #: shows how ready services are for trouble
    SEVERITY = "severity"  #: base of severity_critical …, the four buttons of the declare modal
    SERVICE = "service"  #: the external select
    OPTIONS = "options"  #: private, drill
    DUPLICATE_OPEN = "duplicate_open"  #: a link to the incident that may be the same

    # The live card and the channel
    REVIEW = "review"  #: shows what waits for a decision
    UPDATE = "update"  #: opens the form of a status update
    ACK = "ack"
    TAKE_ROLE = "take_role"  #: base of take_role_commander …
    RELEASE_ROLE = "release_role"  #: base of release_role_commander …, in the roles panel
    MORE = "more"  #: the card's overflow menu
    OPEN = "open"  #: a link to the channel
    MAKE_ROOM = "make_room"  #: asks Slack again for a channel that it refused
    RESOLVE = "resolve"
    CLOSE = "close"
    REOPEN = "reopen"
    IMPACT = "impact"
    ROLES = "roles"
    TIMELINE = "timeline"
    NOTE = "note"
    BEGIN = "begin"  #: a response that waits for the next business day
    RESUME = "resume"
    STOP = "stop"
    PAUSE = "pause"
    RESTART = "restart"  #: begins a bug's pipeline anew
    PLAN = "plan"  #: shows the plan of the response
    STEER = "steer"  #: the menu of one step in the plan

    # Pages
    PASS = "pass"  # noqa: S105 - "cannot take it", no password

    # Steps, evidence, gates, approvals
    EVIDENCE = "evidence"  #: base of evidence_1 …
    RETRY = "retry"
    TAKE_OVER = "take_over"
    MORE_FIELDS = "more_fields"  #: draws the form of a step by hand with every field
    ATTEST = "attest"
    OVERRIDE = "override"  #: opens the form that asks for the reason
    OPTION = "option"
    MITIGATE = "mitigate"  #: chooses how users are relieved
    DRIFT = "drift"  #: base of drift_1 and drift_2: the code is wrong, the specification is
    APPROVE = "approve"
    REJECT = "reject"
    DIFF = "diff"
    ANSWER = "answer"  #: base of answer_1 …, to what a run asks people
    SEND_BACK_WORDS = "send_back_words"  #: sends back with what was written in the thread

    # Status updates
    SEND = "send"
    EDIT = "edit"
    NO_CHANGE = "nochange"
    SNOOZE = "snooze"

    # After the incident
    WRITE = "write"
    FOLLOWUP = "followup"
    FOLLOWUP_DONE = "followup_done"  #: base of followup_done_1 …
    CANVAS = "canvas"  #: a link to the canvas

    # Home
    CATCH_UP = "catchup"  #: base of catchup_1 …

    # Inputs
    INPUT = "input"  #: the element of every input block; the block id names it

    def numbered(self, n: int | str) -> str:
        """Return the id of the `n`th of several alike elements in one block, where Slack wants ids to differ."""
        return f"{self.value}_{n}"

    @classmethod
    def of(cls, action_id: str) -> "Act | None":
        """Return the act of an id or of one of its numbered forms; None for an id that is nobody's."""
        return _ACTS.get(action_id) or _ACTS.get(_SUFFIX.sub("", action_id))


_ACTS = {act.value: act for act in Act}
_SUFFIX = re.compile("_(?:{})$".format("|".join([r"\d+", *Severity, *Role])))


#: Begins the block id of an input for one field of a step's outputs; the field's path follows.
OUTPUT_FIELD = "output:"


class Field(StrEnum):
    """Block ids of inputs; `SitrepError.field` names one of these."""

    TITLE = "title"
    SERVICE = "service"
    SEVERITY = "severity"
    KNOWN = "known"
    KNOWN_2 = "known_2"  #: goes on where one input is full, as the two below
    KNOWN_3 = "known_3"
    KNOWN_4 = "known_4"
    OPTIONS = "options"
    REASON = "reason"
    SUMMARY = "summary"
    NOTE = "note"
    IMPACT = "impact"
    TRIGGER = "trigger"
    FEEDBACK = "feedback"
    PROVIDER = "provider"
    WENT_WELL = "went_well"
    WENT_BADLY = "went_badly"
    LUCKY = "lucky"
    OWNER = "owner"
    DUE = "due"
    CONDITION = "condition"
    DONE = "done"
    NEXT = "next"
    NEEDS = "needs"
    INCIDENT = "incident"
    WORDS = "words"
    # The seven facts of a bug, the component beside the service
    STEPS = "steps_to_reproduce"
    EXPECTED = "expected_vs_actual"
    ENVIRONMENT = "environment"
    VERSIONS = "versions"
    ERROR_OUTPUT = "error_output"
    COMPONENT = "component"
    CONTEXT = "context"
    # A solved problem
    PROBLEM = "problem"
    SOLUTION = "solution"


class Form(StrEnum):
    """Callback ids of modals."""

    DECLARE = "declare"
    BUG = "bug"
    SOLUTION = "solution"
    PROGRESS = "progress"
    UPDATE = "update_edit"
    RESOLVE = "resolve"
    CLOSE = "close"
    CANCEL = "cancel"
    REOPEN = "reopen"
    SEVERITY = "severity"
    NOTE = "note"
    IMPACT = "impact"
    ESCALATE = "escalate"
    SEND_BACK = "send_back"
    TAKE_OVER = "take_over"
    ANSWER = "answer"
    OVERRIDE = "override"
    SKIP = "skip"
    HAND_OVER = "hand_over"
    WRITE = "write"
    FOLLOWUP = "followup"
    SHOWN = "shown"  #: something to read; nothing to submit


class Shortcut(StrEnum):
    """Callback ids of shortcuts, as in manifest.yml."""

    DECLARE = "declare_incident"  #: global
    DECLARE_FROM_MESSAGE = "declare_from_message"
    ADD_TO_TIMELINE = "add_to_timeline"


class More(StrEnum):
    """What the card's overflow menu offers; Slack shows at most five."""

    SEVERITY = "severity"
    ESCALATE = "escalate"
    NOTE = "note"
    PAUSE = "pause"
    RESUME = "resume"
    RESOLVE = "resolve"


class Steer(StrEnum):
    """What the menu of one step offers; Slack shows at most five."""

    RETRY = "retry"
    STOP = "stop"
    SKIP = "skip"
    TAKE_OVER = "take_over"
    HAND_OVER = "hand_over"
    REBASE = "rebase"
