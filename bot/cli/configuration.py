"""`sitrep check-config`: the whole configuration, read and cross-checked."""

from pathlib import Path

from incidents import loading


def run(folder: Path | None) -> str:
    """Return one line on what was read.

    Raises:
        ConfigurationError: with every mistake.
    """
    library, settings = loading.load(loading.templates_root(), folder)
    where = f"{folder}" if folder else "the shipped files (no SITREP_CONFIG)"
    return (
        f"No mistakes in {where}. Services: {len(settings.services)}, people: {len(settings.people)}, "
        f"workflows: {len(library.workflows)}, prompts: {len(library.prompts)}."
    )
