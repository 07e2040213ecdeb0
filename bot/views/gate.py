"""A quality gate that only a person can vouch for."""

from bot.ids import Act, OfGate
from bot.views import mrkdwn, outcome, parts
from bot.views.message import Message
from incidents.response import gates
from incidents.response.gates import GateState, GateVerdict


def draw(value: OfGate, verdict: GateVerdict, *, who: str, asks: str = "") -> Message:
    """Return the question, or who vouched; `who` is ready to show, `asks` is the policy's question."""
    title = gates.title(verdict.gate)
    reason = mrkdwn.with_mentions(verdict.reason, 300)
    cited = outcome.cite(verdict.evidence[:4])
    if verdict.holds:
        how = "attested by" if verdict.state is GateState.ATTESTED else "shown by evidence:"
        return parts.message(
            f"{title}: holds",
            [
                parts.section(f"✅ *{title}*   {how} {reason} {cited}"),
                parts.context(mrkdwn.said(asks)) if asks else None,
            ],
        )
    reason = reason[:1].upper() + reason[1:]
    against = verdict.state is GateState.FAILED
    question = f"{mrkdwn.said(asks)}\n" if asks else ""
    sure = parts.confirm(
        title,
        f"{question}{'The evidence speaks against it. ' if against else ''}Your name stands for it in the record.",
        yes="I vouch for it",
        no="Not yet",
    )
    return parts.message(
        f"Quality gate {value.stage} waits: {title}",
        [
            parts.section(
                f"{'❌' if against else '✋'} *{title}*   gate of phase {value.stage}\n{question}{reason} {cited}",
                parts.button("Attest", Act.ATTEST, value, style=None if against else parts.PRIMARY, confirm=sure),
            ),
            parts.context(
                f"Waiting for {who}",
                "the next phase starts when it holds",
                f"with a note: `/incident attest {verdict.gate} why`",
            ),
        ],
    )


def withdrawn(gate: str) -> Message:
    """Return what is left of a question that the response as re-planned does not ask."""
    line = f"⏭️ *{gates.title(gate)}*   no longer asked: the response goes on by another plan"
    return parts.message(line, [parts.context(line)])
