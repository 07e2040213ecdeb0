"""Reads a repository's history by running git, which trusts nothing that the repository brings along."""

import asyncio
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from incidents.clock import Clock
from incidents.errors import ToolFailed
from incidents.tools import gitsettings, processes
from incidents.tools.evidence import Evidence, EvidenceKind
from incidents.tools.processes import Completed

TIMEOUT = timedelta(seconds=60)  # a blame over a long history took 4 s on the largest repository tried
MAX_COMMITS = 1000  # how far back a window reaches where no good release is known

_FIELDS = "%x1e%H%x1f%P%x1f%an%x1f%ae%x1f%ct%x1f%s%x1f%b%x1f"


@dataclass(frozen=True)
class Commit:
    """One commit."""

    hash: str  #: full
    parents: tuple[str, ...]
    author: str
    email: str
    committed_at: datetime  #: UTC
    subject: str
    body: str
    files: tuple[str, ...]  #: paths that it changed

    @property
    def short(self) -> str:
        """Return the first seven digits of the hash."""
        return self.hash[:7]


@dataclass(frozen=True)
class History:
    """Commits, newest first."""

    commits: tuple[Commit, ...]
    evidence: Evidence


@dataclass(frozen=True)
class BlamedLine:
    """A line of a file, and the commit that last changed it."""

    path: str
    line: int
    commit: str  #: full hash
    text: str


@dataclass(frozen=True)
class Blame:
    """Who last changed some lines."""

    lines: tuple[BlamedLine, ...]
    evidence: Evidence


@dataclass(frozen=True)
class Diff:
    """A change between two commits."""

    text: str
    files: tuple[str, ...]
    additions: int
    deletions: int
    evidence: Evidence


@dataclass
class Repository:
    """A local clone. Make one with `open_repository`."""

    path: Path
    clock: Clock
    overrides: tuple[tuple[str, str], ...] = field(default=gitsettings.ALWAYS)

    async def git(self, *arguments: str, cwd: Path | None = None, stdin: bytes | None = None) -> Completed:
        """Run git with `arguments` and return what came of it, whatever the exit code.

        Raises:
            ToolFailed: when git is missing, ran too long, or answered more than is read at once.
        """
        done = await processes.run(
            ("git", *arguments),
            cwd=cwd or self.path,
            env=gitsettings.environment(self.overrides),
            timeout=TIMEOUT,
            stdin=stdin,
        )
        if done.timed_out:
            raise ToolFailed(
                f"`git {arguments[0]}` in {self.path} ran longer than {TIMEOUT.total_seconds():g} s.",
                remedy="Check the disk that the clone lies on, or narrow the range.",
            )
        if done.truncated:
            raise ToolFailed(
                f"`git {arguments[0]}` in {self.path} answered more than {processes.MAX_OUTPUT // 1_000_000} MB.",
                remedy="Narrow the range of commits or the paths.",
            )
        return done

    async def ask(self, *arguments: str, cwd: Path | None = None, stdin: bytes | None = None) -> Completed:
        """Run git with `arguments` and return what came of it; like `git`, but exit codes other than 0 are raised."""
        return self._in_order(arguments[0], await self.git(*arguments, cwd=cwd, stdin=stdin))

    async def grep(self, *arguments: str, cwd: Path | None = None) -> Completed:
        """Run `git grep`; like `ask`, but that nothing was found is an answer, too."""
        done = await self.git("grep", *arguments, cwd=cwd)
        return done if done.exit_code == 1 else self._in_order("grep", done)

    def _in_order(self, command: str, done: Completed) -> Completed:
        if not done.ok:
            said = done.stderr.strip().splitlines() or ["no message"]
            raise ToolFailed(
                f"`git {command}` failed in {self.path}: {said[-1][:200]}.",
                remedy="Check the clone with `git fsck`, and that it is up to date.",
            )
        return done

    async def resolve(self, revision: str) -> str:
        """Return the full hash of the commit that `revision` names.

        Raises:
            ToolFailed: when the clone has no such commit.
        """
        done = await self.git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        if not done.ok:
            raise ToolFailed(
                f"The clone {self.path} has no commit {revision[:60]!r}.",
                remedy="Fetch the missing commits (`git fetch --all --tags`) and retry.",
            )
        return done.stdout.strip()

    async def require_clean(self) -> None:
        """Check that nobody's unfinished work lies in the clone.

        Raises:
            ToolFailed: when tracked files differ from the checked-out commit.
        """
        done = await self.ask("status", "--porcelain", "--untracked-files=no")
        changed = [line[3:] for line in done.stdout.splitlines()]
        if changed:
            more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
            raise ToolFailed(
                f"The clone {self.path} has uncommitted changes: {', '.join(changed[:3])}{more}.",
                remedy="Commit or stash them, or point sitrep.yml at a clone that nobody works in.",
            )

    async def require_full_history(self) -> None:
        """Check that the clone has all its history.

        Raises:
            ToolFailed: when it is shallow, so that blame would accuse the oldest commit it has.
        """
        done = await self.ask("rev-parse", "--is-shallow-repository")
        if done.stdout.strip() == "true":
            raise ToolFailed(
                f"The clone {self.path} is shallow: commits before its edge are missing, so blame would mislead.",
                remedy="Run `git fetch --unshallow` in it, then retry the step.",
            )

    async def commits(self, until: str, *, since: str = "", limit: int = MAX_COMMITS) -> History:
        """Return the commits that `until` has and `since` has not, newest first; merges are left out."""
        span = f"{since}..{until}" if since else until
        log = ("log", f"--format={_FIELDS}", "--name-only", "--no-merges", f"--max-count={limit}")
        done = await self.ask(*log, "--end-of-options", span, "--")
        commits = tuple(_commit(entry) for entry in done.stdout.split("\x1e")[1:])
        readable = "\n".join(f"{c.short} {c.committed_at:%Y-%m-%d %H:%M}Z {c.author}: {c.subject}" for c in commits)
        shown = Completed(done.argv, done.exit_code, readable, "", done.seconds)
        count = f"{len(commits)} commit{'' if len(commits) == 1 else 's'}"
        summary = f"{count} between `{since[:7]}` and `{until[:7]}`" if since else f"{count} up to `{until[:7]}`"
        return History(commits, self._evidence(shown, EvidenceKind.GIT, summary))

    async def commit(self, revision: str) -> Commit:
        """Return the commit that `revision` names; a merge's files are those that differ from its first parent."""
        full = await self.resolve(revision)
        log = ("log", f"--format={_FIELDS}", "--name-only", "--diff-merges=first-parent", "--max-count=1")
        return _commit((await self.ask(*log, full, "--")).stdout.split("\x1e")[1])

    async def is_ancestor(self, older: str, newer: str) -> bool:
        """Tell whether `newer` contains `older`."""
        return (await self.git("merge-base", "--is-ancestor", _no_option(older), _no_option(newer))).ok

    async def files(self, revision: str) -> tuple[str, ...]:
        """Return the paths of all files at `revision`."""
        done = await self.ask("ls-tree", "-r", "-z", "--name-only", "--end-of-options", revision)
        return tuple(path for path in done.stdout.split("\0") if path)

    async def show(self, revision: str, path: str) -> str | None:
        """Return the text of the file `path` at `revision`; None where it is not there."""
        done = await self.git("show", "--no-textconv", "--end-of-options", f"{revision}:{path}")
        return done.stdout if done.ok else None

    async def blame(self, revision: str, path: str, first: int, last: int) -> Blame:
        """Return who last changed the lines `first` to `last` of `path`, as they stand at `revision`."""
        lines = f"-L{first},{last}"
        done = await self.ask(
            "blame", "-w", "--no-textconv", "--line-porcelain", lines, _no_option(revision), "--", path
        )
        blamed = tuple(_blamed(path, done.stdout))
        hashes = {line.commit[:7] for line in blamed}
        where = f"{path}:{first}" if first == last else f"{path}:{first}-{last}"
        readable = "\n".join(f"{line.commit[:7]} {line.path}:{line.line}: {line.text}" for line in blamed)
        shown = Completed(done.argv, done.exit_code, readable, "", done.seconds)
        names = ", ".join(f"`{name}`" for name in sorted(hashes)[:4])
        return Blame(blamed, self._evidence(shown, EvidenceKind.GIT, f"`{where}` last changed by {names}"))

    async def diff(self, base: str, head: str, *, paths: tuple[str, ...] = ()) -> Diff:
        """Return the change from `base` to `head`, limited to `paths` where given."""
        plain = ("diff", "--no-color", "--no-ext-diff", "--no-textconv", "-M")
        between = _no_option(base), _no_option(head), "--", *paths
        counts = await self.ask(*plain, "--numstat", "-z", "--no-renames", *between)
        done = await self.ask(*plain, *between)
        added = deleted = 0
        files = []
        for entry in filter(None, counts.stdout.split("\0")):
            plus, minus, path = entry.split("\t", 2)
            files.append(path)
            added += int(plus) if plus.isdigit() else 0
            deleted += int(minus) if minus.isdigit() else 0
        count = f"{len(files)} file{'' if len(files) == 1 else 's'}"
        summary = f"`{base[:7]}` to `{head[:7]}`: {count}, +{added} −{deleted}"
        return Diff(done.stdout, tuple(files), added, deleted, self._evidence(done, EvidenceKind.DIFF, summary))

    async def changed_by(self, commit: Commit) -> Diff:
        """Return what `commit` changed against its first parent."""
        base = commit.parents[0] if commit.parents else await self._empty_tree()
        return await self.diff(base, commit.hash)

    async def _empty_tree(self) -> str:
        return (await self.ask("hash-object", "-t", "tree", "/dev/null")).stdout.strip()

    def _evidence(self, done: Completed, kind: EvidenceKind, summary: str) -> Evidence:
        return done.as_evidence(kind, str(self.path), summary=summary, captured_at=self.clock.now())


async def open_repository(path: Path, clock: Clock) -> Repository:
    """Return the clone at `path`.

    Raises:
        ToolFailed: when there is no folder, no repository, or no commit.
    """
    if not await asyncio.to_thread(path.is_dir):
        raise ToolFailed(
            f"The repository {path} does not exist.", remedy="Clone it there, or correct `repository` in sitrep.yml."
        )
    bare = Repository(path, clock)
    top = await bare.git("rev-parse", "--show-toplevel")
    if not top.ok:
        raise ToolFailed(
            f"{path} is not a git repository.", remedy="Clone the service there, or correct `repository` in sitrep.yml."
        )
    configured = await bare.git("config", "--local", "--includes", "--list", "--name-only", "-z")
    repository = Repository(path, clock, gitsettings.overrides(configured.stdout.split("\0")))
    if not (await repository.git("rev-parse", "--verify", "--quiet", "HEAD^{commit}")).ok:
        raise ToolFailed(f"The repository {path} has no commit yet.", remedy="Check that the clone is complete.")
    return repository


def _no_option(revision: str) -> str:
    """Return `revision`, which people may have typed, where git does not take it for an option: some write files.

    Raises:
        ToolFailed: when it would.
    """
    if revision.startswith("-"):
        raise ToolFailed(f"{revision[:60]!r} is no commit.", remedy="Name the commit by its hash.")
    return revision


def _commit(entry: str) -> Commit:
    full, parents, author, email, seconds, subject, body, names = entry.split("\x1f")
    return Commit(
        hash=full,
        parents=tuple(parents.split()),
        author=author,
        email=email,
        committed_at=datetime.fromtimestamp(int(seconds), UTC),
        subject=subject,
        body=body.strip(),
        files=tuple(name for name in names.splitlines() if name),
    )


def _blamed(path: str, porcelain: str) -> list[BlamedLine]:
    found = []
    full, number = "", 0
    for line in porcelain.splitlines():
        if line.startswith("\t"):
            found.append(BlamedLine(path, number, full, line[1:]))
        elif head := re.match(r"([0-9a-f]{40}) \d+ (\d+)", line):
            full, number = head[1], int(head[2])
    return found
