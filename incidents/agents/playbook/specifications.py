"""What the service's specification says about the failure, read at the commit under analysis.

A repository without `.specify/` has no specification; nothing is said then.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from incidents.agents.outputs import FixApproach, FixOption
from incidents.agents.playbook import wording
from incidents.agents.playbook.case import Case
from incidents.agents.playbook.inquiries import Inquiry
from incidents.agents.specified import CitedRequirement, Specified
from incidents.errors import ToolFailed
from incidents.knowledge import constitution, specs
from incidents.knowledge.constitution import Change, Violation
from incidents.knowledge.specs import Principle, Related, Requirement
from incidents.tools import evidence
from incidents.tools.evidence import EvidenceKind
from incidents.tools.git import Diff, Repository


async def consult(case: Case, repository: Repository | None, inquiry: Inquiry, asked: str) -> Specified | None:
    """Return the requirements that speak of `asked`, with the expected and the actual behaviour; None without any."""
    if repository is None:
        return None
    try:
        base = inquiry.base or await repository.resolve(case.service.branch)
        files = await repository.files(base)
        if not specs.is_specified(files):
            return None
        found = await specs.search(await _requirements(repository, base, files), asked)
    except ToolFailed as fault:
        case.missing(fault)
        return None
    return Specified(
        requirements=[_cited(case, base, each) for each in found],
        expected=" ".join(_sentence(each.requirement) for each in found[:2])[:600],
        actual=_actual(case, inquiry)[:400],
    )


@dataclass(frozen=True)
class Held:
    """What came of holding a change against the constitution."""

    violated: Sequence[Violation]
    unjudged: Sequence[str]  #: names of principles that only people can judge
    evidence: list[str]

    def told(self) -> list[str]:
        """Return a sentence for each violation: the principle, why, what to do instead."""
        return [f"Violates “{each.principle}”: {each.why}; instead, {each.instead}." for each in self.violated]

    def left_to_people(self) -> str:
        """Return which principles people judge; empty where there are none."""
        named = wording.listed([f"“{name}”" for name in self.unjudged])
        return f"People judge {named}: no rule here can." if named else ""


async def hold(case: Case, repository: Repository, base: str, diff: Diff, *, has_tests: bool) -> Held | None:
    """Hold a change against the constitution as it stood before it, at `base`; None where there is none."""
    try:
        text = await repository.show(base, specs.CONSTITUTION)
    except ToolFailed as fault:
        case.missing(fault)
        return None
    if not text:
        return None
    seen = evidence.capture(
        EvidenceKind.KNOWLEDGE,
        f"{specs.CONSTITUTION} at {base[:7]}",
        text[: specs.MAX_CHARACTERS],
        summary="the repository's constitution",
        captured_at=case.now,
    )
    added = [line[1:] for line in diff.text.splitlines() if line.startswith("+") and not line.startswith("+++")]
    violated, unjudged = constitution.judge(specs.principles(text), Change(diff.files, added, has_tests))
    return Held(violated, unjudged, [*case.see(seen), diff.evidence.id])


async def warned(
    case: Case, repository: Repository | None, inquiry: Inquiry, offered: list[FixOption]
) -> list[FixOption]:
    """Return the options; one that undoes a commit says which principle of the constitution its files violate.

    What else a fix would do is not known before it is made; its review looks at that.
    """
    if repository is None or not inquiry.base:
        return offered
    try:
        text = await repository.show(inquiry.base, specs.CONSTITUTION)
        principles = specs.principles(text) if text else []
        return [await _warned(repository, each, principles) for each in offered] if principles else offered
    except ToolFailed as fault:
        case.missing(fault)
        return offered


async def _warned(repository: Repository, option: FixOption, principles: list[Principle]) -> FixOption:
    if option.commit is None or option.approach is FixApproach.ROLLBACK:
        return option
    files = (await repository.commit(option.commit)).files
    violated, _ = constitution.judge(principles, Change(files, (), has_tests=True))
    if not violated:
        return option
    first = violated[0]
    warning = f" Violates “{first.principle[:60]}”: {first.why[:80]}; instead, {first.instead}."
    return option.model_copy(update={"description": f"{option.description[: 300 - len(warning)]}{warning}"})


async def _requirements(repository: Repository, base: str, files: tuple[str, ...]) -> list[Requirement]:
    found: list[Requirement] = []
    for path in specs.readable(files):
        text = await repository.show(base, path)
        found += specs.requirements(path, text or "")
        if len(found) >= specs.MAX_REQUIREMENTS:
            break
    return found[: specs.MAX_REQUIREMENTS]


def _cited(case: Case, base: str, related: Related) -> CitedRequirement:
    said = related.requirement
    place = f"{said.path}:{said.line}"
    seen = evidence.capture(
        EvidenceKind.KNOWLEDGE,
        f"{place} at {base[:7]}",
        said.text,
        summary=f"requirement {said.id}: {said.text}",
        captured_at=case.now,
    )
    return CitedRequirement(id=said.id[:200], place=place[:320], text=said.text[:600], evidence=case.see(seen))


def _sentence(said: Requirement) -> str:
    return said.expected if said.expected.endswith((".", "!", "?")) else f"{said.expected}."


def _actual(case: Case, inquiry: Inquiry) -> str:
    failure = inquiry.failure
    if failure is not None:
        times = f"{failure.after} times" if failure.after != 1 else "once"
        return f"`{failure.raised.headline[:200]}`, {times} since the release."
    incident = case.request.incident
    return incident.facts.get("expected_vs_actual", "").strip() or incident.title
