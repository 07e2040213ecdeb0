"""Lets the playbook step in, visibly, when the model cannot answer."""

import dataclasses

import structlog

from incidents.agents.base import Runner, StepRequest, StepResult, Usage
from incidents.errors import ModelUnavailable, StepFailed

log = structlog.get_logger(__name__)


class Unanswered(ModelUnavailable):
    """The model did not answer; what the playbook had already done is kept, so that nothing is carried out twice."""

    def __init__(self, cause: ModelUnavailable, *, draft: StepResult, usage: tuple[Usage, ...]) -> None:
        super().__init__(cause.message, remedy=cause.remedy, field=cause.field)
        self.draft = draft
        self.usage = usage  #: what the vain calls cost


class FallbackRunner:
    """Asks `primary`; when its model is unavailable, gives the result of `fallback` with a note that says so."""

    def __init__(self, primary: Runner, fallback: Runner, *, called: str = "Claude") -> None:
        self.name = primary.name
        self._called = called  #: what people call the primary
        self._primary = primary
        self._fallback = fallback

    async def run(self, request: StepRequest) -> StepResult:
        """Carry out `request`; a model that is out of order never stops an incident."""
        cause: ModelUnavailable
        try:
            return await self._primary.run(request)
        except Unanswered as fault:
            cause, result = fault, dataclasses.replace(fault.draft, usage=(*fault.draft.usage, *fault.usage))
        except ModelUnavailable as fault:
            cause, result = fault, await self._instead(request, fault)
        log.warning("model_unavailable", incident=request.incident.key, step=request.step.name, reason=cause.message)
        note = f"{self._called} did not answer ({cause.message}); the playbook stepped in."
        if cause.remedy:
            note = f"{note} {cause.remedy}"
        return dataclasses.replace(result, notes=(*result.notes, note))

    async def _instead(self, request: StepRequest, cause: ModelUnavailable) -> StepResult:
        """Return the result of the fallback.

        Raises:
            StepFailed: it cannot do the step either; says both reasons.
        """
        try:
            return await self._fallback.run(request)
        except StepFailed as fault:
            fault.message = f"{self._called} did not answer ({cause.message}), and for the playbook: {fault.message}"
            raise
