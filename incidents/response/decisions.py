"""The kinds of decision that people are asked for: what each binds, who may take it, its words. Pure.

To add a kind:

1. Name it in `definitions.ApprovalKind`. A step of a workflow asks for it with `approval: <name>`.
2. Write here its subject, the JSON of exactly what would be done, made from `Wanted` alone, and put a `Decision`
   into `DECISIONS`. The same facts must give the same subject: its digest is compared at the click and again when
   the step is carried out.
3. Who may take it: an action of `service.permissions.Action`, with the field of `catalog.Approvers` that lists its
   approvers in `permissions.LISTED`, and in `permissions.STRICT` where it cannot be undone.
4. How long it is good for, and who hears when nobody decides: `templates/policies/approvals.yml`.

Its card is drawn from `question`, `facts` and `approve`; one that needs more is added to `bot.views.approval.CARDS`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from incidents.catalog import Service
from incidents.definitions import ApprovalKind
from incidents.response import mitigations
from incidents.service.permissions import Action

Subject = Mapping[str, Any]

_FILES = 5  #: named of a repository on the card that asks about the plan


@dataclass(frozen=True)
class Wanted:
    """What a subject is made of."""

    step: str  #: the step that would do it
    outputs: Mapping[str, Any]  #: of all finished steps, by output name; a later step's stand before an earlier one's
    service: Service | None = None
    #: Prompt without `.md` -> what the last step by it brought, of those that this one builds on: where several
    #: repositories go through the same steps, that of its own.
    brought: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    tried: Sequence[Mapping[str, Any]] = ()  #: what was chosen before and failed: it is not offered again


@dataclass(frozen=True)
class Decision:
    """One kind of decision."""

    action: Action  #: what one must be allowed to
    subject: Callable[[Wanted], dict[str, Any]]  #: exactly what would be done; JSON
    #: The output that is proposed; the step that brings it is run again when it is sent back. Where people themselves
    #: chose what would be done there is none, and what is sent back is left out.
    source: str
    thing: str  #: `deploy`
    noun: str  #: `the deploy`, of something that waits
    asked: str  #: `approval of the deploy`, behind "waiting for"
    waits: str  #: the live card's words: `hotfix ready, approval asked`
    review: str  #: the live card's button
    question: str  #: the decision's own card
    approve: str  #: its button, and what it is called when typed: `Approve and deploy`
    taken: Callable[[Subject], str]  #: behind "✓" and in the timeline: `deploy of abc1234 approved`
    kept: Callable[[Subject], dict[str, Any]] = lambda subject: {}  #: what of the subject the event keeps
    facts: Callable[[Subject], Sequence[tuple[str, str]]] = lambda subject: ()  #: label and text, for its card
    made_of: tuple[str, ...] = ()  #: outputs it rests on; who made one of them by hand does not decide (four eyes)
    is_choice: bool = False  #: one of the subject's `options` is chosen, and the step receives that
    #: What is not known of the subject without which nobody can be asked: one sentence, empty where nothing is missing.
    missing: Callable[[Subject], str] = lambda subject: ""
    irreversible: bool = False  #: outward, and not undone: asked when all gates before it hold
    #: Outward: it is good for one attempt that people began; a retry is asked anew, and a drill does none of it.
    acts: bool = False


def of(kind: str) -> Decision:
    """Return the decision that a row or an event names."""
    return DECISIONS[ApprovalKind(kind)]


def find(kind: str) -> Decision | None:
    """Return the decision called `kind`, or None where this version knows none of that name."""
    return of(kind) if kind in list(ApprovalKind) else None


def sources() -> dict[ApprovalKind, str]:
    """Return the output that each kind proposes."""
    return {kind: decision.source for kind, decision in DECISIONS.items() if decision.source}


def _of_choose_fix(wanted: Wanted) -> dict[str, Any]:
    cause = wanted.outputs.get("preliminary_root_cause") or {}
    failed = {each["number"]: each["failed"] for each in wanted.tried}
    options = cause.get("fix_options", [])
    offered = {
        "verdict": cause.get("verdict"),
        "summary": cause.get("summary", ""),
        "options": [each for each in options if each["number"] not in failed],
    }
    known = [{**each, "failed": failed[each["number"]]} for each in options if each["number"] in failed]
    return {**offered, "tried": known} if known else offered


def _of_deploy(wanted: Wanted) -> dict[str, Any]:
    outputs, service = wanted.outputs, wanted.service
    code = outputs.get("emergency_fix_code") or {}
    tests = outputs.get("minimal_test_suite") or {}
    regression = outputs.get("regression_test_results") or tests.get("after") or {}
    readiness = outputs.get("deployment_readiness_confirmation") or {}
    rollback = outputs.get("rollback_procedure") or {}
    staging = readiness.get("staging") or {}
    tried = staging.get("rollback") or {}
    production = service.production if service else None
    release = rollback.get("release")
    return {
        **_place(service),
        "commit": code.get("commit", ""),
        "command": production.deploying(str(code.get("commit", ""))) if production else [],
        "branch": code.get("branch", ""),
        "approach": code.get("approach", ""),
        "files": code.get("files", []),
        "additions": code.get("additions", 0),
        "deletions": code.get("deletions", 0),
        "passed": regression.get("passed"),
        "failed": regression.get("failed"),
        "violates": [each["text"] for each in code.get("constitution", ()) if each["verdict"] != "inconclusive"],
        "newly_failing": tests.get("newly_failing", []),
        "repaired": tests.get("repaired", []),
        "ready": readiness.get("ready"),
        "reason": readiness.get("reason", ""),
        "staging_healthy": staging.get("healthy"),
        "staging_seconds": staging.get("watched_seconds"),
        "rollback_release": release,
        "rollback": production.putting_back(str(release)) if production and release else [],
        **({"rollback_tried": tried["release"]} if tried.get("tested") else {}),
        "watch_seconds": production.watch.total_seconds() if production else None,
        "max_error_rate": production.max_error_rate if production else None,
    }


def _place(service: Service | None) -> dict[str, Any]:
    """Return where a command of sitrep.yml would run: what is approved for one place is good for no other."""
    return {
        "service": service.key if service else "",
        "environment": "production",
        "folder": service.repository if service else "",
    }


def _of_plan(wanted: Wanted) -> dict[str, Any]:
    plan = wanted.brought.get("bug-fix-plan", {})
    return {name: plan.get(name) for name in ("option", "approach", "summary", "tasks", "risks")}


def _plan_facts(subject: Subject) -> Sequence[tuple[str, str]]:
    tasks = [(str(task["repository"]), _task_in_words(task)) for task in subject.get("tasks") or ()]
    risks = "; ".join(subject.get("risks") or ())
    return [("Plan", str(subject.get("summary") or "none")), *tasks, *([("Risks", risks)] if risks else [])]


def _task_in_words(task: Mapping[str, Any]) -> str:
    files = [*task["files"], *task["tests"]]
    return "; ".join([*task["steps"], f"in {_named(files)}" if files else "no file is named"])


def _of_merge(wanted: Wanted) -> dict[str, Any]:
    offered = wanted.brought.get("bug-pull-request", {})
    checks = wanted.brought.get("bug-check-results", {})
    names = ("repository", "branch", "into", "head", "number", "url", "remote")
    bound = {name: offered.get(name) for name in names}
    # Checks of another commit say nothing of this one.
    of_this = checks if checks.get("head") == offered.get("head") else {}
    conflicts = of_this.get("conflicts")
    return {**bound, "checks": of_this.get("state"), **({"conflicts": conflicts} if conflicts else {})}


def _merge_facts(subject: Subject) -> Sequence[tuple[str, str]]:
    head, conflicts = str(subject.get("head") or "")[:7], subject.get("conflicts") or ()
    where = str(subject.get("url") or subject.get("remote") or "the local clone")
    return [
        ("Repository", str(subject.get("repository") or "none")),
        ("Commit", f"{head} of {subject.get('branch')} into {subject.get('into')}"),
        ("Offered at", where),
        ("Checks", str(subject.get("checks") or "none ran on this commit")),
        *([("Conflicts", f"{subject.get('into')} has moved on in {_named(conflicts)}")] if conflicts else []),
    ]


def _named(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - _FILES} more" if len(paths) > _FILES else ""
    return ", ".join(f"`{path}`" for path in paths[:_FILES]) + more


def _of_mitigation(wanted: Wanted) -> dict[str, Any]:
    chosen = wanted.outputs.get(mitigations.kept_as(wanted.step)) or {}
    return {
        **chosen,
        **_place(wanted.service),
        "command": mitigations.command(wanted.service, chosen),
    }


def _mitigation_facts(subject: Subject) -> Sequence[tuple[str, str]]:
    what = mitigations.said(subject)
    running, caution = str(subject.get("running") or ""), str(subject.get("caution") or "")
    return [
        ("Does", f"{what[:1].upper()}{what[1:]}{f' in place of {running}' if running else ''}"),
        ("Where", f"{subject.get('service')}, {subject.get('environment')}"),
        *([("Mind", caution)] if caution else []),
    ]


def _commit(subject: Subject) -> str:
    return str(subject.get("commit", ""))[:7]


DECISIONS: dict[ApprovalKind, Decision] = {
    ApprovalKind.CHOOSE_FIX: Decision(
        action=Action.CHOOSE_FIX,
        subject=_of_choose_fix,
        source="preliminary_root_cause",
        thing="fix",
        noun="the choice of a fix",
        asked="a choice of the fix",
        waits="cause found, a choice of fix asked",
        review="Choose the fix",
        question="Choose a fix",
        approve="Choose",
        taken=lambda chosen: f"fix chosen: {chosen.get('title', '')}",
        is_choice=True,
    ),
    ApprovalKind.DEPLOY: Decision(
        action=Action.DEPLOY,
        subject=_of_deploy,
        source="emergency_fix_code",
        thing="deploy",
        noun="the deploy",
        asked="approval of the deploy",
        waits="hotfix ready, approval asked",
        review="Review the fix",
        question="Approve this deploy?",
        approve="Approve and deploy",
        taken=lambda subject: f"deploy of `{_commit(subject)}` approved",
        kept=lambda subject: {"commit": subject.get("commit", "")},
        made_of=("emergency_fix_code",),
        missing=lambda subject: "" if subject.get("commit") else "No commit is known that could be deployed.",
        irreversible=True,
        acts=True,
    ),
    ApprovalKind.MITIGATE: Decision(
        action=Action.MITIGATE,
        subject=_of_mitigation,
        source="",  # sent back, it is left out: people choose otherwise
        thing="mitigation",
        noun="the mitigation",
        asked="approval of the mitigation",
        waits="mitigation chosen, approval asked",
        review="Review the mitigation",
        question="Do this to production now?",
        approve="Approve and do it",
        taken=lambda subject: f"mitigation approved: {mitigations.said(subject)}",
        kept=lambda subject: {name: subject.get(name) for name in ("means", "release", "switch")},
        facts=_mitigation_facts,
        missing=lambda subject: "" if subject.get("command") else "No command is configured that would do it.",
        # Not irreversible: the gates of the response would hold up what is to come before it.
        acts=True,
    ),
    ApprovalKind.PLAN: Decision(
        action=Action.APPROVE_PLAN,
        subject=_of_plan,
        source="tasks",
        thing="plan",
        noun="the plan of the fix",
        asked="approval of the plan",
        waits="plan ready, approval asked",
        review="Review the plan",
        question="Fix it by this plan?",
        approve="Approve the plan",
        taken=lambda subject: "plan approved",
        facts=_plan_facts,
    ),
    ApprovalKind.MERGE: Decision(
        action=Action.MERGE,
        subject=_of_merge,
        source="commit",
        thing="merge",
        noun="the merge",
        asked="approval of the merge",
        waits="pull request ready, review asked",
        review="Review the merge",
        question="Merge this?",
        approve="Approve and merge",
        taken=lambda subject: (
            f"merge of `{str(subject.get('head', ''))[:7]}` into {subject.get('repository')} approved"
        ),
        kept=lambda subject: {name: subject.get(name) for name in ("repository", "head")},
        facts=_merge_facts,
        made_of=("commit", "head"),
        missing=lambda subject: "" if subject.get("head") else "No commit is known that could be merged.",
        irreversible=True,
        acts=True,
    ),
}
