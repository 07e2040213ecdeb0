"""Step 1.3: what broke it, confirmed by undoing it where tests allow, and honest where nothing fits."""

from incidents.agents.outputs import Claim, Output, RootCause, RootCauseOutput, Verdict
from incidents.agents.playbook import (
    components,
    hypotheses,
    inquiries,
    options,
    precedents,
    sources,
    specialist,
    specifications,
)
from incidents.agents.playbook.case import Case
from incidents.agents.playbook.inquiries import Inquiry
from incidents.agents.playbook.proof import Proof
from incidents.agents.playbook.wording import moment, points
from incidents.tools.tracebacks import Raised

_CALLERS = 4  # of the line that fails; who called them is the way in, not the fault


async def run(case: Case) -> tuple[Output, str]:
    """Find the cause, discard what it is not, and offer ways to fix it."""
    output, inquiry = await investigate(case)
    return output, in_one_line(output.preliminary_root_cause, inquiry.backing)


async def investigate(case: Case) -> tuple[RootCauseOutput, Inquiry]:
    """Return the cause with the ways to fix it, and what was found out on the way."""
    release = await sources.release(case)
    look = await sources.probe(case)
    repository = await sources.repository(case)
    known = await precedents.consult(case, release)
    inquiry = await inquiries.inquire(case, release, repository)
    accused = inquiry.accused
    specified = await specifications.consult(case, repository, inquiry, precedents.asked(case, release))
    offered = await options.offer(case, repository, release, inquiry.undone, is_code=accused is not None)
    offered = await specifications.warned(case, repository, inquiry, offered)
    seen_by_area = await specialist.look_at_cause(case, repository, accused.commit if accused else None)
    cause = RootCause(
        verdict=inquiry.verdict,
        summary=_summary(inquiry)[:400],
        mechanism=_mechanism(inquiry)[:800],
        commit=accused.commit.hash if accused else None,
        commit_subject=accused.commit.subject if accused else None,
        author=accused.commit.author if accused else None,
        file=_place(inquiry)[0],
        line=_place(inquiry)[1],
        claims=[*_claims(case, inquiry), *seen_by_area, *precedents.claims(case, known)],
        fix_options=offered,
        specified=specified,
    )
    output = RootCauseOutput(
        preliminary_root_cause=cause,
        affected_components_list=components.affected(case, inquiry.ranking, inquiry.failure, accused),
        investigation_priorities=[
            *hypotheses.all_of(case, release, look, inquiry.ranking, inquiry.proofs),
            *precedents.hypotheses(known),
        ],
    )
    return output, inquiry


def _summary(inquiry: Inquiry) -> str:
    accused, failure = inquiry.accused, inquiry.failure
    if accused is not None:
        bad = inquiry.release.bad
        where = f", in release {bad.release}" if bad else ""
        fails = f" {_place_in_words(inquiry)} raises `{failure.raised.headline[:120]}`." if failure else ""
        return f"`{accused.commit.short}` {accused.commit.subject} ({accused.commit.author}{where}).{fails}"
    if inquiry.outside is not None:
        return f"No commit: the logs point to {inquiry.outside.title}, `{inquiry.outside.sample[:150]}`."
    if inquiry.ranking is not None:
        return f"No commit is accused. {inquiry.ranking.reason}"
    return "Nothing that could be read points at a cause." + (
        f" What fails is `{failure.raised.headline[:150]}`." if failure else ""
    )


def _mechanism(inquiry: Inquiry) -> str:
    parts = []
    failure = inquiry.failure
    if failure is not None:
        frame = failure.raised.frames[-1] if failure.raised.frames else None
        does = f", which runs `{frame.code[:120]}`" if frame and frame.code else ""
        since = f" since {moment(failure.first_at)}" if failure.first_at else ""
        parts.append(
            f"{_place_in_words(inquiry)}{does}, raises `{failure.raised.headline[:150]}`:"
            f" {failure.before} times before the deploy, {failure.after} after{since}."
        )
        if failure.traceback.origin != failure.raised:
            parts.append(f"It began with `{failure.traceback.origin.headline[:120]}`.")
    if inquiry.accused is not None:
        parts.append(f"{points(inquiry.accused)}.")
    parts += [each.in_words for each in inquiry.proofs[:3]]
    return " ".join(parts) or "Unknown: there is neither a traceback nor a change to tie it to."


def _claims(case: Case, inquiry: Inquiry) -> list[Claim]:
    claims = []
    release, failure, accused = inquiry.release, inquiry.failure, inquiry.accused
    if failure is not None and release.findings is not None:
        text = f"`{failure.raised.headline[:200]}` {failure.before} before the deploy, {failure.after} after."
        claims.append(case.claim(text, case.see(failure.evidence, release.findings.evidence)))
    if release.bad is not None and release.log is not None:
        good = f"; release {release.good.release} (`{release.good.commit[:7]}`) before it" if release.good else ""
        bad = f"Release {release.bad.release} (`{release.bad.commit[:7]}`)"
        text = f"{bad} was deployed at {moment(release.bad.at)}{good}."
        claims.append(case.claim(text, case.see(release.log.evidence)))
    if accused is not None and inquiry.ranking is not None:
        claims.append(case.claim(f"{points(accused)}.", [*accused.evidence, inquiry.ranking.evidence[-1].id]))
    for each in inquiry.proofs:
        if each.comparison is not None and each.suspect == accused:
            verdict = Verdict.CONFIRMED if each.proven else Verdict.INCONCLUSIVE
            claims.append(case.claim(each.in_words, each.evidence, verdict))
    if failure is not None and len(failure.traceback.origin.frames) > 1:
        claims.append(case.claim(_traced_back(failure.traceback.origin), case.see(failure.evidence)))
    if accused is None and inquiry.outside is not None:
        text = f"`{inquiry.outside.sample[:200]}` is logged {inquiry.outside.count} times, and never before the deploy."
        claims.append(case.claim(text, case.see(inquiry.outside.evidence)))
    return claims


def _traced_back(raised: Raised) -> str:
    """Return the way from the line that fails back through its callers, as far as anybody reads."""
    *callers, fails = raised.frames
    way = [f"`{_short(frame.path)}:{frame.line}` in {frame.function}" for frame in reversed(callers[-_CALLERS:])]
    return f"Traced back: `{_short(fails.path)}:{fails.line}` in {fails.function}, called by {', by '.join(way)}."


def _short(path: str) -> str:
    return "/".join(path.replace("\\", "/").split("/")[-2:])


def _place(inquiry: Inquiry) -> tuple[str | None, int | None]:
    """Return the line that fails: the innermost one that the accused commit changed, else the innermost known."""
    if inquiry.accused is not None and inquiry.accused.touches:
        return inquiry.accused.touches[0].path, inquiry.accused.touches[0].line
    if inquiry.ranking is not None and inquiry.ranking.places:
        return inquiry.ranking.places[0].path, inquiry.ranking.places[0].line
    if inquiry.failure is not None and inquiry.failure.raised.frames:
        frame = inquiry.failure.raised.frames[-1]
        return frame.path, frame.line
    return None, None


def _place_in_words(inquiry: Inquiry) -> str:
    path, line = _place(inquiry)
    return f"`{path}:{line}`" if path else "The service"


def in_one_line(cause: RootCause, backing: Proof | None) -> str:
    """Return the cause and how sure it is, as one line."""
    if cause.commit is None:
        return f"{cause.verdict.value}: {cause.summary}"
    by = " by revert and tests" if backing and backing.proven else ""
    return f"{cause.verdict.value}{by}: `{cause.commit[:7]}` {cause.commit_subject}"
