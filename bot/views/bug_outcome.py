"""What the steps of the bug pipeline brought, in a few lines for their phase's thread."""

from bot.views import mrkdwn
from bot.views.mrkdwn import code, plural, prose
from bot.views.outcome import MAX_CLAIMS, Outcome, cite, cited, claims, discarded, refs, specified, test_name, tests
from bot.views.planned_outcome import drawn as drawn  # complete with what is registered here
from incidents.agents import diagnoses, merging, planning, reviews

_HELD = {True: "✓", False: "✗", None: "?"}
_FILES = 5  # named of each repository


@drawn.register
def _(output: diagnoses.TriageCheck) -> Outcome:
    missing = ", ".join(mrkdwn.said(name, 40).replace("_", " ") for name in output.missing_facts)
    known = plural(len(output.known_facts), "fact")
    return Outcome((f"*Missing*  {missing}. {known} known." if missing else f"All {known} known.",))


@drawn.register
def _(output: diagnoses.Diagnosis) -> Outcome:
    options = " · ".join(f"{each.number} {mrkdwn.said(each.title, 80)}" for each in output.options)
    lines = (*_cause(output.root_cause), discarded(output.hypotheses), f"*Ways to fix it*  {options}")
    found = cited(output.root_cause.specified)
    return Outcome(lines, output.confidence, refs(output.root_cause.claims, *found), is_specified=bool(found))


def _cause(cause: diagnoses.DiagnosedCause) -> tuple[str, ...]:
    how = f"*How*  {mrkdwn.sentences(cause.mechanism, 400)}" if cause.mechanism else ""
    return (prose(cause.summary, 400), how, *specified(cause.specified), *claims(cause.claims))


@drawn.register
def _(output: diagnoses.Consolidation) -> Outcome:
    if not output.agreed:
        return Outcome(("*The analysts disagree*", *[_differing(each) for each in output.disagreements]))
    criteria = [f"• {mrkdwn.said(each.id, 10)} {prose(each.text, 200)}" for each in output.user_story.criteria]
    # The cause itself stands on the card that asks for the choice of a fix.
    return Outcome(("*Done when*", *criteria), output.diagnosis.verdict, refs(output.diagnosis.claims))


def _differing(said: diagnoses.Disagreement) -> str:
    place = f" {code(said.place)}" if said.place else ""
    return f"• {mrkdwn.said(said.step, 40)}: {prose(said.summary, 300)}{place}"


@drawn.register
def _(output: planning.FixPlan) -> Outcome:
    lines = (prose(output.summary, 400), *_tasks(output.tasks), *_risks(output.risks))
    return Outcome(lines, evidence=refs(output.evidence))


@drawn.register
def _(output: planning.Decomposition) -> Outcome:
    return Outcome(_tasks(output.tasks))


def _tasks(tasks: list[planning.RepositoryTask]) -> tuple[str, ...]:
    return tuple(f"• *{mrkdwn.said(task.repository, 60)}*  {_paths([*task.files, *task.tests])}" for task in tasks)


def _paths(paths: list[str]) -> str:
    every = list(dict.fromkeys(paths))
    more = f" and {len(every) - _FILES} more" if len(every) > _FILES else ""
    return ", ".join(code(path, 80) for path in every[:_FILES]) + more if every else "_no file named_"


def _risks(risks: list[str]) -> list[str]:
    return [f"• *Risk*  {prose(each, 200)}" for each in risks[:MAX_CLAIMS]]


@drawn.register
def _(output: reviews.Review) -> Outcome:
    return Outcome(_findings(output), evidence=refs([ref for each in output.findings for ref in each.evidence]))


def _findings(review: reviews.Review) -> tuple[str, ...]:
    """Return the verdict, then what does not hold or nobody could tell; what holds by name."""
    doubted = [each for each in review.findings if each.holds is not True]
    held = ", ".join(_item(each) for each in review.findings if each.holds)
    return (
        f"*{review.verdict.value.replace('_', ' ').capitalize()}*",
        *[
            f"{_HELD[each.holds]} *{_item(each)}*  {prose(each.why, 200)} {cite(each.evidence)}"
            for each in sorted(doubted, key=lambda each: each.holds is None)
        ],
        f"✓ {held}" if held else "",
        # A critique made of the findings stands above already.
        "" if doubted else prose(review.critique, 400),
    )


def _item(finding: reviews.Finding) -> str:
    return mrkdwn.said(finding.item, 60).replace("_", " ")


@drawn.register
def _(output: planning.Implementation) -> Outcome:
    made, ways = output, output.tests
    commit = f"{code(made.commit[:7])} on {code(made.branch, 60)}" if made.commit else "no commit yet"
    size = f", {plural(len(made.files), 'file')}, +{made.additions} −{made.deletions}" if made.commit else ""
    shown = ", ".join(test_name(name) for name in ways.passed_with_fix[:3])
    broken = ", ".join(test_name(name) for name in ways.newly_failing[:3])
    return Outcome(
        (
            f"*Fix, {made.result.value}*  {commit}{size}. {prose(made.summary)}",
            f"*Tests*  without the fix: {tests(ways.without_fix)}   with it: {tests(ways.with_fix)}",
            f"*Shows the bug*  {shown}" if shown else "",
            f"*Newly failing*  {broken}" if broken else "",
            *[f"• *Left*  {prose(each, 200)}" for each in made.remaining[:MAX_CLAIMS]],
            prose(made.reason, 400),
        ),
        evidence=refs(made.evidence, [run.evidence for run in (ways.without_fix, ways.with_fix) if run]),
    )


@drawn.register
def _(output: planning.DocumentationUpdate) -> Outcome:
    if not output.changed:
        return Outcome((f"Nothing was changed: {prose(output.reason)}",), evidence=refs(output.evidence))
    return Outcome((f"{_paths(output.files)}: {prose(output.entry, 300)}",), evidence=refs(output.evidence))


@drawn.register
def _(output: merging.PullRequest) -> Outcome:
    name = f"Pull request {output.number}" if output.number else "Branch"
    where = mrkdwn.link(output.url, name) if output.url.startswith(("https://", "http://")) else name
    return Outcome(
        (
            f"{where}: {code(output.head[:7])} of {code(output.branch, 60)} into {code(output.into, 60)}",
            prose(output.note),
            *_note(output.release_note),
        ),
        evidence=refs(output.evidence),
    )


def _note(note: merging.ReleaseNote) -> tuple[str, ...]:
    return (
        f"*{mrkdwn.said(note.component, 80)}*  {prose(note.fix, 300)}",
        f"*Cause*  {prose(note.root_cause, 300)}",
        f"*Impact*  {prose(note.impact, 300)}",
    )


@drawn.register
def _(output: merging.CheckResults) -> Outcome:
    failures = [f"✗ *{mrkdwn.said(each.name, 80)}*  {prose(each.summary, 300)}" for each in output.failures[:5]]
    more = [f"_{plural(len(output.failures) - 5, 'more failure')}_"] if len(output.failures) > 5 else []
    return Outcome(
        (f"*Checks*  {output.state.value} on {code(output.head[:7])}", *failures, *more),
        evidence=refs([ref for each in output.findings for ref in each.evidence]),
    )


@drawn.register
def _(output: merging.Merge) -> Outcome:
    return Outcome((_merged(output), prose(output.how)), evidence=refs(output.evidence))


def _merged(merge: merging.Merge) -> str:
    into = f"{mrkdwn.said(merge.repository, 60)} {code(merge.into, 60)}"
    return f"{code(merge.head[:7])} merged into {into} as {code(merge.merged_commit[:7])}"


@drawn.register
def _(output: merging.MergeSummary) -> Outcome:
    notes = [line for each in output.release_notes for line in _note(each)]
    lines = (prose(output.summary), *[f"• {_merged(each)}" for each in output.merged], *notes)
    return Outcome(lines, evidence=refs(output.evidence))
