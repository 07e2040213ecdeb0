"""What Sitrep says of its own troubles, to those who look after it: once when one begins, once when it is over."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import delete
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col

from escalation import oncall
from escalation.roads import Letter
from incidents import durations, outbox, outbox_queries, records, store
from incidents.catalog import Settings
from incidents.notices import Action, Lane, Notice, Road

SURFACE = "operators"
LATE = "late"  #: the kind of spell in which notices leave late


async def begin(tx: store.Tx, settings: Settings, *, why: str, cause: str, roads: Collection[Road]) -> bool:
    """Tell operators that delivery is late, unless a spell lasts already; returns whether one began.

    `cause` is why Slack cannot be reached, where that is it: then they are mailed, too.
    """
    # Two replicas may notice at once: the second insert waits for the first and then does nothing.
    insert = sqlite.insert if tx.session.get_bind().dialect.name == "sqlite" else postgresql.insert
    why = f"{why} {cause}".strip()
    spell = {"kind": LATE, "began_at": tx.now, "why": why}
    beginning = insert(records.Spell).values(spell).on_conflict_do_nothing()
    # Asked for what was written: how many rows an insert wrote is not known on PostgreSQL.
    if await tx.session.scalar(beginning.returning(col(records.Spell.kind))) is None:
        return False
    params = {"began_at": tx.now.isoformat(), "why": why, "ended_at": ""}
    await _tell(tx, settings, _key(tx.now), params, mailed=bool(cause) and Road.EMAIL in roads)
    return True


async def end(tx: store.Tx, settings: Settings) -> bool:
    """Tell operators that everything leaves in time again, where a spell lasted; returns whether one did."""
    spell = records.Spell
    ended = await tx.session.execute(
        delete(spell).where(col(spell.kind) == LATE).returning(col(spell.began_at), col(spell.why))
    )
    found = ended.first()
    if found is None:
        return False
    key = _key(found.began_at)
    params = {"began_at": found.began_at.isoformat(), "why": found.why, "ended_at": tx.now.isoformat()}
    await _tell(tx, settings, f"{key}:over", params, mailed=await outbox_queries.was_put(tx.session, f"{key}:mail"))
    return True


def _key(began_at: datetime) -> str:
    return f"operators:{LATE}:{began_at:%Y-%m-%dT%H:%M:%S.%fZ}"


async def _tell(tx: store.Tx, settings: Settings, key: str, params: dict[str, Any], *, mailed: bool) -> None:
    notices = []
    if settings.operators_channel:
        notices.append(
            Notice(
                key=key,
                lane=Lane.DECISION,
                action=Action.POST,
                target=f"channel:{settings.operators_channel}",
                surface=SURFACE,
                params=params,
                # Where Slack was away all the time and took something else first, they read one line, not two.
                coalesce=key.removesuffix(":over"),
            )
        )
    if mailed and (addresses := mailboxes(settings)):
        notices.append(
            Notice(
                key=f"{key}:mail",
                lane=Lane.DECISION,
                road=Road.EMAIL,
                action=Action.MAIL,
                surface=SURFACE,
                params={**params, "to": list(addresses)},
            )
        )
    await outbox.put(tx, None, *notices)


def mailboxes(settings: Settings) -> tuple[str, ...]:
    """Return the addresses of the operators."""
    known = (oncall.contact(settings, name) for name in settings.operators)
    return tuple(who.email for who in known if who is not None and who.email)


def letter(row: records.Outbox, at: datetime) -> Letter:
    """Return the e-mail of `row`; `at` is now (UTC)."""
    said, more = words(row.params)
    return Letter(
        key=row.key,
        to=tuple(row.params["to"]),
        subject=f"Sitrep: {said.rstrip('.')}",
        body=f"{said}\n\n{more}\n",
        thread="sitrep-operators",
        at=at,
        urgent=not row.params["ended_at"],
    )


def words(params: dict[str, Any]) -> tuple[str, str]:
    """Return what operators read: one line, and what stands behind it."""
    began_at = datetime.fromisoformat(str(params["began_at"]))
    if params["ended_at"]:
        ended_at = datetime.fromisoformat(str(params["ended_at"]))
        lasted = durations.spoken(ended_at - began_at)
        span = f"{began_at:%H:%M} to {ended_at:%H:%M} UTC"
        return "Notices leave in time again.", f"They were late for {lasted}, from {span}. {params['why']}"
    return (
        "Notices leave late.",
        f"Since {began_at:%H:%M} UTC: {params['why']} `/readyz` says what Sitrep needs, and you hear when it is over.",
    )
