"""Whether what is about to be run in production is exactly what people approved. Pure."""

import re
import shlex
from collections.abc import Sequence

from incidents.agents.base import ApprovedSubject
from incidents.errors import NotAllowed, ToolFailed


def require_name(name: str, form: re.Pattern[str], what: str) -> None:
    """Check that what is filled into a command is a name: a log or an agent might have brought an option.

    Raises:
        ToolFailed: when it is none.
    """
    if not form.fullmatch(name):
        raise ToolFailed(f"{name[:40]!r} is no name of a {what}; nothing was run.", remedy="Do it by hand.")


def require_deploy(approved: ApprovedSubject | None, environment: str, commit: str) -> None:
    """Check that the deploy of this commit was approved.

    Raises:
        NotAllowed: when nobody approved it, or something else.
    """
    if approved is None or approved.kind != "deploy":
        raise NotAllowed(
            f"Nobody approved a deploy of {commit[:7]} to {environment}.", remedy="Ask for the approval first."
        )
    if (approved.subject.get("commit"), approved.subject.get("environment")) != (commit, environment):
        raise NotAllowed(
            f"{commit[:7]} to {environment} is not what {approved.decided_by} approved.",
            remedy="Ask for approval of exactly this commit.",
        )


def require_way_back(approved: ApprovedSubject | None, release: str) -> None:
    """Check that a rollback to this release was approved: by itself, or as the way back of a deploy.

    Raises:
        NotAllowed: when it was not.
    """
    if approved is not None and approved.kind == "deploy" and approved.subject.get("rollback_release") == release:
        return
    require_mitigation(approved, "release", release, f"a rollback to release {release}")


def require_mitigation(approved: ApprovedSubject | None, key: str, value: str, what: str) -> None:
    """Check that a mitigation was approved whose `key` is `value`; `what` names it for people.

    Raises:
        NotAllowed: when it was not.
    """
    if approved is None or approved.kind != "mitigate" or approved.subject.get(key) != value:
        raise NotAllowed(f"Nobody approved {what}.", remedy="Ask for the approval with `/incident mitigate`.")


def require_same(
    approved: ApprovedSubject | None, environment: str, verb: str, *, argv: Sequence[str], folder: str
) -> None:
    """Check that today's sitrep.yml does what was approved, and where; asked before a command begins.

    What was begun before is followed all the same, whatever sitrep.yml says by now.

    Raises:
        NotAllowed: when command or folder have changed since.
    """
    if environment != "production":
        return  # staging waits for nobody
    key = "rollback" if verb == "rollback" and approved and approved.kind == "deploy" else "command"
    bound = (approved.subject.get(key), approved.subject.get("folder")) if approved else None
    if bound != (list(argv), folder):
        raise NotAllowed(
            f"The {verb} command that sitrep.yml has for {environment} is not the one that was approved; nothing was"
            " run.",
            remedy="Retry the step: you are asked anew, with today's command.",
        )


def not_run(approved: ApprovedSubject) -> str:
    """Return in words what was approved in a drill, and not run."""
    argv = approved.subject.get("command")
    said = shlex.join(map(str, argv)) if isinstance(argv, list) else ""
    return f"approved, and not run: `{said[:150]}`" if said else "approved, and nothing was run"
