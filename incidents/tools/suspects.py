"""Ranks the commits that may have broken a service, and says why; abstains where nothing points at any.

Five signals, each a ranking of its own, joined by reciprocal-rank fusion, which has no weights to tune: blame of the
traceback's lines, blame of the enclosing functions, files touched, BM25 of the error's text to message and paths, and
the failing tests' paths.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from incidents.tools import evidence, filekinds, relevance, stackplaces
from incidents.tools.evidence import Evidence, EvidenceKind
from incidents.tools.git import Commit, Repository
from incidents.tools.stackplaces import Place
from incidents.tools.tracebacks import Traceback

MAX_SUSPECTS = 5
MAX_COMPARED = 100  # commits whose files are compared by meaning, at some 10 ms each; in a larger window paths decide
RRF_K = 60  # Cormack, Clarke and Buettcher, "Reciprocal Rank Fusion", SIGIR 2009
#: Failures that a release brought show with its first traffic; later than this, the deploy is no reason by itself.
FOLLOWS_WITHIN = timedelta(hours=2)
_CLOCK_SKEW = timedelta(seconds=60)  # between the machine that logs and the one that deploys


@dataclass(frozen=True)
class Suspect:
    """A commit that may be the cause."""

    commit: Commit
    score: float
    reasons: tuple[str, ...]  #: what points at it, strongest first
    touches: tuple[Place, ...]  #: the places of the traceback that it changed, innermost first
    evidence: tuple[str, ...]  #: ids


@dataclass(frozen=True)
class Ranking:
    """Who may have done it."""

    suspects: tuple[Suspect, ...]  #: most suspicious first, at most MAX_SUSPECTS; kept where abstaining, as a hint
    abstained: bool  #: nothing is good enough to accuse any
    reason: str  #: why it abstained, or what the ranking rests on
    window: tuple[Commit, ...]  #: all commits looked at, newest first
    ignored: tuple[Commit, ...]  #: those of the window that changed nothing that runs
    places: tuple[Place, ...]  #: the traceback's lines in this repository, innermost first
    evidence: tuple[Evidence, ...]


@dataclass
class _Signal:
    """One ranking: for each commit in it the position, from 1, and what is said of it."""

    positions: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    evidence: dict[str, str] = field(default_factory=dict)  # ids

    def put(self, commit: str, position: int, reason: str, seen: str = "") -> None:
        """Place `commit` unless it is placed already."""
        if commit not in self.positions:
            self.positions[commit], self.reasons[commit] = position, reason
            if seen:
                self.evidence[commit] = seen


async def rank(
    repository: Repository,
    *,
    bad: str,
    good: str = "",
    tracebacks: Sequence[Traceback] = (),
    error_text: str = "",
    failing_tests: Sequence[str] = (),
    onset: datetime | None = None,
    deployed_at: datetime | None = None,
) -> Ranking:
    """Rank the commits that `bad` (what runs now) has and `good` (the last good release) has not.

    Without `good`, the window is the last 1,000 commits. `onset` is when it began to fail, `deployed_at` when `bad` was
    deployed; together they decide whether the release can be the reason at all.

    Raises:
        ToolFailed: when the repository lacks one of the commits, or is shallow.
    """
    await repository.require_full_history()
    bad = await repository.resolve(bad)
    good = await repository.resolve(good) if good else ""
    history = await repository.commits(bad, since=good)
    ignored = await _ignored(repository, history.commits)
    candidates = [commit for commit in history.commits if commit not in ignored]
    places = await stackplaces.find(repository, bad, tracebacks)
    seen: list[Evidence] = [history.evidence]
    signals = [
        *await _blame(repository, bad, places, seen),
        _touched(candidates, places),
        await _similar(candidates, tracebacks, error_text),
        _tested(candidates, failing_tests),
    ]
    suspects = _fuse(candidates, signals, places)
    abstained, reason = _verdict(suspects, onset, deployed_at, candidates)
    seen.append(_table(repository, suspects, reason))
    return Ranking(
        suspects=tuple(suspects[:MAX_SUSPECTS]),
        abstained=abstained,
        reason=reason,
        window=history.commits,
        ignored=ignored,
        places=places,
        evidence=tuple(seen),
    )


async def _ignored(repository: Repository, commits: Sequence[Commit]) -> tuple[Commit, ...]:
    """Return the commits that change nothing that runs: docs, tests, tooling, and layout alone in a small window."""
    found = []
    for commit in commits:
        running = [path for path in commit.files if filekinds.runs(path)]
        changes = bool(running)
        if running and commit.parents and len(commits) <= MAX_COMPARED:
            changes = await stackplaces.differs(repository, commit.parents[0], commit.hash, running)
        if not changes:
            found.append(commit)
    return tuple(found)


async def _blame(
    repository: Repository, bad: str, places: Sequence[Place], seen: list[Evidence]
) -> tuple[_Signal, _Signal]:
    lines, functions = _Signal(), _Signal()
    for position, place in enumerate(places, 1):
        blame = await repository.blame(bad, place.path, place.first, place.last)
        seen.append(blame.evidence)
        counts: dict[str, int] = {}
        for line in blame.lines:
            counts[line.commit] = counts.get(line.commit, 0) + 1
            if line.line == place.line:
                lines.put(line.commit, position, f"last changed `{place}`, a line that fails", blame.evidence.id)
        for commit in sorted(counts, key=lambda commit: -counts[commit]):
            functions.put(commit, position, f"changed `{place.function}` in {place.path}", blame.evidence.id)
    return lines, functions


def _touched(candidates: Sequence[Commit], places: Sequence[Place]) -> _Signal:
    signal = _Signal()
    for position, place in enumerate(places, 1):
        for commit in candidates:
            if place.path in commit.files:
                signal.put(commit.hash, position, f"changed {place.path}, which is in the traceback")
    return signal


async def _similar(candidates: Sequence[Commit], tracebacks: Sequence[Traceback], error_text: str) -> _Signal:
    signal = _Signal()
    told = [
        f"{raised.headline} {' '.join(f'{f.function} {f.code}' for f in raised.frames)}"
        for traceback in tracebacks
        for raised in traceback.chain
    ]
    texts = [f"{commit.subject}\n{commit.body}\n{' '.join(commit.files)}" for commit in candidates]
    scores = await relevance.scores(" ".join((error_text, *told)), texts)
    order = sorted(zip(scores, candidates, strict=True), key=lambda pair: -pair[0])
    for position, (score, commit) in enumerate(order, 1):
        if score > 0:
            signal.put(commit.hash, position, "its message and paths share words with the error")
    return signal


def _tested(candidates: Sequence[Commit], failing_tests: Sequence[str]) -> _Signal:
    signal = _Signal()
    asked = {word for test in failing_tests for word in relevance.words(test)} - {"test", "tests", "unit"}
    shared = {c.hash: len(asked & set(relevance.words(" ".join(c.files)))) for c in candidates}
    levels = sorted({count for count in shared.values() if count}, reverse=True)
    for commit, count in shared.items():
        if count:
            signal.put(commit, 1 + levels.index(count), "changed what the failing test is named after")
    return signal


def _fuse(candidates: Sequence[Commit], signals: Sequence[_Signal], places: Sequence[Place]) -> list[Suspect]:
    suspects = []
    for commit in candidates:
        found = [signal for signal in signals if commit.hash in signal.positions]
        if not found:
            continue
        suspects.append(
            Suspect(
                commit=commit,
                score=sum(1 / (RRF_K + signal.positions[commit.hash]) for signal in found),
                reasons=tuple(signal.reasons[commit.hash] for signal in found),
                touches=tuple(place for place in places if place.path in commit.files),
                evidence=tuple(dict.fromkeys(s.evidence[commit.hash] for s in found if commit.hash in s.evidence)),
            )
        )
    return sorted(suspects, key=lambda suspect: -suspect.score)


def _verdict(
    suspects: Sequence[Suspect], onset: datetime | None, deployed_at: datetime | None, candidates: Sequence[Commit]
) -> tuple[bool, str]:
    """Return whether to abstain, and why or why not."""
    if not candidates:
        return True, "No commit since the last good release changed anything that runs."
    if onset is not None and deployed_at is not None and onset < deployed_at - _CLOCK_SKEW:
        return True, f"It failed at {onset:%H:%M}Z already, before the deploy of {deployed_at:%H:%M}Z."
    if any(suspect.touches for suspect in suspects):
        return False, "Commits of this release changed the code that fails."
    follows = onset is not None and deployed_at is not None and onset - deployed_at <= FOLLOWS_WITHIN
    if suspects and follows:
        return False, "No commit touches the traceback, but it began to fail right after the deploy."
    return True, "No commit of the window touches the traceback, and the failures do not follow a deploy."


def _table(repository: Repository, suspects: Sequence[Suspect], reason: str) -> Evidence:
    lines = [
        f"{s.score:.4f} {s.commit.short} {s.commit.author}: {s.commit.subject} ({'; '.join(s.reasons)})"
        for s in suspects
    ]
    summary = reason
    if suspects:
        summary = f"`{suspects[0].commit.short}` ranks first of {len(suspects)}: {', '.join(suspects[0].reasons)}"
    return evidence.capture(
        EvidenceKind.GIT,
        f"ranking of commits in {repository.path}",
        "\n".join((reason, *lines)),
        summary=summary,
        captured_at=repository.clock.now(),
    )
