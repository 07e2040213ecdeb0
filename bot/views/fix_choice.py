"""The card on which people choose the fix: the root cause with what backs it, and each option with what it loses."""

from collections.abc import Sequence
from typing import Any

from slack_sdk.models.blocks import Block

from bot.ids import Act
from bot.values import OfApproval
from bot.views import outcome, parts
from bot.views.deciding import Asked, decided, waiting
from bot.views.message import Message
from bot.views.mrkdwn import code, prose, quote, said
from incidents import records
from incidents.agents.outputs import FixOption, Hypothesis, Verdict

_QUOTED = 3  # claims shown under a root cause, strongest first; the rest is in the phase's thread


def draw(asked: Asked) -> Message:
    """Return the card; once decided, it shows what was chosen."""
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
            parts.context(waiting(asked)),
        ]
    else:
        chosen = asked.row.decision.get("number")
        blocks += [parts.section(decided(asked.row)), *[_settled(each, chosen) for each in options]]
    return parts.message(f"Root cause {verdict}: {_cause(asked).rstrip('.')}. Choose a fix.", blocks)


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
    return parts.section(quote("\n".join(lines))) if lines else None


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
