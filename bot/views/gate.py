"""A quality gate that evidence alone does not show: who answers for it, or who is asked to."""

from bot.ids import Act
from bot.values import OfGate
from bot.views import mrkdwn, outcome, parts
from bot.views.message import Message
from incidents.response import gates
from incidents.response.gates import GateState, GateVerdict, Word

_ANSWERED = {True: ("⚠️", "overridden"), False: ("✅", "attested")}


def draw(value: OfGate, verdict: GateVerdict, *, who: str, commander: str = "", asks: str = "") -> Message:
    """Return the question, or by what it holds.

    Args:
        value: Which gate it is.
        verdict: What is known of it.
        who: Who may vouch for it, ready to show.
        commander: Who may override it, ready to show; empty where nobody is commander.
        asks: The policy's question.
    """
    title = gates.title(verdict.gate)
    cited = outcome.cite(verdict.evidence[:4])
    if verdict.word is not None:
        return _answered(title, verdict, verdict.word, asks)
    reason = mrkdwn.with_mentions(verdict.reason, 300)
    if verdict.holds:
        return parts.message(
            f"{title}: holds",
            [
                parts.section(f"✅ *{title}*   shown by evidence: {reason} {cited}"),
                parts.context(mrkdwn.said(asks)) if asks else None,
            ],
        )
    against = verdict.state is GateState.FAILED
    question = f"{mrkdwn.said(asks)}\n" if asks else ""
    sure = parts.confirm(title, f"{question}Your name stands for it in the record.", yes="I vouch for it", no="Not yet")
    override = parts.button("Override", Act.OVERRIDE, value, style=parts.DANGER if against else None)
    buttons = (
        [override]
        if against
        else [parts.button("Attest", Act.ATTEST, value, style=parts.PRIMARY, confirm=sure), override]
    )
    waits = (
        f"Evidence speaks against it: {commander or 'a commander'} may override it, with the reason"
        if against
        else f"Waiting for {who}"
    )
    typed = f"gate {verdict.gate} override why" if against else f"attest {verdict.gate} why"
    return parts.message(
        f"Quality gate {value.stage} waits: {title}",
        [
            parts.section(
                f"{'❌' if against else '✋'} *{title}*   gate of phase {value.stage}\n"
                f"{question}{reason[:1].upper()}{reason[1:]} {cited}"
            ),
            parts.actions(*buttons),
            parts.context(waits, "the next phase starts when it holds", f"typed: `/incident {typed}`"),
        ],
    )


def _answered(title: str, verdict: GateVerdict, word: Word, asks: str) -> Message:
    mark, how = _ANSWERED[word.overridden]
    why = f": {mrkdwn.with_mentions(word.note, 300)}" if word.note else ""
    against = f"The evidence says: {mrkdwn.with_mentions(verdict.against, 200)} {outcome.cite(verdict.evidence[:4])}"
    below = [against.strip()] if verdict.against else []
    below += [mrkdwn.said(asks)] if asks else []
    return parts.message(
        f"{title}: {how}",
        [
            parts.section(f"{mark} *{title}*   {how} by {mrkdwn.person(word.person)} at {mrkdwn.clock(word.at)}{why}"),
            parts.context(*below) if below else None,
        ],
    )


def withdrawn(gate: str) -> Message:
    """Return what is left of a question that the response as re-planned does not ask."""
    line = f"⏭️ *{gates.title(gate)}*   no longer asked: the response goes on by another plan"
    return parts.message(line, [parts.context(line)])
