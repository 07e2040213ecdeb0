"""The release note of a fix and the words around it, made of what was recorded."""

from incidents.agents.diagnoses import Consolidation
from incidents.agents.merging import ReleaseNote
from incidents.agents.outputs import Verdict
from incidents.agents.planning import Implementation
from incidents.agents.playbook import wording
from incidents.agents.playbook.bugs import past
from incidents.agents.playbook.case import Case
from incidents.tools import redaction


def title(case: Case) -> str:
    """Return the bug's title as one line without secrets."""
    return " ".join(redaction.redact(case.request.incident.title).split())


def entry(case: Case) -> str:
    """Return the changelog's entry."""
    return f"Fixed: {title(case)}."[:500]


def release_note(case: Case, made: Implementation) -> ReleaseNote:
    """Return component, fix, root cause and impact."""
    found = past.all_of(case, "bug-diagnosis-consolidation", Consolidation)
    cause = found[-1].output.diagnosis if found else None
    service = case.service
    likely = "" if cause and cause.verdict is Verdict.CONFIRMED else "Probably: "
    return ReleaseNote(
        component=(case.request.incident.facts.get("component") or service.title or service.key)[:200],
        fix=f"{title(case)}: mended. {made.summary}"[:400],
        root_cause=f"{likely}{cause.summary}"[:400] if cause else "It was not found out.",
        impact=(cause.impact if cause and cause.impact else "It was not measured.")[:400],
    )


def body(case: Case, made: Implementation, note: ReleaseNote) -> str:
    """Return the text of a pull request: what, why, how it was proven, and the release note."""
    proof = wording.tests(made.tests.passed_with_fix) or "None: no test shows the bug."
    both = "" if not made.tests.passed_with_fix else " failed without this change and passed with it."
    parts = [
        f"Fixes {case.request.incident.key}: {title(case)}",
        made.summary,
        f"**Proof:** {proof}{both}",
        *(f"**Open:** {each}" for each in made.remaining),
        "## Release note",
        f"- **Component:** {note.component}\n- **Fix:** {note.fix}\n- **Root cause:** {note.root_cause}\n"
        f"- **Impact:** {note.impact}",
    ]
    return redaction.redact("\n\n".join(parts))[:20_000]
