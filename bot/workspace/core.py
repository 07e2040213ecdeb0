"""The parts of a running workspace, handed to whatever acts on it."""

from collections.abc import Callable
from dataclasses import dataclass, field

from bot.workspace.call_log import CallLog
from bot.workspace.clock import Now
from bot.workspace.config import WorkspaceConfig
from bot.workspace.delivery import Delivery
from bot.workspace.ephemerals import Ephemerals
from bot.workspace.faults import Faults
from bot.workspace.hub import Hub
from bot.workspace.limits import Limiter
from bot.workspace.response_urls import ResponseUrls
from bot.workspace.state import Team
from bot.workspace.tokens import Tokens
from bot.workspace.triggers import Triggers


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
