"""A culprit is undone whole, else by the hunks that fit, on a branch that leaves the clone alone."""

from pathlib import Path

import pytest

from incidents.agents.outputs import FixApproach
from incidents.errors import ToolFailed
from incidents.tools import git, reverts, worktrees
from incidents.tools.git import Repository
from incidents.tools.worktrees import Worktree
from tests.clock import ManualClock
from tests.integration.tools.workshop import Workshop

PRICES = "def price():\n    return 1\n\n\n\n\n\n\n\n\ndef tax():\n    return 2\n"


async def hotfix(shop: Workshop, folder: Path, clock: ManualClock) -> tuple[Repository, Worktree]:
    repository = await git.open_repository(shop.path, clock)
    return repository, await worktrees.add(repository, folder, commit="HEAD", branch="hotfix/inc-7")


async def test_a_culprit_is_reverted_on_a_branch_and_the_clone_stays_as_it_was(
    shop: Workshop, tmp_path: Path, clock: ManualClock
) -> None:
    shop.commit("Begin", a_py=PRICES)
    culprit = shop.commit("Break the price", a_py=PRICES.replace("1", "None"))
    head = shop.commit("Work on", b_py="x = 1\n")
    repository, worktree = await hotfix(shop, tmp_path / "work", clock)
    undone = await reverts.undo(worktree, await repository.commit(culprit), reason="inc-7: orders fail")
    assert undone.worked
    assert undone.approach is FixApproach.REVERT
    assert (worktree.folder / "a.py").read_text() == PRICES
    made = await repository.commit(undone.commit)
    assert made.subject == 'Revert "Break the price"'
    assert f"This reverts commit {culprit}" in made.body
    assert "inc-7: orders fail" in made.body
    assert made.parents == (head,)
    assert undone.diff is not None
    assert undone.diff.files == ("a.py",)
    assert shop.git("rev-parse", "hotfix/inc-7") == undone.commit
    assert shop.git("rev-parse", "main") == head
    assert shop.git("status", "--porcelain") == ""


async def test_where_the_whole_conflicts_the_hunks_that_fit_are_undone(
    shop: Workshop, tmp_path: Path, clock: ManualClock
) -> None:
    shop.commit("Begin", a_py=PRICES)
    broken = PRICES.replace("return 1", "return None").replace("return 2", "return 3")
    culprit = shop.commit("Break the price", a_py=broken)
    shop.commit("Rework the tax", a_py=broken.replace("return 3", "return 4"))
    repository, worktree = await hotfix(shop, tmp_path / "work", clock)
    found = await repository.commit(culprit)
    whole = await reverts.revert(worktree, found, reason="inc-7")
    assert not whole.worked
    assert whole.conflicts == ("a.py",)
    undone = await reverts.undo(worktree, found, reason="inc-7")
    assert undone.approach is FixApproach.REVERT_HUNKS
    assert undone.skipped_hunks == 1
    assert (worktree.folder / "a.py").read_text() == PRICES.replace("return 2", "return 4")
    assert "Undoes 1 of 2 hunks" in (await repository.commit(undone.commit)).body


async def test_where_nothing_fits_the_conflict_is_told_and_the_worktree_is_clean(
    shop: Workshop, tmp_path: Path, clock: ManualClock
) -> None:
    shop.commit("Begin", a_py="x = 1\n")
    culprit = shop.commit("Break it", a_py="x = 2\n")
    head = shop.commit("Rework it", a_py="x = 3\n")
    repository, worktree = await hotfix(shop, tmp_path / "work", clock)
    undone = await reverts.undo(worktree, await repository.commit(culprit), reason="inc-7")
    assert not undone.worked
    assert undone.conflicts == ("a.py",)
    assert await worktree.head() == head
    assert (await repository.git("status", "--porcelain", cwd=worktree.folder)).stdout == ""


async def test_conflicts_in_docs_and_tests_are_settled_by_keeping_them(
    shop: Workshop, tmp_path: Path, clock: ManualClock
) -> None:
    shop.commit_files("Begin", {"a.py": "x = 1\n", "CHANGELOG.md": "- one\n"})
    culprit = shop.commit_files("Break it", {"a.py": "x = 2\n", "CHANGELOG.md": "- two\n", "tests/test_a.py": "a\n"})
    shop.commit_files("Tell", {"CHANGELOG.md": "- three\n", "tests/test_a.py": "b\n"})
    repository, worktree = await hotfix(shop, tmp_path / "work", clock)
    undone = await reverts.undo(worktree, await repository.commit(culprit), reason="inc-7")
    assert undone.worked
    assert undone.approach is FixApproach.REVERT
    assert set(undone.kept) == {"CHANGELOG.md", "tests/test_a.py"}
    assert (worktree.folder / "a.py").read_text() == "x = 1\n"
    assert (worktree.folder / "CHANGELOG.md").read_text() == "- three\n"
    assert (worktree.folder / "tests" / "test_a.py").read_text() == "b\n"


async def test_a_migration_is_never_undone_without_a_person(shop: Workshop, tmp_path: Path, clock: ManualClock) -> None:
    shop.commit("Begin", a_py="x = 1\n")
    culprit = shop.commit_files("Migrate", {"a.py": "x = 2\n", "migrations/0002_drop.py": "drop()\n"})
    repository, worktree = await hotfix(shop, tmp_path / "work", clock)
    with pytest.raises(ToolFailed, match="changes a migration"):
        await reverts.undo(worktree, await repository.commit(culprit), reason="inc-7")


async def test_what_a_test_run_changed_in_the_worktree_is_not_in_the_way(
    shop: Workshop, tmp_path: Path, clock: ManualClock
) -> None:
    shop.commit("Begin", a_py="x = 1\n")
    culprit = shop.commit("Break it", a_py="x = 2\n")
    repository, worktree = await hotfix(shop, tmp_path / "work", clock)
    (worktree.folder / "a.py").write_text("written by a test\n")
    undone = await reverts.undo(worktree, await repository.commit(culprit), reason="inc-7")
    assert undone.worked
    assert (worktree.folder / "a.py").read_text() == "x = 1\n"


async def test_a_folder_that_cannot_be_written_is_told(shop: Workshop, tmp_path: Path, clock: ManualClock) -> None:
    shop.commit("Begin", a_py="x = 1\n")
    (tmp_path / "file").touch()
    with pytest.raises(ToolFailed, match="No worktree can be made"):
        await hotfix(shop, tmp_path / "file" / "work", clock)


async def test_a_merge_is_reverted_against_its_first_parent(shop: Workshop, tmp_path: Path, clock: ManualClock) -> None:
    shop.commit("Begin", a_py="x = 1\n")
    shop.git("switch", "--quiet", "-c", "side")
    shop.commit("Break it on the side", a_py="x = 2\n")
    shop.git("switch", "--quiet", "main")
    shop.commit("Work on main", b_py="y = 1\n")
    shop.git("merge", "--quiet", "--no-edit", "side")
    repository, worktree = await hotfix(shop, tmp_path / "work", clock)
    undone = await reverts.undo(worktree, await repository.commit("main"), reason="inc-7")
    assert undone.worked
    assert (worktree.folder / "a.py").read_text() == "x = 1\n"
    assert (worktree.folder / "b.py").exists()


async def test_what_was_undone_already_is_told(shop: Workshop, tmp_path: Path, clock: ManualClock) -> None:
    shop.commit("Begin", a_py="x = 1\n")
    culprit = shop.commit("Break it", a_py="x = 2\n")
    shop.git("revert", "--no-edit", culprit)
    repository, worktree = await hotfix(shop, tmp_path / "work", clock)
    with pytest.raises(ToolFailed, match="undone already"):
        await reverts.undo(worktree, await repository.commit(culprit), reason="inc-7")


async def test_a_retry_replaces_what_the_first_attempt_left(shop: Workshop, tmp_path: Path, clock: ManualClock) -> None:
    shop.commit("Begin", a_py="x = 1\n")
    culprit = shop.commit("Break it", a_py="x = 2\n")
    repository, first = await hotfix(shop, tmp_path / "work", clock)
    await reverts.undo(first, await repository.commit(culprit), reason="inc-7")
    (first.folder / "rubbish.txt").write_text("left behind")
    _, second = await hotfix(shop, tmp_path / "work", clock)
    assert not (second.folder / "rubbish.txt").exists()
    assert await second.head() == culprit
    undone = await reverts.undo(second, await repository.commit(culprit), reason="inc-7")
    assert shop.git("rev-parse", "hotfix/inc-7") == undone.commit


async def test_a_worktree_whose_folder_was_deleted_by_hand_can_be_made_again(
    shop: Workshop, tmp_path: Path, clock: ManualClock
) -> None:
    shop.commit("Begin", a_py="x = 1\n")
    _, worktree = await hotfix(shop, tmp_path / "work", clock)
    (worktree.folder / "a.py").unlink()
    (worktree.folder / ".git").unlink()
    _, again = await hotfix(shop, tmp_path / "work", clock)
    assert (again.folder / "a.py").exists()


async def test_commits_that_may_rest_on_the_culprit_are_listed(shop: Workshop, clock: ManualClock) -> None:
    shop.commit("Begin", a_py=PRICES)
    culprit = shop.commit("Break the price", a_py=PRICES.replace("1", "None"))
    shop.commit("Elsewhere", b_py="x = 1\n")
    shop.commit("Rework the tax", a_py=PRICES.replace("1", "None").replace("2", "3"))
    repository = await git.open_repository(shop.path, clock)
    later = await reverts.dependents(repository, await repository.commit(culprit), "main")
    assert [commit.subject for commit in later] == ["Rework the tax"]
