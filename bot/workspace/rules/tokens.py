"""Whose token a request carries and what it may do."""

from dataclasses import dataclass
from enum import StrEnum

from bot.workspace.contents.model import App
from bot.workspace.contents.state import Team
from bot.workspace.rules.errors import SlackError

PERSON_PREFIX = "xoxp-"


class TokenKind(StrEnum):
    """What a token stands for."""

    BOT = "bot"  #: xoxb, an app's bot
    APP = "app"  #: xapp, an app itself: opens Socket Mode connections
    USER = "user"  #: xoxp, a person


@dataclass(frozen=True, slots=True)
class Identity:
    """Who is calling; `scopes` is None for people, who may do everything that the client may."""

    kind: TokenKind
    user_id: str
    app: App | None
    scopes: frozenset[str] | None


class Tokens:
    """The tokens of a workspace."""

    def __init__(self, team: Team) -> None:
        self._known: dict[str, Identity] = {}
        self._revoked: set[str] = set()
        for app, config in team.installed:
            self._known[config.bot_token] = Identity(TokenKind.BOT, app.user_id, app, app.manifest.bot_scopes)
            self._known[config.app_token] = Identity(TokenKind.APP, app.user_id, app, frozenset({"connections:write"}))
        for person in team.people():
            self._known[PERSON_PREFIX + person.id] = Identity(TokenKind.USER, person.id, None, None)

    def identify(self, token: str | None) -> Identity:
        """Return who holds the token.

        Raises:
            SlackError: not_authed without a token, token_revoked, or invalid_auth.
        """
        if not token:
            raise SlackError("not_authed")
        if token in self._revoked:
            raise SlackError("token_revoked")
        identity = self._known.get(token)
        if identity is None:
            raise SlackError("invalid_auth")
        return identity

    def revoke(self, token: str) -> None:
        """Make a token useless, as uninstalling an app does."""
        self._revoked.add(token)
