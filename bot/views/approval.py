"""What people decide: which fix, whether exactly this commit goes to production, and whatever else is asked."""

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import PurePath
from typing import Any

from slack_sdk.models.blocks import Block, InteractiveElement

from bot.ids import Act, Steer
from bot.values import OfApproval, OfSteer
from bot.views import mrkdwn, outcome, parts
from bot.views.message import Message
from bot.views.mrkdwn import code, plural, prose, said
from incidents import records
from incidents.agents.outputs import FixOption, Hypothesis, RootCause, Verdict
from incidents.definitions import ApprovalKind
from incidents.response import decisions, four_eyes
from incidents.service import permissions

_NARROW = 120  # characters of a fact that is read in half of a message's width
_QUOTED = 3  # claims shown under a root cause, strongest first; the rest is in the phase's thread

_COMMAND = 500  # characters of the command on a card; with every one escaped they fit a section's 3,000

_OVER = {
    "approved": "✅ *Approved*",
    "rejected": "↩️ *Sent back*",
    "expired": "⌛ *Expired*",
    "superseded": "⏭️ *No longer asked*: the response moved on, or was stopped",
}


@dataclass(frozen=True)
class Asked:
    """An approval and what helps to decide it."""

    row: records.Approval
    step_id: int = 0  #: the step that would do it; 0 where that does not matter
    who: Sequence[str] = ()  #: people who may decide
    remind_at: datetime | None = None
    then: str = ""  #: who is asked next, ready to show
    cause: RootCause | None = None
    ideas: Sequence[Hypothesis] = ()


def draw(asked: Asked) -> Message:
    """Return the decision's card; once decided, it says who decided and has no buttons."""
    return CARDS.get(ApprovalKind(asked.row.kind), plain)(asked)


def _decided(row: records.Approval) -> str:
    by = f" by {mrkdwn.person(row.decided_by)}" if row.decided_by else ""
    at = f" at {mrkdwn.clock(row.decided_at)}" if row.decided_at else ""
    if row.state == "expired" and not row.decided_by:
        at = f" at {mrkdwn.clock(row.expires_at)}" if row.expires_at else ""
        return f"{_OVER[row.state]}{at}: nobody decided   ·   `/incident retry {row.step}` asks anew"
    feedback = str(row.decision.get("feedback", ""))
    failed = str(row.decision.get("failed", ""))
    feedback = feedback or failed
    chosen = row.state == "approved" and decisions.of(row.kind).is_choice
    over = "✅ *Chosen*" if chosen else _OVER[row.state]
    if row.state == "superseded" and row.decided_by:
        over = "⏭️ *No longer valid*, whatever comes now is asked anew: approved"
    return f"{over}{by}{at}{', it failed' if failed else ''}" + (
        f"\n{mrkdwn.quote(mrkdwn.paragraphs(feedback, 900))}" if feedback else ""
    )


def _waiting(asked: Asked) -> str:
    words = f"Waiting for {mrkdwn.people(asked.who) or _nobody_yet(asked.row)} since {mrkdwn.clock(asked.row.asked_at)}"
    if asked.remind_at:
        words += f"   ·   reminds at {mrkdwn.clock(asked.remind_at)}" + (f", then {asked.then}" if asked.then else "")
    return words


def _nobody_yet(row: records.Approval) -> str:
    """Return who decides while nobody is named for it."""
    if four_eyes.made_by(row):
        return "somebody else"
    if decisions.of(row.kind).action in permissions.STRICT:
        return "a commander (`/incident role commander`)"
    return "anybody in this channel"


# Which fix


def _choose_fix(asked: Asked) -> Message:
    options = [FixOption.model_validate(each) for each in asked.row.subject.get("options", ())]
    pending = asked.row.state == "pending"
    verdict = str(asked.row.subject.get("verdict") or "inconclusive")
    blocks: list[Block | None] = [
        parts.section(f"*Root cause: {said(verdict, 20)}*\n{_cause(asked)}"),
        _tried(asked.row),
        _quoted(asked),
        _discarded(asked.ideas),
        parts.divider(),
    ]
    if pending:
        blocks += [
            parts.section("*Choose a fix*   or reply `>option 2` in the thread, or write there what to change"),
            *[_offered(asked.row, each, first=each is _recommended(options)) for each in options],
            None
            if options
            else parts.section("_No fix is proposed._ Write in the thread what to look at, or take over."),
            parts.actions(parts.button("Send back", Act.REJECT, OfApproval(approval=asked.row.number))),
            parts.context(_waiting(asked)),
        ]
    else:
        chosen = asked.row.decision.get("number")
        blocks += [parts.section(_decided(asked.row)), *[_settled(each, chosen) for each in options]]
    return parts.message(f"Root cause {verdict}: {_cause(asked)}. Choose a fix.", blocks)


def _tried(row: records.Approval) -> Block | None:
    lines = [
        f"~{each['number']}  {prose(str(each['title']), 120)}~   {prose(str(each['failed']), 300)}"
        for each in row.subject.get("tried", ())
    ]
    return parts.section("*Tried*\n" + "\n".join(lines)) if lines else None


def _cause(asked: Asked) -> str:
    cause = asked.cause
    if cause is None:
        return prose(str(asked.row.subject.get("summary", "")))
    if cause.commit and cause.summary.startswith(f"`{cause.commit[:7]}`"):
        return prose(cause.summary, 400)
    by = f" ({said(cause.author, 60)})" if cause.author else ""
    subject = f" _{said(cause.commit_subject, 100)}_" if cause.commit_subject else ""
    lead = f"{code(cause.commit[:7])}{subject}{by}: " if cause.commit else ""
    return f"{lead}{prose(cause.summary, 400)}"


def _quoted(asked: Asked) -> Block | None:
    if asked.cause is None:
        return None
    # What was executed weighs more than what was read.
    claims = sorted(asked.cause.claims, key=lambda claim: claim.verdict is not Verdict.CONFIRMED)[:_QUOTED]
    lines = [f"{outcome.cite(claim.evidence[:2])} {prose(claim.text, 220)}" for claim in claims]
    return parts.section(mrkdwn.quote("\n".join(lines))) if lines else None


def _discarded(ideas: Sequence[Hypothesis]) -> Block | None:
    struck = outcome.discarded(ideas)
    return parts.section(struck) if struck else None


def _recommended(options: Sequence[FixOption]) -> FixOption | None:
    return next((each for each in options if each.recommended), options[0] if options else None)


def _offered(row: records.Approval, each: FixOption, *, first: bool) -> Block:
    loses = f"  _Loses:_ {prose(each.loses, 200)}" if each.loses else ""
    return parts.section(
        f"*{each.number}  {prose(each.title, 120)}*   {prose(each.description, 300)}{loses}",
        parts.button(
            f"Choose {each.number}",
            Act.OPTION,
            OfApproval(approval=row.number, option=each.number),
            style=parts.PRIMARY if first else None,
        ),
    )


def _settled(each: FixOption, chosen: Any) -> Block:
    words = f"{each.number}  {prose(each.title, 120)}"
    return parts.context(f"✓ *{words}*" if each.number == chosen else f"~{words}~")


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
            _command(subject),
            None if subject.get("ready") else parts.section(f":warning: *Not confirmed ready:* {_reason(subject)}"),
            parts.section(f":warning: {prose(' '.join(violates), 900)}") if violates else None,
            *_ending(asked, "this commit", _deploy_buttons(row, commit, where)),
        ],
    )


def _command(subject: Mapping[str, Any]) -> Block | None:
    """Return the command that people put their name to, whole but for where its program is installed."""
    argv = [str(part) for part in subject.get("command") or ()]
    if not argv:
        return None
    program = PurePath(argv[0])
    named = program.name if program.is_absolute() else argv[0]
    return parts.section(f"*Runs*  {code(shlex.join([named, *argv[1:]]), _COMMAND)}")


def _ending(asked: Asked, what: str, buttons: Block) -> list[Block | None]:
    row = asked.row
    doubt = str(row.subject.get("doubt", ""))
    pending, drill = row.state == "pending", row.subject.get("drill")
    return [
        parts.section("*Drill*: approving it runs nothing; the step says what would have been run.") if drill else None,
        parts.section(f":warning: *It may have happened already.* {prose(doubt, 500)}") if doubt else None,
        parts.section(_four_eyes(asked)) if pending and four_eyes.made_by(row) else None,
        buttons if pending else parts.section(_decided(row)),
        parts.context(*_footer(asked, what)) if pending else None,
    ]


def _four_eyes(asked: Asked) -> str:
    makers = mrkdwn.people(four_eyes.made_by(asked.row))
    remedy = "" if asked.who else f" Nobody else may yet. {four_eyes.REMEDY}"
    return f"*Made by hand by {makers}*, so somebody else approves it.{remedy}"


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


def _footer(asked: Asked, what: str) -> list[str]:
    expires = asked.row.expires_at
    # Without the day, tomorrow at this hour would read as over.
    soon = expires is not None and expires - asked.row.asked_at < timedelta(hours=12)
    until = f" until {mrkdwn.clock(expires) if soon else mrkdwn.day_and_time(expires)}" if expires else ""
    return [f"Valid for exactly {what}{until}", _waiting(asked), "typed: `/incident approve`"]


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
            _command(row.subject),
            *_ending(asked, "this", buttons),
        ],
    )


def _merge(asked: Asked) -> Message:
    """Return the card of a merge; where it conflicts by now, with the way out."""
    if not asked.row.subject.get("conflicts") or not asked.step_id:
        return plain(asked)
    return plain(asked, parts.button("Rebase", Act.STEER, OfSteer(step=asked.step_id, steer=Steer.REBASE)))


#: The cards that need more than their kind's facts.
CARDS: dict[ApprovalKind, Callable[[Asked], Message]] = {
    ApprovalKind.CHOOSE_FIX: _choose_fix,
    ApprovalKind.DEPLOY: _deploy,
    ApprovalKind.MERGE: _merge,
}
