"""Reads a workflow file into a frozen WorkflowDefinition."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from incidents.configuration import affected_areas, words
from incidents.configuration.documents import Entry
from incidents.configuration.mistakes import Unreadable, advise
from incidents.configuration.reader import Reader
from incidents.definitions import (
    AGENTS,
    AffectedArea,
    ApprovalKind,
    Begin,
    Phase,
    Severity,
    Stage,
    StepDefinition,
    WorkflowDefinition,
)

#: The seed's words where it leaves the agents of a step open; the workflow's `development_agents` take the place.
RELEVANT_AGENTS = "Relevant development agents based on issue"

_PRIORITIES = ("immediate", "critical", "high", "medium", "low")
_STEP_KEYS = ("title", "agent", "prompt", "inputs", "outputs", "duration", "priority", "thread")
_STEP_OPTIONS = ("group", "parallel_with", "depends_on", "gates", "approval", "areas")


@dataclass(frozen=True)
class Loaded:
    """A workflow, and where each of its steps stands in the file."""

    definition: WorkflowDefinition
    steps: Mapping[str, Mapping[str, Entry]]  #: step name -> its entries by key
    places: Mapping[str, Entry]  #: step name -> the step itself
    has_unread: bool = False  #: whether what some step waits for could not be read, so that nothing is known after it


def read(
    reader: Reader,
    name: str,
    file: Entry,
    gate_sets: Mapping[str, Mapping[str, tuple[str, ...]]] | None,
    areas: tuple[AffectedArea, ...] = (),
) -> Loaded | None:
    """Return the workflow `name` that stands in `file`, or None where the file holds no such thing.

    `gate_sets` are those of quality_gates.yml, or None where that file could not be read. `areas` are those of
    affected_areas.yml.
    """
    top = _top(reader, name, file)
    if top is None:
        return None
    optional = ("quality_gates", "development_agents", "begins")
    keys = reader.fields(top, required=("title", "severity", "phases"), optional=optional)
    gates = _gate_set(reader, keys.get("quality_gates"), gate_sets)
    loaded = _Workflow(reader, gates, _agents(reader, keys.get("development_agents"), ())).read(name, keys)
    return replace(loaded, definition=loaded.definition.model_copy(update={"areas": areas}))


def _top(reader: Reader, name: str, file: Entry) -> Entry | None:
    """Return what stands under the file's one key, which is the file's name."""
    found = file.value if isinstance(file.value, dict) else {}
    if name not in found and len(found) == 1:
        [(other, entry)] = found.items()
        reader.mistake(entry, f"the workflow of {name}.yml is called {other}", f"Write {name}:, or rename the file")
        return None
    return reader.fields(file, required=(name,)).get(name)


def _gate_set(
    reader: Reader, entry: Entry | None, sets: Mapping[str, Mapping[str, tuple[str, ...]]] | None
) -> Mapping[str, tuple[str, ...]] | None:
    name = reader.text(entry)
    if sets is None or (entry is not None and not name):
        return None
    if entry is not None and name not in sets:
        remedy = advise(name, sets, otherwise="add the set there")
        reader.mistake(entry, f"quality_gates.yml has no set of gates {name}", remedy)
        return None
    return sets.get(name, {})


def _agents(reader: Reader, entry: Entry | None, development: tuple[str, ...]) -> tuple[str, ...]:
    agents: list[str] = []
    if entry is not None and entry.value in (None, "", []):
        reader.mistake(entry, "names no agent", advise("", AGENTS))
        return ()
    for word, item in reader.words(entry):
        if word.lower() == RELEVANT_AGENTS.lower():
            if not development:
                reader.mistake(item, "no development_agents are named in this workflow", "Add development_agents")
            agents.extend(development)
        elif word in AGENTS:
            agents.append(word)
        else:
            reader.mistake(item, f"there is no agent {word}", advise(word, AGENTS))
    return tuple(agents)


class _Workflow:
    """Reads one workflow's phases and steps."""

    def __init__(
        self, reader: Reader, gates: Mapping[str, tuple[str, ...]] | None, development: tuple[str, ...]
    ) -> None:
        self.reader = reader
        self.gates = gates
        self.development = development
        self.stage_of_gates: dict[str, str] = {}  # phase_1_gates -> "1"
        self.groups: dict[str, list[str]] = {}  # step_1 -> "1.1", "1.2"
        self.steps: dict[str, Mapping[str, Entry]] = {}
        self.places: dict[str, Entry] = {}
        self.has_unread = False

    def read(self, name: str, keys: Mapping[str, Entry]) -> Loaded:
        """Return the workflow that stands under `keys`."""
        phases = [
            (self.reader.parsed(entry, word, words.phase, 0), entry)
            for word, entry in self.reader.mapping(keys.get("phases")).items()
        ]
        for place, (number, entry) in enumerate(phases, start=1):
            if number not in (0, place):
                self.reader.mistake(entry, f"stands where Phase {place} belongs", "Number the phases 1, 2, 3 in order")
        read = [(number, self._phase_keys(number, entry)) for number, entry in phases]
        ends = timedelta(0)
        stages = []
        for number, fields in read:
            stage = self._stage(number, fields, ends)
            ends = stage.ends_after
            stages.append(stage)
        definition = WorkflowDefinition(
            name=name,
            title=self.reader.text(keys.get("title")),
            severity=Severity(self.reader.choice(keys.get("severity"), list(Severity), Severity.CRITICAL)),
            stages=tuple(stages),
            begins=Begin(self.reader.choice(keys.get("begins"), list(Begin), Begin.AT_ONCE)),
        )
        if "phases" in keys and not self.steps:
            self.reader.mistake(keys["phases"], "holds no step", "Add at least one phase with one step")
        return Loaded(definition, self.steps, self.places, self.has_unread)

    def _phase_keys(self, number: int, entry: Entry) -> dict[str, Entry]:
        fields = self.reader.fields(entry, required=("title", "window", "steps"), optional=("gates",))
        # Steps may wait for gates of later phases, so all phases' gates are known before any step is read.
        if "gates" in fields:
            self.stage_of_gates[self.reader.text(fields["gates"])] = str(number)
        self._learn_groups(fields.get("steps"))
        return fields

    def _learn_groups(self, steps: Entry | None) -> None:
        """Note which steps the document treats as one, so that others may wait for them by that name."""
        for word, entry in steps.value.items() if steps and isinstance(steps.value, dict) else ():
            group = entry.value.get("group") if isinstance(entry.value, dict) else None
            try:
                name = words.step(word)
            except Unreadable:
                continue  # noted when the step is read
            if group is not None and isinstance(group.value, str):
                self.groups.setdefault(group.value, []).append(name)

    def _stage(self, number: int, fields: Mapping[str, Entry], previous_end: timedelta) -> Stage:
        gates: tuple[str, ...] = ()
        if "gates" in fields and self.gates is not None:
            name = self.reader.text(fields["gates"])
            if name and name not in self.gates:
                what = f"quality_gates.yml has no {name} in this workflow's set of gates"
                self.reader.mistake(fields["gates"], what, advise(name, self.gates, otherwise="add them there"))
            gates = self.gates.get(name, ())
        return Stage(
            number=number,
            title=self.reader.text(fields.get("title")),
            window=self.reader.text(fields.get("window")),
            ends_after=self.reader.said(
                fields.get("window"), lambda text: words.window(text, previous_end=previous_end), previous_end
            ),
            steps=tuple(
                step
                for word, entry in self.reader.mapping(fields.get("steps")).items()
                if (step := self._step(word, entry)) is not None
            ),
            gates=gates,
        )

    def _step(self, word: str, entry: Entry) -> StepDefinition | None:
        name = self.reader.parsed(entry, word, words.step, "")
        keys = self.reader.fields(entry, required=_STEP_KEYS, optional=_STEP_OPTIONS)
        if not name:
            return None
        if name in self.places:
            what = f"step {name} is defined twice, first in line {self.places[name].line}"
            self.reader.mistake(entry, what, "Rename one of them")
            return None
        self.steps[name] = keys
        self.places[name] = entry
        return StepDefinition(
            name=name,
            title=self.reader.text(keys.get("title")),
            agent=_agents(self.reader, keys.get("agent"), self.development),
            prompt=next(iter(self.reader.names(keys.get("prompt"), "prompt")), ""),
            phase=Phase(self.reader.choice(keys.get("thread"), list(Phase), Phase.STABILIZE)),
            parallel_with=self._named(keys.get("parallel_with"), words.step),
            depends_on=self._named(keys.get("depends_on"), words.dependency),
            approval=self._approval(keys.get("approval")),
            gates=self._waits_for(keys.get("gates")),
            inputs=tuple(name for name, _ in self.reader.words(keys.get("inputs"))),
            outputs=tuple(name for name, _ in self.reader.words(keys.get("outputs"))),
            duration=self.reader.said(keys.get("duration"), words.budget, timedelta(0)),
            priority=self.reader.choice(keys.get("priority"), _PRIORITIES),
            areas=affected_areas.of_step(self.reader, keys.get("areas")),
        )

    def _named(self, entry: Entry | None, parse: words.NameParser) -> tuple[str, ...]:
        found: list[str] = []
        for word, item in self.reader.words(entry):
            found += self.groups.get(word) or [self._read_name(item, word, parse)]
        return tuple(dict.fromkeys(name for name in found if name))

    def _read_name(self, item: Entry, word: str, parse: words.NameParser) -> str:
        try:
            return parse(word)
        except Unreadable as error:
            self.has_unread = True
            groups = f", or a group of this workflow: {', '.join(self.groups)}" if self.groups else ""
            self.reader.mistake(item, error.what, error.remedy + groups)
            return ""

    def _approval(self, entry: Entry | None) -> ApprovalKind | None:
        word = self.reader.choice(entry, list(ApprovalKind))
        return ApprovalKind(word) if word else None

    def _waits_for(self, entry: Entry | None) -> tuple[str, ...]:
        stages = []
        for word, item in self.reader.words(entry):
            if word in self.stage_of_gates:
                stages.append(self.stage_of_gates[word])
            elif word not in (self.gates or ()) or self.stage_of_gates.keys() <= (self.gates or {}).keys():
                # Else a phase that names gates there are none of is noted already, and meant these.
                remedy = advise(word, self.stage_of_gates, otherwise="give a phase these gates")
                self.reader.mistake(item, f"no phase of this workflow has the gates {word}", remedy)
        return tuple(stages)
