"""Finds the files: those of templates/, each replaced whole by a file of the same name in the configuration folder."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from importlib.resources.abc import Traversable
from pathlib import Path

from incidents.configuration.mistakes import SHIPPED, Mistakes, advise, nearest

#: Subfolder -> how its files end.
FOLDERS = {"policies": ".yml", "workflows": ".yml", "prompts": ".md"}

SETTINGS = "sitrep.yml"


@dataclass(frozen=True)
class Source:
    """One file's content and the name by which people know it."""

    file: str
    content: bytes


@dataclass
class Sources:
    """All files that make up one configuration."""

    policies: dict[str, Source] = field(default_factory=dict)  #: by name without .yml
    workflows: dict[str, Source] = field(default_factory=dict)  #: by name without .yml
    prompts: dict[str, Source] = field(default_factory=dict)  #: by name with .md
    settings: Source | None = None
    left_alone: tuple[str, ...] = ()  #: files of the folder that look like configuration and are no part of it

    def own(self) -> tuple[str, ...]:
        """Return the files that are not shipped, by the names that people know them by."""
        read = [*self.workflows.values(), *self.policies.values(), *self.prompts.values()]
        return tuple(source.file for source in read if not source.file.startswith(SHIPPED))

    def own_workflows(self) -> tuple[str, ...]:
        """Return the names of the workflows that are not the shipped ones."""
        return tuple(name for name, source in self.workflows.items() if not source.file.startswith(SHIPPED))


def collect(
    templates: Traversable, config: Path | None, mistakes: Mistakes, *, required: Collection[str] = (SETTINGS,)
) -> Sources:
    """Return the files; what is in `config` (also in its folders policies, workflows, prompts) replaces the shipped.

    `required` are the files that `config` must hold.
    """
    found: dict[str, dict[str, Source]] = {folder: {} for folder in FOLDERS}
    for folder, ending in FOLDERS.items():
        for item in sorted((templates / folder).iterdir(), key=lambda each: each.name):
            if item.name.endswith(ending):
                found[folder][item.name] = Source(f"{SHIPPED}{folder}/{item.name}", item.read_bytes())
    settings = _override(found, config, mistakes, required) if config is not None else None
    return Sources(
        policies={name.removesuffix(".yml"): source for name, source in found["policies"].items()},
        workflows={name.removesuffix(".yml"): source for name, source in found["workflows"].items()},
        prompts=found["prompts"],
        settings=settings,
        left_alone=_left_alone(found, config) if config is not None else (),
    )


def _left_alone(found: dict[str, dict[str, Source]], config: Path) -> tuple[str, ...]:
    read = {source.file for sources in found.values() for source in sources.values()}
    beside = sorted(config.iterdir()) if config.is_dir() else []
    return tuple(
        path.name
        for path in beside
        if path.suffix in (".yml", ".yaml", ".md") and path.name != SETTINGS and str(path) not in read
    )


def _override(
    found: dict[str, dict[str, Source]], config: Path, mistakes: Mistakes, required: Collection[str]
) -> Source | None:
    if not config.is_dir():
        what = "there is no such folder" if not config.exists() else "is not a folder"
        mistakes.add(str(config), 0, "", what=what, remedy="Set SITREP_CONFIG to the folder that holds sitrep.yml")
        return None
    shipped = {name: folder for folder, sources in found.items() for name in sources}
    taken: dict[str, Path] = {}
    for path, folder in _candidates(config, shipped, mistakes):
        if path.name in taken:
            what = f"the same file stands at {taken[path.name]}"
            mistakes.add(str(path), 0, "", what=what, remedy="Keep one of them")
            continue
        taken[path.name] = path
        source = _read(path, mistakes)
        if source is None:
            found[folder].pop(path.name, None)  # so that nothing is judged by a file that is replaced
        else:
            found[folder][path.name] = source
    settings = config / SETTINGS
    if not settings.exists():
        if SETTINGS not in required:
            return None
        remedy = "Create it (docs/configuration.md), or set SITREP_CONFIG to the folder that holds it"
        mistakes.add(str(settings), 0, "", what="there is no such file", remedy=remedy)
        return None
    return _read(settings, mistakes)


def _candidates(config: Path, shipped: dict[str, str], mistakes: Mistakes) -> Iterator[tuple[Path, str]]:
    """Yield the files of the configuration folder that replace or add one, each with the folder it belongs to."""
    for path in sorted(config.iterdir()):
        if path.name in shipped and path.is_file():
            yield path, shipped[path.name]
        elif path.is_file() and path.name != SETTINGS:
            _note_near_miss(path, [*shipped, SETTINGS], mistakes)
    for folder, ending in FOLDERS.items():
        if not (config / folder).is_dir():
            continue
        known = [name for name, home in shipped.items() if home == folder]
        for path in sorted((config / folder).iterdir()):
            if path.name in known or (folder == "workflows" and path.suffix == ending):
                yield path, folder
            elif path.is_file() and not path.name.startswith("."):
                remedy = advise(path.stem, [name.removesuffix(ending) for name in known])
                mistakes.add(str(path), 0, "", what=f"{folder} has no file by this name", remedy=remedy)


def _note_near_miss(path: Path, known: list[str], mistakes: Mistakes) -> None:
    # Other files may lie beside the configuration; one that is nearly named like a part of it was meant to be.
    stems = {Path(name).stem: name for name in known}
    meant = nearest(path.stem, stems) if path.suffix in (".yml", ".yaml", ".md") else None
    if meant:
        mistakes.add(str(path), 0, "", what="is not read under this name", remedy=f"Rename it to {stems[meant]}")


def _read(path: Path, mistakes: Mistakes) -> Source | None:
    try:
        return Source(str(path), path.read_bytes())
    except OSError as error:
        what = f"cannot be read: {error.strerror or error}"
        mistakes.add(str(path), 0, "", what=what, remedy="Check that it is a file and its permissions")
        return None
