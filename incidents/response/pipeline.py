"""The bug pipeline as a workflow: compiled from its stages, grown by one chain of steps for each repository. Pure.

Source: the bug pipeline document (stages, gates, loops) and the review machinery document (groups, reviews, limits).
The diagnosis and the plan stand in the frozen definition from the start; what is done in each repository is known only
when the plan is decomposed, so the definition grows then, under the same frozen stages.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from incidents.definitions import (
    AffectedArea,
    ApprovalKind,
    Area,
    Phase,
    Severity,
    Stage,
    StepDefinition,
    WorkflowDefinition,
)
from incidents.stages import AtLimit, BugfixPipeline, PipelineStage, StageType

NAME = "bugfix_pipeline"

#: The gate that holds every analysis back until the seven facts are known.
TRIAGE_GATE = "triage_complete"

TRIAGE = "bug-triage-check.md"
ANALYSIS = "bug-root-cause-analysis.md"
REFLECTION = "bug-root-cause-reflection.md"
CONSOLIDATION = "bug-diagnosis-consolidation.md"
PLAN = "bug-fix-plan.md"
PLAN_REVIEW = "bug-plan-review.md"
DECOMPOSITION = "bug-decomposition.md"
IMPLEMENTATION = "bug-implementation.md"
CODE_REVIEW = "bug-code-review.md"
DOCUMENTATION = "bug-documentation-update.md"
PULL_REQUEST = "bug-pull-request.md"
CHECK_RESULTS = "bug-check-results.md"
MERGE = "bug-merge.md"
SUMMARY = "bug-merge-summary.md"

REFLECTIONS = 3  #: passes of the reflection over one analysis (bug pipeline document)
CODE_REVIEWS = 3  #: one review and "up to 2 retry passes before proceeding" (bug pipeline document)

_SHORT, _USUAL = timedelta(minutes=5), timedelta(minutes=15)
_CHECKS = timedelta(hours=1)  # another machine's tests

_CONSOLIDATED = (
    "agreed",
    "preliminary_root_cause",
    "diagnosis",
    "disagreements",
    "user_story",
    "plan_draft",
    "manifest",
)

#: Prompt -> agent by name, and the outputs that others name.
_WHO: dict[str, tuple[str, tuple[str, ...]]] = {
    TRIAGE: ("product-manager", ("complete", "known_facts", "missing_facts", "question")),
    ANALYSIS: ("reviewer", ("root_cause", "hypotheses", "confidence", "options")),
    REFLECTION: ("qa-engineer", ("verdict", "critique", "findings")),
    CONSOLIDATION: ("software-architect", _CONSOLIDATED),
    PLAN: ("software-architect", ("summary", "tasks")),
    PLAN_REVIEW: ("reviewer", ("verdict", "critique", "findings")),
    DECOMPOSITION: ("software-architect", ("tasks",)),
    IMPLEMENTATION: ("api-engineer", ("result", "repository", "branch", "commit", "tests")),
    CODE_REVIEW: ("reviewer", ("verdict", "critique", "findings")),
    DOCUMENTATION: ("reviewer", ("changed", "entry")),
    PULL_REQUEST: ("deployment-engineer", ("url", "head", "release_note")),
    CHECK_RESULTS: ("qa-engineer", ("state", "failures")),
    MERGE: ("deployment-engineer", ("merged_commit",)),
    SUMMARY: ("product-manager", ("merged", "release_notes")),
}


#: Who implements, by the affected area.
_DEVELOPERS = ("api-engineer", "frontend-engineer", "data-engineer")
_OPERATOR = {Area.INFRASTRUCTURE: "deployment-engineer"}


def compile_(pipeline: BugfixPipeline, areas: tuple[AffectedArea, ...] = ()) -> WorkflowDefinition:
    """Return the workflow of `pipeline` up to the decomposition of the plan; each repository's steps come with that.

    The agent that implements follows the affected one of `areas`.
    """
    diagnosis = _Chain("1.", Phase.DIAGNOSE)
    diagnosis.add(TRIAGE, "Triage check", _SHORT)
    analyses = [stage for stage in pipeline.stages if stage.type is StageType.RCA]
    for number, stage in enumerate(analyses, start=1):
        gates = ("1",) if number == 1 else ()
        analysis = diagnosis.stage(ANALYSIS, f"Root cause analysis {number}", stage, gates=gates)
        title = f"Reflection on analysis {number}"
        diagnosis.stage(
            REFLECTION, title, stage.model_copy(update={"timeout": _USUAL}), reviews=(analysis,), passes=REFLECTIONS
        )
    diagnosis.add(CONSOLIDATION, "Consolidated diagnosis", _SHORT)
    planning = _Chain("2.", Phase.PLAN, last=diagnosis.last)
    plan = planning.add(PLAN, "Fix plan", _USUAL, approval=ApprovalKind.CHOOSE_FIX)
    planning.reviews_of(plan, pipeline, range(len(pipeline.stages)), StageType.PLAN_REVIEW)
    planning.add(DECOMPOSITION, "Tasks by repository", _SHORT, approval=ApprovalKind.PLAN)
    stages = (
        _stage(1, "Diagnosis", diagnosis.steps, timedelta(0), gates=(TRIAGE_GATE,)),
        _stage(2, "Plan", planning.steps, _length(diagnosis.steps)),
    )
    return WorkflowDefinition(
        name=NAME, title="Bug fix pipeline", severity=Severity.MEDIUM, stages=stages, pipeline=pipeline, areas=areas
    )


def grow(definition: WorkflowDefinition, repositories: Sequence[str]) -> WorkflowDefinition:
    """Return `definition` with a chain of steps for each of `repositories`, in order, and the end that joins them.

    Growing again changes nothing where the repositories are the same; one that stays keeps the names of its steps.
    """
    assert definition.pipeline is not None, "only the bug pipeline grows"  # noqa: S101 - a fault of ours
    base = definition.stages[:2]
    places = _places(definition, repositories)
    fixing: list[StepDefinition] = []
    merging: list[StepDefinition] = []
    before: tuple[str, ...] = (base[1].steps[-1].name,)
    merged: tuple[str, ...] = ()
    for repository in dict.fromkeys(repositories):
        chain = _repository(definition.pipeline, repository, places[repository], before, merged)
        opened = next(step.name for step in chain if step.prompt == PULL_REQUEST)
        before, merged = (opened,), (chain[-1].name,)
        fixing += [step for step in chain if step.phase is Phase.FIX]
        merging += [step for step in chain if step.phase is Phase.MERGE]
    end = _Chain("4.", Phase.MERGE, last=tuple(step.name for step in merging if step.prompt == MERGE) or before)
    end.add(SUMMARY, "Summary and release note", _SHORT)
    elapsed = base[1].ends_after
    stages = (
        *base,
        _stage(3, "Fix", [*fixing, *merging], elapsed),
        _stage(4, "Summary", end.steps, elapsed + _length([*fixing, *merging])),
    )
    root = definition.base or definition.digest()
    return definition.model_copy(update={"stages": stages, "base": root})


def coming(definition: WorkflowDefinition) -> tuple[Phase, ...]:
    """Return the phases whose steps come only once the plan says which repositories are fixed."""
    return (Phase.FIX, Phase.MERGE) if definition.pipeline is not None and not definition.base else ()


def steps_with(definition: WorkflowDefinition, prompt: str, *, repository: str = "") -> tuple[StepDefinition, ...]:
    """Return the steps of the definition that follow `prompt`, of one repository where it is named, in order."""
    return tuple(step for step in definition.steps() if step.prompt == prompt and repository in ("", step.repository))


def _places(definition: WorkflowDefinition, repositories: Iterable[str]) -> dict[str, int]:
    """Return the number of each repository, as it was where the definition grew before."""
    known = {step.repository: int(step.name.split(".")[1]) for step in definition.steps() if step.repository}
    free = max(known.values(), default=0)
    for repository in repositories:
        if repository not in known:
            free += 1
            known[repository] = free
    return known


def _repository(
    pipeline: BugfixPipeline, repository: str, place: int, before: tuple[str, ...], merged: tuple[str, ...]
) -> list[StepDefinition]:
    chain = _Chain(f"3.{place}.", Phase.FIX, last=before, repository=repository)
    written = ""
    ends = [at for at, stage in enumerate(pipeline.stages) if stage.type is StageType.IMPLEMENTATION]
    for number, at in enumerate(ends, start=1):
        title = "Implementation" if len(ends) == 1 else f"Implementation {number}"
        written = chain.stage(IMPLEMENTATION, title, pipeline.stages[at])
        until = ends[number] if number < len(ends) else len(pipeline.stages)
        chain.reviews_of(written, pipeline, range(at + 1, until), StageType.CODE_REVIEW)
    chain.add(DOCUMENTATION, "Documentation", _USUAL, optional=True)
    chain.phase = Phase.MERGE
    chain.add(PULL_REQUEST, "Pull request", _USUAL)
    chain.add(CHECK_RESULTS, "Check results", _CHECKS, reviews=(written,) if written else ())
    chain.last = (*chain.last, *merged)
    chain.add(MERGE, "Merge", _USUAL, approval=ApprovalKind.MERGE)
    return chain.steps


def _stage(
    number: int, title: str, steps: Sequence[StepDefinition], elapsed: timedelta, *, gates: tuple[str, ...] = ()
) -> Stage:
    ends = elapsed + _length(steps)
    return Stage(number=number, title=title, window="", ends_after=ends, steps=tuple(steps), gates=gates)


def _length(steps: Iterable[StepDefinition]) -> timedelta:
    return sum((step.duration for step in steps), timedelta(0))


@dataclass
class _Chain:
    """Steps one after the other; reviews that run side by side count as one link."""

    prefix: str  #: of their names
    phase: Phase
    last: tuple[str, ...] = ()  #: the steps that the next one waits for
    repository: str = ""
    steps: list[StepDefinition] = field(default_factory=list)

    def add(
        self,
        prompt: str,
        title: str,
        duration: timedelta,
        *,
        approval: ApprovalKind | None = None,
        optional: bool = False,
        reviews: tuple[str, ...] = (),
    ) -> str:
        """Add one step of our own after the last; return its name."""
        step = self._step(prompt, title, duration, self.last)
        step = step.model_copy(update={"approval": approval, "optional": optional, "reviews": reviews})
        return self._append(step)

    def stage(
        self,
        prompt: str,
        title: str,
        stage: PipelineStage,
        *,
        gates: tuple[str, ...] = (),
        reviews: tuple[str, ...] = (),
        passes: int = 0,
    ) -> str:
        """Add one step that a configured stage carries out; return its name."""
        step = self._of_stage(prompt, title, stage, self.last)
        if reviews:  # judges what the stage brought
            step = step.model_copy(update={"type": None, "reviews": reviews, "passes": passes})
        return self._append(step.model_copy(update={"gates": gates}))

    def reviews_of(self, judged: str, pipeline: BugfixPipeline, places: range, type_: StageType) -> None:
        """Add the reviews of `judged` among the stages at `places`: in turn, or side by side where they say so."""
        number = 0
        for group in pipeline.groups():
            members = [at for at in group if at in places and pipeline.stages[at].type is type_]
            before = self.last
            together: list[str] = []
            for at in members:
                number += 1
                together.append(self._review(judged, number, pipeline.stages[at], before))
            if together:
                self._side_by_side(together)
                self.last = tuple(together)

    def _review(self, judged: str, number: int, stage: PipelineStage, before: tuple[str, ...]) -> str:
        of_code = stage.type is StageType.CODE_REVIEW
        prompt, title = (CODE_REVIEW, "Code review") if of_code else (PLAN_REVIEW, "Plan review")
        step = self._of_stage(prompt, f"{title} {number}", stage, tuple(dict.fromkeys((*before, judged))))
        passes, at_limit = (CODE_REVIEWS, AtLimit.GO_ON) if of_code else (0, AtLimit.ASK)
        return self._append(step.model_copy(update={"reviews": (judged,), "passes": passes, "at_limit": at_limit}))

    def _side_by_side(self, names: list[str]) -> None:
        for at, step in enumerate(self.steps):
            if step.name in names:
                others = tuple(name for name in names if name != step.name)
                self.steps[at] = step.model_copy(update={"parallel_with": others})

    def _of_stage(self, prompt: str, title: str, stage: PipelineStage, after: tuple[str, ...]) -> StepDefinition:
        suffix = f" - {stage.model[:1].upper()}{stage.model[1:]}" if stage.model else ""
        step = self._step(prompt, f"{title}{suffix}", stage.timeout, after)
        update = {"type": stage.type, "provider": stage.provider, "model": stage.model}
        return step.model_copy(update=update)

    def _step(self, prompt: str, title: str, duration: timedelta, after: tuple[str, ...]) -> StepDefinition:
        agent, outputs = _WHO[prompt]
        return StepDefinition(
            name=f"{self.prefix}{len(self.steps) + 1}",
            title=f"{title}, {self.repository}" if self.repository else title,
            agent=_DEVELOPERS if prompt == IMPLEMENTATION else (agent,),
            areas=_OPERATOR if prompt == IMPLEMENTATION else {},
            prompt=prompt,
            phase=self.phase,
            depends_on=after,
            inputs=(),
            outputs=outputs,
            duration=duration,
            priority="medium",
            repository=self.repository,
        )

    def _append(self, step: StepDefinition) -> str:
        self.steps.append(step)
        self.last = (step.name,)
        return step.name
