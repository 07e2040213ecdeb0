"""Merges exactly the commit that a person approved; a conflict is laid open, never guessed away."""

from incidents import catalog
from incidents.agents.merging import Merge, PullRequest
from incidents.agents.outputs import Output
from incidents.agents.playbook import wording
from incidents.agents.playbook.bugs import notes, past, rebasing
from incidents.agents.playbook.case import Case
from incidents.errors import RebaseNeeded, StepFailed
from incidents.tools import history, remotes
from incidents.tools.evidence import EvidenceKind, capture
from incidents.tools.git import Repository
from incidents.tools.github import GitHub, Pull, Refused

_CONFLICT = (405, 409, 422)


async def run(case: Case) -> tuple[Output, str]:
    """Merge the approved commit.

    Raises:
        StepFailed: when nobody approved exactly this, when it is held, or when it conflicts.
        ToolFailed: when the remote or GitHub refuses.
    """
    request = past.require(case, "bug-pull-request", PullRequest, "pull request").output
    _require_approval(case, request)
    code, github = past.codebase(case), case.settings.github
    _require_target(code, request)
    repository = await past.clone(case, code)
    if github is not None and code.github and request.number is not None:
        done = await _on_github(case, github, code, repository, request)
    else:
        done = await _by_git(case, code, repository, request)
    return done, f"`{code.name}` `{request.head[:7]}` merged into `{done.into}` as `{done.merged_commit[:7]}`"


def _require_approval(case: Case, request: PullRequest) -> None:
    """Check that a person approved the merge of exactly this commit of this repository.

    Raises:
        StepFailed: when not.
    """
    approved = case.request.approved
    if approved is None or approved.kind != "merge":
        raise StepFailed("Nobody approved this merge.", remedy="Approve it on its card.")
    subject = approved.subject
    if subject.get("repository") != request.repository or subject.get("head") != request.head:
        raise StepFailed(
            f"`{str(subject.get('head'))[:7]}` of `{subject.get('repository')}` was approved, but `{request.head[:7]}`"
            f" of `{request.repository}` is offered; nothing was merged.",
            remedy="Look at the pull request, and approve what is offered now.",
        )


def _require_target(code: catalog.Repository, request: PullRequest) -> None:
    """Check that sitrep.yml still names the branch that the merge was approved into.

    Raises:
        StepFailed: when it names another.
    """
    if code.branch != request.into:
        raise StepFailed(
            f"`{request.into}` was approved, but sitrep.yml has `{code.branch}` as the branch of `{code.name}` now;"
            " nothing was merged.",
            remedy="Rebase it with `/incident rebase`, so that what is offered goes there, and approve that.",
        )


async def _on_github(
    case: Case, github: GitHub, code: catalog.Repository, repository: Repository, request: PullRequest
) -> Merge:
    number = request.number or 0
    pull = await github.pull(code.github, number)
    if pull.merged and pull.head.sha == request.head:
        return _merged(case, request, pull.merge_commit_sha or request.head, "It was merged on GitHub already.")
    await _require_open(github, code, pull, request)
    if pull.mergeable is False:
        raise await _conflicting(case, code, repository, request)
    try:
        merged = await github.merge(code.github, number, head=request.head, title=request.title)
    except Refused as fault:
        after = await github.pull(code.github, number)
        if after.merged and after.head.sha == request.head:  # the answer of an earlier attempt was lost
            return _merged(case, request, after.merge_commit_sha or request.head, "It was merged on GitHub already.")
        if fault.status in _CONFLICT and after.mergeable is False:
            raise await _conflicting(case, code, repository, request) from fault
        raise StepFailed(fault.message, remedy=fault.remedy) from fault
    return _merged(case, request, merged, f"Merged by GitHub as pull request {number}.")


async def _require_open(github: GitHub, code: catalog.Repository, pull: Pull, request: PullRequest) -> None:
    if pull.merged or pull.head.sha != request.head:
        raise StepFailed(
            f"Pull request {pull.number} is at `{pull.head.sha[:7]}`, but `{request.head[:7]}` was approved; nothing"
            " was merged.",
            remedy="Retry the pull-request step, then approve what is offered.",
        )
    if pull.base.ref and pull.base.ref != request.into:
        raise StepFailed(
            f"Pull request {pull.number} goes into `{pull.base.ref}` now, but `{request.into}` was approved; nothing"
            " was merged.",
            remedy=f"Set its base back to `{request.into}` on GitHub, and retry.",
        )
    if pull.state != "open":
        raise StepFailed(
            f"Pull request {pull.number} was closed without a merge.",
            remedy="Reopen it and retry, or stop the response.",
        )
    newest: dict[str, str] = {}
    for review in await github.reviews(code.github, pull.number):
        if review.state in ("APPROVED", "CHANGES_REQUESTED", "DISMISSED"):
            newest[review.user.login if review.user else ""] = review.state
    against = [f"`{who}`" for who, state in newest.items() if state == "CHANGES_REQUESTED"]
    if against:
        raise StepFailed(
            f"{wording.listed(against)} asked for changes on pull request {pull.number}; nothing was merged.",
            remedy="Send the implementation back with these words, or ask for another review, then retry.",
        )


async def _by_git(case: Case, code: catalog.Repository, repository: Repository, request: PullRequest) -> Merge:
    """Merge in the clone and push, where there is no GitHub."""
    remote = await past.remote(case, code, repository)
    where = remote.shown[:300] if remote else ""
    if where != request.remote:
        raise StepFailed(
            f"The merge was approved for {request.remote or 'the local clone'}, but the remote of `{code.name}` is"
            f" {where or 'gone'} now; nothing was merged.",
            remedy="Set it back, or offer the fix there with `/incident rebase` and approve that.",
        )
    into = await remotes.default_branch_head(repository, remote, code.branch)
    if await repository.is_ancestor(request.head, into):
        return _merged(case, request, into, f"`{code.branch}` holds it already.")
    message = f"Merge {request.branch}: {notes.title(case)}\n\n{_release_note(request)}"
    merged = await history.merge(repository, case.folder(f"merge-{code.name}"), into, request.head, message)
    if not merged:
        raise await _conflicting(case, code, repository, request)
    if remote is not None:
        await remotes.push(repository, remote, merged, code.branch, expected=into)
        how = f"There is no GitHub: Sitrep merged it and pushed `{code.branch}` to {remote.shown}."
    else:
        await remotes.advance(repository, code.branch, merged, expected=into)
        how = f"There is no GitHub and no remote: Sitrep merged it into the clone's own `{code.branch}`."
    return _merged(case, request, merged, how)


async def _conflicting(
    case: Case, code: catalog.Repository, repository: Repository, request: PullRequest
) -> StepFailed:
    """Return what to tell people: what conflicts, or that a rebase goes through."""
    found = await rebasing.tried(case, code, repository, request.head)
    if found.conflicts:
        return rebasing.conflict(case, code, request.branch, request.head, found.conflicts)
    return RebaseNeeded(
        f"`{code.branch}` has moved on, and `{request.head[:7]}` cannot be merged as it is; nothing was merged.",
        remedy="It goes onto the newest state without a conflict: press Rebase. It is tested again, and you approve"
        " the new commit.",
    )


def _merged(case: Case, request: PullRequest, commit: str, how: str) -> Merge:
    seen = capture(
        EvidenceKind.GIT,
        request.url or request.repository,
        f"{request.head} is on {request.into} as {commit}\n{how}",
        summary=f"`{request.head[:7]}` merged into `{request.into}` as `{commit[:7]}`",
        captured_at=case.now,
    )
    return Merge(
        repository=request.repository,
        into=request.into,
        head=request.head,
        merged_commit=commit,
        url=request.url,
        how=how[:300],
        evidence=case.see(seen),
    )


def _release_note(request: PullRequest) -> str:
    note = request.release_note
    return f"Component: {note.component}\nFix: {note.fix}\nRoot cause: {note.root_cause}\nImpact: {note.impact}"
