"""How users are relieved at once: what each means would do here, with its button."""

from collections.abc import Sequence
from dataclasses import dataclass

from slack_sdk.models.blocks import Block

from bot.ids import Act
from bot.values import OfMitigation
from bot.views import mrkdwn, parts
from bot.views.message import Message
from incidents import records
from incidents.lifecycle import Status
from incidents.response.mitigations import Means, Offer

_NAMED = {Means.ROLLBACK: "Roll back", Means.FLAG: "Switch off", Means.HOTFIX: "Hotfix"}
_TYPED = "typed: `/incident mitigate rollback|flag|hotfix`"


@dataclass(frozen=True)
class Chosen:
    """What somebody chose."""

    person: str
    what: str  #: `put release 40 back`
    stands: str  #: `waits for approval`, `done`


def draw(
    incident: records.Incident, offers: Sequence[Offer], *, who: Sequence[str], chosen: Sequence[Chosen] = ()
) -> Message:
    """Return the choice; `who` is asked. What was chosen stays; once the incident is over there are no buttons."""
    title = "How are users relieved?"
    is_open = incident.status is Status.OPEN
    lead = "" if chosen or not is_open else mrkdwn.people(who)
    blocks: list[Block | None] = [
        parts.section(f"🩹 *{title}*   {lead}".rstrip()),
        *[parts.section(_said(each)) for each in chosen],
        *[_offered(incident, each) for each in offers if is_open],
        parts.context("Rollback and switch wait for an approval of exactly that command", _TYPED) if is_open else None,
    ]
    return parts.message(f"{title} {lead}".strip(), blocks)


def _offered(incident: records.Incident, offer: Offer) -> Block:
    name = _NAMED[offer.means]
    if not offer.can:
        return parts.context(f"{name}: not here. {mrkdwn.prose(offer.what, 500)}")
    value = OfMitigation(incident=incident.number, means=offer.means, switch=offer.switch, release=offer.release)
    label = f"{name} {offer.switch}" if offer.switch else name
    button = parts.button(label, Act.MITIGATE, value, style=parts.DANGER if offer.means is Means.ROLLBACK else None)
    return parts.section(f"*{name}*  {mrkdwn.prose(offer.what, 500)}", button)


def _said(chosen: Chosen) -> str:
    what = mrkdwn.said(chosen.what, 200)
    stands = f"   _{mrkdwn.said(chosen.stands, 60)}_" if chosen.stands else ""
    return f"✓ {mrkdwn.person(chosen.person)}: *{what}*{stands}"
