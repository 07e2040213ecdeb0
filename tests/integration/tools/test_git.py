"""History is read from real repositories; a hostile one runs nothing."""

import os
from pathlib import Path

import pytest

from incidents.errors import ToolFailed
from incidents.tools import git, worktrees
from incidents.tools.evidence import EvidenceKind
from tests.clock import ManualClock
from tests.integration.tools.workshop import Workshop


async def test_a_missing_repository_says_where_it_should_be(tmp_path: Path, clock: ManualClock) -> None:
    with pytest.raises(ToolFailed, match="does not exist") as failed:
        await git.open_repository(tmp_path / "gone", clock)
    assert "sitrep.yml" in failed.value.remedy


async def test_a_plain_folder_is_no_repository(tmp_path: Path, clock: ManualClock) -> None:
    with pytest.raises(ToolFailed, match="is not a git repository"):
        await git.open_repository(tmp_path, clock)


async def test_a_repository_without_commits_says_so(shop: Workshop, clock: ManualClock) -> None:
    with pytest.raises(ToolFailed, match="has no commit yet"):
        await git.open_repository(shop.path, clock)


async def test_a_dirty_clone_names_the_files(shop: Workshop, clock: ManualClock) -> None:
    shop.commit("Begin", a_py="x = 1\n")
    repository = await git.open_repository(shop.path, clock)
    await repository.require_clean()
    (shop.path / "untracked.txt").write_text("does not matter")
    await repository.require_clean()
    (shop.path / "a.py").write_text("x = 2\n")
    with pytest.raises(ToolFailed, match=r"uncommitted changes: a\.py"):
        await repository.require_clean()


async def test_a_shallow_clone_is_refused_with_the_command_that_helps(
    shop: Workshop, tmp_path: Path, clock: ManualClock
) -> None:
    for number in range(3):
        shop.commit(f"Step {number}", a_py=f"x = {number}\n")
    shallow = tmp_path / "shallow"
    shop.git("clone", "--quiet", "--depth=1", f"file://{shop.path}", str(shallow))
    repository = await git.open_repository(shallow, clock)
    with pytest.raises(ToolFailed, match="is shallow") as failed:
        await repository.require_full_history()
    assert "git fetch --unshallow" in failed.value.remedy
    await (await git.open_repository(shop.path, clock)).require_full_history()


async def test_an_unknown_commit_is_named(shop: Workshop, clock: ManualClock) -> None:
    shop.commit("Begin", a_py="x = 1\n")
    repository = await git.open_repository(shop.path, clock)
    with pytest.raises(ToolFailed, match="has no commit 'feedbeef'"):
        await repository.resolve("feedbeef")


async def test_a_revision_that_looks_like_an_option_is_no_option(shop: Workshop, clock: ManualClock) -> None:
    shop.commit("Begin", a_py="x = 1\n")
    repository = await git.open_repository(shop.path, clock)
    with pytest.raises(ToolFailed, match="has no commit"):
        await repository.resolve("--all")


async def test_commits_between_releases_come_newest_first_with_their_files(shop: Workshop, clock: ManualClock) -> None:
    good = shop.commit("Good release", a_py="x = 1\n")
    shop.commit_files("Grüße, 世界\n\nA body\nof two lines.", {"ordner/straße 1.py": "y = 1\n", "b.py": "z = 1\n"})
    bad = shop.commit("Bad release", a_py="x = 2\n")
    repository = await git.open_repository(shop.path, clock)
    history = await repository.commits(bad, since=good)
    assert [commit.subject for commit in history.commits] == ["Bad release", "Grüße, 世界"]
    assert set(history.commits[1].files) == {"ordner/straße 1.py", "b.py"}
    assert history.commits[1].body == "A body\nof two lines."
    assert history.commits[0].parents == (history.commits[1].hash,)
    assert history.evidence.summary == f"2 commits between `{good[:7]}` and `{bad[:7]}`"
    assert history.evidence.kind is EvidenceKind.GIT
    assert history.evidence.command is not None
    assert history.evidence.command[:2] == ("git", "log")


async def test_merges_are_left_out_but_what_they_brought_is_not(shop: Workshop, clock: ManualClock) -> None:
    good = shop.commit("Begin", a_py="x = 1\n")
    shop.git("switch", "--quiet", "-c", "side")
    shop.commit("Work on the side", b_py="y = 1\n")
    shop.git("switch", "--quiet", "main")
    shop.commit("Work on main", a_py="x = 2\n")
    shop.git("merge", "--quiet", "--no-edit", "side")
    repository = await git.open_repository(shop.path, clock)
    history = await repository.commits("main", since=good)
    assert {commit.subject for commit in history.commits} == {"Work on the side", "Work on main"}
    merge = await repository.commit("main")
    assert len(merge.parents) == 2
    assert merge.files == ("b.py",)


async def test_blame_names_who_changed_each_line(shop: Workshop, clock: ManualClock) -> None:
    first = shop.commit("Begin", a_py="one = 1\ntwo = 2\nthree = 3\n")
    second = shop.commit("Change two", a_py="one = 1\ntwo = 22\nthree = 3\n")
    shop.commit("Indent", a_py="one = 1\ntwo = 22\nthree  =  3\n")
    repository = await git.open_repository(shop.path, clock)
    blame = await repository.blame("HEAD", "a.py", 1, 3)
    assert [line.commit for line in blame.lines] == [first, second, first]
    assert blame.lines[1].text == "two = 22"
    assert "a.py:1-3" in blame.evidence.summary


async def test_a_diff_counts_files_and_lines(shop: Workshop, clock: ManualClock) -> None:
    root = shop.commit("Begin", a_py="x = 1\ny = 2\n")
    head = shop.commit_files("Change", {"a.py": "x = 1\ny = 3\nz = 4\n", "naïve name.txt": "new\n"})
    repository = await git.open_repository(shop.path, clock)
    diff = await repository.diff(root, head)
    assert (set(diff.files), diff.additions, diff.deletions) == ({"a.py", "naïve name.txt"}, 3, 1)
    assert "+z = 4" in diff.text
    assert (await repository.changed_by(await repository.commit(root))).additions == 2


async def test_a_file_is_shown_as_it_was(shop: Workshop, clock: ManualClock) -> None:
    root = shop.commit("Begin", a_py="x = 1\n")
    shop.commit("Change", a_py="x = 2\n")
    repository = await git.open_repository(shop.path, clock)
    assert await repository.show(root, "a.py") == "x = 1\n"
    assert await repository.show(root, "gone.py") is None


async def test_nothing_that_a_repository_configures_is_run(shop: Workshop, tmp_path: Path, clock: ManualClock) -> None:
    ran = tmp_path / "ran"
    trap = tmp_path / "trap"
    trap.write_text(f'#!/bin/sh\necho "$0 $*" >> {ran}\ncat\n')
    trap.chmod(0o755)
    shop.commit_files("Begin", {".gitattributes": "*.py filter=evil diff=evil merge=evil\n", "a.py": "x = 1\n"})
    culprit = shop.commit("Change", a_py="x = 2\n")
    shop.commit("Change again", a_py="x = 3\n")
    included = tmp_path / "included"
    included.write_text(f"[diff]\n\texternal = {trap}\n")
    for name, value in {
        "filter.evil.smudge": trap,
        "filter.evil.clean": trap,
        "filter.evil.required": "true",
        "diff.evil.textconv": trap,
        "diff.evil.command": trap,
        "merge.evil.driver": f"{trap} %A",
        "core.fsmonitor": trap,
        "core.hooksPath": tmp_path / "hooks",
        "core.pager": trap,
        "core.editor": trap,
        "gpg.program": trap,
        "commit.gpgSign": "true",
        "include.path": included,
    }.items():
        shop.git("config", name, str(value))
    for folder in (tmp_path / "hooks", shop.path / ".git" / "hooks"):
        folder.mkdir(exist_ok=True)
        for hook in (
            "post-checkout",
            "pre-commit",
            "commit-msg",
            "post-commit",
            "prepare-commit-msg",
            "reference-transaction",
        ):
            (folder / hook).write_text(trap.read_text())
            (folder / hook).chmod(0o755)
    ran.unlink(missing_ok=True)

    repository = await git.open_repository(shop.path, clock)
    await repository.require_clean()
    await repository.blame("HEAD", "a.py", 1, 1)
    await repository.diff("HEAD~1", "HEAD")
    await repository.show("HEAD", "a.py")
    worktree = await worktrees.add(repository, tmp_path / "work", commit="HEAD", branch="hotfix/inc-1")
    assert (worktree.folder / "a.py").read_text() == "x = 3\n"
    await repository.git("revert", "--no-edit", culprit, cwd=worktree.folder)
    await repository.git("commit", "--allow-empty", "-m", "x", cwd=worktree.folder)
    await worktrees.remove(repository, worktree.folder)
    assert not ran.exists(), ran.read_text()


async def test_a_commit_that_somebody_typed_is_no_option(shop: Workshop, clock: ManualClock, tmp_path: Path) -> None:
    shop.commit("Begin", a_py="x = 1\n")
    repository = await git.open_repository(shop.path, clock)
    written = tmp_path / "written"
    for typed in (f"--output={written}", f"--contents={shop.path}/.git/config"):
        for ask in (
            repository.diff(typed, "HEAD"),
            repository.diff("HEAD", typed),
            repository.blame(typed, "a.py", 1, 1),
            repository.is_ancestor(typed, "HEAD"),
        ):
            with pytest.raises(ToolFailed):
                await ask
    assert not written.exists()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder to somebody else")
async def test_a_clone_that_belongs_to_another_user_can_be_read(shop: Workshop, clock: ManualClock) -> None:
    shop.commit("Begin", a_py="x = 1\n")
    for place, _, files in os.walk(shop.path):
        os.chown(place, 12345, 12345)
        for file in files:
            os.chown(Path(place) / file, 12345, 12345)
    repository = await git.open_repository(shop.path, clock)
    assert (await repository.commit("HEAD")).subject == "Begin"


async def test_a_search_that_finds_nothing_is_an_answer_and_one_that_fails_is_none(
    shop: Workshop, clock: ManualClock
) -> None:
    head = shop.commit("Begin", a_py="def total(): ...\n")
    repository = await git.open_repository(shop.path, clock)
    assert (await repository.grep("-q", "-e", "total", head, "--")).ok
    assert not (await repository.grep("-q", "-e", "nowhere", head, "--")).ok
    with pytest.raises(ToolFailed, match="git grep"):
        await repository.grep("-q", "-e", "total", "0" * 40, "--")
