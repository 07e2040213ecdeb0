"""The parts of a running workspace, handed to whatever acts on it."""

from collections.abc import Callable
from dataclasses import dataclass, field

from bot.workspace.apps.delivery import Delivery
from bot.workspace.apps.response_urls import ResponseUrls
from bot.workspace.apps.triggers import Triggers
from bot.workspace.client.hub import Hub
from bot.workspace.clock import Now
from bot.workspace.config import WorkspaceConfig
from bot.workspace.contents.ephemerals import Ephemerals
from bot.workspace.contents.state import Team
from bot.workspace.rules.faults import Faults
from bot.workspace.rules.limits import Limiter
from bot.workspace.rules.tokens import Tokens
from bot.workspace.web_api.call_log import CallLog


@dataclass
class Core:
    """One workspace; `base_url` is where it listens, without a slash at its end."""

    config: WorkspaceConfig
    now: Now
    team: Team
    hub: Hub
    tokens: Tokens
    limiter: Limiter
    faults: Faults
    calls: CallLog
    triggers: Triggers
    responses: ResponseUrls
    delivery: Delivery
    ephemerals: Ephemerals
    base_url: str = ""
    #: Which file the content posted under a secret belongs to.
    uploads: dict[str, str] = field(default_factory=dict)
    #: Called when a message was scheduled or taken back.
    scheduled_changed: Callable[[], object] = lambda: None


def assemble(config: WorkspaceConfig, now: Now) -> Core:
    """Return a workspace with the people, apps and channels of its configuration."""
    team = Team(config, now)
    return Core(
        config=config,
        now=now,
        team=team,
        hub=Hub(),
        tokens=Tokens(team),
        limiter=Limiter(config.limits),
        faults=Faults(),
        calls=CallLog(now),
        triggers=Triggers(config.delivery, now),
        responses=ResponseUrls(config.delivery, now),
        delivery=Delivery(config.delivery),
        ephemerals=Ephemerals(),
    )
