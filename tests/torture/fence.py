"""Whether each step was done as often as it was asked for: a result that a lost attempt stored is a second doing."""

from collections.abc import Iterator

from tests.torture.timeline import Happened, Incident

#: What asks for steps to be done anew: people, a review, what was found out meanwhile.
_ASKED_ANEW = frozenset(
    {
        "approval_decided",
        "drift_judged",
        "facts_added",
        "gate_attested",
        "gate_contradicted",
        "gate_overridden",
        "mitigation_chosen",
        "question_answered",
        "reopened",
        "severity_changed",
        "step_failed",  # of what it builds on: a fix that is sent back, a deploy that does not count
        "step_handed_over",
        "step_rebased",
        "step_retried",
        "step_sent_back",
    }
)
_ENDS = ("step_failed", "step_stopped", "step_skipped", "step_taken_over")

#: Steps may go on under other names afterwards.
_NEW_PLANS = ("run_started", "replanned", "run_grew", "run_stopped", "run_restarted")


def done_twice(incident: Incident) -> Iterator[str]:
    """Yield the results that no attempt under way brought, and the steps begun again though nobody asked."""
    under_way: dict[str, int] = {}
    carried: list[int] = []  # attempts under way as the plan changed; under which names they go on is not told
    done: dict[str, int] = {}  # step -> which event told that it was
    asked = 0
    for event in incident.events:
        step = str(event.data.get("step"))
        if event.kind in _NEW_PLANS:
            carried += under_way.values()
            under_way.clear()
            done.clear()
        elif event.kind == "step_started":
            if done.get(step, -1) > asked:
                yield f"{_attempt(incident, event)} began, though it was done and nobody asked for it anew"
            under_way[step] = event.data["attempt"]
        elif event.kind in _ENDS:
            under_way.pop(step, None)
        elif event.kind == "step_done":
            if under_way.get(step) == event.data["attempt"]:
                del under_way[step]
            elif event.data["attempt"] in carried:
                carried.remove(event.data["attempt"])
            else:
                yield f"{_attempt(incident, event)} (step {event.data['step_id']}) done, though it was not under way"
            done[step] = event.id
        if event.kind in _ASKED_ANEW:
            asked = event.id


def _attempt(incident: Incident, event: Happened) -> str:
    return f"{incident.key} {event.data['step']}, attempt {event.data['attempt']}"
