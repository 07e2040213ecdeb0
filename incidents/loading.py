"""Loads templates/ and the configuration folder into frozen, cross-checked models; tells every mistake at once."""

from collections.abc import Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from incidents.agents.outputs import MODELS
from incidents.catalog import Settings
from incidents.configuration import (
    documents,
    files,
    pipeline,
    policies,
    policy_checks,
    prompts,
    settings,
    settings_checks,
    workflow_checks,
    workflows,
)
from incidents.configuration.documents import Entry
from incidents.configuration.files import Source
from incidents.configuration.mistakes import Mistakes
from incidents.configuration.reader import Reader
from incidents.definitions import Library, Policies
from incidents.response import decisions
from incidents.stages import Provider


def templates_root() -> Traversable:
    """Return the folder of the shipped policies, workflows and prompts."""
    return resources.files("templates")


def load(templates: Traversable, config: Path | None) -> tuple[Library, Settings]:
    """Return everything that `templates` and the configuration folder say; without a folder, the settings are empty.

    Raises:
        ConfigurationError: with every mistake of every file, each as `file:line: key: what is wrong. What to do.`
    """
    mistakes = Mistakes()
    return _read(files.collect(templates, config, mistakes), config, mistakes)


def inspect(templates: Traversable, folder: Path) -> tuple[Library, files.Sources]:
    """Return what the files of `folder` make of the shipped ones; the folder may do without sitrep.yml.

    Raises:
        ConfigurationError: with every mistake of every file, as `load` does.
    """
    mistakes = Mistakes()
    sources = files.collect(templates, folder, mistakes, required=())
    library, _ = _read(sources, folder, mistakes)
    return library, sources


def _read(sources: files.Sources, config: Path | None, mistakes: Mistakes) -> tuple[Library, Settings]:
    reader = Reader(mistakes)
    policy_files = _documents(sources.policies, mistakes)
    policy = policies.read(reader, policy_files)
    loaded = _workflows(reader, sources.workflows, policy, gates_known="quality_gates" in policy_files)
    texts = prompts.read(
        {name: (source.file, source.content) for name, source in sources.prompts.items()}, MODELS, mistakes
    )
    output_fields = {name: tuple(model.model_fields) for name, model in MODELS.items()}
    for workflow in loaded.values():
        inputs = policy.step_inputs if "step_inputs" in policy_files else None
        workflow_checks.check(
            reader, workflow, output_fields=output_fields, inputs=inputs, decided_from=decisions.sources()
        )
    of_areas = [name for name in sources.prompts if name.startswith(prompts.OF_AREAS)]
    reader.check_references("prompt", [name for name in sources.prompts if name not in of_areas])
    reader.check_references("prompt of an area", of_areas)
    reader.check_references("workflow", sources.workflows, otherwise="add the file to the folder workflows")
    policy_checks.check(reader, policy, policy_files)
    audiences = policy.audiences if "audiences" in policy_files else None
    setting = _settings(reader, sources.settings, config, audiences)
    if audiences is not None:
        known = {*audiences, *setting.audiences}
        reader.check_references("audience", known, otherwise="describe it in audiences.yml")
    mistakes.raise_if_any()
    definitions = {name: workflow.definition for name, workflow in loaded.items()}
    return Library(policies=policy, workflows=definitions, prompts=texts), setting


def _documents(sources: Mapping[str, Source], mistakes: Mistakes) -> dict[str, Entry]:
    read = {name: documents.read(source.file, source.content, mistakes) for name, source in sources.items()}
    return {name: entry for name, entry in read.items() if entry is not None}


def _workflows(
    reader: Reader, sources: Mapping[str, Source], policy: Policies, *, gates_known: bool
) -> dict[str, workflows.Loaded]:
    gate_sets = policy.quality_gates if gates_known else None
    found = {}
    for name, entry in _documents(sources, reader.mistakes).items():
        loaded = workflows.read(reader, name, entry, gate_sets, policy.affected_areas)
        if loaded is not None:
            found[name] = loaded
    return found


def _settings(
    reader: Reader, source: Source | None, config: Path | None, audiences: Mapping[str, object] | None
) -> Settings:
    entry = documents.read(source.file, source.content, reader.mistakes) if source else None
    if entry is None or config is None:
        return Settings()
    read, rest = settings.read(reader, entry, folder=config)
    checked = settings_checks.check(reader, rest, read, audiences=audiences)
    # A model's key is no matter of files: without one the playbook steps in, and says so.
    has_command = [Provider.COMMAND] if checked.providers.command.command else []
    known = [each for each in Provider if each is not Provider.COMMAND] + has_command
    otherwise = "set providers.command.command in sitrep.yml"
    reader.check_references(pipeline.PROVIDER, known, otherwise=otherwise)
    return checked
