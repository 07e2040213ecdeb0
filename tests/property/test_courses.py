"""Whatever people do in whatever order, no step is lost, doubled or too early, and every response can be ended."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from incidents.definitions import Severity
from incidents.response import progress
from incidents.tools.evidence import EvidenceKind, capture
from tests.clock import START
from tests.integration.response import conftest
from tests.property.courses import Course

SEEN = capture(EvidenceKind.LOG, "checkout.log", "KeyError: 'currency'", summary="412 KeyErrors", captured_at=START)

# Shrinking replays a whole response for each step of it; what was generated is told with its deeds anyhow.
_PHASES = (Phase.explicit, Phase.reuse, Phase.generate)

# Each is a response of a second or two: the suite goes through a few, `make torture` searches.
_EXAMPLES = 30 if settings.get_current_profile_name() == "searching" else 3

severities = st.sampled_from(Severity)
steps = st.sampled_from([f"{phase}.{place}" for phase in (1, 2, 3) for place in (1, 2, 3)] + ["4.1", "4.3"])
deeds = st.one_of(
    st.tuples(st.just("work"), st.integers(1, 9)),
    st.tuples(st.sampled_from(["hold", "finish"]), st.integers(1, 3)),
    st.tuples(st.just("freeze"), st.just(1)),
    st.tuples(st.sampled_from(["fail", "retry", "take over", "skip", "stop step"]), steps),
    st.tuples(st.just("severity"), severities),
    st.tuples(st.just("decide"), st.sampled_from(["approve", "approve", "reject"])),
    st.tuples(st.just("attest"), st.integers(1, 3)),
    st.tuples(st.just("steer"), st.sampled_from(["pause", "resume", "stop", "begin"])),
    st.tuples(st.just("end"), st.sampled_from(["resolve", "reopen"])),
)


async def on_a_course(severity: Severity, act: Callable[[Course], Awaitable[None]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        house = await conftest.build(Path(folder), SEEN)
        try:
            course = Course(house)
            await course.begin(severity)
            await act(course)
        finally:
            await house.store.close()


@pytest.mark.timeout(180)
@settings(max_examples=_EXAMPLES, phases=_PHASES, suppress_health_check=[HealthCheck.too_slow])
@given(severity=severities, deeds=st.lists(deeds, min_size=4, max_size=12))
@example(
    severity=Severity.CRITICAL,
    deeds=[("work", 9), ("work", 9), ("decide", "approve"), ("attest", 3), ("hold", 1), ("severity", Severity.HIGH)],
)
def test_no_step_is_lost_doubled_or_too_early_and_every_response_can_be_ended(
    severity: Severity, deeds: list[tuple[str, Any]]
) -> None:
    async def act(course: Course) -> None:
        for deed, what in deeds:
            await course.act(deed, what)
            await course.holds()
        await course.to_the_end()

    asyncio.run(on_a_course(severity, act))


@pytest.mark.timeout(180)
@settings(max_examples=_EXAMPLES, phases=_PHASES, suppress_health_check=[HealthCheck.too_slow])
@given(
    severity=severities,
    other=severities,
    deeds=st.lists(deeds.filter(lambda deed: deed[0] in ("work", "decide", "attest", "take over")), max_size=6),
)
def test_a_change_of_severity_and_back_returns_what_was_finished_and_the_same_change_again_changes_nothing(
    severity: Severity, other: Severity, deeds: list[tuple[str, Any]]
) -> None:
    async def act(course: Course) -> None:
        for deed, what in deeds:
            await course.act(deed, what)
        finished = await course.finished()
        await course.act("severity", other)
        there = await course.snapshot()
        await course.act("severity", other)
        assert await course.snapshot() == there
        await course.act("severity", severity)
        await course.holds()
        assert finished <= await course.finished()

    asyncio.run(on_a_course(severity, act))


@pytest.mark.parametrize(
    "severity",
    [
        pytest.param(severity, marks=[] if severity in (Severity.CRITICAL, Severity.LOW) else pytest.mark.torture)
        for severity in Severity
    ],
)
async def test_a_change_to_any_severity_and_back_at_every_boundary_loses_nothing_and_deploys_nothing_twice(
    severity: Severity,
) -> None:
    async def act(course: Course) -> None:
        await course.act("steer", "begin")  # low would wait for the next business day
        for phase in range(len(progress.definition_of(await course.run()).stages) + 1):
            await course.through_phase(phase)
            finished, deploys = await course.finished(), course.watched.deploys
            for other in [each for each in Severity if each is not severity]:
                await course.act("severity", other)
                await course.holds()
                await course.act("severity", severity)
                await course.holds()
                assert finished <= await course.finished(), f"after phase {phase} to {other} and back"
            assert course.watched.deploys == deploys
        assert course.watched.deploys == 1
        await course.to_the_end()
        assert course.watched.deploys == 1

    await on_a_course(severity, act)


@pytest.mark.parametrize(
    "phase", [pytest.param(phase, marks=[] if phase in (1, 3) else pytest.mark.torture) for phase in range(5)]
)
async def test_a_change_for_good_in_the_middle_is_seen_to_its_end(phase: int) -> None:
    async def act(course: Course) -> None:
        await course.through_phase(phase)
        await course.act("severity", Severity.HIGH)
        await course.to_the_end()
        assert course.watched.deploys == 1

    await on_a_course(Severity.CRITICAL, act)
