"""What people decide: whether exactly this commit goes to production, and whatever else is asked."""

from collections.abc import Callable, Mapping
from typing import Any

from slack_sdk.models.blocks import Block, InteractiveElement

from bot.ids import Act, Steer
from bot.values import OfApproval, OfSteer
from bot.views import fix_choice, mrkdwn, outcome, parts
from bot.views.deciding import Asked, command, ending
from bot.views.message import Message
from bot.views.mrkdwn import code, plural, prose, said
from incidents import records
from incidents.definitions import ApprovalKind
from incidents.response import decisions

_NARROW = 120  # characters of a fact that is read in half of a message's width


def draw(asked: Asked) -> Message:
    """Return the decision's card; once decided, it says who decided and has no buttons."""
    return CARDS.get(ApprovalKind(asked.row.kind), plain)(asked)


# Whether it is deployed


def _deploy(asked: Asked) -> Message:
    row, subject = asked.row, asked.row.subject
    commit = str(subject.get("commit", ""))[:7]
    violates = [str(each) for each in subject.get("violates", ())]
    where = f"{said(str(subject.get('service', '')), 80)}, {said(str(subject.get('environment', '')), 40)}"
    return parts.message(
        f"Approve this deploy? {commit} to {where}",
        [
            parts.section(f"*Approve this deploy?*   {where}"),
            parts.facts(*_deploy_facts(subject)),
            command(subject),
            None if subject.get("ready") else parts.section(f":warning: *Not confirmed ready:* {_reason(subject)}"),
            parts.section(f":warning: {prose(' '.join(violates), 900)}") if violates else None,
            *ending(asked, "this commit", _deploy_buttons(row, commit, where)),
        ],
    )


def _reason(subject: Mapping[str, Any]) -> str:
    return prose(str(subject.get("reason", "")), 300) or "testing gave no verdict"


def _deploy_facts(subject: Mapping[str, Any]) -> list[str]:
    return [
        f"*Commit*  {code(str(subject.get('commit', ''))[:7])} on {code(str(subject.get('branch', '')), 60)}",
        f"*Change*  {_change(subject)}",
        f"*Staging*  {_staging(subject)}",
        f"*Tests*  {_tests(subject)}",
        f"*Undo*  {_undo(subject)}",
        f"*Watch*  {_watch(subject)}",
    ]


def _change(subject: Mapping[str, Any]) -> str:
    files, added, removed = subject.get("files", ()), subject.get("additions", 0), subject.get("deletions", 0)
    if not files and not added and not removed:
        return "_not counted_; see the commit"
    return f"{plural(len(files), 'file')}, +{added} −{removed}"


def _staging(subject: Mapping[str, Any]) -> str:
    healthy = subject.get("staging_healthy")
    if healthy is None:
        return "none"
    seconds = float(subject.get("staging_seconds") or 0)
    return f"healthy for {_duration(seconds)} ✓" if healthy else "*not healthy* ✗"


def _tests(subject: Mapping[str, Any]) -> str:
    if subject.get("passed") is None:
        return "*not run* ✗"
    newly = len(subject.get("newly_failing", ()))
    repaired = len(subject.get("repaired", ()))
    mended = f", {repaired} repaired" if repaired else ""
    return f"{subject['passed']} passed{mended}, {newly} newly failing {'✗' if newly else '✓'}"


def _undo(subject: Mapping[str, Any]) -> str:
    release = subject.get("rollback_release")
    if not release:
        return "*no release to go back to is known*"
    tried = subject.get("rollback_tried")
    return f"release {said(str(release), 40)}{f', tried on staging with {said(str(tried), 40)} ✓' if tried else ''}"


def _watch(subject: Mapping[str, Any]) -> str:
    rate, seconds = subject.get("max_error_rate"), subject.get("watch_seconds")
    if rate is None or seconds is None:
        return "nothing is watched"
    return f"error rate under {outcome.share(float(rate))} for {_duration(float(seconds))}"


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 60 else f"{seconds / 60:.0f} min"


def _deploy_buttons(row: records.Approval, commit: str, where: str) -> Block:
    value = OfApproval(approval=row.number)
    release = row.subject.get("rollback_release")
    back = (
        f"You can roll back to release {said(str(release), 40)}." if release else "No release to go back to is known."
    )
    sure = parts.confirm(f"Deploy {commit}?", f"{where}. {back}", yes="Deploy", no="Not yet")
    return parts.actions(
        parts.button("Approve and deploy", Act.APPROVE, value, style=parts.PRIMARY, confirm=sure),
        parts.button("See the diff", Act.DIFF, value),
        parts.button("Send back", Act.REJECT, value, style=parts.DANGER),
    )


# Anything else


def plain(asked: Asked, *others: InteractiveElement) -> Message:
    """Return the card of a kind that has none of its own: its question, its facts, what is in doubt, the buttons.

    `others` are buttons beside those that decide.
    """
    row, kind = asked.row, decisions.of(asked.row.kind)
    facts = [f"*{said(label, 40)}*  {prose(text, 300)}" for label, text in kind.facts(row.subject)]
    # Side by side each has half of the width: a plan would run down in a narrow column.
    short = [] if any(mrkdwn.width(each) > _NARROW for each in facts) else facts
    value = OfApproval(approval=row.number)
    words = "Your name stands for it in the record."
    sure = parts.confirm(kind.question, words, yes=kind.approve, no="Not yet") if kind.irreversible else None
    buttons = parts.actions(
        parts.button(kind.approve, Act.APPROVE, value, style=parts.PRIMARY, confirm=sure),
        parts.button("Send back", Act.REJECT, value),
        *others,
    )
    first = prose(kind.facts(row.subject)[0][1], 300) if facts else ""
    return parts.message(
        f"{kind.question} {first}".strip(),
        [
            parts.section(f"*{kind.question}*"),
            parts.facts(*short) if short else parts.section("\n".join(facts)) if facts else None,
            command(row.subject),
            *ending(asked, "this", buttons),
        ],
    )


def _merge(asked: Asked) -> Message:
    """Return the card of a merge; where it conflicts by now, with the way out."""
    if not asked.row.subject.get("conflicts") or not asked.step_id:
        return plain(asked)
    return plain(asked, parts.button("Rebase", Act.STEER, OfSteer(step=asked.step_id, steer=Steer.REBASE)))


#: The cards that need more than their kind's facts.
CARDS: dict[ApprovalKind, Callable[[Asked], Message]] = {
    ApprovalKind.CHOOSE_FIX: fix_choice.draw,
    ApprovalKind.DEPLOY: _deploy,
    ApprovalKind.MERGE: _merge,
}
