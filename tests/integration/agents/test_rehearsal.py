"""The way back is tried out on staging before anybody is asked about production."""

import json
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from incidents import loading
from incidents.agents.outputs import FixApproach, FixCode, StagingOutput
from incidents.agents.playbook.runner import PlaybookRunner
from incidents.catalog import Environment, Sandbox
from incidents.clock import SystemClock
from incidents.definitions import Severity
from incidents.response import checks
from incidents.response.gates import GateFacts, GateState
from tests.integration.agents.shop import Shop
from tests.integration.agents.steps import Response
from tests.jotter import Jotter

WORKFLOWS = loading.load(loading.templates_root(), None)[0].workflows
SCRIPT = """import json, pathlib, sys
what, log = sys.argv[1], pathlib.Path(sys.argv[2])
if what in sys.argv[3:]:
    sys.exit("there is no such release")
past = [json.loads(line) for line in log.read_text().splitlines()]
known = next((each for each in past if each["release"] == what), None)
ran = {"release": what if known else str(len(past) + 40), "commit": known["commit"] if known else what}
with log.open("a") as file:
    file.write(json.dumps({"at": f"2026-11-21T10:00:{len(past):02}Z", "environment": "staging", **ran}) + "\\n")
print(json.dumps(ran))
"""


class Staging:
    """A service whose staging runs release 39, with a fix that is tested and ready to go there."""

    def __init__(self, root: Path, server: HTTPServer) -> None:
        self.shop = Shop(root)
        self.script = root / "stage.py"
        self.script.write_text(SCRIPT)
        good = self.shop.commit("Begin", {"shop/__init__.py": ""})
        self.shop.git("checkout", "--quiet", "-b", "hotfix/inc-7")
        self.fix = self.shop.commit("Mend it", {"shop/__init__.py": "mended = True\n"})
        first = {"at": "2026-11-21T09:00:00Z", "environment": "staging", "release": "39", "commit": good}
        self.shop.deploys.write_text(json.dumps(first) + "\n")
        server.expect_request("/health").respond_with_data("well")
        self.health = server.url_for("/health")

    def command(self, placeholder: str, *refuses: str) -> tuple[str, ...]:
        return (sys.executable, str(self.script), placeholder, str(self.shop.deploys), *refuses)

    def ran(self) -> list[str]:
        """Return what ran on staging one after the other: the fix, or the release."""
        lines = [json.loads(line) for line in self.shop.deploys.read_text().splitlines()]
        return ["fix" if each["commit"] == self.fix else each["release"] for each in lines]

    async def staged(self, tmp_path: Path, rollback: tuple[str, ...], **changes: Any) -> StagingOutput:
        environment = Environment(
            deploy=self.command("{commit}"), rollback=rollback, health=self.health, watch=timedelta(seconds=0.4)
        )
        service = self.shop.service(staging=environment, deploys=str(self.shop.deploys))
        runner = PlaybookRunner(SystemClock(), sandbox=Sandbox(mode="none"))
        asked = Response(runner, service, tmp_path / "work")
        asked.outputs["emergency_fix_code"] = FixCode(
            approach=FixApproach.REVERT,
            branch="hotfix/inc-7",
            commit=self.fix,
            base=self.fix,
            files=[],
            additions=1,
            deletions=0,
            summary="",
            diff="",
            evidence=[],
        ).model_dump(mode="json")
        workflow = WORKFLOWS["priority_response"]
        await asked.step("3.1", **{"step": workflow.step("3.1"), "workflow": workflow, **changes})
        return asked.output("3.1", StagingOutput)


@pytest.fixture
def staging(tmp_path: Path, httpserver: HTTPServer) -> Staging:
    return Staging(tmp_path, httpserver)


def gate(output: StagingOutput) -> tuple[GateState, str, tuple[str, ...]]:
    facts = GateFacts(Severity.HIGH, output.model_dump(mode="json"), (1, 0, 1), fix_chosen_by="", watched=True)
    verdict = checks.evaluate("rollback_tested", facts)
    return verdict.state, verdict.reason, verdict.evidence


async def test_the_former_release_is_put_back_and_then_the_fix_with_evidence_of_both(
    staging: Staging, tmp_path: Path
) -> None:
    output = await staging.staged(tmp_path, staging.command("{release}"))
    assert staging.ran() == ["39", "fix", "39", "fix"]
    state, reason, evidence = gate(output)
    assert state is GateState.PASSED
    assert reason.startswith("Release 39 was put back on staging in 0 s, healthy for 0 s. Then the fix was put back.")
    assert len(evidence) == 5  # the deploy log, both commands, both looks
    ready = output.deployment_readiness_confirmation
    assert ready.ready
    assert "The way back to release 39 was tried there." in ready.reason


async def test_a_way_back_that_fails_speaks_against_the_fix_which_is_put_back(staging: Staging, tmp_path: Path) -> None:
    output = await staging.staged(tmp_path, staging.command("{release}", "39"))
    assert staging.ran() == ["39", "fix", "fix"]
    state, reason, _ = gate(output)
    assert state is GateState.FAILED
    assert "there is no such release" in reason
    assert not output.deployment_readiness_confirmation.ready


async def test_without_a_command_people_are_asked_and_a_critical_incident_does_not_wait_for_it(
    staging: Staging, tmp_path: Path
) -> None:
    output = await staging.staged(tmp_path, ())
    assert gate(output)[:2] == (
        GateState.OPEN,
        "Staging has no rollback command: a person says whether the way back was tried.",
    )
    assert output.deployment_readiness_confirmation.ready
    emergency = await staging.staged(
        tmp_path, staging.command("{release}"), workflow=WORKFLOWS["emergency_response"], journal=Jotter(tmp_path / "k")
    )
    assert gate(emergency)[0] is GateState.OPEN
    assert staging.ran() == ["39", "fix", "fix"]


async def test_cut_off_half_way_the_fix_goes_back_and_people_are_asked(staging: Staging, tmp_path: Path) -> None:
    journal = Jotter(tmp_path / "kept")
    await staging.staged(tmp_path, staging.command("{release}"), journal=journal)
    journal.begun = [each for each in journal.begun if each.verb != "redeploy"]  # it was cut off before that
    output = await staging.staged(tmp_path, staging.command("{release}"), journal=journal)
    assert staging.ran() == ["39", "fix", "39", "fix", "fix"]
    assert gate(output)[0] is GateState.OPEN
    assert "cut off while trying it" in gate(output)[1]
