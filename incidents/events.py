"""What can happen to an incident: the words of the timeline and of the audit."""

from enum import StrEnum


class EventKind(StrEnum):
    """One kind of event. The payload's keys stand behind each."""

    DECLARED = "declared"  #: title, severity, service
    CHANNEL_READY = "channel_ready"  #: channel, name
    FACTS_ADDED = "facts_added"  #: facts, before {name: text}, missing [names], message (its ts), as_of
    SEVERITY_CHANGED = "severity_changed"  #: before, after, reason
    MILESTONE = "milestone"  #: milestone, implied (bool); see lifecycle.Milestone
    ROLE_TAKEN = "role_taken"  #: role, person, before
    ROLE_RELEASED = "role_released"  #: role, person
    PERSON_LEFT = "person_left"  #: person, how (presence.Leaving), roles, waiting [approvals], others [who may], sole
    PERSON_BACK = "person_back"  #: person
    IMPACT_FOUND = "impact_found"  #: trigger (a name of escalation_triggers), detail
    PAGED = "paged"  #: audience, people, level
    PAGE_PASSED = "page_passed"  #: person: cannot take it
    TOLD = "told"  #: notice key, audience, road, late_seconds
    ESCALATED = "escalated"  #: trigger, audience, reason
    UPDATE_DRAFTED = "update_drafted"  #: slot
    UPDATE_SENT = "update_sent"  #: slot, fields, no_change
    UPDATE_SNOOZED = "update_snoozed"  #: slot, until
    UPDATE_MISSED = "update_missed"  #: slot
    NOTE = "note"  #: text, link: added to the timeline by a person
    RUN_STARTED = "run_started"  #: workflow, digest
    RUN_SCHEDULED = "run_scheduled"  #: run, begins_at: it waits for the next business day
    RUN_BEGUN = "run_begun"  #: run: a person let it begin before business opens
    REPLANNED = "replanned"  #: title of the workflow, kept (names of steps), left (how many steps)
    RUN_PAUSED = "run_paused"
    RUN_RESUMED = "run_resumed"
    RUN_STOPPED = "run_stopped"  #: reason
    RUN_RESTARTED = "run_restarted"  #: reason
    RUN_DONE = "run_done"  #: run: every step is finished
    STEP_STARTED = "step_started"  #: step, title, attempt, phase
    STEP_DONE = "step_done"  #: step, title, attempt, summary, runner, phase
    STEP_FAILED = "step_failed"  #: step, title, attempt, error, remedy, phase, rebase, conflicts (tools.conflicts)
    STEP_SENT_BACK = "step_sent_back"  #: step, title, by (names of reviews), version, critique, phase
    QUESTION_ASKED = "question_asked"  #: question, about (response.questions.About), step
    QUESTION_ANSWERED = "question_answered"  #: question, about, choice (label; empty: withdrawn), words
    MITIGATION_CHOSEN = "mitigation_chosen"  #: means, what (in words), step (empty: the response's own way)
    RUN_GREW = "run_grew"  #: run, repositories, added (names of steps)
    DRIFT_JUDGED = "drift_judged"  #: verdict (specdrift.Drift), why, requirements (ids), steps [{step_id, version}]
    STEP_RETRIED = "step_retried"  #: step, attempt
    STEP_TAKEN_OVER = "step_taken_over"  #: step, title, phase, summary, step_id: a person did it by hand
    STEP_STOPPED = "step_stopped"  #: step, title, phase, reason: a person stopped its agent
    STEP_SKIPPED = "step_skipped"  #: step, title, phase, reason: a person left it out
    STEP_REBASED = "step_rebased"  #: step, title, phase, repository: a person has its fix rebased
    STEP_HANDED_OVER = "step_handed_over"  #: step, title, phase, provider: another carries it out
    GATE_PASSED = "gate_passed"  #: run, stage, gate, reason, evidence
    GATE_ATTESTED = "gate_attested"  #: run, stage, gate, note
    GATE_OVERRIDDEN = "gate_overridden"  #: run, stage, gate, reason, against (what evidence says, or empty)
    FOUR_EYES_OVERRIDDEN = "four_eyes_overridden"  #: approval, about, reason: the commander approves their own work
    GATE_CONTRADICTED = "gate_contradicted"  #: run, stage, gate, person (who answers for it), against, overridden
    APPROVAL_ASKED = "approval_asked"  #: approval, about (definitions.ApprovalKind), step
    APPROVAL_DECIDED = "approval_decided"  #: approval, about, decision (approved, rejected), subject, feedback
    RESOLVED = "resolved"  #: summary
    REOPENED = "reopened"  #: reason
    CLOSED = "closed"  #: reason
    CANCELLED = "cancelled"  #: reason, duplicate_of
    POSTMORTEM_SCHEDULED = "postmortem_scheduled"  #: due (when it is to be written), owner
    POSTMORTEM_POSTED = "postmortem_posted"
    POSTMORTEM_WRITTEN = "postmortem_written"  #: section, text
    FOLLOWUP_ADDED = "followup_added"  #: followup, title, owner, due
    FOLLOWUP_DONE = "followup_done"  #: followup, title
    DELIVERY_FAILED = "delivery_failed"  #: notice key, road, error
