"""Reads bugfix_pipeline.yml: the stages of the bug pipeline, each with a place that makes sense."""

from datetime import timedelta

from incidents.configuration import words
from incidents.configuration.documents import Entry
from incidents.configuration.reader import Reader, describe
from incidents.stages import REVIEWS, BugfixPipeline, PipelineStage, Provider, StageType

#: How long an attempt may take where the file does not say: an analysis reads much, an implementation runs tests twice.
TIMEOUTS: dict[StageType, timedelta] = {
    StageType.RCA: timedelta(minutes=20),
    StageType.PLAN_REVIEW: timedelta(minutes=10),
    StageType.IMPLEMENTATION: timedelta(minutes=45),
    StageType.CODE_REVIEW: timedelta(minutes=15),
}

PROVIDER = "provider"  #: kind of the references to who carries a stage out

_MAX_STAGES = 30  # each costs an agent's run; beyond, a list was repeated by mistake
_MAX_ITERATIONS = 100


def read(reader: Reader, entry: Entry) -> BugfixPipeline | None:
    """Return the pipeline that stands in `entry`; None where nothing of it can be used."""
    keys = reader.fields(entry, required=("max_iterations", "stages"))
    entries = reader.items(keys.get("stages"))
    read_ = [(each, stage) for each in entries if (stage := _stage(reader, each)) is not None]
    _check_order(reader, read_)
    if "stages" in keys and isinstance(keys["stages"].value, list):
        if not entries:
            reader.mistake(keys["stages"], "holds no stage", "Add at least - {type: rca}")
        if len(entries) > _MAX_STAGES:
            what = f"holds {len(entries)} stages, more than {_MAX_STAGES}"
            reader.mistake(keys["stages"], what, "Leave some out")
        for type_ in (StageType.RCA, StageType.IMPLEMENTATION):
            if entries and type_ not in [stage.type for _, stage in read_]:
                what = f"holds no stage of type {type_}"
                reader.mistake(keys["stages"], what, f"Add - {{type: {type_}}}")
    limit = _whole(reader, keys.get("max_iterations"))
    return BugfixPipeline(max_iterations=limit, stages=tuple(stage for _, stage in read_)) if read_ else None


def _stage(reader: Reader, entry: Entry) -> PipelineStage | None:
    keys = reader.fields(entry, required=("type",), optional=("provider", "model", "timeout", "parallel"))
    kind = reader.choice(keys.get("type"), list(StageType))
    if not kind:
        return None
    provider = reader.choice(keys.get("provider"), list(Provider))
    if provider:
        reader.refer(PROVIDER, provider, keys["provider"])
    type_ = StageType(kind)
    parallel = _truth(reader, keys.get("parallel"))
    if parallel and type_ not in REVIEWS:
        what = f"a stage of type {kind} always runs by itself"
        reader.mistake(keys["parallel"], what, "Remove parallel; plan-review and code-review may have it")
    return PipelineStage(
        type=type_,
        provider=Provider(provider) if provider else None,
        model=reader.text(keys.get("model")),
        timeout=reader.said(keys.get("timeout"), words.positive, TIMEOUTS[type_]),
        parallel=parallel and type_ in REVIEWS,
    )


def _truth(reader: Reader, entry: Entry | None) -> bool:
    if entry is None or isinstance(entry.value, bool):
        return bool(entry and entry.value)
    reader.mistake(entry, f"should be true or false, and is {describe(entry)}", "Write true or false")
    return False


def _whole(reader: Reader, entry: Entry | None) -> int:
    default = 10
    if entry is None:
        return default
    number = entry.value
    if isinstance(number, int) and not isinstance(number, bool) and 1 <= number <= _MAX_ITERATIONS:
        return number
    what = f"should be a whole number from 1 to {_MAX_ITERATIONS}, and is {describe(entry)}"
    reader.mistake(entry, what, f"The document's is {default}")
    return default


def _check_order(reader: Reader, stages: list[tuple[Entry, PipelineStage]]) -> None:
    """Note every stage that stands where it has nothing to work on."""
    seen: set[StageType] = set()
    for entry, stage in stages:
        match stage.type:
            case StageType.RCA if seen - {StageType.RCA}:
                reader.mistake(entry, "an analysis stands after other stages", "Put all stages of type rca first")
            case StageType.PLAN_REVIEW if StageType.IMPLEMENTATION in seen:
                reader.mistake(entry, "the plan is carried out already here", "Put it before the implementation")
            case StageType.CODE_REVIEW if StageType.IMPLEMENTATION not in seen:
                reader.mistake(entry, "there is no code to review yet", "Put it after an implementation")
            case _ if stage.type is not StageType.RCA and StageType.RCA not in seen:
                reader.mistake(entry, "nobody has looked for the cause yet", "Begin with a stage of type rca")
        seen.add(stage.type)
