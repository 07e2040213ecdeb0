"""Which methods there are, what each needs, and the call that runs one."""

from collections.abc import Callable
from dataclasses import dataclass

from bot.workspace.contents.model import App, Channel, ChannelKind, Json
from bot.workspace.core import Core
from bot.workspace.rules.errors import MissingScope, SlackError
from bot.workspace.rules.tokens import Identity, TokenKind
from bot.workspace.web_api.arguments import Arguments, missing


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a method; `user_id` is who makes it, a person or a bot."""

    core: Core
    identity: Identity
    args: Arguments

    @property
    def user_id(self) -> str:
        """The id of the caller."""
        return self.identity.user_id

    @property
    def app(self) -> App | None:
        """The calling app; None when a person calls."""
        return self.identity.app if self.identity.kind is TokenKind.BOT else None

    def need(self, *alternatives: str) -> None:
        """Demand one of these scopes.

        Raises:
            SlackError: missing_scope.
        """
        granted = self.identity.scopes
        if granted is not None and granted.isdisjoint(alternatives):
            raise MissingScope(alternatives, granted)

    def need_for(self, kind: ChannelKind, suffix: str) -> None:
        """Demand the scope of a conversation's kind, such as channels:history or groups:history."""
        self.need(f"{SCOPE_PREFIX[kind]}:{suffix}")

    def need_to_manage(self, kind: ChannelKind, *others: str) -> None:
        """Demand the right to change a conversation of this kind."""
        self.need("channels:manage" if kind is ChannelKind.PUBLIC else f"{SCOPE_PREFIX[kind]}:write", *others)

    def channel(self, name: str = "channel") -> Channel:
        """Return the conversation that an argument names by id, if the caller may see it.

        Raises:
            SlackError: invalid_arguments or channel_not_found.
        """
        return self.core.team.visible_channel(self.args.required(name), self.user_id)

    def joined_channel(self, name: str = "channel") -> Channel:
        """Return a conversation of which the caller is a member.

        Raises:
            SlackError: as `channel`, and not_in_channel.
        """
        channel = self.channel(name)
        if self.user_id not in channel.members:
            raise SlackError("not_in_channel")
        return channel

    def live_channel(self, name: str = "channel") -> Channel:
        """Return a conversation of the caller's that is not archived.

        Raises:
            SlackError: as `joined_channel`, and is_archived.
        """
        channel = self.joined_channel(name)
        if channel.is_archived:
            raise SlackError("is_archived")
        return channel


SCOPE_PREFIX = {
    ChannelKind.PUBLIC: "channels",
    ChannelKind.PRIVATE: "groups",
    ChannelKind.IM: "im",
    ChannelKind.MPIM: "mpim",
}

Body = Callable[[Call], Json]


@dataclass(frozen=True, slots=True)
class Method:
    """One method; scopes that depend on the conversation are demanded in its body."""

    name: str
    body: Body
    scopes: tuple[str, ...]
    required: tuple[str, ...]
    kinds: frozenset[TokenKind]

    def run(self, call: Call) -> Json:
        """Check the token and the arguments, run the method and return its answer.

        Raises:
            SlackError: for everything that Slack refuses.
        """
        if call.identity.kind not in self.kinds:
            raise SlackError("not_allowed_token_type")
        if self.scopes:
            call.need(*self.scopes)
        for name in self.required:
            if name not in call.args or call.args.values[name] == "":
                raise missing(name)
        return {"ok": True, **self.body(call)}


METHODS: dict[str, Method] = {}
_CALLERS = frozenset({TokenKind.BOT, TokenKind.USER})


def method(
    name: str,
    *,
    scopes: tuple[str, ...] = (),
    required: tuple[str, ...] = (),
    kinds: frozenset[TokenKind] = _CALLERS,
) -> Callable[[Body], Body]:
    """Register the decorated function as a method of the Web API; any one of `scopes` suffices."""

    def register(body: Body) -> Body:
        METHODS[name] = Method(name, body, scopes, required, kinds)
        return body

    return register
