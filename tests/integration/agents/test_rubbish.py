"""Rubbish from agents, at every prompt there is: one clear sentence, or no false claim.

What a whole response makes of it is tried in tests/integration/response/test_rubbish.py.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from incidents import loading
from incidents.agents import bettering
from incidents.agents.base import StepResult
from incidents.agents.command import parsed
from incidents.agents.outputs import MODELS, Output
from incidents.agents.playbook.runner import PlaybookRunner
from incidents.agents.reviews import Review
from incidents.catalog import Sandbox
from incidents.clock import SystemClock
from incidents.configuration.prompts import OF_AREAS
from incidents.errors import ModelUnavailable
from incidents.tools.evidence import EvidenceKind, capture
from tests.integration.agents import rubbish
from tests.integration.agents.steps import Response
from tests.unit.views import bug_samples, samples

#: Every prompt that asks for an answer, found from the files; one of an area stands beside a step's own.
FILES = [Path(each.name).stem for each in (loading.templates_root() / "prompts").iterdir()]
PROMPTS = sorted(name for name in FILES if not name.startswith(OF_AREAS))
SEEN = capture(
    EvidenceKind.LOG, "app.log", "KeyError: 'currency'", summary="412 of them", captured_at=datetime.now(UTC)
)
SAMPLES = {type(each): each for each in (*samples.every_output("x"), *bug_samples.every_output("x"))}


def _modest(name: str, value: Any) -> Any:
    if name == "evidence":
        return SEEN.id if isinstance(value, str) else [SEEN.id]
    if name in rubbish.FACTS:
        return False
    if name == "missing_facts":
        return "environment"
    if name == "verdict" and value == "confirmed":
        return "likely"
    return "needs_changes" if name == "verdict" and value == "approved" else value


def modest(prompt: str) -> Output:
    """Return what the playbook says that claims little: what is tried is the agent on top of it."""
    return rubbish.rewritten(prompt, SAMPLES[MODELS[prompt]].model_dump(mode="json"), _modest)


def test_every_prompt_is_tried() -> None:
    assert set(PROMPTS) == set(MODELS)
    assert set(MODELS.values()) <= set(SAMPLES)


@pytest.mark.parametrize("kind", rubbish.UNUSABLE)
def test_what_cannot_be_used_is_told_in_one_sentence(kind: str) -> None:
    for model in sorted(set(MODELS.values()), key=lambda each: each.__name__):
        with pytest.raises(ModelUnavailable) as refused:
            parsed(rubbish.UNUSABLE[kind], model)
        assert 10 < len(refused.value.message) <= 300, model
        assert "\n" not in refused.value.message, model


def test_an_agent_that_boasts_brings_no_false_claim_before_people(tmp_path: Path) -> None:
    response = Response(PlaybookRunner(SystemClock(), sandbox=Sandbox(mode="none")), None, tmp_path / "work")
    for prompt in PROMPTS:
        draft = StepResult(modest(prompt), "done", (SEEN,), "playbook")
        said = rubbish.rewritten(prompt, draft.outputs(), rubbish.boasting)
        result = bettering.better(response.request(prompt), draft, said, runner="command")
        shown, raised = json.dumps(result.outputs()), []
        found = [word for word in ('"confirmed"', *rubbish.INVENTED) if word in shown]
        rubbish.changed(
            result.outputs(),
            lambda name, value, into=raised: into.append(name) if name in rubbish.FACTS and value else 0,
        )
        assert (found, raised) == ([], []), prompt


@pytest.mark.parametrize("prompt", [name for name in PROMPTS if issubclass(MODELS[name], Review)])
def test_a_review_that_contradicts_itself_is_no_review(prompt: str) -> None:
    said: dict[str, Any] = {**modest(prompt).model_dump(mode="json"), "verdict": "approved"}
    said["findings"] = [{"item": "tests", "holds": False, "why": "They fail.", "evidence": []}]
    with pytest.raises(ModelUnavailable, match="says approved, and that tests does not hold"):
        parsed(json.dumps(said), MODELS[prompt])
