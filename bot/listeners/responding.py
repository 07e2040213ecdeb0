"""Responding: acknowledge, severity, roles, impact, notes, escalation. Each is one decision."""

import re

from rapidfuzz import fuzz, process

from bot.ids import Field
from bot.listeners import replies, vocabulary
from bot.listeners.desk import Desk
from bot.listeners.order import Order, incident_of
from bot.listeners.payloads import View, mentioned
from bot.views import declare, forms, mrkdwn, words
from bot.views.message import Message
from escalation import matrix, oncall
from incidents import store
from incidents.definitions import Severity
from incidents.errors import InvalidInput
from incidents.lifecycle import ROLE_TITLES, Role
from incidents.service import queries, respond

#: What may follow a role to give it back: `role comms none`.
_NOBODY = re.compile(r"(?:none|nobody|release|back|-)(?:\s|$)", re.IGNORECASE)
_NEAR = 60  # rapidfuzz's partial ratio; `data loss` finds data_loss_confirmed, `coffee` finds nothing


async def acknowledge(desk: Desk, order: Order) -> Message:
    """Note that somebody has it."""
    async with desk.once(order.key) as tx:
        first = await respond.acknowledge(tx, desk.ctx, order.incident_id, order.actor)
        holders = (await queries.roles(tx.session, order.incident_id)).get(Role.COMMANDER, [])
    commands = "you command" if order.actor in holders else f"{mrkdwn.people(holders)} commands"
    word = "Acknowledged" if first else "It was acknowledged before"
    return replies.note(f"✓ {word}; {commands}.")


async def pass_page(desk: Desk, order: Order) -> Message:
    """Note that the person paged cannot take it."""
    async with desk.once(order.key) as tx:
        await respond.pass_page(tx, desk.ctx, order.incident_id, order.actor)
    return replies.note("✓ Noted; the next level is paged now.")


# Severity


async def severity(desk: Desk, order: Order) -> Message | None:
    """Change the severity, or open the form where none was said."""
    word, _, reason = order.argument.partition(" ")
    chosen = vocabulary.choice("severity", word) if word else ""
    if not chosen and word:
        raise InvalidInput(f"There is no severity {word[:40]!r}.", remedy=f"Known: {', '.join(Severity)}.")
    if not chosen:
        await open_severity(desk, order)
        return None
    async with desk.once(order.key) as tx:
        await respond.change_severity(tx, desk.ctx, order.incident_id, order.actor, Severity(chosen), reason.strip())
    return replies.note(f"✓ Severity is {chosen} now; who is told and by when was planned anew.")


async def open_severity(desk: Desk, order: Order) -> None:
    """Open the form that changes the severity."""
    async with desk.ctx.store.read() as session:
        incident = await queries.get(session, order.incident_id)
    lines = {
        each: declare.consequence_line(matrix.preview(desk.ctx.library, desk.ctx.settings, each, drill=incident.drill))
        for each in Severity
    }
    await replies.show(desk, order.place, forms.severity(incident, lines))


async def submit_severity(desk: Desk, order: Order, view: View) -> None:
    """Change the severity as the form says."""
    chosen, why = Severity(view.text(Field.SEVERITY)), view.text(Field.REASON)
    await desk.share(
        order.key,
        order.incident_id,
        lambda tx: respond.change_severity(tx, desk.ctx, order.incident_id, order.actor, chosen, why),
    )


# Roles


async def role(desk: Desk, order: Order) -> Message:
    """Take a role, give it to whoever is mentioned, or with `none` give it back."""
    word, _, rest = order.argument.partition(" ")
    chosen = vocabulary.choice("role", word)
    if not chosen:
        raise InvalidInput(
            f"There is no role {word[:40]!r}." if word else "Say which role.", remedy=f"Roles: {', '.join(Role)}."
        )
    person = mentioned(rest) or None
    if _NOBODY.match(rest):
        return await release_role(desk, order, Role(chosen), person)
    return await take_role(desk, order, Role(chosen), person)


async def take_role(
    desk: Desk, order: Order, chosen: Role, person: str | None = None, *, instead: str | None = None
) -> Message:
    """Give `chosen` to `person`, by default to whoever asks; by button only `instead` of whom the button knew."""
    async with desk.once(order.key) as tx:
        before = await respond.take_role(tx, desk.ctx, order.incident_id, order.actor, chosen, person, instead=instead)
    who = mrkdwn.person(person) if person and person != order.actor else "You"
    instead = f", instead of {mrkdwn.people(before)}" if before and chosen is not Role.RESPONDER else ""
    verb = "are" if who == "You" else "is"
    said = f"✓ {who} {verb} {ROLE_TITLES[chosen].lower()} now{instead}."
    return replies.note(f"{said}\n{words.ROLE_GUIDANCE[chosen]}")


async def release_role(desk: Desk, order: Order, chosen: Role, person: str | None = None) -> Message:
    """Give `chosen` back, or take it from `person`."""
    async with desk.once(order.key) as tx:
        held = await respond.release_role(tx, desk.ctx, order.incident_id, order.actor, chosen, person)
    who = "You are" if held == order.actor else f"{mrkdwn.person(held)} is"
    return replies.note(f"✓ {who} no longer {ROLE_TITLES[chosen].lower()}.")


# Impact and notes


async def impact(desk: Desk, order: Order) -> Message | None:
    """Say who is hurt, or open the form where nothing was said."""
    if not order.argument:
        await open_impact(desk, order)
        return None
    async with desk.once(order.key) as tx:
        await respond.set_impact(tx, desk.ctx, order.incident_id, order.actor, order.argument)
    return replies.note("✓ The impact stands on the card and in the next update.")


async def open_impact(desk: Desk, order: Order) -> None:
    """Open the form for the impact."""
    async with desk.ctx.store.read() as session:
        incident = await queries.get(session, order.incident_id)
    await replies.show(desk, order.place, forms.impact(incident))


async def submit_impact(desk: Desk, order: Order, view: View) -> None:
    """Say who is hurt, as the form says."""
    await desk.share(
        order.key,
        order.incident_id,
        lambda tx: respond.set_impact(tx, desk.ctx, order.incident_id, order.actor, view.text(Field.IMPACT)),
    )


async def note(desk: Desk, order: Order) -> Message | None:
    """Add to the timeline, or open the form where nothing was said."""
    if not order.argument:
        await open_note(desk, order)
        return None
    async with desk.once(order.key) as tx:
        await respond.add_note(tx, desk.ctx, order.incident_id, order.actor, order.argument)
    return replies.note("✓ It stands on the timeline.")


async def open_note(desk: Desk, order: Order) -> None:
    """Open the form for the timeline."""
    async with desk.ctx.store.read() as session:
        incident = await queries.get(session, order.incident_id)
    await replies.show(desk, order.place, forms.note(incident))


async def submit_note(desk: Desk, order: Order, view: View) -> None:
    """Add to the timeline what the form says.

    Raises:
        NotFound: the incident that was chosen in it is none that this person may see.
    """
    chosen = 0 if order.incident_id else int(view.text(Field.INCIDENT) or 0)
    incident_id = order.incident_id or chosen

    async def add(tx: store.Tx) -> None:
        if chosen:
            await incident_of(tx.session, desk.ctx.settings, order.place, f"inc-{chosen}")
        await respond.add_note(tx, desk.ctx, incident_id, order.actor, view.text(Field.NOTE))

    await desk.share(order.key, incident_id, add)


# Escalation


async def escalate(desk: Desk, order: Order) -> Message | None:
    """Escalate by what was found, or open the form where nothing, or nothing known, was said."""
    name = _trigger(desk, order.argument)
    if not name:
        await open_escalate(desk, order)
        return None
    async with desk.once(order.key) as tx:
        new = await respond.found_impact(tx, desk.ctx, order.incident_id, order.actor, name, order.argument)
    told = oncall.called(_told_by(desk)[name])
    return replies.note(f"✓ {told} hear of it now." if new else f"This was noted before; {told} have heard of it.")


def _told_by(desk: Desk) -> dict[str, str]:
    known = desk.ctx.library.policies
    return {each.name: each.escalate_to for each in (*known.impact_based, *known.complexity_based)}


def _trigger(desk: Desk, words: str) -> str:
    names = {name: name.replace("_", " ") for name in _told_by(desk)}
    if not words:
        return ""
    found = process.extractOne(words.lower(), names, scorer=fuzz.token_set_ratio, score_cutoff=_NEAR)
    return str(found[2]) if found else ""


async def open_escalate(desk: Desk, order: Order) -> None:
    """Open the form that escalates."""
    async with desk.ctx.store.read() as session:
        incident = await queries.get(session, order.incident_id)
    triggers = {name: oncall.called(told) for name, told in _told_by(desk).items()}
    await replies.show(desk, order.place, forms.escalate(incident, triggers, typed=order.argument))


async def submit_escalate(desk: Desk, order: Order, view: View) -> None:
    """Escalate as the form says."""
    trigger, known = view.text(Field.TRIGGER), view.text(Field.NOTE)
    await desk.share(
        order.key,
        order.incident_id,
        lambda tx: respond.found_impact(tx, desk.ctx, order.incident_id, order.actor, trigger, known),
    )
