"""What a workspace holds in memory, and how its parts are found."""

from collections.abc import Iterable
from typing import Final

from bot.workspace.clock import Now
from bot.workspace.config import AppConfig, PersonConfig, WorkspaceConfig
from bot.workspace.contents.ids import Ids, Timestamps, secret
from bot.workspace.contents.model import App, Canvas, Channel, ChannelKind, File, Note, User, Usergroup, View
from bot.workspace.contents.outgoing import Scheduled
from bot.workspace.rules.errors import SlackError
from bot.workspace.rules.manifest import Manifest

SLACKBOT: Final = "USLACKBOT"


class Team:
    """One workspace's rows; every change goes through the modules beside it, which tell who must know."""

    def __init__(self, config: WorkspaceConfig, now: Now) -> None:
        self.now = now
        self.ids = Ids()
        self.timestamps = Timestamps(now)
        self.id = self.ids.new("T")
        self.name = config.team_name
        self.domain = config.team_domain
        self.users: dict[str, User] = {}
        self.apps: dict[str, App] = {}
        self.channels: dict[str, Channel] = {}
        self.channels_by_name: dict[str, Channel] = {}
        self.directs: dict[frozenset[str], Channel] = {}
        self.views: dict[str, View] = {}
        self.stacks: dict[str, list[str]] = {}
        self.homes: dict[tuple[str, str], View] = {}
        self.files: dict[str, File] = {}
        self.canvases: dict[str, Canvas] = {}
        self.usergroups: dict[str, Usergroup] = {}
        self.scheduled: dict[str, Scheduled] = {}
        self.users[SLACKBOT] = User(id=SLACKBOT, name="slackbot", real_name="Slackbot", created=self.epoch())
        for person in config.people:
            self._add_person(person)
        self.installed = [(self._install(app), app) for app in config.apps]
        self._open_channels(config)

    def epoch(self) -> int:
        """Return the time in whole seconds."""
        return int(self.now())

    def people(self) -> list[User]:
        """Return the human members."""
        return [user for user in self.users.values() if not user.is_bot and user.id != SLACKBOT]

    def person_named(self, handle: str) -> User | None:
        """Return who has this handle, without its @."""
        return next((user for user in self.users.values() if user.name == handle), None)

    def app_of_bot(self, bot_id: str) -> App | None:
        """Return the app that speaks under a bot id."""
        return next((app for app in self.apps.values() if app.bot_id == bot_id), None)

    def visible_channel(self, channel_id: str, user_id: str) -> Channel:
        """Return a channel that the user may know of.

        Raises:
            SlackError: channel_not_found.
        """
        channel = self.channels.get(channel_id)
        if channel is None or (channel.kind is not ChannelKind.PUBLIC and user_id not in channel.members):
            raise SlackError("channel_not_found")
        return channel

    def channels_seen_by(self, user_id: str) -> list[Channel]:
        """Return every channel that the user may know of, oldest first."""
        return [c for c in self.channels.values() if c.kind is ChannelKind.PUBLIC or user_id in c.members]

    def audience(self, channel: Channel) -> Iterable[str] | None:
        """Return whose pages show the channel; None stands for everybody."""
        return None if channel.kind is ChannelKind.PUBLIC else list(channel.members)

    def add_channel(self, name: str, kind: ChannelKind, creator: str) -> Channel:
        """Create a channel without members; the caller has checked the name."""
        channel = Channel(id=self.ids.new("C"), name=name, kind=kind, creator=creator, created=self.epoch())
        channel.updated = time_in_milliseconds(self.now)
        self.channels[channel.id] = channel
        self.channels_by_name[name] = channel
        return channel

    def direct(self, user_ids: frozenset[str]) -> tuple[Channel, bool]:
        """Return the conversation of exactly these people, and whether it was opened just now."""
        if user_ids in self.directs:
            return self.directs[user_ids], False
        kind = ChannelKind.IM if len(user_ids) <= 2 else ChannelKind.MPIM
        names = "--".join(sorted(self.users[user_id].name for user_id in user_ids))
        channel = Channel(
            id=self.ids.new("D" if kind is ChannelKind.IM else "C"),
            name="" if kind is ChannelKind.IM else f"mpdm-{names}-1",
            kind=kind,
            creator="",
            created=self.epoch(),
            members=dict.fromkeys(sorted(user_ids)),
        )
        self.channels[channel.id] = channel
        self.directs[user_ids] = channel
        return channel, True

    def _add_person(self, person: PersonConfig) -> None:
        user_id = person.id or self.ids.new("U")
        self.users[user_id] = User(
            id=user_id,
            name=person.name,
            real_name=person.real_name,
            created=self.epoch(),
            email=person.email,
            title=person.title,
            tz=person.tz,
            is_admin=person.is_admin,
        )

    def _install(self, config: AppConfig) -> App:
        manifest = Manifest.parse(config.manifest, app_name=config.name)
        app = App(
            id=self.ids.new("A"),
            name=config.name,
            user_id=self.ids.new("U"),
            bot_id=self.ids.new("B"),
            manifest=manifest,
            signing_secret=config.signing_secret,
            verification_token=secret(),
            request_url=config.request_url,
        )
        self.apps[app.id] = app
        name = manifest.bot_name.lower().replace(" ", "_")
        self.users[app.user_id] = User(
            id=app.user_id,
            name=name,
            real_name=manifest.bot_name,
            created=self.epoch(),
            app_id=app.id,
            bot_id=app.bot_id,
        )
        return app

    def _open_channels(self, config: WorkspaceConfig) -> None:
        people = self.people()
        creator = people[0].id if people else SLACKBOT
        for entry in config.channels:
            kind = ChannelKind.PRIVATE if entry.is_private else ChannelKind.PUBLIC
            channel = self.add_channel(entry.name, kind, creator)
            channel.is_general = entry.name == "general"
            channel.topic = Note(entry.topic, creator if entry.topic else "", self.epoch() if entry.topic else 0)
            channel.purpose = Note(entry.purpose, creator if entry.purpose else "", self.epoch())
            for user in people:
                if entry.members is None or user.name in entry.members or user.id in entry.members:
                    channel.members[user.id] = None
        for group in config.usergroups:
            members = [user.id for user in people if user.name in group.users or user.id in group.users]
            group_id = self.ids.new("S")
            self.usergroups[group_id] = Usergroup(
                group_id, group.handle, group.name, self.epoch(), creator, members, updated=self.epoch()
            )


def time_in_milliseconds(now: Now) -> int:
    """Return the time as Slack writes a channel's `updated`."""
    return int(now() * 1000)
