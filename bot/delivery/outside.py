"""The roads beside Slack: mailboxes, pagers, webhooks."""

from bot.delivery.roads import Drawing
from bot.delivery.trip import Trip, Undelivered
from bot.delivery.web import Json
from bot.slack_errors import Refusal, Verdict
from escalation import letters, oncall
from escalation.roads import Later, Mailer, Pager, Unsent, Webhook
from incidents.context import Context


class MailRoad:
    """Carries letters."""

    def __init__(self, ctx: Context, mailer: Mailer) -> None:
        self._ctx = ctx
        self._mailer = mailer

    async def carry(self, trip: Trip, draw: Drawing) -> Json:
        """Send the letter; one of unclear end is sent again under the same Message-ID."""
        del draw  # a letter is written in words of its own
        async with self._ctx.store.read() as session:
            letter = await letters.letter(session, self._ctx, trip.row)
        try:
            return dict(await self._mailer.send(letter))
        except Unsent as failure:
            raise _undelivered(failure) from failure


class PagerRoad:
    """Carries calls."""

    def __init__(self, ctx: Context, pager: Pager) -> None:
        self._ctx = ctx
        self._pager = pager

    async def carry(self, trip: Trip, draw: Drawing) -> Json:
        """Ring the pager; a repeated call has the same key and rings once."""
        del draw  # a call has no blocks
        async with self._ctx.store.read() as session:
            call = await letters.call(session, self._ctx, trip.row)
        try:
            return dict(await self._pager.send(call))
        except Unsent as failure:
            raise _undelivered(failure) from failure


class WebhookRoad:
    """Carries letters to people's webhooks."""

    def __init__(self, ctx: Context, webhook: Webhook) -> None:
        self._ctx = ctx
        self._webhook = webhook

    async def carry(self, trip: Trip, draw: Drawing) -> Json:
        """Post the letter; one of unclear end is posted again under the same key."""
        del draw  # a letter is written in words of its own
        async with self._ctx.store.read() as session:
            letter = await letters.letter(session, self._ctx, trip.row)
        who = oncall.contact(self._ctx.settings, str(trip.row.params["person"]))
        try:
            return dict(await self._webhook.send(letter, url=who.webhook if who else ""))
        except Unsent as failure:
            raise _undelivered(failure) from failure


def _undelivered(failure: Unsent) -> Undelivered:
    if isinstance(failure, Later):
        # Sending again is harmless on all these roads, so an unclear try counts as one without effect.
        return Undelivered(
            Refusal(Verdict.AGAIN, "later", str(failure), retry_after_seconds=failure.retry_after_seconds)
        )
    return Undelivered(Refusal(Verdict.REFUSED, "refused", str(failure)))
