"""What a change does that matters in the area it touches: lost data, limits, bundles, what callers rely on. Pure.

Signs are what a person of that trade looks for first; none of them is proof that something is wrong.
"""

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from unidiff.errors import UnidiffParseError
from unidiff.patch import PatchedFile, PatchSet

from incidents.definitions import Area
from incidents.tools import filekinds
from incidents.tools.filekinds import FileKind

MAX_SIGNS = 12  # of one change; a longer list is read by nobody at night
_MAX_LINE = 400  # characters that are looked at; longer lines are minified or data, and patterns would take minutes


@dataclass(frozen=True)
class Sign:
    """One thing that the change does."""

    path: str
    line: int  #: in the file after the change; for what was taken away, before it; 0: the file as a whole
    says: str
    code: str = ""

    def __str__(self) -> str:
        return f"{self.path}:{self.line} {self.says}" if self.line else f"{self.path} {self.says}"


_Look = Callable[[PatchedFile], Iterator[Sign]]


def of(area: Area, diff: str, files: Collection[str] = ()) -> tuple[Sign, ...]:
    """Return the signs of `area` in a unified diff, in its order; `files` are all paths after the change."""
    try:
        patch = PatchSet(diff)
    except UnidiffParseError:
        return ()
    looks = _LOOKS[area]
    touched = [file for file in patch if filekinds.kind(file.path) not in (FileKind.TEST, FileKind.DOCS)]
    found = [sign for file in touched for sign in looks(file)]
    if area is Area.DATA and any("waits" in sign.says for sign in found) and not _bounds_locks(patch):
        found.append(Sign(found[0].path, 0, "sets no lock_timeout: behind one slow query everything queues"))
    if area is Area.FRONTEND:
        found += _bundles(patch, files)
    return tuple(found[:MAX_SIGNS])


# Data

_WAITS = "while it runs, what writes there waits"
_LOST = "going back does not bring the data back"
_DATA: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), says)
    for pattern, says in (
        (r"\bcreate\s+(unique\s+)?index\s+(?!concurrently)", f"builds an index without CONCURRENTLY: {_WAITS}"),
        (r"\bop\.create_index\((?!.*concurrently)", f"builds an index without CONCURRENTLY: {_WAITS}"),
        (r"\block\s+table\b", f"locks a whole table: {_WAITS}"),
        (
            r"\balter\s+(table\s.*\salter\s+)?column\b.*\btype\b",
            f"changes a column's type, which rewrites it: {_WAITS}",
        ),
        (r"\bop\.alter_column\(.*type_=", f"changes a column's type, which rewrites it: {_WAITS}"),
        (r"\badd\s+(column\s+)?\w+.*\bnot\s+null\b(?!.*\bdefault\b)", "adds a column that rows there cannot fill"),
        (r"\b(drop\s+(table|column)|truncate)\b|\bop\.drop_(table|column)\(", f"throws stored data away: {_LOST}"),
        (r"\bdelete\s+from\s+\w+\s*(;|$|[\"'])", f"deletes every row: {_LOST}"),
        (r"\bupdate\s+\w+\s+set\b(?!.*\bwhere\b)", f"changes every row: {_LOST}"),
        (r"\brename\s+(column|to)\b|\bop\.rename_table\(", "renames what the release still running reads"),
        (r"\bfor\s+update\b(?!.*\b(skip\s+locked|nowait)\b)", "holds rows until its transaction ends: others wait"),
    )
)


def _data(file: PatchedFile) -> Iterator[Sign]:
    if filekinds.kind(file.path) is FileKind.MIGRATION:
        does = "is added" if file.is_added_file else "is taken away" if file.is_removed_file else "is changed"
        yield Sign(file.path, 0, f"{does}: a migration; code alone does not put back what it did")
    for number, text in _added(file):
        for pattern, says in _DATA:
            if pattern.search(text):
                yield Sign(file.path, number, says, text)
                break


def _bounds_locks(patch: PatchSet) -> bool:
    return any("lock_timeout" in text for file in patch for _, text in _added(file))


# Infrastructure

_LIMIT = re.compile(
    r"""^[\s\-"']*(?P<key>[\w.\-]*(memory|mem_limit|cpu|replica|timeout|max_?conn|pool|worker|nofile|limit|heap|thread
    |concurren|port|image|retries|ttl|max_?body|buffer)[\w.\-]*)["']?\s*[:=\s]\s*["']?(?P<value>[^\s"',;#]+)""",
    re.IGNORECASE | re.VERBOSE,
)
_SETTING = re.compile(r"^\s*(?:ENV\s+|export\s+|-\s*name:\s*)?(?P<key>[A-Z][A-Z0-9_]{2,})(?:\s*[=:]|\s+\S|$)")
_IMAGE = re.compile(r"^\s*FROM\s+(?P<value>\S+)", re.IGNORECASE)


def _infrastructure(file: PatchedFile) -> Iterator[Sign]:
    if filekinds.kind(file.path) is FileKind.SOURCE and PurePosixPath(file.path).suffix in (".py", ".js", ".ts", ".go"):
        return
    before, after = _limits(_removed(file)), _limits(_added(file))
    for key, (number, value, text) in after.items():
        was = before.get(key)
        if was is None:
            yield Sign(file.path, number, f"sets {key} to {value}", text)
        elif was[1] != value:
            yield Sign(file.path, number, f"changes {key} from {was[1]} to {value}", text)
    for key, (number, value, text) in before.items():
        if key not in after:
            yield Sign(file.path, number, f"no longer sets {key} (was {value})", text)
    yield from _settings(file, {*before, *after})


def _limits(lines: Iterator[tuple[int, str]]) -> dict[str, tuple[int, str, str]]:
    found: dict[str, tuple[int, str, str]] = {}
    for number, text in lines:
        if image := _IMAGE.match(text):
            found.setdefault("base image", (number, image["value"], text))
        elif limit := _LIMIT.match(text):
            found.setdefault(limit["key"].strip("-"), (number, limit["value"], text))
    return found


def _settings(file: PatchedFile, limits: Collection[str]) -> Iterator[Sign]:
    """Yield the environment's variables that come or go; their values may be secret and are not shown."""
    added = {match["key"]: number for number, text in _added(file) if (match := _SETTING.match(text))}
    removed = {match["key"]: number for number, text in _removed(file) if (match := _SETTING.match(text))}
    for key, number in added.items():
        if key not in removed and key not in limits and key not in _WORDS:
            yield Sign(file.path, number, f"adds the setting {key}: every environment needs it")
    for key, number in removed.items():
        if key not in added and key not in limits and key not in _WORDS:
            yield Sign(file.path, number, f"takes the setting {key} away")


#: Words of a Dockerfile that look like settings.
_WORDS = {"FROM", "RUN", "COPY", "ADD", "CMD", "EXPOSE", "WORKDIR", "ENTRYPOINT", "USER", "ARG", "ENV", "LABEL"}


# Frontend

_ASSET = re.compile(r"""(?:src|href)=["'](?P<path>[^"'{}:?#]+\.(?:js|mjs|css|png|svg|woff2?))["'?#]""")
_BUILT = re.compile(r"(^|/)(dist|build|static/js|public/assets)/|\.(min|bundle)\.(js|css)$|[.-][0-9a-f]{8,}\.(js|css)$")
_PACKAGES = {"package.json", "package-lock.json", "yarn.lock", "pnpm-lock.yaml"}
_SCRIPTS = {".js", ".jsx", ".mjs", ".ts", ".tsx", ".css", ".scss", ".vue", ".svelte"}


def _frontend(file: PatchedFile) -> Iterator[Sign]:
    name = PurePosixPath(file.path).name
    if name in _PACKAGES:
        yield Sign(file.path, 0, "changes what is installed: the bundle must be built anew")
    if _BUILT.search(file.path):
        does = (
            "is taken away: pages that browsers keep still ask for it" if file.is_removed_file else "is built, and kept"
        )
        yield Sign(file.path, 0, does)
    for number, text in _added(file):
        if re.search(r"(?i)cache-control|max-age|service-?worker", text):
            yield Sign(file.path, number, "changes what browsers keep: they may mix the old release with the new", text)


def _bundles(patch: PatchSet, files: Collection[str]) -> Iterator[Sign]:
    """Yield references to assets that are not there, and sources that changed without the bundle made of them."""
    paths = [file.path for file in patch]
    for file in patch:
        for number, text in _added(file):
            for asset in _ASSET.finditer(text):
                wanted = asset["path"].lstrip("./")
                if files and not any(each == wanted or each.endswith(f"/{wanted}") for each in files):
                    yield Sign(file.path, number, f"asks for {wanted}, which is not in the repository", text)
    built = [path for path in files if _BUILT.search(path)]
    sources = [path for path in paths if PurePosixPath(path).suffix in _SCRIPTS and not _BUILT.search(path)]
    if built and sources and not any(_BUILT.search(path) for path in paths):
        yield Sign(sources[0], 0, f"changes, and the bundle that is kept ({built[0]}) does not")


# Api

_ROUTE = re.compile(
    r"""(?:@[\w.]+|\b(?:app|api|router|server|blueprint|bp))\.(?P<method>route|get|post|put|patch|delete)"""
    r"""\(\s*["'](?P<path>/[^"']*)["']"""
)
_DEFAULT = re.compile(r"""\.(?:get|pop)\(\s*["'](?P<key>[\w.-]+)["']""")
_DEMAND = re.compile(r"""[\w\])]\[\s*["'](?P<key>[\w.-]+)["']\s*\](?!\s*=[^=])""")
_GUARD = re.compile(r"^@[\w.]*(?:login|auth|permission|csrf|signed)\w*|\bDepends\(\s*\w*(?:user|auth|permission)\w*")
_API: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(r"\b(?:requests|httpx)\.(?:get|post|put|patch|delete|request)\((?!.*\btimeout\b).*\)"),
        "asks another service without a time limit: when that one hangs, this does",
    ),
    (
        re.compile(r"^except(?:\s+(?:Base)?Exception(?:\s+as\s+\w+)?)?\s*:|\bcatch\s*(?:\([^)]*\))?\s*\{\s*\}"),
        "catches every error: what fails here may go unseen",
    ),
)


def _api(file: PatchedFile) -> Iterator[Sign]:
    if filekinds.kind(file.path) is not FileKind.SOURCE:
        return
    before, after = list(_removed(file)), list(_added(file))
    kept = {match.group("method", "path") for _, text in after for match in _ROUTE.finditer(text)}
    spared = {match["key"] for _, text in before for match in _DEFAULT.finditer(text)}
    still = {match["key"] for _, text in after for match in _DEFAULT.finditer(text)}
    guards = {text for _, text in after}
    for number, text in before:
        for match in _ROUTE.finditer(text):
            if match.group("method", "path") not in kept:
                yield Sign(file.path, number, f"no longer answers {match['path']}: whoever asks for it fails", text)
        if _GUARD.search(text) and text not in guards:
            yield Sign(file.path, number, "takes away a check of who asks", text)
    for number, text in after:
        for match in _DEMAND.finditer(text):
            if match["key"] in spared - still:
                says = f"demands {match['key']}, which it did without: whoever does not send it fails"
                yield Sign(file.path, number, says, text)
        yield from (Sign(file.path, number, says, text) for pattern, says in _API if pattern.search(text))


_LOOKS: dict[Area, _Look] = {
    Area.DATA: _data,
    Area.INFRASTRUCTURE: _infrastructure,
    Area.FRONTEND: _frontend,
    Area.API: _api,
}


def _added(file: PatchedFile) -> Iterator[tuple[int, str]]:
    for hunk in file:
        for line in hunk:
            if line.is_added:
                yield line.target_line_no or 0, line.value[:_MAX_LINE].strip()


def _removed(file: PatchedFile) -> Iterator[tuple[int, str]]:
    for hunk in file:
        for line in hunk:
            if line.is_removed:
                yield line.source_line_no or 0, line.value[:_MAX_LINE].strip()
