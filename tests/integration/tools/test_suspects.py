"""The culprit ranks first where something points at it; where nothing does, nobody is accused."""

from datetime import timedelta
from pathlib import Path

import pytest

from bot.demo import repository as demo
from incidents.errors import ToolFailed
from incidents.tools import git, suspects, tracebacks
from incidents.tools.tracebacks import Traceback
from tests.clock import START, ManualClock
from tests.integration.tools.workshop import Workshop

#: What the demo's service logs at its newest commit, from another folder than the repository.
DEMO_TRACEBACK = """Traceback (most recent call last):
  File "/srv/releases/41/checkout/server.py", line 50, in answer
    status, body = route()
  File "/srv/releases/41/checkout/orders.py", line 31, in place
    amounts = pricing.quote(cart)
  File "/srv/releases/41/checkout/pricing.py", line 29, in quote
    "discount": str(rounded(off, cart)),
  File "/srv/releases/41/checkout/pricing.py", line 38, in rounded
    return round(amount, DECIMALS[cart["currency"]])
KeyError: 'currency'
"""
PRICING = "RATES = {'EUR': 1}\n\n\ndef rate(cart):\n    return RATES[cart['currency']]\n"


def raised(path: str, line: int, function: str, error: str) -> tuple[Traceback, ...]:
    text = f'Traceback (most recent call last):\n  File "/app/{path}", line {line}, in {function}\n    x\n{error}\n'
    return tracebacks.parse(text)


@pytest.mark.parametrize("with_window", [True, False])
async def test_the_demo_culprit_ranks_first_among_its_decoys(
    tmp_path: Path, clock: ManualClock, with_window: bool
) -> None:
    built = await demo.build(tmp_path / "checkout", START)
    repository = await git.open_repository(built.path, clock)
    ranking = await suspects.rank(
        repository,
        bad=built.bad,
        good=built.good if with_window else "",
        tracebacks=tracebacks.parse(DEMO_TRACEBACK),
        onset=START,
        deployed_at=START - timedelta(seconds=5),
    )
    first = ranking.suspects[0]
    assert first.commit.subject == "Simplify price rounding"
    assert not ranking.abstained
    assert str(first.touches[0]) == "checkout/pricing.py:38"
    assert first.reasons[0] == "last changed `checkout/pricing.py:38`, a line that fails"
    known = {evidence.id for evidence in ranking.evidence}
    assert first.evidence
    assert set(first.evidence) <= known
    assert len(ranking.window) == (6 if with_window else 22)
    assert "Say in the runbook how to roll back" in {commit.subject for commit in ranking.ignored}


async def test_failing_tests_alone_point_at_what_they_are_named_after(shop: Workshop, clock: ManualClock) -> None:
    good = shop.commit_files("Begin", {"shop/pricing.py": "a = 1\n", "shop/mail.py": "b = 1\n"})
    culprit = shop.commit_files("Rework", {"shop/pricing.py": "a = 2\n"})
    bad = shop.commit_files("Polish", {"shop/mail.py": "b = 2\n"})
    ranking = await suspects.rank(
        await git.open_repository(shop.path, clock),
        bad=bad,
        good=good,
        failing_tests=["tests/unit/test_pricing.py::test_total"],
        onset=START,
        deployed_at=START,
    )
    assert ranking.suspects[0].commit.hash == culprit


async def test_commits_that_change_nothing_that_runs_are_ignored(shop: Workshop, clock: ManualClock) -> None:
    good = shop.commit_files("Begin", {"shop/pricing.py": PRICING})
    shop.commit_files("Explain currency rates", {"docs/pricing.md": "currency\n"})
    shop.commit_files("Test currency rates", {"tests/test_pricing.py": "currency = 1\n"})
    formatted = PRICING.replace("{'EUR': 1}", '{"EUR": 1}  # euro only')
    shop.commit_files("Format currency rates", {"shop/pricing.py": formatted})
    culprit = shop.commit_files("Speed up", {"shop/pricing.py": formatted.replace("cart['cur", "cart['new_cur")})
    ranking = await suspects.rank(
        await git.open_repository(shop.path, clock),
        bad=culprit,
        good=good,
        tracebacks=raised("shop/pricing.py", 5, "rate", "KeyError: 'currency'"),
        onset=START,
        deployed_at=START,
    )
    assert [suspect.commit.subject for suspect in ranking.suspects] == ["Speed up"]
    assert len(ranking.ignored) == 3


async def test_it_abstains_where_it_failed_before_the_deploy(shop: Workshop, clock: ManualClock) -> None:
    good = shop.commit_files("Begin", {"shop/pricing.py": PRICING})
    bad = shop.commit_files("Speed up", {"shop/pricing.py": PRICING.replace("1}", "2}")})
    ranking = await suspects.rank(
        await git.open_repository(shop.path, clock),
        bad=bad,
        good=good,
        tracebacks=raised("shop/pricing.py", 5, "rate", "KeyError: 'currency'"),
        onset=START - timedelta(minutes=10),
        deployed_at=START,
    )
    assert ranking.abstained
    assert "before the deploy" in ranking.reason


async def test_it_abstains_where_nothing_touches_the_trace_and_no_deploy_came_before(
    shop: Workshop, clock: ManualClock
) -> None:
    good = shop.commit_files("Begin", {"shop/pricing.py": PRICING, "shop/mail.py": "a = 1\n"})
    bad = shop.commit_files("Send currency mails", {"shop/mail.py": "a = 2\n"})
    ranking = await suspects.rank(
        await git.open_repository(shop.path, clock),
        bad=bad,
        good=good,
        tracebacks=raised("shop/pricing.py", 5, "rate", "KeyError: 'currency'"),
        onset=START,
        deployed_at=START - timedelta(days=3),
    )
    assert ranking.abstained
    assert [suspect.commit.hash for suspect in ranking.suspects] == [bad], "a hint all the same"


async def test_it_abstains_where_the_release_changed_nothing_that_runs(shop: Workshop, clock: ManualClock) -> None:
    good = shop.commit_files("Begin", {"shop/pricing.py": PRICING})
    bad = shop.commit_files("Explain", {"README.md": "hello\n"})
    ranking = await suspects.rank(await git.open_repository(shop.path, clock), bad=bad, good=good)
    assert ranking.abstained
    assert not ranking.suspects


async def test_the_exception_that_came_first_weighs_more_than_the_one_it_caused(
    shop: Workshop, clock: ManualClock
) -> None:
    good = shop.commit_files("Begin", {"shop/pricing.py": PRICING, "shop/web.py": "def answer():\n    go()\n"})
    culprit = shop.commit_files("One", {"shop/pricing.py": PRICING.replace("cart['currency']", "cart['money']")})
    bad = shop.commit_files("Two", {"shop/web.py": "def answer():\n    go(1)\n"})
    begin, frame = "Traceback (most recent call last):\n", '  File "/app/shop/{}", line {}, in f\n    x\n'
    chained = (
        f"{begin}{frame.format('pricing.py', 5)}KeyError: 'money'\n\n"
        "The above exception was the direct cause of the following exception:\n\n"
        f"{begin}{frame.format('web.py', 2)}RuntimeError: no\n"
    )
    ranking = await suspects.rank(
        await git.open_repository(shop.path, clock), bad=bad, good=good, tracebacks=tracebacks.parse(chained)
    )
    assert ranking.suspects[0].commit.hash == culprit


async def test_frames_of_libraries_are_not_taken_for_ours(shop: Workshop, clock: ManualClock) -> None:
    good = shop.commit_files("Begin", {"shop/pricing.py": PRICING, "client.py": "a = 1\nb = 2\n"})
    bad = shop.commit_files("Touch", {"client.py": "a = 2\nb = 2\n"})
    ranking = await suspects.rank(
        await git.open_repository(shop.path, clock),
        bad=bad,
        good=good,
        tracebacks=raised("venv/lib/python3.11/site-packages/http/client.py", 1, "get", "OSError: down"),
    )
    assert not ranking.places
    assert ranking.abstained


async def test_a_shallow_clone_is_not_blamed(shop: Workshop, tmp_path: Path, clock: ManualClock) -> None:
    for number in range(3):
        shop.commit(f"Step {number}", a_py=f"x = {number}\n")
    shop.git("clone", "--quiet", "--depth=1", f"file://{shop.path}", str(tmp_path / "shallow"))
    with pytest.raises(ToolFailed, match="is shallow"):
        await suspects.rank(await git.open_repository(tmp_path / "shallow", clock), bad="HEAD")
