"""What a change does that matters in its area, read from the difference alone."""

import time

import pytest

from incidents.definitions import Area
from incidents.tools import areasigns


def change(path: str, *, added: tuple[str, ...] = (), removed: tuple[str, ...] = (), new: bool = False) -> str:
    before = "/dev/null" if new else f"a/{path}"
    lines = [*(f"-{line}" for line in removed), *(f"+{line}" for line in added)]
    start = 0 if new else 7
    head = f"@@ -{start},{len(removed)} +{7 if added else 6},{len(added)} @@"
    mode = "new file mode 100644\n" if new else ""
    return f"diff --git a/{path} b/{path}\n{mode}--- {before}\n+++ b/{path}\n{head}\n" + "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("CREATE INDEX orders_by_day ON orders (day);", "builds an index without CONCURRENTLY"),
        ("op.create_index('orders_by_day', 'orders', ['day'])", "builds an index without CONCURRENTLY"),
        ("ALTER TABLE orders ALTER COLUMN id TYPE bigint;", "changes a column's type"),
        ("ALTER TABLE orders ADD COLUMN region text NOT NULL;", "cannot fill"),
        ("op.drop_column('orders', 'voucher')", "throws stored data away"),
        ("DELETE FROM orders;", "deletes every row"),
        ("UPDATE orders SET state = 'new';", "changes every row"),
        ("ALTER TABLE orders RENAME COLUMN a TO b;", "renames what the release still running reads"),
        ("SELECT id FROM orders FOR UPDATE", "holds rows"),
    ],
)
def test_a_statement_that_locks_or_loses_data_is_named_with_its_line(sql: str, says: str) -> None:
    signs = areasigns.of(Area.DATA, change("migrations/0007.sql", added=("-- on", sql), new=True))
    assert [sign.line for sign in signs if says in sign.says] == [8]
    assert "is added: a migration" in signs[0].says


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE INDEX CONCURRENTLY orders_by_day ON orders (day);",
        "ALTER TABLE orders ADD COLUMN region text NOT NULL DEFAULT 'eu';",
        "DELETE FROM orders WHERE day < '2020-01-01';",
        "UPDATE orders SET state = 'new' WHERE state IS NULL;",
        "SELECT id FROM orders FOR UPDATE SKIP LOCKED",
    ],
)
def test_the_careful_form_of_a_statement_is_no_sign(sql: str) -> None:
    assert areasigns.of(Area.DATA, change("shop/queries.py", added=(sql,))) == ()


def test_a_lock_without_a_bound_is_a_sign_of_its_own() -> None:
    index = "CREATE INDEX a ON b (c);"
    unbound = areasigns.of(Area.DATA, change("db/a.sql", added=(index,)))
    bound = areasigns.of(Area.DATA, change("db/a.sql", added=("SET lock_timeout = '2s';", index)))
    assert (len(unbound), len(bound)) == (2, 1)
    assert "sets no lock_timeout" in unbound[1].says


def test_limits_and_images_are_told_with_what_they_were_and_settings_without_their_values() -> None:
    manifest = change("k8s/a.yaml", removed=("  memory: 2Gi", "  replicas: 3"), added=("  memory: 512Mi",))
    image = change("Dockerfile", removed=("FROM python:3.11",), added=("FROM python:latest", "ENV API_KEY=hunter2"))
    assert [str(sign) for sign in areasigns.of(Area.INFRASTRUCTURE, manifest + image)] == [
        "k8s/a.yaml:7 changes memory from 2Gi to 512Mi",
        "k8s/a.yaml:8 no longer sets replicas (was 3)",
        "Dockerfile:7 changes base image from python:3.11 to python:latest",
        "Dockerfile:8 adds the setting API_KEY: every environment needs it",
    ]


def test_a_page_that_asks_for_what_is_not_there_and_a_bundle_left_behind_are_signs() -> None:
    page = change("web/index.html", added=('<script src="/static/cart.js"></script>', '<link href="/static/a.css">'))
    source = change("web/src/cart.ts", added=("let total = 0",))
    files = ("web/index.html", "web/src/cart.ts", "web/static/a.css", "web/dist/cart.min.js")
    assert [str(sign) for sign in areasigns.of(Area.FRONTEND, page + source, files)] == [
        "web/index.html:7 asks for static/cart.js, which is not in the repository",
        "web/src/cart.ts changes, and the bundle that is kept (web/dist/cart.min.js) does not",
    ]


def test_tests_documents_and_what_is_no_difference_give_no_signs() -> None:
    assert areasigns.of(Area.DATA, change("tests/test_db.py", added=("DELETE FROM orders;",))) == ()
    assert areasigns.of(Area.DATA, "@@ nonsense") == ()


def test_what_callers_rely_on_and_what_may_hang_or_go_unseen_is_told_with_its_line() -> None:
    before = ("@app.get('/orders')", "@login_required", "currency = cart.get('currency', 'EUR')")
    after = ("@app.get('/all-orders')", "currency = cart['currency']", "httpx.get(url)", "except Exception:")
    signs = areasigns.of(Area.API, change("shop/pages.py", added=after, removed=before))
    assert [(sign.line, sign.says.partition(":")[0]) for sign in signs] == [
        (7, "no longer answers /orders"),
        (8, "takes away a check of who asks"),
        (8, "demands currency, which it did without"),
        (9, "asks another service without a time limit"),
        (10, "catches every error"),
    ]


def test_the_careful_form_of_an_answer_is_no_sign() -> None:
    before = ("@app.get('/orders')", "cart.get('currency')")
    after = (
        "@router.get('/orders')",
        "cart.get('currency', 'EUR')",
        "orders['day'] = day",
        "requests.get(url, timeout=3)",
    )
    assert areasigns.of(Area.API, change("shop/pages.py", added=after, removed=before)) == ()


@pytest.mark.parametrize("area", list(Area))
def test_a_line_of_generated_code_is_looked_at_no_further_than_its_beginning(area: Area) -> None:
    line = "replicas: 3 " + "add x- src='" * 3_000
    began = time.process_time()
    areasigns.of(area, change("web/app", added=(line, "-" * 20_000)))
    assert time.process_time() - began < 0.5
