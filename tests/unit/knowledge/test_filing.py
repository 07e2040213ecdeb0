"""What keeps coming back is found by the same search that analyses use."""

from datetime import timedelta

from incidents import records
from incidents.knowledge import filing
from tests.clock import START


def solved(number: int, title: str, problem: str, service: str = "shop") -> records.Solution:
    return records.Solution(
        id=number,
        service=service,
        title=title,
        problem=problem,
        solution="-",
        signature="",
        created_at=START - timedelta(days=number),
    )


OTHERS = [
    solved(10, "Login page is blank in Safari", "The bundle uses a regex that Safari cannot read"),
    solved(11, "Mails arrive twice", "The outbox worker ran on two hosts"),
    solved(12, "Search is slow on Mondays", "The reindex job runs at the start of the week"),
    solved(13, "Invoices show the wrong logo", "The cache kept the old asset"),
]
OLD_CARTS = [
    solved(1, "Old carts raise KeyError currency", "Carts from before March hold no currency"),
    solved(2, "KeyError currency when an old cart is priced", "No default for the currency of carts"),
    solved(3, "Cart currency KeyError in checkout", "Carts without currency are read"),
]


def test_three_alike_make_a_pattern_and_two_none() -> None:
    (pattern,) = filing.recurring([*OLD_CARTS, *OTHERS])
    assert [row.id for row in pattern.rows] == [1, 2, 3]
    assert {"keyerror", "currency"} <= set(pattern.shared)
    assert filing.recurring([*OLD_CARTS[:2], *OTHERS]) == ()


def test_one_service_with_different_troubles_shows_no_pattern() -> None:
    assert filing.recurring(OTHERS) == ()
