"""Any workflow that loads: steps that wait for earlier steps, whole phases, first results, gates and people."""

from datetime import timedelta

from hypothesis import strategies as st

from incidents.definitions import ApprovalKind, Phase, Severity, Stage, StepDefinition, WorkflowDefinition

PROMPTS = ("critical-incident-triage.md", "rapid-root-cause-analysis.md", "emergency-security-review.md")


@st.composite
def _waits(draw: st.DrawFn, before: list[str], phases: int) -> tuple[str, ...]:
    """Draw what a step waits for, of the steps and the whole phases before it."""
    steps = draw(st.lists(st.sampled_from(before), unique=True, max_size=3)) if before else []
    words = [f"{name}/preliminary" if draw(st.integers(0, 5)) == 0 else name for name in steps]
    if phases and draw(st.booleans()):
        words.append(f"Phase {draw(st.integers(1, phases))}")
    return tuple(words)


@st.composite
def workflows(draw: st.DrawFn, *, people: bool = True) -> WorkflowDefinition:
    """Draw a workflow of one to four phases with one to five steps each; without `people`, nothing waits for them."""
    before: list[str] = []
    stages = []
    for number in range(1, draw(st.integers(1, 4)) + 1):
        steps = []
        for place in range(1, draw(st.integers(1, 5)) + 1):
            approval = draw(st.sampled_from([None, None, None, *ApprovalKind])) if people else None
            steps.append(
                StepDefinition(
                    name=f"{number}.{place}",
                    title=f"Step {number}.{place}",
                    agent=("reviewer",),
                    prompt=draw(st.sampled_from(PROMPTS)),
                    phase=Phase.STABILIZE,
                    depends_on=draw(_waits(before, number - 1)),
                    approval=approval,
                    gates=(str(draw(st.integers(1, number))),) if people and draw(st.integers(0, 4)) == 0 else (),
                    inputs=(),
                    outputs=(),
                    duration=timedelta(minutes=draw(st.integers(1, 90))),
                    priority="high",
                )
            )
            before.append(f"{number}.{place}")
        gates = ("documentation_updated",) if people and draw(st.booleans()) else ()
        stages.append(
            Stage(
                number=number,
                title="s",
                window="w",
                ends_after=timedelta(hours=number),
                steps=tuple(steps),
                gates=gates,
            )
        )
    return WorkflowDefinition(name="w", title="w", severity=Severity.CRITICAL, stages=tuple(stages))
