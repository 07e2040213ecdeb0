"""The campaign kills at every Web API method with an effect that `sitrep serve` calls, and reaches all its points."""

import ast
import json
from collections.abc import Iterator
from pathlib import Path

from tests.torture.__main__ import never_reached
from tests.torture.campaign import Report
from tests.torture.points import CALLS, Point, blows, every_point, once_more

BOT = Path(__file__).parents[2] / "bot"
KNOWN = set(json.loads((BOT / "workspace" / "data" / "rate-limit-tiers.json").read_text()))
_COMMITS = (Point.COMMITTING, Point.COMMITTED)
#: They change nothing.
READS = {
    "auth.test",
    "apps.connections.open",
    "bookmarks.list",
    "chat.getPermalink",
    "conversations.history",
    "conversations.info",
    "conversations.replies",
    "users.conversations",
    "users.info",
    "users.lookupByEmail",
}


def called() -> Iterator[str]:
    """Yield the methods that delivery and the listeners name: as a word, or as a function of the SDK's client."""
    for file in [*BOT.glob("delivery/**/*.py"), *BOT.glob("listeners/**/*.py"), *BOT.glob("*.py")]:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Constant) and node.value in KNOWN:
                yield str(node.value)
            if isinstance(node, ast.Attribute) and node.attr.replace("_", ".") in KNOWN:
                yield node.attr.replace("_", ".")


def test_every_method_with_an_effect_is_killed() -> None:
    effects = set(called()) - READS
    assert len(effects) > 15
    assert effects <= CALLS.keys()


def test_long_run_reaches_every_point() -> None:
    points = {(kill.point, kill.what, stir) for kill, stir in every_point()}
    struck = {(blow.kill.point, blow.kill.what, blow.stir) for blow in blows(seed=1, count=150)}
    assert points <= struck
    assert len([blow for blow in blows(seed=1, count=150) if blow.kill.point is Point.RANDOM]) == 30


def test_only_what_a_declaration_does_several_times_is_waited_for_a_second_time() -> None:
    dealt = [blow.kill for seed in range(20) for blow in blows(seed, count=150)]
    often = {kill.what for kill in dealt if kill.nth > 1 and kill.point not in (Point.WRITING, *_COMMITS)}
    assert often == {r"^chat\.postMessage$", r"^conversations\.open$"}
    written = {kill.what for kill in dealt if kill.nth > 1 and kill.point in (Point.WRITING, *_COMMITS)}
    assert all(what.startswith("UPDATE outbox") for what in written)


def test_point_that_no_company_of_a_database_reached_is_named_where_all_were_dealt() -> None:
    dealt, left = list(blows(seed=1, count=150)), every_point()[7]
    reached = [each for each in every_point() if each != left]
    halves = [Report(number, "sqlite", struck={*reached[number::2]}) for number in (0, 1)]
    everywhere = Report(3, "postgresql", struck={*every_point()})
    assert never_reached([*halves, everywhere], dealt) == [f"sqlite {left[0]} ({left[1]})"]
    assert never_reached([*halves, everywhere], dealt[:20]) == []
    assert [(blow.kill, blow.stir) for blow in once_more([left])] == [left]
