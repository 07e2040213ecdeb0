"""Past incidents are found by words, page by page, by those who may see them."""

from datetime import timedelta

from incidents import records
from incidents.definitions import Severity
from incidents.lifecycle import Status
from incidents.service import finding
from tests.scenario.office import Office, text_of


async def _past(office: Office, many: int, **changes: object) -> None:
    async with office.ctx.store.transaction() as tx:
        for number in range(many):
            incident = records.Incident(
                title=f"Zahlungen à la carte fail {number}",
                severity=Severity.HIGH,
                reporter="U0GONE",
                status=Status.CLOSED,
                declared_at=tx.now - timedelta(days=90),
                resolution="The release was taken back.",
            )
            incident.sqlmodel_update(changes)
            tx.session.add(incident)
            await tx.session.flush()
            await finding.take_in(tx, incident)


async def test_words_find_past_incidents_page_by_page(office: Office) -> None:
    await _past(office, 25)
    await office.dee.command("/incident", "find zahlung FAIL")
    first = await office.dee.wait_for_ephemeral(lambda row: "Found for" in text_of(row))
    assert "inc-25" in text_of(first)
    assert "The release was taken back." in text_of(first)
    assert "before inc-6" in text_of(first)
    await office.dee.command("/incident", "find zahlung FAIL before inc-6")
    second = await office.dee.wait_for_ephemeral(lambda row: "inc-5 " in text_of(row))
    assert "older ones" not in text_of(second)


async def test_private_incidents_are_found_by_nobody_else(office: Office) -> None:
    await _past(office, 1, private=True)
    await office.dee.command("/incident", "find zahlungen")
    answer = await office.dee.wait_for_ephemeral(lambda row: "zahlungen" in text_of(row))
    assert "No incident holds" in text_of(answer)


async def test_what_is_declared_is_found_at_once(office: Office) -> None:
    await office.declare(office.dee)
    await office.dee.command("/incident", "find checkout")
    answer = await office.dee.wait_for_ephemeral(lambda row: "Found for" in text_of(row))
    assert "inc-1" in text_of(answer)


async def test_nothing_to_look_for_is_said(office: Office) -> None:
    await office.dee.command("/incident", "find")
    await office.dee.wait_for_ephemeral(lambda row: "nothing to look for" in text_of(row))
