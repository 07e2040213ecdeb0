"""GitHub's REST API, as far as a fix needs it: repositories, forks, pull requests, checks, reviews, merging.

The token travels in the Authorization header alone; it stands in no URL, no log line and no evidence.
"""

from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, ConfigDict, Field, SecretStr, TypeAdapter, ValidationError

from incidents.errors import ToolFailed
from incidents.tools import redaction

TIMEOUT_SECONDS = 20.0
_PAGE = 100  # the most that GitHub gives at once

Model = TypeVar("Model")


class _Read(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Rights(_Read):
    """What the token may do in a repository."""

    push: bool = False


class Owner(_Read):
    """Who a repository belongs to."""

    login: str = ""


class RepositoryInfo(_Read):
    """A repository as GitHub describes it."""

    full_name: str = Field(pattern=r"^[\w.-]+/[\w.-]+$")
    clone_url: str
    default_branch: str = "main"
    permissions: Rights = Rights()
    owner: Owner = Owner()


class Head(_Read):
    """What a pull request offers."""

    sha: str
    ref: str = ""


class Pull(_Read):
    """A pull request."""

    number: int
    html_url: str = ""
    state: str = "open"
    merged: bool = False
    merge_commit_sha: str | None = None
    mergeable: bool | None = None
    head: Head
    base: Head


class Output(_Read):
    """What a check run says."""

    title: str | None = None
    summary: str | None = None


class CheckRun(_Read):
    """One check run of a commit."""

    name: str
    status: str  #: queued, in_progress or completed
    conclusion: str | None = None  #: success, failure, neutral, cancelled, skipped, timed_out, action_required
    html_url: str | None = None
    output: Output = Output()


class Status(_Read):
    """One commit status, the older form of a check."""

    context: str
    state: str  #: error, failure, pending or success
    description: str | None = None
    target_url: str | None = None


class Review(_Read):
    """A person's review of a pull request."""

    user: Owner | None = None
    state: str  #: APPROVED, CHANGES_REQUESTED, COMMENTED, DISMISSED, PENDING


class GitHub:
    """A client; make one for each process and close its httpx client at the end."""

    def __init__(self, base_url: str, token: SecretStr, client: httpx.AsyncClient) -> None:
        self._base = base_url.rstrip("/")
        self._token = token
        self._client = client

    @property
    def token(self) -> SecretStr:
        """Return the token, for pushing over HTTPS."""
        return self._token

    async def repository(self, name: str) -> RepositoryInfo:
        """Return the repository `owner/name`.

        Raises:
            ToolFailed: when GitHub cannot be reached, refuses, or answers something else.
        """
        return _parsed(RepositoryInfo, await self._call("GET", f"/repos/{name}"))

    async def fork(self, name: str) -> RepositoryInfo:
        """Fork `owner/name` into the token's own account; the fork that is there already is returned."""
        return _parsed(RepositoryInfo, await self._call("POST", f"/repos/{name}/forks", json={}))

    async def pull_of(self, name: str, *, owner: str, branch: str) -> Pull | None:
        """Return the newest pull request from `owner:branch`, open or not; None where there is none."""
        query = {"head": f"{owner}:{branch}", "state": "all", "per_page": "1", "sort": "created", "direction": "desc"}
        found = _parsed(list[Pull], await self._call("GET", f"/repos/{name}/pulls", params=query))
        return found[0] if found else None

    async def open_pull(self, name: str, *, head: str, into: str, title: str, body: str) -> Pull:
        """Open a pull request of `head` (`owner:branch`, or a branch of the same repository)."""
        asked = {"title": title, "head": head, "base": into, "body": body, "maintainer_can_modify": True}
        return _parsed(Pull, await self._call("POST", f"/repos/{name}/pulls", json=asked))

    async def pull(self, name: str, number: int) -> Pull:
        """Return a pull request as it stands."""
        return _parsed(Pull, await self._call("GET", f"/repos/{name}/pulls/{number}"))

    async def reviews(self, name: str, number: int) -> tuple[Review, ...]:
        """Return the reviews of a pull request, oldest first."""
        answer = await self._call("GET", f"/repos/{name}/pulls/{number}/reviews", params={"per_page": str(_PAGE)})
        return tuple(_parsed(list[Review], answer))

    async def check_runs(self, name: str, sha: str) -> tuple[CheckRun, ...]:
        """Return the newest check runs of a commit."""
        query = {"filter": "latest", "per_page": str(_PAGE)}
        answer = await self._call("GET", f"/repos/{name}/commits/{sha}/check-runs", params=query)
        return tuple(_parsed(list[CheckRun], answer.get("check_runs") if isinstance(answer, dict) else answer))

    async def statuses(self, name: str, sha: str) -> tuple[Status, ...]:
        """Return the newest status of each context of a commit."""
        answer = await self._call("GET", f"/repos/{name}/commits/{sha}/status")
        return tuple(_parsed(list[Status], answer.get("statuses") if isinstance(answer, dict) else answer))

    async def merge(self, name: str, number: int, *, head: str, title: str) -> str:
        """Merge exactly `head` and return the commit that holds it on the branch.

        Raises:
            ToolFailed: when the head has moved, or GitHub does not allow the merge.
        """
        asked = {"sha": head, "merge_method": "merge", "commit_title": title}
        answer = await self._call("PUT", f"/repos/{name}/pulls/{number}/merge", json=asked)
        sha = answer.get("sha") if isinstance(answer, dict) else None
        if not isinstance(sha, str):
            raise ToolFailed("GitHub answered the merge without naming a commit.", remedy="Look at the pull request.")
        return sha

    async def _call(self, method: str, path: str, **request: Any) -> Any:
        headers = {
            "Authorization": f"Bearer {self._token.get_secret_value()}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
        }
        try:
            answer = await self._client.request(
                method, f"{self._base}{path}", headers=headers, timeout=TIMEOUT_SECONDS, **request
            )
        except httpx.HTTPError as error:
            raise ToolFailed(
                f"GitHub did not answer at {self._base} ({type(error).__name__}).",
                remedy="Check GITHUB_API_URL and the network, then retry the step.",
            ) from error
        if answer.is_success:
            try:
                return answer.json()
            except ValueError as error:
                raise ToolFailed(
                    f"{self._base} answered, but not with JSON.", remedy="Check GITHUB_API_URL."
                ) from error
        raise _refused(method, path, answer)


class Refused(ToolFailed):
    """GitHub refused a request; `status` says how."""

    def __init__(self, message: str, *, remedy: str, status: int) -> None:
        super().__init__(message, remedy=remedy)
        self.status = status  #: HTTP status


_REMEDIES = {
    401: "Check GITHUB_TOKEN.",
    403: "Give the token write access to the repository, or wait where it is over its rate limit.",
    404: "Check `github` of the repository in sitrep.yml, and that the token may see it.",
    405: "Look at the pull request: a conflict, a missing review or a required check holds it.",
    409: "The branch has moved; look at the pull request and approve what stands there.",
    422: "Look at the repository on GitHub: it does not accept this request.",
}


def _refused(method: str, path: str, answer: httpx.Response) -> Refused:
    try:
        said = str(answer.json().get("message", ""))
    except (ValueError, AttributeError):
        said = ""
    told = f": {redaction.redact(said)[:200]}" if said else ""
    return Refused(
        f"GitHub refused {method} {path} ({answer.status_code}){told}.",
        remedy=_REMEDIES.get(answer.status_code, "Retry the step; look at GitHub's status page if it stays."),
        status=answer.status_code,
    )


def _parsed(model: type[Model], answer: Any) -> Model:
    try:
        return TypeAdapter(model).validate_python(answer)
    except ValidationError as error:
        raise ToolFailed(
            "GitHub's answer has another form than expected.", remedy="Check GITHUB_API_URL: is it GitHub's REST API?"
        ) from error
