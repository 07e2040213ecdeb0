"""The affected area chooses the agent of a step that names several."""

from typing import Any

import pytest

from incidents import areas
from incidents.catalog import Service
from incidents.definitions import Area, Library

SERVICE = Service(key="shop", areas={"data": ("store/**",)})


def chosen(shipped: Library, outputs: dict[str, Any], *, said: str = "", service: Service | None = None) -> str:
    workflow = shipped.workflows["emergency_response"]
    found = areas.choice(workflow, workflow.step("2.1"), outputs, service, said)
    return f"{found.agent}, {found.prompt}, {found.why}" if found else ""


def cause(path: str | None) -> dict[str, Any]:
    return {"preliminary_root_cause": {"file": path}}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("shop/orders.py", "api-engineer, affected-area-api.md, shop/orders.py"),
        ("shop/static/cart.tsx", "frontend-engineer, affected-area-frontend.md, shop/static/cart.tsx"),
        ("migrations/0007_vouchers.py", "data-engineer, affected-area-data.md, migrations/0007_vouchers.py"),
        ("store/orders.py", "data-engineer, affected-area-data.md, store/orders.py"),  # as sitrep.yml says
        ("k8s/checkout.yaml", "deployment-engineer, affected-area-infrastructure.md, k8s/checkout.yaml"),
    ],
)
def test_the_file_that_fails_chooses_who_prepares_the_fix(shipped: Library, path: str, expected: str) -> None:
    assert chosen(shipped, cause(path), service=SERVICE) == expected


def test_without_a_file_the_components_choose_then_the_report_then_a_service_of_one_area(shipped: Library) -> None:
    listed = {**cause(None), "affected_components_list": [{"path": "a.py"}, {"path": "db/b.sql"}, {"path": "db/c.sql"}]}
    report = 'Traceback\n  File "/srv/app/db/pool.py", line 3\n  File "/usr/lib/python3/site-packages/pg/x.py", line 9'
    assert chosen(shipped, listed, said=report).startswith("data-engineer, affected-area-data.md, db/b.sql")
    assert chosen(shipped, cause(None), said=report).endswith("/srv/app/db/pool.py")
    assert chosen(shipped, {}, said="https://shop.example/cart/page.html is blank", service=SERVICE) == (
        "data-engineer, affected-area-data.md, the only one of the service"
    )
    assert chosen(shipped, {}, said="https://shop.example/cart/page.html is blank") == ""


def test_a_step_with_one_agent_is_never_given_to_another(shipped: Library) -> None:
    workflow = shipped.workflows["emergency_response"]
    assert areas.choice(workflow, workflow.step("1.3"), cause("db/x.sql"), SERVICE, "") is None


def test_every_step_that_leaves_its_agent_open_has_one_for_every_area(shipped: Library) -> None:
    for workflow in shipped.workflows.values():
        for step in workflow.steps():
            if len(step.agent) > 1:
                agents = {each.agent for each in workflow.areas}
                assert {each.area for each in workflow.areas} == set(Area)
                assert agents == {*step.agent, *step.areas.values()}
