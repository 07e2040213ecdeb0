"""Paths tell what a file is for."""

import pytest

from incidents.tools import filekinds
from incidents.tools.filekinds import FileKind


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("checkout/pricing.py", FileKind.SOURCE),
        ("ops/deploy", FileKind.SOURCE),
        ("src/latest_prices.py", FileKind.SOURCE),
        ("src/contest.py", FileKind.SOURCE),
        ("tests/unit/test_pricing.py", FileKind.TEST),
        ("checkout/pricing_test.go", FileKind.TEST),
        ("web/cart.spec.ts", FileKind.TEST),
        ("conftest.py", FileKind.TEST),
        ("docs/runbook.md", FileKind.DOCS),
        ("CHANGELOG.md", FileKind.DOCS),
        ("README", FileKind.DOCS),
        ("migrations/0002_drop.py", FileKind.MIGRATION),
        ("shop/db/migrate/20261121_drop.rb", FileKind.MIGRATION),
        ("config/checkout.json", FileKind.CONFIG),
        ("requirements.txt", FileKind.CONFIG),
        (".github/workflows/test.yml", FileKind.TOOLING),
        ("Makefile", FileKind.TOOLING),
    ],
)
def test_kind_of_a_path(path: str, kind: FileKind) -> None:
    assert filekinds.kind(path) is kind
