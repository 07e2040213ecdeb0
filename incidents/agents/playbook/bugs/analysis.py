"""Root-cause analysis of a bug: the incident's inquiry, put as a diagnosis with place, constraints and options."""

from incidents.agents.diagnoses import MAX_FILES, DiagnosedCause, Diagnosis
from incidents.agents.outputs import FixApproach, FixOption, Output, RootCauseOutput
from incidents.agents.playbook import options, root_cause
from incidents.agents.playbook.bugs import past
from incidents.agents.playbook.case import Case
from incidents.agents.playbook.inquiries import Inquiry
from incidents.agents.playbook.wording import listed
from incidents.tools import filekinds
from incidents.tools.filekinds import FileKind
from incidents.tools.stackplaces import Place

_MAX_HYPOTHESES = 20


async def run(case: Case) -> tuple[Output, str]:
    """Form hypotheses, try what can be tried, and offer ways to fix what stands."""
    found, inquiry = await _investigated(case)
    cause = found.preliminary_root_cause
    place = _place(inquiry)
    order = {"accepted": 0, "open": 1, "rejected": 2}
    ranked = sorted(found.investigation_priorities, key=lambda each: order.get(each.state, 1))
    diagnosis = Diagnosis(
        root_cause=DiagnosedCause(
            verdict=cause.verdict,
            summary=cause.summary,
            root_file=cause.file,
            root_line=cause.line,
            root_function=place.function[:200] or None if place else None,
            mechanism=cause.mechanism,
            explanation=_explanation(found, inquiry)[:2500],
            impact=_impact(found)[:600],
            affected_files=_files(found, inquiry),
            constraints=_constraints(inquiry),
            base=inquiry.base or None,
            commit=cause.commit,
            commit_subject=cause.commit_subject,
            author=cause.author,
            claims=cause.claims[:30],
            specified=cause.specified,
        ),
        hypotheses=ranked[:_MAX_HYPOTHESES],
        confidence=cause.verdict,
        options=_options(case, cause.fix_options),
    )
    return diagnosis, root_cause.in_one_line(cause, inquiry.backing)


async def _investigated(case: Case) -> tuple[RootCauseOutput, Inquiry]:
    """Return what the first repository shows in which a commit stands accused; the service's own where none does."""
    first, *others = case.service.codebases()
    own = await root_cause.investigate(case)
    if own[1].accused is not None:
        for other in others:
            case.note(f"The cause was found in `{first.name}`; `{other.name}` was not read.")
        return own
    for other in others:
        from_there = past.seen_from(case, other)
        found = await root_cause.investigate(from_there)
        if found[1].accused is not None:
            case.note(f"Nothing stands accused in `{first.name}`; the cause was found in `{other.name}`.")
            return found
        case.note(f"`{other.name}` was read too; no commit of it stands accused.")
    return own


def _place(inquiry: Inquiry) -> Place | None:
    if inquiry.accused is not None and inquiry.accused.touches:
        return inquiry.accused.touches[0]
    places = inquiry.ranking.places if inquiry.ranking else ()
    return places[0] if places else None


def _explanation(found: RootCauseOutput, inquiry: Inquiry) -> str:
    cause = found.preliminary_root_cause
    tried = [each.in_words for each in inquiry.proofs[3:]]
    facts = [claim.text for claim in cause.claims]
    return "\n".join((cause.mechanism, *tried, *facts))


def _impact(found: RootCauseOutput) -> str:
    parts = [component.name for component in found.affected_components_list]
    if not parts:
        return "No part of the repository is known to be affected."
    return f"What runs through {listed(parts)}."


def _files(found: RootCauseOutput, inquiry: Inquiry) -> list[str]:
    paths = [component.path for component in found.affected_components_list]
    paths += inquiry.accused.commit.files if inquiry.accused else ()
    return list(dict.fromkeys(paths))[:MAX_FILES]


def _constraints(inquiry: Inquiry) -> list[str]:
    kept = ["Behaviour that the existing tests show stays as it is."]
    if inquiry.accused is not None:
        kept.append(f"What `{inquiry.accused.commit.short}` was made for: {inquiry.accused.commit.subject}"[:300])
        if any(filekinds.kind(path) is FileKind.MIGRATION for path in inquiry.accused.commit.files):
            kept.append("Data that was written since its migration stays readable.")
    return kept


def _options(case: Case, offered: list[FixOption]) -> list[FixOption]:
    """Return the options that change code; going back a release mends production, not the repository."""
    kept = [each for each in offered if each.approach is not FixApproach.ROLLBACK]
    best = next((each for each in kept if each.recommended), kept[0])
    title, description = options.writing(case, past.branch_of(case), "fix")
    return [
        each.model_copy(
            update={
                "number": number,
                "recommended": each is best,
                "description": description if each.approach is FixApproach.HOTFIX else each.description,
                "title": title if each.approach is FixApproach.HOTFIX else each.title,
            }
        )
        for number, each in enumerate(kept[:4], start=1)
    ]
