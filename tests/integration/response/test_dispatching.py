"""Who takes steps up, and when."""

import asyncio
import time
from collections.abc import Callable

from incidents.response.dispatch import LocalDispatcher
from tests.integration.response.conftest import House


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.005)


async def test_people_get_their_channel_before_agents_get_the_processor(house: House) -> None:
    steps = LocalDispatcher(house.engine, house.store)
    await steps.start()
    try:
        await house.declare()
        await until(lambda: bool(house.agent.asked))
        second = await house.declare()
        declared = time.monotonic()
        await until(lambda: second.key in {each.incident.key for each in house.agent.asked})
        assert time.monotonic() - declared >= 0.2
    finally:
        await steps.stop()
