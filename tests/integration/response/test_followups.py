"""What an analysis proposes stands until a newer one proposes otherwise; what people took on stays theirs."""

from typing import Any

from incidents import followups, postmortem, records
from incidents.service import queries, resolve
from tests.integration.response.conftest import ANA, BO, House
from tests.integration.response.test_ends import deployed

ANALYSIS = "comprehensive-post-incident-analysis"


def propose(house: House, *titles: str) -> None:
    measures: list[dict[str, Any]] = house.agent.results[ANALYSIS]["prevention_strategy_proposal"]
    model = measures[0]
    measures[:] = [{**model, "title": title} for title in titles]


async def analysed_twice(house: House, first: list[str], then: list[str], *, owned: str = "") -> records.Incident:
    """Resolve with `first` proposed, reopen, and resolve again with `then`; `owned` was taken on by Bo between."""
    propose(house, *first)
    incident = await deployed(house)
    await house.do(resolve.resolve, incident.number, ANA, "reverted")
    await house.work()
    if owned:
        async with house.store.transaction() as tx:
            await followups.add(tx, incident.number, ANA, owned, owner=BO)
    await house.do(resolve.reopen, incident.number, ANA, "errors are back")
    propose(house, *then)
    await house.do(resolve.resolve, incident.number, ANA, "the cache was stale too")
    await house.work()
    return incident


async def standing(house: House, incident: records.Incident) -> list[tuple[str, str]]:
    async with house.store.read() as session:
        found = await postmortem.build(session, house.ctx, incident.number)
    return [(each.title, each.owner) for each in found.followups]


async def test_a_new_analysis_replaces_what_the_former_proposed(house: House) -> None:
    incident = await analysed_twice(house, ["Contract test", "Alert on KeyError"], ["Contract test", "Flush the cache"])
    assert await standing(house, incident) == [("Contract test", ""), ("Flush the cache", "")]


async def test_what_somebody_took_on_outlives_a_new_analysis(house: House) -> None:
    incident = await analysed_twice(house, ["Contract test"], ["Flush the cache"], owned="Contract test")
    assert await standing(house, incident) == [("Contract test", BO), ("Flush the cache", "")]


async def test_what_a_person_filed_outlives_a_new_analysis(house: House) -> None:
    incident = await analysed_twice(house, ["Contract test"], ["Flush the cache"], owned="Ask the vendor")
    assert await standing(house, incident) == [("Ask the vendor", BO), ("Flush the cache", "")]


async def test_what_is_proposed_again_after_it_was_withdrawn_stands_again(house: House) -> None:
    incident = await analysed_twice(house, ["Contract test"], ["Flush the cache"])
    await house.do(resolve.reopen, incident.number, ANA, "and back once more")
    propose(house, "Contract test")
    await house.do(resolve.resolve, incident.number, ANA, "reverted again")
    await house.work()
    assert await standing(house, incident) == [("Contract test", "")]
    async with house.store.read() as session:
        missing = await resolve.missing_for_close(session, house.ctx, incident.number)
        assert len(await queries.followups(session, incident.number)) == 1
    assert not any("Flush the cache" in each.what for each in missing)
