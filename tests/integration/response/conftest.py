"""An installation without Slack: real SQLite, the shipped policies, an agent whose results a test scripts."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from sqlmodel import col

from incidents import catalog, records
from incidents.agents import outputs
from incidents.agents.base import FailedAtACost, StepRequest, StepResult, Usage
from incidents.context import Context
from incidents.definitions import Library, Severity
from incidents.postmortem_posting import Writer
from incidents.response.engine import Engine
from incidents.response.expiry import Expiry
from incidents.response.reactors import Progress
from incidents.response.threads import Threads
from incidents.room import Room
from incidents.service import declare, queries
from incidents.store import Store
from incidents.tools.evidence import Evidence, EvidenceKind, capture
from tests import installation
from tests.clock import START, ManualClock
from tests.integration.response import planned

PEOPLE = {
    key: catalog.Person(key=key, name=key.title(), email=f"{key}@example.com", slack=f"U0{key.upper()}")
    for key in ("ana", "bo", "cy", "dee")
}
SETTINGS = catalog.Settings(
    services={
        "checkout": catalog.Service(key="checkout", title="Checkout", production={"health": "http://127.0.0.1:9/"})
    },
    people=PEOPLE,
    audiences={"on_call_engineer": ("ana",), "team_lead": ("bo",), "product_manager": ("cy",)},
    approvers=catalog.Approvers(deploy=("bo",)),
)
ANA, BO, CY, DEE = (PEOPLE[key].slack for key in ("ana", "bo", "cy", "dee"))


@dataclass
class Scripted:
    """An agent that brings what the test says, and notes what it was asked."""

    seen: Evidence
    results: dict[str, dict[str, Any]]
    name: str = "scripted"
    asked: list[StepRequest] = field(default_factory=list)
    failing: set[str] = field(default_factory=set)
    ahead: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    usage: tuple[Usage, ...] = ()  #: what each attempt costs
    free: asyncio.Event = field(default_factory=asyncio.Event)  #: it works while this is set

    def __post_init__(self) -> None:
        self.free.set()

    def plan(self, prompt: str, answer: dict[str, Any]) -> None:
        """Bring `answer` once, before what is always brought; several in their order."""
        self.ahead.setdefault(prompt, []).append(answer)

    async def run(self, request: StepRequest) -> StepResult:
        self.asked.append(request)
        await self.free.wait()
        stem = request.step.prompt.removesuffix(".md")
        if request.step.name in self.failing:
            raise FailedAtACost("The tests hang.", remedy="Retry it.", usage=self.usage)
        planned = self.ahead.get(stem)
        output = _model(stem).model_validate(planned.pop(0) if planned else self.results[stem])
        return StepResult(output, f"{stem} is done", (self.seen,), "scripted", usage=self.usage)


def _model(stem: str) -> type[outputs.Output]:
    model = outputs.model_of(stem)
    assert model is not None, stem
    return model


@dataclass
class House:
    """One installation and the hands that drive it."""

    ctx: Context
    engine: Engine
    agent: Scripted
    clock: ManualClock
    workdir: Path

    @property
    def store(self) -> Store:
        return self.ctx.store

    def configure(self, library: Library) -> None:
        """Let what begins from now on follow `library`, as after a restart with other files."""
        object.__setattr__(self.ctx, "library", library)

    def declaration(self, severity: Severity = Severity.CRITICAL) -> declare.Declaration:
        """Return what `declare` declares."""
        return declare.Declaration(title="Checkout returns 500s", severity=severity, reporter=DEE, service="checkout")

    async def declare(self, severity: Severity = Severity.CRITICAL) -> records.Incident:
        async with self.store.transaction() as tx:
            return await declare.declare(tx, self.ctx, self.declaration(severity))

    async def do(self, use_case: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        async with self.store.transaction() as tx:
            return await use_case(tx, self.ctx, *arguments, **named)

    async def work(self) -> list[str]:
        """Carry out everything that is ready, until nothing is; returns the steps in their order."""
        done = []
        while claims := await self.engine.claim(10):
            for claim in claims:
                await self.engine.carry_out(claim)
                async with self.store.read() as session:
                    done.append((await session.get_one(records.Step, claim.step_id)).name)
        return done

    def succeed(self) -> None:
        """Let another process take the place of one that died."""
        self.engine = Engine(self.ctx, self.agent, self.workdir, "successor")

    async def states(self, incident: records.Incident) -> dict[str, str]:
        async with self.store.read() as session:
            run = await queries.latest_run(session, incident.number)
            assert run is not None
            return {step.name: step.state for step in await queries.steps(session, run.number)}

    async def pending(self, incident: records.Incident) -> list[records.Approval]:
        async with self.store.read() as session:
            return await queries.pending_approvals(session, incident.number)

    async def incident(self, incident: records.Incident) -> records.Incident:
        async with self.store.read() as session:
            return await queries.get(session, incident.number)

    async def deliver(self) -> None:
        """Let everything that is on its way arrive."""
        async with self.store.transaction() as tx:
            await tx.session.execute(
                update(records.Outbox)
                .where(col(records.Outbox.state).in_(("waiting", "pending")))
                .values(state="done", first_tried_at=tx.now, sent_at=tx.now, result={"channel": "C1", "ts": "1.1"})
            )

    async def outbox(self, incident: records.Incident, prefix: str = "") -> dict[str, records.Outbox]:
        async with self.store.read() as session:
            rows = await queries.deliveries(session, incident.number, f"{incident.key}:{prefix}")
        return {row.key.removeprefix(f"{incident.key}:"): row for row in rows}


@pytest.fixture
def seen() -> Evidence:
    return capture(EvidenceKind.LOG, "checkout.log", "KeyError: 'currency'", summary="412 KeyErrors", captured_at=START)


async def build(path: Path, seen: Evidence) -> House:
    """Return an installation of its own in the folder `path`."""
    clock = ManualClock()
    store = Store(installation.sqlite_database(path), clock)
    ctx = Context(store, clock, installation.library(), SETTINGS)
    for reactors in (Room(ctx), Progress(ctx), Expiry(ctx), Threads(ctx), Writer(ctx)):
        reactors.register()
    agent = Scripted(seen, {**script(seen.id), **planned.answers(script(seen.id), seen.id)})
    workdir = path / "work"
    return House(ctx, Engine(ctx, agent, workdir, "here"), agent, clock, workdir)


@pytest.fixture
async def house(tmp_path: Path, seen: Evidence) -> AsyncIterator[House]:
    built = await build(tmp_path, seen)
    yield built
    await built.store.close()


def script(ref: str) -> dict[str, dict[str, Any]]:
    """Return what a response that goes well brings, every claim citing the one piece of evidence."""
    claim = {"text": "orders fail with KeyError", "verdict": "confirmed", "evidence": [ref]}
    run = {"command": "test", "exit_code": 0, "passed": 9, "failed": 0, "seconds": 1.0, "evidence": ref}
    message = {"audience": "all", "subject": "Checkout", "body": "Orders fail."}
    measure = {"title": "Contract test for old carts", "why": "none ran", "due_in_days": 7, "evidence": [ref]}
    option = {
        "number": 1,
        "title": "Revert a1b2c3d",
        "approach": "revert",
        "description": "smallest",
        "commit": "a1b2c3d",
    }
    return {
        "critical-incident-triage": {
            "severity_classification": {"severity": "critical", "agrees_with_declared": True, "reasons": [claim]},
            "impact_assessment": {"summary": "38 % of orders fail", "error_rate": 0.38, "claims": [claim]},
            "initial_stakeholder_communication": message,
        },
        "emergency-system-stabilization": {
            "system_status_report": {
                "healthy": False, "release": "41", "commit": "a1b2c3d", "summary": "503", "claims": [claim]
            },
            "temporary_mitigation_actions": [],
            "rollback_readiness_assessment": {
                "ready": True, "release": "40", "commit": "0000000", "reason": "no migration", "evidence": [ref]
            },
        },
        "immediate-mitigation": {
            "temporary_mitigation_actions": [
                {"kind": "rollback", "description": "40 is back", "taken": True, "reason": "so said", "evidence": [ref]}
            ],
            "mitigation_effect": {
                "relieved": True, "error_rate_before": 0.38, "error_rate_after": 0.0, "watched_seconds": 9, "checks": 9,
                "summary": "users are served", "evidence": [ref],
            },
        },
        "rapid-root-cause-analysis": {
            "preliminary_root_cause": {
                "verdict": "confirmed", "summary": "a1b2c3d reads a missing key", "mechanism": "old carts lack it",
                "commit": "a1b2c3d", "claims": [claim], "fix_options": [option],
            },
            "affected_components_list": [],
            "investigation_priorities": [],
        },
        "emergency-hotfix-development": {
            "emergency_fix_code": {
                "approach": "revert", "branch": "hotfix/inc-1", "commit": "9f8e7d6", "base": "a1b2c3d",
                "files": ["p.py"],
                "additions": 3, "deletions": 41, "summary": "reverts a1b2c3d", "diff": "", "evidence": [ref],
            },
            "minimal_test_suite": {"before": run, "after": run, "repaired": ["t"], "newly_failing": []},
            "rollback_procedure": {"release": "41", "commit": "a1b2c3d", "command": "rollback 41", "evidence": [ref]},
        },
        "emergency-security-review": {
            "security_impact_assessment": {
                "suspected": False, "verdict": "likely", "summary": "no sign", "claims": [claim]
            },
            "immediate_security_controls": [],
            "breach_notification_requirements": {"required": False, "reason": "no data left", "evidence": [ref]},
        },
        "emergency-testing-validation": {
            "fix_validation_results": run,
            "regression_test_results": run,
            "deployment_readiness_confirmation": {
                "ready": True, "commit": "9f8e7d6", "reason": "all pass", "evidence": [ref],
                "staging": {
                    "healthy": True, "release": "42", "url": "http://s/", "watched_seconds": 6, "evidence": [ref]
                },
            },
        },
        "emergency-deployment-execution": {
            "deployment_status": {
                "deployed": True, "release": "43", "commit": "9f8e7d6", "seconds": 3.0, "evidence": [ref]
            },
            "system_health_metrics": {
                "healthy": True, "error_rate_before": 0.38, "error_rate_after": 0.0, "watched_seconds": 9, "checks": 9,
                "evidence": [ref],
            },
            "user_impact_resolution": {"resolved": True, "summary": "orders succeed", "evidence": [ref]},
        },
        "crisis-communication-management": {
            "stakeholder_updates": [message], "public_communication": message, "internal_status_reports": message
        },
        "comprehensive-post-incident-analysis": {
            "detailed_root_cause_report": {
                "summary": "as found", "contributing_factors": [claim], "detection": "by support", "tried": [claim]
            },
            "architectural_improvement_recommendations": [],
            "prevention_strategy_proposal": [measure],
        },
        "post-incident-process-review": {
            "process_improvement_recommendations": [],
            "incident_response_lessons_learned": [claim],
            "team_performance_assessment": [claim],
        },
        "comprehensive-bug-fix-development": {
            "comprehensive_fix_implementation": {
                "branch": None, "commit": None, "plan": ["keep a default"], "summary": "later", "evidence": [ref]
            },
            "complete_test_suite": [],
            "documentation_updates": [],
        },
    }  # fmt: skip
