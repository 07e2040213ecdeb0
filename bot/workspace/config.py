"""What a workspace starts with: its people, apps, channels and rules."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PersonConfig(_Section):
    """One human member of the workspace."""

    name: str
    real_name: str
    email: str
    id: str | None = None
    title: str = ""
    tz: str = "Etc/UTC"
    is_admin: bool = False


class ChannelConfig(_Section):
    """A channel that exists from the start; without `members` everybody is in it."""

    name: str
    topic: str = ""
    purpose: str = ""
    is_private: bool = False
    members: list[str] | None = None


class UsergroupConfig(_Section):
    """A group that people mention as `@handle`; `users` are handles of people."""

    handle: str
    name: str
    users: list[str] = Field(default_factory=list)


class AppConfig(_Section):
    """An installed app; without `request_url` it is reached over Socket Mode."""

    name: str
    bot_token: str
    app_token: str
    signing_secret: str
    manifest: dict[str, Any]
    request_url: str | None = None


class LimitConfig(_Section):
    """How strictly calls are counted; `scale` multiplies what Slack allows."""

    enabled: bool = True
    scale: float = Field(default=1.0, gt=0)


class DeliveryConfig(_Section):
    """How payloads travel to apps, in seconds."""

    #: Slack waits this long for an ack (Slack: "Responding to interactions").
    ack_seconds: float = 3.0
    #: Waits before the second, third and fourth attempt (Slack: "Events API, error handling").
    retry_seconds: tuple[float, ...] = (0.0, 60.0, 300.0)
    #: A command that meets a reconnecting app waits for it if it was connected this long ago.
    reconnect_seconds: float = 10.0
    #: A trigger id lives this long (Slack: "Handling user interaction").
    trigger_seconds: float = 3.0
    #: A response_url lives this long and may be used that often (Slack: "Handling user interaction").
    response_seconds: float = 30 * 60.0
    response_uses: int = 5


def _default_channels() -> list[ChannelConfig]:
    return [
        ChannelConfig(name="general", purpose="Announcements for everybody"),
        ChannelConfig(name="random", purpose="Everything else"),
    ]


class WorkspaceConfig(_Section):
    """A whole workspace."""

    team_name: str = "Acme"
    team_domain: str = "acme"
    people: list[PersonConfig] = Field(default_factory=list)
    apps: list[AppConfig] = Field(default_factory=list)
    channels: list[ChannelConfig] = Field(default_factory=_default_channels)
    usergroups: list[UsergroupConfig] = Field(default_factory=list)
    limits: LimitConfig = LimitConfig()
    delivery: DeliveryConfig = DeliveryConfig()
