"""Lost revenue is recognised as people write it, and nothing else is taken for it."""

import pytest

from incidents import revenue
from incidents.catalog import Settings


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("we lose $20,000 per hour", 20_000),
        ("about 20k EUR an hour", 20_000),
        ("€ 12.000/h since two", 12_000),
        ("12 000 € per hour", 12_000),
        ("1.5 million USD per day", 62_500),
        ("$350 a minute", 21_000),
        ("costs us 1,234.50 dollars every hour", 1234.5),
        ("CHF 1'200 / h", 1200),
        ("$500 of orders per hour, at worst $900 per hour", 900),
        ("20k orders an hour fail", None),
        ("500 errors per minute", None),
        ("an invoice of $20,000 was sent twice", None),
        ("", None),
    ],
)
def test_a_loss_is_read_with_its_currency_and_its_time(text: str, expected: float | None) -> None:
    found = revenue.loss_per_hour(text)
    assert found == (pytest.approx(expected) if expected is not None else None)


def test_the_threshold_itself_counts_and_without_one_nothing_does() -> None:
    settings = Settings(revenue_threshold_per_hour=5000)
    assert revenue.above_threshold(settings, "we lose $5,000 an hour")
    assert not revenue.above_threshold(settings, "we lose $4,999 an hour")
    assert not revenue.above_threshold(Settings(), "we lose $5,000,000 an hour")
