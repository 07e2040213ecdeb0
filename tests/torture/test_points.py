"""The campaign kills at every Web API method with an effect that `sitrep serve` calls, and reaches all its points."""

import ast
import json
from collections.abc import Iterator
from pathlib import Path

from tests.torture.points import CALLS, Point, blows, every_point

BOT = Path(__file__).parents[2] / "bot"
KNOWN = set(json.loads((BOT / "workspace" / "data" / "rate-limit-tiers.json").read_text()))
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
