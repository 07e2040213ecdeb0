"""The Bolt app: which payload goes to which listener, and what is answered when something fails."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncBoltContext
from slack_bolt.response import BoltResponse

from bot.ids import COMMAND, Act, Form, Shortcut
from bot.listeners import (
    actions,
    arriving,
    awaiting,
    bugs,
    commands,
    declaring,
    hearing,
    leaving,
    marking,
    options,
    payloads,
    replies,
    sent_forms,
    submissions,
)
from bot.listeners.desk import Changes, Desk, Identity
from bot.listeners.homes import Homes
from bot.listeners.sharing import SeenBefore
from bot.slack_client import SlackLine
from incidents.context import Context
from incidents.errors import Conflict, SitrepError

log = structlog.get_logger(__name__)

Body = dict[str, Any]

Declares = Callable[[Desk, payloads.Submission], Awaitable[tuple[Body, int]]]  #: what follows, and what was declared

_DRAIN_SECONDS = 5.0  # what was acked is finished at shutdown; a modal that waits for its channel is not worth more


class App(AsyncApp):
    """The app with its desk."""

    desk: Desk
    homes: Homes

    async def drain(self) -> None:
        """Finish what goes on after acks."""
        self.homes.close()
        await self.desk.background.drain(_DRAIN_SECONDS)


def create_app(ctx: Context, line: SlackLine, *, signing_secret: str = "") -> App:
    """Return the app with all its listeners; no call is made yet."""
    app = App(
        client=line.client,
        signing_secret=signing_secret,
        # Events are acked when their listener has committed, not before: what was acked survives a crash.
        process_before_response=True,
    )
    app.desk = Desk(ctx, line.client, Identity(line.client), Changes(ctx.store))
    app.homes = Homes(ctx, app.desk.background)
    for register in (_commands, _presses, _forms, _shortcuts, _events):
        register(app, app.desk)
    app.error(_failed)
    return app


async def _failed(error: Exception, context: AsyncBoltContext) -> BoltResponse:
    """Log what no listener expected, and refuse the ack: Slack sends the payload again."""
    log.error("payload_failed", user=context.user_id, channel=context.channel_id, exc_info=error)
    return BoltResponse(status=500)


def _commands(app: App, desk: Desk) -> None:
    @app.command(COMMAND)
    async def command(ack: AsyncAck, body: Body) -> None:
        await ack()
        typed = payloads.typed(body)
        desk.background.start(replies.guarded(desk, typed.place, commands.run(desk, typed), typed=typed.line))


def _presses(app: App, desk: Desk) -> None:
    # One listener for every button: before an ack Bolt asks each listener whether the payload is its own, one by one.
    @app.action(re.compile(".*"))
    async def pressed(ack: AsyncAck, body: Body) -> None:
        await ack()
        click = payloads.click(body)
        act = Act.of(click.action)
        press = actions.PRESSES.get(act or Act.INPUT, _outdated)  # an input is not pressed
        desk.background.start(replies.guarded(desk, click.place, press(desk, click)))

    @app.options(Act.SERVICE.value)
    async def offered(ack: AsyncAck, body: Body) -> None:
        await ack(options=options.services(desk.ctx.settings, body))


async def _outdated(desk: Desk, click: payloads.Click) -> None:
    del desk, click
    raise Conflict("This button is from another version of Sitrep.", remedy="Use the newest card, or `/incident help`.")


def _forms(app: App, desk: Desk) -> None:
    def declares(submit: Declares) -> awaiting.Sends:
        async def sends(desk: Desk, sent: payloads.Submission) -> awaiting.Outcome:
            view, incident_id = await submit(desk, sent)
            answer = {"response_action": "update", "view": view}
            return awaiting.Outcome(answer, incident_id, stored=bool(incident_id))

        return sends

    declares_incident, declares_bug = declares(declaring.submit), declares(bugs.submit)

    @app.view(Form.DECLARE.value)
    async def declared(ack: AsyncAck, body: Body) -> None:
        sent = declaring.as_pressed(desk, sent_forms.submission(body))
        await awaiting.take_in(desk, sent, ack, declares_incident, replies.faults_above)

    @app.view(Form.BUG.value)
    async def reported(ack: AsyncAck, body: Body) -> None:
        await awaiting.take_in(desk, sent_forms.submission(body), ack, declares_bug, replies.faults_above)

    @app.view(re.compile(".*"))
    async def submitted(ack: AsyncAck, body: Body) -> None:
        await awaiting.take_in(desk, sent_forms.submission(body), ack, submissions.send, replies.faults)


def _shortcuts(app: App, desk: Desk) -> None:
    @app.shortcut(Shortcut.DECLARE.value)
    async def declare(ack: AsyncAck, body: Body) -> None:
        await ack()
        sent = payloads.shortcut(body)
        desk.background.start(replies.guarded(desk, sent.place, declaring.open_modal(desk, sent.place)))

    @app.shortcut(Shortcut.DECLARE_FROM_MESSAGE.value)
    async def declare_from_message(ack: AsyncAck, body: Body) -> None:
        await ack()
        sent = payloads.shortcut(body)
        desk.background.start(replies.guarded(desk, sent.place, declaring.from_message(desk, sent)))

    @app.shortcut(Shortcut.ADD_TO_TIMELINE.value)
    async def add_to_timeline(ack: AsyncAck, body: Body) -> None:
        await ack()
        sent = payloads.shortcut(body)
        desk.background.start(replies.guarded(desk, sent.place, marking.shortcut(desk, sent)))


async def _message(desk: Desk, body: Body) -> None:
    posted = payloads.posted(body)
    if posted is not None:
        await _answering(desk, posted.place, hearing.heard(desk, posted))


async def _mention(desk: Desk, body: Body) -> None:
    typed = payloads.mention(body)
    await _answering(desk, typed.place, commands.mentioned(desk, typed), typed=typed.line)


def _plain(listener: Callable[[Desk, Body], Awaitable[None]]) -> Callable[[Desk, Body], Awaitable[None]]:
    async def heard(desk: Desk, body: Body) -> None:
        event = body["event"]
        user = event.get("user", "")  # a whole account where that is what changed
        place = payloads.Place(user=user if isinstance(user, str) else user["id"], channel=event.get("channel", ""))
        await _answering(desk, place, listener(desk, body))

    return heard


#: Event -> its listener; a message's is that of all kinds of channels.
EVENTS: dict[str, Callable[[Desk, Body], Awaitable[None]]] = {
    "message": _message,
    "app_mention": _mention,
    "reaction_added": _plain(marking.reacted),
    "pin_added": _plain(marking.pinned),
    "member_joined_channel": _plain(arriving.joined),
    "member_left_channel": _plain(leaving.left),
    "user_change": _plain(leaving.changed),
    "app_home_opened": _plain(arriving.opened_home),
}


def _events(app: App, desk: Desk) -> None:
    def register(name: str, listener: Callable[[Desk, Body], Awaitable[None]]) -> None:
        @app.event(name)
        async def happened(body: Body) -> None:
            await listener(desk, body)

    for name, listener in EVENTS.items():
        register(name, listener)


async def _answering(desk: Desk, place: payloads.Place, work: Awaitable[None], *, typed: str = "") -> None:
    """Await `work`; what a person can mend is told to them, what is ours goes to Bolt and is delivered again."""
    try:
        await work
    except SeenBefore:
        return
    except SitrepError as error:
        await replies.refuse(desk, place, error, typed=typed)
