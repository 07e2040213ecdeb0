"""Paths that somebody else names: taken only inside one folder, never git's own files, never through a link."""

from pathlib import Path, PurePosixPath

from incidents.errors import ToolFailed

MAX_PATH = 300  # characters; the longest path of a large repository has some 200


def path_of(folder: Path, name: str) -> Path:
    """Return the path of `name` in `folder`; it need not exist.

    Raises:
        ToolFailed: when it leads out of the folder, into `.git`, or through a symbolic link.
    """
    pure = PurePosixPath(name)
    shown = f"`{name[:100]}`"
    if not name.strip() or len(name) > MAX_PATH or not name.isprintable() or "\\" in name:
        raise ToolFailed(f"{shown} is no path.", remedy="Name a file of the repository, such as `app/main.py`.")
    if pure.is_absolute() or ".." in pure.parts:
        raise ToolFailed(f"{shown} lies outside the repository.", remedy="Name a path inside it.")
    if any(part.lower() == ".git" for part in pure.parts):
        raise ToolFailed(f"{shown} belongs to git.", remedy="Use the history tools to read the past.")
    path = folder
    for part in pure.parts:
        path /= part
        if path.is_symlink():
            raise ToolFailed(f"{shown} is or passes through a symbolic link.", remedy="Name the file itself.")
    return path
