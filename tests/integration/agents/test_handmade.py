"""What people committed by hand is looked up in git: that it is there, and what they need not type."""

from pathlib import Path

import pytest

from incidents.agents import handmade
from incidents.clock import SystemClock
from incidents.errors import InvalidInputs
from tests.integration.agents.shop import GOOD, PRICING, TEST, Shop

PROMPT = "bug-implementation"


async def test_a_branch_that_was_only_pushed_is_brought_here_and_everything_else_comes_from_it(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.broken()
    clone = tmp_path / "clone"
    shop.git("clone", "--quiet", str(shop.repository), str(clone))
    (code,) = shop.service(repository=str(clone)).codebases()
    shop.git("switch", "--quiet", "--create", "fix/carts")
    first = shop.commit("Price old carts", {PRICING: GOOD})
    last = shop.commit("Test it", {"tests/test_old_carts.py": TEST})
    found = await handmade.look_up(PROMPT, {"branch": "fix/carts"}, code, SystemClock())
    assert found["commit"] == last
    assert found["base"] == shop.git("rev-parse", "main")
    assert found["files"].split() == [PRICING, "tests/test_old_carts.py"]
    assert found["tests.test_files"] == "tests/test_old_carts.py"
    assert (found["repository"], found["diffstat"]) == ("shop", "2 files, +8 −1")
    assert shop.git("rev-parse", "fix/carts", cwd=clone) == last, "later steps go on from there"
    found = await handmade.look_up(PROMPT, {"branch": "fix/carts", "commit": first[:9]}, code, SystemClock())
    assert (found["commit"], found["files"]) == (first, PRICING)


@pytest.mark.parametrize(
    ("typed", "path", "said"),
    [
        ({"branch": "fix/none"}, "branch", "has no branch 'fix/none'"),
        ({"branch": "--upload-pack=x"}, "branch", "has no branch"),
        ({"commit": "0123456"}, "commit", "has no commit '0123456'"),
        ({"branch": "elsewhere", "commit": "main"}, "commit", "is not on `elsewhere`"),
        ({"base": "gone"}, "base", "has no commit 'gone'"),
    ],
)
async def test_what_git_does_not_know_is_said_at_its_field(
    tmp_path: Path, typed: dict[str, str], path: str, said: str
) -> None:
    shop = Shop(tmp_path)
    good, _ = shop.broken()
    shop.git("branch", "elsewhere", good)
    (code,) = shop.service().codebases()
    with pytest.raises(InvalidInputs) as caught:
        await handmade.look_up(PROMPT, typed, code, SystemClock())
    assert set(caught.value.faults) == {path}
    assert said in caught.value.faults[path]


async def test_without_a_repository_or_a_name_nothing_is_looked_up(tmp_path: Path) -> None:
    (code,) = Shop(tmp_path).service().codebases()  # it has no commit yet
    assert await handmade.look_up(PROMPT, {"branch": "fix/x"}, None, SystemClock()) == {}
    assert await handmade.look_up(PROMPT, {"branch": "fix/x"}, code, SystemClock()) == {"repository": "shop"}
    assert await handmade.look_up("bug-code-review", {"critique": "x"}, code, SystemClock()) == {}
