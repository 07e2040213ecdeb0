"""What becomes of notices when the incident's channel could not be created."""

from sqlalchemy import update
from sqlmodel import col

from incidents import records
from incidents.service import respond
from tests.integration.response.conftest import ANA, House


async def after(house: House, state: str) -> dict[str, records.Outbox]:
    incident = await house.declare()
    before = set(await house.outbox(incident))
    async with house.store.transaction() as tx:
        room = col(records.Outbox.key) == f"{incident.key}:room"
        await tx.session.execute(update(records.Outbox).where(room).values(state=state, error="refused"))
    await house.do(respond.acknowledge, incident.number, ANA)
    return {key: row for key, row in (await house.outbox(incident)).items() if key not in before}


async def test_what_needs_a_channel_that_failed_fails_and_says_why(house: House) -> None:
    invited = (await after(house, "failed"))[f"invite:{ANA}"]
    assert (invited.state, invited.error) == ("failed", "needed inc-1:room, which was not sent")


async def test_what_needs_a_notice_that_was_left_out_is_left_out(house: House) -> None:
    assert (await after(house, "dropped"))[f"invite:{ANA}"].state == "dropped"


async def test_what_needs_a_channel_under_way_waits_for_it(house: House) -> None:
    assert (await after(house, "sending"))[f"invite:{ANA}"].state == "waiting"
