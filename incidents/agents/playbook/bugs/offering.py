"""Offers a fix for merging: the branch pushed, and a pull request where GitHub is configured; idempotent."""

from dataclasses import dataclass

from incidents import catalog
from incidents.agents.merging import PullRequest
from incidents.agents.outputs import Output
from incidents.agents.planning import DocumentationUpdate, Implementation
from incidents.agents.playbook.bugs import notes, past, rebasing
from incidents.agents.playbook.case import Case
from incidents.errors import RebaseNeeded, StepFailed
from incidents.tools import history, remotes
from incidents.tools.evidence import EvidenceKind, capture
from incidents.tools.git import Repository
from incidents.tools.github import GitHub
from incidents.tools.remotes import Remote

_FORK_NOTE = "Pushed to a fork: the token may not push to the repository itself."


@dataclass(frozen=True)
class Offer:
    """What is offered: the exact commit at the end of the branch."""

    made: Implementation
    head: str
    base: str  #: the commit of the branch it is merged into that it builds on


async def run(case: Case) -> tuple[Output, str]:
    """Push the branch and open the pull request, or find the one that is open already; rebased first where asked.

    Raises:
        RebaseNeeded: when the rebase conflicts, or people have solved one and nobody reviewed that.
        StepFailed: when there is no fix, or the branch holds what nobody reviewed.
        ToolFailed: when the remote or GitHub refuses.
    """
    made = past.require(case, "bug-implementation", Implementation, "implementation").output
    if not made.commit:
        raise StepFailed(f"There is no fix to offer: {made.reason}", remedy="Retry the implementation first.")
    code = past.codebase(case)
    repository = await past.clone(case, code)
    offer = await _offer(case, code, repository, made)
    github = case.settings.github
    if github is not None and code.github:
        request = await _on_github(case, github, code, repository, offer)
    else:
        request = await _by_git(case, code, repository, offer)
    where = request.url or (f"`{request.branch}` at {request.remote}" if request.remote else f"`{request.branch}`")
    return request, f"`{code.name}` `{request.head[:7]}` offered for `{request.into}`: {where}"


async def _offer(case: Case, code: catalog.Repository, repository: Repository, made: Implementation) -> Offer:
    """Return the end of the branch: what was reviewed, with the changelog's entry, or these rebased unchanged.

    Raises:
        RebaseNeeded: when something else stands there, or the rebase that was asked for conflicts.
    """
    head = await repository.resolve(f"refs/heads/{made.branch}")
    update = past.newest(case, "bug-documentation-update", DocumentationUpdate)
    known = {made.commit, update.output.commit if update else ""}
    reviewed = update.output.commit if update and update.output.commit else made.commit
    base = made.base
    if head not in known:
        if not await history.is_rebased(repository, made.base, reviewed, head):
            raise RebaseNeeded(
                f"`{made.branch}` is at `{head[:7]}` now, but `{made.commit[:7]}` was reviewed.",
                remedy="Press Rebase: what stands there is tested and reviewed, and asked about anew.",
            )
        base = await repository.resolve(f"{head}~{await history.length(repository, made.base, reviewed)}")
    if not rebasing.is_asked(case):
        return Offer(made, head, base)
    done = await rebasing.moved(case, code, repository, made.branch, head)
    return Offer(made, done.head, done.onto)


async def _on_github(
    case: Case, github: GitHub, code: catalog.Repository, repository: Repository, offer: Offer
) -> PullRequest:
    made = offer.made
    info = await github.repository(code.github)
    target, fork = info, ""
    if not info.permissions.push:
        target = await github.fork(info.full_name)
        fork = _FORK_NOTE
    owner = target.full_name.partition("/")[0]
    remote = Remote(target.clone_url, github.token)
    await _push(case, repository, remote, offer)
    note = notes.release_note(case, made)
    pull = await github.pull_of(info.full_name, owner=owner, branch=made.branch)
    title = f"Fix: {notes.title(case)}"[:256]
    if pull is None or pull.state != "open":
        head = made.branch if target is info else f"{owner}:{made.branch}"
        body = notes.body(case, made, note)
        pull = await github.open_pull(info.full_name, head=head, into=code.branch, title=title, body=body)
    seen = capture(
        EvidenceKind.RECORD,
        pull.html_url or info.full_name,
        pull.model_dump_json(indent=1),
        summary=f"Pull request {pull.number} of {info.full_name}, head `{offer.head[:7]}`",
        captured_at=case.now,
    )
    return _request(case, code, offer, _Where(pull.html_url, pull.number, remote.shown, fork, case.see(seen)))


async def _push(case: Case, repository: Repository, remote: Remote, offer: Offer) -> None:
    """Put the branch there; what others have pushed to it is never overwritten.

    Raises:
        StepFailed: when the branch holds commits that are not ours.
    """
    branch, head = offer.made.branch, offer.head
    there = await remotes.head(repository, remote, branch)
    if there == head:
        return
    before = past.newest(case, "bug-pull-request", PullRequest)
    offered = before is not None and before.output.head == there  # it was we who pushed that
    if there is not None and not offered and not await history.is_ours(repository, there, head):
        raise StepFailed(
            f"`{branch}` at {remote.shown} is at `{there[:7]}`, which others have pushed.",
            remedy=f"Bring it into the clone's `{branch}` and retry the implementation, or delete it there.",
        )
    await remotes.push(repository, remote, head, branch, expected=there)


async def _by_git(case: Case, code: catalog.Repository, repository: Repository, offer: Offer) -> PullRequest:
    remote = await past.remote(case, code, repository)
    if remote is None:
        said = f"There is no GitHub and no remote: the branch `{offer.made.branch}` stands in the clone alone."
    else:
        await _push(case, repository, remote, offer)
        said = "There is no GitHub for this repository: the branch is pushed, and merged by Sitrep once approved."
    diff = await repository.diff(offer.base, offer.head)
    shown = remote.shown if remote else ""
    return _request(case, code, offer, _Where("", None, shown, said, case.see(diff.evidence)))


@dataclass(frozen=True)
class _Where:
    url: str
    number: int | None
    remote: str
    note: str
    evidence: list[str]


def _request(case: Case, code: catalog.Repository, offer: Offer, where: _Where) -> PullRequest:
    return PullRequest(
        repository=code.name,
        url=where.url,
        number=where.number,
        branch=offer.made.branch,
        into=code.branch,
        base=offer.base,
        head=offer.head,
        title=f"Fix: {notes.title(case)}"[:256],
        release_note=notes.release_note(case, offer.made),
        remote=where.remote[:300],
        note=where.note,
        evidence=where.evidence,
    )
