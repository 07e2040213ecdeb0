"""Puts the runner together that an installation's configuration asks for."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from incidents.agents.base import Runner
from incidents.agents.budget import Budget
from incidents.agents.fallback import FallbackRunner
from incidents.catalog import Settings
from incidents.definitions import Library


class ClosableRunner(Runner, Protocol):
    """A runner that holds connections."""

    async def aclose(self) -> None:
        """Close what it holds."""
        ...


def with_claude(
    playbook: Runner,
    library: Library,
    settings: Settings,
    *,
    api_key: str,
    base_url: str = "",
    recorded_usd: Callable[[str], Awaitable[float]] | None = None,
) -> tuple[FallbackRunner, ClosableRunner]:
    """Return a runner that asks Claude and falls back to `playbook`, and the Claude runner to close at the end.

    `recorded_usd` returns what the record says an incident has cost so far.
    """
    from incidents.agents.claude import ClaudeRunner  # noqa: PLC0415 - the SDK costs a second; only with a key

    claude = ClaudeRunner(
        playbook,
        prompt_texts=library.prompts,
        api_key=api_key,
        budget=Budget(settings.model_budget_usd, recorded_usd),
        base_url=base_url,
        models=settings.models,
    )
    return FallbackRunner(claude, playbook), claude
