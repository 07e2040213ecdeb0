"""What the agent of the affected area sees in a change, on a real repository."""

from pathlib import Path

from incidents import areas, loading
from incidents.agents.playbook import specialist
from incidents.agents.playbook.case import Case, Settings
from incidents.agents.playbook.runner import PlaybookRunner
from incidents.catalog import Sandbox
from incidents.clock import SystemClock
from incidents.definitions import Area
from incidents.tools.git import open_repository
from tests.integration.agents.shop import Shop
from tests.integration.agents.steps import Response

WORKFLOW = loading.load(loading.templates_root(), None)[0].workflows["emergency_response"]
INDEX = "ALTER TABLE orders ADD COLUMN region text;\nCREATE INDEX orders_by_region ON orders (region);\n"


async def test_the_data_engineer_names_locks_and_migrations_with_the_lines_as_evidence(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    base = shop.commit("Begin", {"shop/orders.py": "regions = []\n"})
    head = shop.commit("Find orders by region", {"migrations/0007.sql": INDEX, "shop/orders.py": "regions = None\n"})
    asked = Response(PlaybookRunner(SystemClock(), sandbox=Sandbox(mode="none")), shop.service(), tmp_path / "work")
    outputs = {"preliminary_root_cause": {"file": "migrations/0007.sql"}}
    chosen = areas.choice(WORKFLOW, WORKFLOW.step("2.1"), outputs, asked.service, "")
    case = Case(asked.request("2.1", workflow=WORKFLOW, chosen=chosen), Settings(SystemClock(), Sandbox(mode="none")))
    repository = await open_repository(shop.repository, SystemClock())
    seen = await specialist.check_fix(case, repository, await repository.diff(base, head), head)
    assert seen is not None
    assert (seen.area, seen.agent) == (Area.DATA, "data-engineer")
    index = next(claim for claim in seen.claims if "CONCURRENTLY" in claim.text)
    assert index.text.startswith("`migrations/0007.sql:2` builds an index")
    assert "CREATE INDEX orders_by_region" in case.seen[index.evidence[0]].excerpt
    cause = await specialist.look_at_cause(case, repository, await repository.commit(head))
    assert [claim.text for claim in cause] == [claim.text for claim in seen.claims]
