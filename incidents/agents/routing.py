"""Hands each step to whoever carries it out: by the provider that its definition names, or by its prompt."""

import dataclasses
from collections.abc import Mapping

from incidents.agents.base import Runner, StepRequest, StepResult
from incidents.stages import Provider


class ByProvider:
    """Chooses the runner of a step; `usual` carries out what names no provider."""

    def __init__(self, usual: Runner, playbook: Runner, others: Mapping[Provider, Runner]) -> None:
        self.name = usual.name
        self._usual = usual
        self._playbook = playbook
        self._others = {Provider.PLAYBOOK: playbook, **others}

    @property
    def names(self) -> tuple[str, ...]:
        """Return the providers that a person can choose from; the first carries out what names none."""
        return tuple(
            dict.fromkeys([self.name, *(each.value for each in self._others if each is not Provider.ANTHROPIC)])
        )

    async def run(self, request: StepRequest) -> StepResult:
        """Carry out `request` with its provider."""
        wanted = Provider(request.provider) if request.provider else request.step.provider
        if wanted is None:
            return await self._usual.run(request)
        runner = self._others.get(wanted)
        if runner is not None:
            return await runner.run(request)
        result = await self._playbook.run(request)
        note = f"The provider `{wanted.value}` is not configured here; the playbook stepped in."
        return dataclasses.replace(result, notes=(*result.notes, note))


class ByPrompt:
    """Chooses the runner of a step by its prompt; `usual` carries out all others."""

    def __init__(self, usual: Runner, others: Mapping[str, Runner]) -> None:
        self.name = usual.name
        self._usual = usual
        self._others = others  # by prompt, without `.md`

    async def run(self, request: StepRequest) -> StepResult:
        """Carry out `request` with the runner of its prompt."""
        return await self._others.get(request.step.prompt.removesuffix(".md"), self._usual).run(request)
