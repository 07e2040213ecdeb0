"""The menu: five entries, each behind a button and a word."""

from incidents import records
from incidents.definitions import Severity
from incidents.response import facts
from tests.scenario.office import Office, has_button, text_of

BEHIND = {
    "Report a bug": "Agents look for the cause",
    "Declare an incident": "Severity",
    "File a solution": "What solved it?",
    "See what was learned": "Nothing was learned yet.",
    "See what to harden": "Tracing a cause back",
}


async def test_every_button_of_the_menu_opens_what_it_says(office: Office) -> None:
    await office.dee.command("/incident", "menu")
    menu = await office.dee.wait_for_ephemeral(has_button("Report a bug"))
    for button, behind in BEHIND.items():
        await office.dee.click("general", menu, button)
        opened = await office.dee.wait_for_view(lambda view, behind=behind: behind in text_of(view))
        await office.dee.close(opened)


async def test_a_filed_solution_is_found_by_people_and_by_the_next_analysis(office: Office) -> None:
    await office.dee.command("/incident", "solution old carts raise KeyError")
    form = await office.dee.wait_for_view(lambda view: "What solved it?" in text_of(view))
    assert "old carts raise KeyError" in text_of(form)
    await office.dee.submit(form, {"solution": "A default currency."})
    await office.dee.wait_for_view(lambda view: "Filed:" in text_of(view))
    await office.ana.command("/incident", "solution Problem: the disk is full, Solution: rotate the log")
    await office.ana.wait_for_ephemeral(lambda row: "Filed:" in text_of(row))

    await office.bo.command("/incident", "learned keyerror carts")
    found = await office.bo.wait_for_ephemeral(lambda row: "A default currency." in text_of(row))
    assert "rotate the log" not in text_of(found)
    incident = records.Incident(id=9, title="x", severity=Severity.HIGH, reporter="U0")
    async with office.ctx.store.read() as session:
        known = await facts.past_solutions(session, incident)
    assert [each.title for each in known] == ["the disk is full", "old carts raise KeyError"]


async def test_what_a_private_incident_taught_is_shown_to_its_own_people_alone(office: Office) -> None:
    async with office.ctx.store.transaction() as tx:
        incident = records.Incident(
            title="Leak", severity=Severity.HIGH, reporter=office.ana.user_id, private=True, declared_at=tx.now
        )
        tx.session.add(incident)
        await tx.session.flush()
        taught = {"title": "Leak", "problem": "a token in the log", "solution": "masked", "signature": ""}
        tx.session.add(records.Solution(incident_id=incident.id, created_at=tx.now, **taught))
        # Its incident was deleted: whether it was private is not known any more.
        tx.session.add(records.Solution(incident_id=None, created_at=tx.now, **taught))
    await office.dee.command("/incident", "learned")
    await office.dee.wait_for_ephemeral(lambda row: "Nothing was learned yet." in text_of(row))
    await office.ana.command("/incident", "learned")
    await office.ana.wait_for_ephemeral(lambda row: "1 solution looked through" in text_of(row))
