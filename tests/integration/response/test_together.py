"""Results that come in the same instant are stored in one transaction, and none takes another with it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import structlog
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import select

from incidents import records, store
from incidents.context import Context
from incidents.errors import InvalidInput, SitrepError
from incidents.events import EventKind
from incidents.response import results
from incidents.response.claims import Claim
from incidents.response.dispatch import LocalDispatcher
from incidents.response.together import CutOff, Together
from tests.integration.response.conftest import House
from tests.integration.response.test_dispatching import until


def words(*texts: str) -> list[records.IncidentWord]:
    return [records.IncidentWord(word=text, incident_id=1) for text in texts]


class Counted:
    """Opens transactions and counts them."""

    def __init__(self, house: House) -> None:
        self._house = house
        self.opened = 0

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[store.Tx]:
        self.opened += 1
        async with self._house.store.transaction() as tx:
            yield tx


async def kept(house: House) -> set[str]:
    async with house.store.read() as session:
        found = await session.scalars(select(records.IncidentWord.word))
        return {word for word in found.all() if word.startswith("zz")}


async def test_acts_that_come_while_one_works_share_the_next_transaction(house: House) -> None:
    await house.declare()
    opened = Counted(house)
    together = Together(opened, most=8)

    async def act(number: int, tx: store.Tx) -> int:
        tx.session.add_all(words(f"zz{number}"))
        return number

    done = await asyncio.gather(*(together.do(lambda tx, number=number: act(number, tx)) for number in range(10)))
    assert done == list(range(10))
    assert opened.opened == 2
    assert len(await kept(house)) == 10


async def test_an_act_that_fails_takes_none_with_it_and_leaves_nothing(house: House) -> None:
    await house.declare()
    together = Together(house.store.transaction, most=8)

    async def act(texts: tuple[str, ...], tx: store.Tx) -> None:
        for word in words(*texts):
            tx.session.add(word)
            await tx.session.flush()
            tx.session.expunge(word)

    acts = [("zza",), ("zzb", "zzc", "zzb"), ("zzd",)]
    ends = await asyncio.gather(
        *(together.do(lambda tx, texts=texts: act(texts, tx)) for texts in acts), return_exceptions=True
    )
    assert [type(end) for end in ends] == [type(None), IntegrityError, type(None)]
    assert await kept(house) == {"zza", "zzd"}


async def pass_by(_: AsyncSession) -> str:
    return "passed"


async def test_an_act_that_is_cancelled_cuts_off_those_in_its_transaction_only(house: House) -> None:
    together = Together(house.store.read, most=2)

    async def end(_: AsyncSession) -> str:
        raise asyncio.CancelledError

    async with asyncio.timeout(5):
        ends = await asyncio.gather(*map(together.do, (pass_by, end, pass_by)), return_exceptions=True)
        assert [each if isinstance(each, str) else type(each) for each in ends] == [CutOff, CutOff, "passed"]
        assert await together.do(pass_by) == "passed"


async def test_work_that_is_cancelled_leaves_nobody_waiting(house: House) -> None:
    together = Together(house.store.read, most=1)
    begun, never = asyncio.Event(), asyncio.Event()

    async def wait(_: AsyncSession) -> None:
        begun.set()
        await never.wait()

    waiting = [asyncio.create_task(together.do(act)) for act in (wait, pass_by)]
    async with asyncio.timeout(5):
        await begun.wait()
        together._working[0].cancel()  # as when the loop ends
        ends = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(each) for each in ends] == [CutOff] * 2


async def test_what_an_agent_brought_is_kept_where_something_else_cut_its_transaction_off(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut: list[Claim] = []
    keep = results.keep

    async def cancelled_at_first(tx: store.Tx, ctx: Context, claim: Claim, *how: Any) -> None:
        await keep(tx, ctx, claim, *how)
        if not cut:
            cut.append(claim)
            raise asyncio.CancelledError

    monkeypatch.setattr(results, "keep", cancelled_at_first)
    first, second = await house.declare(), await house.declare()
    async with asyncio.timeout(5):
        await asyncio.gather(*map(house.engine.carry_out, await house.engine.claim(4)))
    for incident in (first, second):
        states = await house.states(incident)
        assert (states["1.1"], states["1.2"]) == ("done", "done")
    assert cut


async def test_a_refusal_is_no_fault_and_what_was_typed_stays_out_of_the_log(house: House) -> None:
    together = Together(house.store.read, most=2, refusals=(SitrepError,))

    async def refuse(_: AsyncSession) -> str:
        raise InvalidInput("Nobody is called Hunter2.")

    async def fail(_: AsyncSession) -> str:
        raise RuntimeError

    with structlog.testing.capture_logs() as logged:
        for act in (refuse, fail):
            await asyncio.gather(together.do(act), together.do(pass_by), return_exceptions=True)
    assert [(each["log_level"], "exc_info" in each) for each in logged] == [("info", False), ("warning", True)]
    assert "Hunter2" not in str(logged)


async def test_side_by_side_an_act_that_waits_holds_up_no_other(house: House) -> None:
    together = Together(house.store.read, most=1, side_by_side=2)
    free = asyncio.Event()
    ended: list[str] = []

    async def wait(_: AsyncSession) -> None:
        await free.wait()  # as on PostgreSQL for an incident that another replica holds
        ended.append("waited")

    async def overtake(_: AsyncSession) -> None:
        ended.append("passed")

    waiting = asyncio.create_task(together.do(wait))
    async with asyncio.timeout(5):
        await asyncio.gather(*(together.do(overtake) for _ in range(3)))
    assert ended == ["passed"] * 3
    free.set()
    await waiting


async def test_a_result_that_came_too_late_is_refused_beside_one_that_counts(house: House) -> None:
    await house.declare()
    (late,) = await house.engine.claim(1)
    (good,) = await house.engine.claim(1)
    house.agent.free.clear()
    working = asyncio.gather(house.engine.carry_out(late), house.engine.carry_out(good))
    await until(lambda: len(house.agent.asked) == 2)
    async with house.store.transaction() as tx:
        (await tx.session.get_one(records.Step, late.step_id)).attempt += 1  # somebody else's now
        house.agent.free.set()
    await working
    async with house.store.read() as session:
        states = [(await session.get_one(records.Step, claim.step_id)).state for claim in (late, good)]
    assert states == ["running", "done"]


async def test_a_result_takes_the_steps_that_waited_for_it_in_its_own_transaction(house: House) -> None:
    seen: dict[EventKind, set[int]] = {EventKind.STEP_DONE: set(), EventKind.STEP_STARTED: set()}
    open_: list[object] = []  # so that no session takes the id of one that is gone

    async def note(tx: store.Tx, _: records.Incident, event: records.Event) -> None:
        open_.append(tx)
        seen[event.kind].add(id(tx))

    for kind in seen:
        house.store.react(kind, note)
    steps = LocalDispatcher(house.engine, house.store)
    await house.declare()
    await steps.start()
    try:
        await until(lambda: bool(seen[EventKind.STEP_STARTED] & seen[EventKind.STEP_DONE]))
    finally:
        await steps.stop()


async def test_a_step_that_a_last_result_took_is_given_back_when_the_process_ends(house: House) -> None:
    steps = LocalDispatcher(house.engine, house.store)
    stopping: list[asyncio.Task[None]] = []

    async def stop(*_: object) -> None:
        stopping.append(asyncio.create_task(steps.stop()))

    house.store.react(EventKind.STEP_DONE, stop)
    incident = await house.declare()
    await steps.start()
    await until(lambda: bool(stopping))
    await asyncio.gather(*stopping)
    assert "running" not in (await house.states(incident)).values()
    assert "ready" in (await house.states(incident)).values()
