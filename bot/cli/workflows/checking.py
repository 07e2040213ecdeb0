"""`sitrep workflows check DIR`: somebody's own workflows, policies and prompts, read with the shipped ones."""

from pathlib import Path

from incidents import loading
from incidents.configuration.mistakes import listing
from incidents.definitions import Library
from incidents.errors import InvalidInput

_NOT_READ = "Not read, as no file of the configuration has such a name (workflows of your own belong in workflows/): "


def run(folder: Path) -> str:
    """Return what was read and found in order.

    Raises:
        ConfigurationError: with every mistake, by file and line.
        InvalidInput: it is no folder, or holds nothing of a configuration.
    """
    if not folder.is_dir():
        what = f"{folder} is a file." if folder.exists() else f"There is no folder {folder}."
        raise InvalidInput(what, remedy="Name the folder that holds your workflows/, policies/ or prompts/.")
    library, files = loading.inspect(loading.templates_root(), folder)
    own = [name.removeprefix(f"{folder}/") for name in files.own()]
    if not own:
        what = f"{folder} holds no workflow, policy or prompt."
        raise InvalidInput(
            what, remedy="Put a workflow into its folder workflows/, or copy a shipped file and change it."
        )
    lines = [f"No mistakes in {folder}. Read: {listing(own, limit=40)}."]
    lines += [_standing(library, name) for name in files.own_workflows()]
    if files.left_alone:
        lines.append(_NOT_READ + listing(files.left_alone) + ".")
    return "\n".join(lines)


def _standing(library: Library, name: str) -> str:
    definition = library.workflows[name]
    levels = library.policies.severity_levels.items()
    used = [severity.value for severity, level in levels if level.workflow == name]
    answers = f"answers {' and '.join(used)}" if used else "answers no severity yet: name it in severity_levels.yml"
    return f"{name}: {len(definition.steps())} steps in {len(definition.stages)} phases, {answers}."
