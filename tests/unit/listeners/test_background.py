"""What goes on after acks: a few at a time, none lost, none left behind at shutdown."""

import asyncio

from bot.listeners.background import AT_ONCE, Background


class Work:
    """Pieces of work that end when the test lets them."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.ended: list[int] = []
        self.gate = asyncio.Event()

    async def piece(self, number: int) -> None:
        self.begun.append(number)
        await self.gate.wait()
        self.ended.append(number)


async def _until_nothing_more_begins(work: Work) -> None:
    before = -1
    while before != (before := len(work.begun)):
        for _ in range(5):
            await asyncio.sleep(0)


async def test_a_burst_is_worked_off_a_few_at_a_time_in_its_order() -> None:
    background, work = Background(), Work()
    for number in range(3 * AT_ONCE):
        background.start(work.piece(number))
    await _until_nothing_more_begins(work)
    assert work.begun == list(range(AT_ONCE))
    work.gate.set()
    await background.drain(timeout=5)
    assert work.ended == list(range(3 * AT_ONCE))


async def test_what_mostly_waits_takes_nobodys_turn() -> None:
    background, work = Background(), Work()
    for number in range(2 * AT_ONCE):
        background.watch(work.piece(number))
    background.start(work.piece(99))
    await _until_nothing_more_begins(work)
    assert 99 in work.begun
    work.gate.set()
    await background.drain(timeout=5)


async def test_what_has_to_wait_leaves_its_turn_to_others_once() -> None:
    background, work = Background(), Work()

    async def waits(number: int) -> None:
        background.leave()
        background.leave()
        await work.piece(number)

    for number in range(2 * AT_ONCE):
        background.start(waits(number))
    for number in range(2 * AT_ONCE):
        background.start(work.piece(100 + number))
    await _until_nothing_more_begins(work)
    assert work.begun == [*range(2 * AT_ONCE), *range(100, 100 + AT_ONCE)]
    work.gate.set()
    await background.drain(timeout=5)


async def test_a_fault_gives_its_turn_back() -> None:
    async def broken() -> None:
        raise RuntimeError("broken")

    background, work = Background(), Work()
    work.gate.set()
    for _ in range(2 * AT_ONCE):
        background.start(broken())
    background.start(work.piece(1))
    await background.drain(timeout=5)
    assert work.ended == [1]


async def test_what_had_no_turn_at_shutdown_is_left_without_a_warning() -> None:
    background, work = Background(), Work()
    for number in range(AT_ONCE + 1):
        background.start(work.piece(number))
    await background.drain(timeout=0.01)
    assert work.ended == []


async def test_what_is_begun_while_it_drains_is_waited_for() -> None:
    background, work = Background(), Work()

    async def goes_on() -> None:
        await background.stopping.wait()
        background.start(work.piece(1))

    background.watch(goes_on())
    draining = asyncio.create_task(background.drain(timeout=5))
    await _until_nothing_more_begins(work)
    assert not draining.done()
    work.gate.set()
    await draining
    assert work.ended == [1]
