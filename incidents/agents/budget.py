"""The money that models may spend on one incident."""

from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager

from incidents.agents.base import Usage
from incidents.errors import ModelUnavailable


class Budget:
    """Counts what models cost per incident and refuses a call that could exceed the limit.

    `recorded` says what the record holds for an incident, so that a restart forgets nothing and replicas see each
    other; what this process has spent since is counted here too, as it stands on record only once its step is stored.
    """

    def __init__(self, limit_usd: float, recorded: Callable[[str], Awaitable[float]] | None = None) -> None:
        self.limit_usd = limit_usd
        self._recorded = recorded
        self._before: dict[str, float] = {}  # what the record held when this process first asked
        self._spent: defaultdict[str, float] = defaultdict(float)
        self._reserved: defaultdict[str, float] = defaultdict(float)

    async def spent(self, incident: str) -> float:
        """Return what `incident` has cost so far, in USD."""
        recorded = await self._recorded(incident) if self._recorded else 0.0
        before = self._before.setdefault(incident, recorded)
        return max(recorded, before + self._spent[incident])

    @asynccontextmanager
    async def reserve(self, incident: str, usd: float) -> AsyncIterator[None]:
        """Hold `usd` back while a call runs.

        Raises:
            ModelUnavailable: when the incident's budget does not allow for it.
        """
        left = self.limit_usd - await self.spent(incident) - self._reserved[incident]
        if usd > left:
            raise ModelUnavailable(
                f"the model budget of {incident} is used up ({self.limit_usd - max(left, 0):.2f} of"
                f" {self.limit_usd:.2f} USD spent or reserved, the next call may cost {usd:.2f})",
                remedy="Raise `model_budget_usd` in sitrep.yml, or go on with the playbook.",
            )
        self._reserved[incident] += usd
        try:
            yield
        finally:
            self._reserved[incident] -= usd

    def charge(self, incident: str, usages: Iterable[Usage]) -> None:
        """Count what calls for `incident` have cost."""
        self._spent[incident] += sum(usage.usd for usage in usages)
