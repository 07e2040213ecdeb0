"""While Slack is away: pages and notices to people go by another road, each once, and Slack repeats none of them.

A notice that Slack has not taken in time gets a stand-in on another road. The two take turns: while one is under way
the other waits, and what the stand-in has told is done for Slack, too. Where the policies have mailed or rung the same
thing anyway, that is the stand-in.
"""

from collections.abc import Sequence
from datetime import timedelta

from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from escalation import oncall
from escalation.oncall import Contact
from incidents import outbox, records, sending, store
from incidents.context import Context
from incidents.notices import Action, Lane, Notice, Road, room_of

#: Surfaces that tell somebody something; each has its letter, `mail_<surface>`.
TELLING = ("page", "escalation_notice", "matrix_notice", "status_update", "summary")

#: What makes two notices to one person the same: the level paged, the promise kept, the update, the cause.
_SAME = ("level", "label", "update_id", "since", "trigger")

_ALSO_RUNG = {"page": ("mail_page", "pager")}  # surfaces beside a letter that wake the same person for the same thing
_STANDS_FOR = "stands_for"  # in a stand-in's params: the key of the notice that Slack has not taken
_NEEDS_NO_STAND_IN = ("done", "dropped", "superseded")
_POST = "told_elsewhere"  # surface of the post that says who was told
_TURN = timedelta(seconds=2)  # how long one of the two lets the other go first
_MOST = 200  # looked at in one transaction


class Fallback:
    """Sends by another road what Slack does not take."""

    def __init__(self, ctx: Context, roads: frozenset[Road]) -> None:
        self._ctx = ctx
        self._roads = roads
        #: Whether stand-ins were under way at the last look, so that one is due before each choice. Until there was a
        #: look nobody knows: a former process may have left some.
        self.needed = True

    @property
    def soonest(self) -> timedelta:
        """Return how old the youngest notice is that may need another road."""
        policy = self._ctx.settings.while_slack_is_away
        return min(policy.page_after, policy.notice_after)

    async def look(self, tx: store.Tx, *, away: bool) -> None:
        """Give every overdue notice its stand-in, its turn, or its end.

        Args:
            tx: The transaction in which it is then chosen what goes.
            away: Whether Slack takes nothing now. Else only what was tried in vain gets a stand-in: what merely waits
                its turn in a storm goes by Slack.
        """
        self.needed = False
        for row in await self._overdue(tx):
            stand_ins = await self._stand_ins(tx, row)
            if not away and not row.error:
                # Slack has only not been asked, as after a time when Sitrep itself was down: what the policies mail
                # beside it replaces nothing.
                stand_ins = [each for each in stand_ins if _STANDS_FOR in each.params]
            if not stand_ins and not away and not row.error:
                continue
            self.needed = True
            heard = next((each for each in stand_ins if each.state == "done"), None)
            if heard is not None:
                await self._end(tx, row, heard)
            elif coming := [each for each in stand_ins if each.state in ("pending", "waiting", "sending")]:
                _take_turns(tx, row, coming)
            else:
                await self._send_by_another(tx, row, stand_ins)
        await self._withdraw(tx)

    async def _overdue(self, tx: store.Tx) -> Sequence[records.Outbox]:
        row = records.Outbox
        overdue = (
            select(row)
            .where(
                col(row.state).in_(("pending", "sending")),
                row.road == Road.SLACK.value,
                row.action == Action.DIRECT.value,
                col(row.surface).in_(TELLING),
                col(row.created_at) <= tx.now - self.soonest,
            )
            .order_by(col(row.lane), col(row.id))
            .limit(_MOST)
        )
        policy = self._ctx.settings.while_slack_is_away
        after = {Lane.PAGE.value: policy.page_after}
        rows = (await tx.session.scalars(_ours(tx, overdue))).all()
        return [each for each in rows if each.created_at <= tx.now - after.get(each.lane, policy.notice_after)]

    async def _stand_ins(self, tx: store.Tx, row: records.Outbox) -> list[records.Outbox]:
        surfaces = (f"mail_{row.surface}", *_ALSO_RUNG.get(row.surface, ()))
        found = await tx.session.scalars(
            select(records.Outbox).where(
                records.Outbox.incident_id == row.incident_id, col(records.Outbox.surface).in_(surfaces)
            )
        )
        return [each for each in found.all() if _tells_the_same(each, row)]

    async def _send_by_another(self, tx: store.Tx, row: records.Outbox, tried: Sequence[records.Outbox]) -> None:
        incident = await tx.session.get(records.Incident, row.incident_id) if row.incident_id else None
        who = oncall.contact(self._ctx.settings, str(row.params.get("person", "")))
        if incident is None or who is None:
            return
        policy = self._ctx.settings.while_slack_is_away
        if row.lane != Lane.PAGE and incident.severity not in policy.severities:
            return
        used = {each.road for each in tried}
        road = next((each for each in (Road.EMAIL, Road.WEBHOOK) if each not in used and self._leads(each, who)), None)
        if road is not None:
            await outbox.put(tx, row.incident_id, _stand_in(row, incident, who, road))
            # It may go in this very transaction, and so may the row.
            _take_turns(tx, row, [each for each in await self._stand_ins(tx, row) if each.road == road])

    def _leads(self, road: Road, who: Contact) -> bool:
        return road in self._roads and (road is Road.WEBHOOK or bool(who.email))

    async def _end(self, tx: store.Tx, row: records.Outbox, heard: records.Outbox) -> None:
        if _is_under_way(row, tx):
            return  # Slack may be taking it this moment; its end is known soon
        row.state, row.owner, row.lease_until, row.error = "done", "", None, ""
        row.sent_at = heard.sent_at
        row.result = {"told_by": heard.road, "key": heard.key}
        await sending.release(tx, row.key)
        await self._say(tx, row, heard)

    async def _say(self, tx: store.Tx, row: records.Outbox, heard: records.Outbox) -> None:
        """Let the incident's channel read, once Slack is back, who was told by another road: one post for all."""
        incident = await tx.session.get(records.Incident, row.incident_id)
        if incident is None or await _is_said(tx, incident):
            return
        since = heard.sent_at or tx.now
        post = Notice(
            key=f"{incident.key}:{_POST}:{row.id}",
            lane=Lane.STATUS,
            action=Action.POST,
            target="channel",
            surface=_POST,
            params={"since": since.isoformat()},
            after=room_of(incident.key),
        )
        await outbox.put(tx, incident.id, post)

    async def _withdraw(self, tx: store.Tx) -> None:
        """Leave out the stand-ins of what reached its person by Slack after all."""
        stand_in = records.Outbox
        waiting = select(stand_in).where(
            stand_in.state == "pending",
            col(stand_in.road).in_((Road.EMAIL.value, Road.WEBHOOK.value)),
            col(stand_in.surface).in_([f"mail_{surface}" for surface in TELLING]),
        )
        for each in (await tx.session.scalars(_ours(tx, waiting))).all():
            key = each.params.get(_STANDS_FOR)
            state = await tx.session.scalar(select(records.Outbox.state).where(col(records.Outbox.key) == key))
            if state in _NEEDS_NO_STAND_IN:
                await sending.leave_out(tx, each, f"{key} needs no other road: it is {state}")


async def _is_said(tx: store.Tx, incident: records.Incident) -> bool:
    post = records.Outbox
    coming = select(post.id).where(
        post.incident_id == incident.id, post.surface == _POST, col(post.state).in_(("pending", "waiting"))
    )
    return await tx.session.scalar(coming.limit(1)) is not None


def _ours(tx: store.Tx, query: SelectOfScalar[records.Outbox]) -> SelectOfScalar[records.Outbox]:
    if tx.session.get_bind().dialect.name != "sqlite":
        return query.with_for_update(skip_locked=True)
    return query


def _is_under_way(row: records.Outbox, tx: store.Tx) -> bool:
    return row.state == "sending" and row.lease_until is not None and row.lease_until >= tx.now


def _tells_the_same(other: records.Outbox, row: records.Outbox) -> bool:
    if _STANDS_FOR in other.params:
        return bool(other.params[_STANDS_FOR] == row.key)
    if other.params.get("event_action", "trigger") != "trigger" or other.created_at < row.created_at:
        return False  # when everybody is paged again, the rounds are alike in all but their time
    if other.params.get("person") != row.params.get("person"):
        return False
    return all(other.params.get(name) == row.params.get(name) for name in _SAME)


def _take_turns(tx: store.Tx, row: records.Outbox, coming: Sequence[records.Outbox]) -> None:
    under_way = _is_under_way(row, tx)
    for stand_in in coming:
        if under_way:
            if stand_in.state == "pending" and _STANDS_FOR in stand_in.params:
                stand_in.not_before = max(stand_in.not_before, tx.now + _TURN)
        elif stand_in.state == "sending" or (stand_in.state == "pending" and stand_in.not_before <= tx.now):
            row.not_before = max(row.not_before, tx.now + _TURN)
            if row.state == "sending":  # whoever had it is gone: it is held by its lease, and by no other time
                row.lease_until = tx.now + _TURN


def _stand_in(row: records.Outbox, incident: records.Incident, who: Contact, road: Road) -> Notice:
    by_mail = road is Road.EMAIL
    to = who.email if by_mail else who.name
    return Notice(
        # Not under the key's own prefix: the matrix reads from keys what it has told.
        key=f"{incident.key}:instead:{road.value}:{row.key.removeprefix(f'{incident.key}:')}",
        lane=Lane(row.lane),
        road=road,
        action=Action.MAIL if by_mail else Action.HOOK,
        target=f"mail:{who.email}" if by_mail else f"webhook:{who.person}",
        surface=f"mail_{row.surface}",
        params={**row.params, "to": [to], _STANDS_FOR: row.key},
        holds_while=row.holds_while,
        due_at=row.due_at or row.created_at,
        expires_at=row.expires_at,
    )
