"""Business impact: what was said about money and customers beside what was measured; the rest is asked, not guessed."""

from incidents import revenue
from incidents.agents.outputs import BusinessImpact, BusinessImpactOutput, Claim, Output, Verdict
from incidents.agents.playbook import past, sources
from incidents.agents.playbook.case import Case
from incidents.agents.playbook.past import Past
from incidents.agents.playbook.wording import moment, percent
from incidents.tools.health import Probe


async def run(case: Case) -> tuple[Output, str]:
    """Put together what is known of the cost, and what only a person can say."""
    known = past.read(case)
    look = await sources.probe(case)
    loss = revenue.loss_per_hour(case.said())
    claims = _claims(case, known, look, loss)
    impact = known.impact
    who = impact.summary[:200] if impact is not None and impact.error_rate else ""
    summary = _in_words(known, loss)
    output = BusinessImpactOutput(
        business_impact=BusinessImpact(
            summary=summary,
            loss_per_hour=loss,
            customers_affected=who,
            unknown=_asked(known, loss, who),
            claims=claims,
        )
    )
    return output, summary


def _in_words(known: Past, loss: float | None) -> str:
    money = f"A loss of about {loss:,.0f} an hour is stated" if loss is not None else "No loss of money is stated"
    impact = known.impact
    if impact is None or impact.error_rate is None:
        return f"{money}; the share of users that is hurt is not measured."
    since = f" since {moment(impact.since)}" if impact.since else ""
    return f"{money}; {percent(impact.error_rate)} of requests fail{since}."


def _claims(case: Case, known: Past, look: Probe | None, loss: float | None) -> list[Claim]:
    claims = []
    if loss is not None:
        claims.append(case.claim(f"Somebody states a loss of about {loss:,.0f} an hour.", [case.reported()]))
    if known.impact is not None:
        claims.append(case.claim(f"Triage: {known.impact.summary}.", [case.record("impact_assessment")]))
        if known.impact.revenue_impact:
            claims.append(case.claim("The report says that revenue is hit.", [case.reported()]))
    if look is not None and look.stats is not None and look.stats.requests:
        text = f"{look.stats.errors} of {look.stats.requests} requests failed since the process started."
        claims.append(case.claim(text, case.see(look.evidence), Verdict.CONFIRMED))
    return claims or [
        case.claim("The report is all that is known of the cost.", [case.reported()], Verdict.INCONCLUSIVE)
    ]


def _asked(known: Past, loss: float | None, who: str) -> list[str]:
    asked = ["Which contracts or service levels are touched?"]
    if loss is None:
        asked.insert(0, "What does an hour of this cost?")
    if not who:
        asked.insert(0, "Which customers are hurt, and how many?")
    if known.impact is not None and known.impact.data_loss is None:
        asked.append("Is any customer's data lost or wrong?")
    return asked
