"""Looks up what an analysis names before anybody sees it: commits, files, lines and functions of the repository."""

import re
from dataclasses import dataclass, field
from typing import Any

from incidents.agents import citations
from incidents.agents.diagnoses import DiagnosedCause
from incidents.agents.outputs import Claim, Component, Diagnosis, Hypothesis, Output, RootCause, RootCauseOutput
from incidents.errors import ToolFailed
from incidents.tools import stackplaces
from incidents.tools.git import Repository

_FUNCTION = re.compile(r"`(?:[\w.]+\.)?([A-Za-z_]\w*)\(\)`")  #: as texts name functions: `total()`, `cart.total()`


@dataclass
class Lookup:
    """A repository at the commit under analysis, and what was not found there."""

    repository: Repository
    commit: str  #: full hash
    files: tuple[str, ...]
    shown: str  #: the draft's material: what stands there need not be in the repository
    missing: list[str] = field(default_factory=list)

    def notes(self) -> tuple[str, ...]:
        """Return one line for people on what was struck out, or none."""
        if not self.missing:
            return ()
        named = ", ".join(f"`{name}`" for name in dict.fromkeys(self.missing))
        return (f"Struck out, for the repository has no such thing: {named}."[:300],)

    async def has_lines(self, path: str, line: int = 1) -> bool:
        """Tell whether the file is there and has that line."""
        found = stackplaces.in_repository(path, self.files)
        try:
            text = await self.repository.show(self.commit, found) if found else None
        except ToolFailed:  # larger than what is read at once: nobody has read that line
            return False
        return text is not None and 1 <= line <= max(1, len(text.splitlines()))

    async def names(self, function: str) -> bool:
        """Tell whether any file names it as a word of its own."""
        return (await self.repository.grep("-q", "-w", "-F", "-e", function, self.commit, "--")).ok

    async def of_history(self, commit: str) -> str:
        """Return the full hash of a commit in the history; "" where it is none."""
        try:
            full = await self.repository.resolve(commit)
        except ToolFailed:
            return ""
        return full if await self.repository.is_ancestor(full, self.commit) else ""

    async def unknown(self, text: str) -> list[str]:
        """Return what `text` names and the repository does not have."""
        return [
            *[commit for commit in citations.COMMIT.findall(text) if not await self.of_history(commit)],
            *[
                f"{path}:{line}"
                for path, line in citations.PLACE.findall(text)
                if not citations.place_was_seen(path, line, self.shown) and not await self.has_lines(path, int(line))
            ],
            *[name for name in _FUNCTION.findall(text) if not await self.names(name)],
        ]


async def look_up(repository: Repository, commit: str, shown: str) -> Lookup:
    """Return a lookup at `commit`; what is named in `shown` counts as there."""
    return Lookup(repository, commit, await repository.files(commit), shown)


async def verified(was: Output, says: Output, lookup: Lookup) -> Output:
    """Return `says` without what does not exist; what it has from `was`, which rules found, stays as it is."""
    match was, says:
        case RootCauseOutput(), RootCauseOutput():
            return says.model_copy(
                update={
                    "preliminary_root_cause": await _incidents_cause(
                        was.preliminary_root_cause, says.preliminary_root_cause, lookup
                    ),
                    "affected_components_list": [
                        each
                        for each in says.affected_components_list
                        if each in was.affected_components_list or await _is_there(each, lookup)
                    ],
                    "investigation_priorities": await _hypotheses(
                        was.investigation_priorities, says.investigation_priorities, lookup
                    ),
                }
            )
        case Diagnosis(), Diagnosis():
            return says.model_copy(
                update={
                    "root_cause": await _bugs_cause(was.root_cause, says.root_cause, lookup),
                    "hypotheses": await _hypotheses(was.hypotheses, says.hypotheses, lookup),
                }
            )
        case _:
            return says


async def _incidents_cause(was: RootCause, says: RootCause, lookup: Lookup) -> RootCause:
    update = await _commit(was.commit, says.commit, lookup)
    if (says.file, says.line) != (was.file, was.line) and not await _place(says.file, says.line, lookup):
        update |= {"file": None, "line": None}
    return says.model_copy(update={**update, "claims": await _claims(was.claims, says.claims, lookup)})


async def _bugs_cause(was: DiagnosedCause, says: DiagnosedCause, lookup: Lookup) -> DiagnosedCause:
    update = await _commit(was.commit, says.commit, lookup)
    place = says.root_file, says.root_line
    if place != (was.root_file, was.root_line) and not await _place(*place, lookup):
        update |= {"root_file": None, "root_line": None}
    function = (says.root_function or "").rstrip("()").rpartition(".")[2]
    if function and says.root_function != was.root_function and not await lookup.names(function):
        lookup.missing.append(function)
        update["root_function"] = None
    there = [path for path in says.affected_files if path in was.affected_files or await lookup.has_lines(path)]
    lookup.missing += [path for path in says.affected_files if path not in there]
    claims = await _claims(was.claims, says.claims, lookup)
    return says.model_copy(update={**update, "affected_files": there, "claims": claims})


async def _commit(was: str | None, says: str | None, lookup: Lookup) -> dict[str, Any]:
    """Return what git says of the commit that is accused; none where it is not in the history."""
    if says is None or says == was:
        return {}
    full = await lookup.of_history(says) if re.fullmatch("[0-9a-f]{7,40}", says) else ""
    if not full:
        lookup.missing.append(says[:40])
        return {"commit": None, "commit_subject": None, "author": None}
    found = await lookup.repository.commit(full)
    return {"commit": found.hash, "commit_subject": found.subject[:300], "author": found.author[:200]}


async def _place(path: str | None, line: int | None, lookup: Lookup) -> bool:
    if path is None or await lookup.has_lines(path, line or 1):
        return True
    lookup.missing.append(f"{path}:{line}" if line else path)
    return False


async def _is_there(component: Component, lookup: Lookup) -> bool:
    path = component.path.strip("/")
    if any(each == path or each.startswith(f"{path}/") for each in lookup.files):
        return True
    lookup.missing.append(component.path)
    return False


async def _claims(was: list[Claim], says: list[Claim], lookup: Lookup) -> list[Claim]:
    kept = []
    for each in says:
        unknown = [] if each in was else await lookup.unknown(each.text)
        lookup.missing += unknown
        if not unknown:
            kept.append(each)
    return kept


async def _hypotheses(was: list[Hypothesis], says: list[Hypothesis], lookup: Lookup) -> list[Hypothesis]:
    kept = []
    for each in says:
        known = any(each.statement == other.statement and each.reason == other.reason for other in was)
        unknown = [] if known else await lookup.unknown(f"{each.statement} {each.reason} {each.refuted_by}")
        lookup.missing += unknown
        if not unknown:
            kept.append(each)
    return kept
