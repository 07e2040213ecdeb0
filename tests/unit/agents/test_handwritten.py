"""Outputs that a person types: which fields there are, and what becomes of what stands in them."""

from datetime import UTC, datetime

import pytest

from bot.views import handwork, parts
from incidents.agents import blanks, handwritten
from incidents.agents.handwritten import Handwriting
from incidents.agents.outputs import MODELS, FixCode, HotfixOutput, Implementation, PullRequest, RootCause
from incidents.errors import InvalidInputs
from tests.unit.views import samples

NOW = datetime(2026, 11, 21, 15, 0, tzinfo=UTC)
CAUSE = {
    "preliminary_root_cause.verdict": "likely",
    "preliminary_root_cause.summary": "The cache was full.",
    "preliminary_root_cause.mechanism": "Evictions began at 14:00.",
    "preliminary_root_cause.claims": "- evictions rose\n- latency rose with them",
    "preliminary_root_cause.fix_options": (
        "title: Enlarge it\napproach: hotfix\ndescription: Twice the size\n\n"
        "title: Go back\napproach: rollback\ndescription: To release 40,\nwhich cached less"
    ),
}


def read(prompt: str, typed: dict[str, str]) -> Handwriting | None:
    return handwritten.read(prompt, typed, actor="U01ANA", summary="looked at it", now=NOW)


def test_what_is_typed_becomes_the_output_that_later_steps_read_and_cites_who_typed_it() -> None:
    found = read("rapid-root-cause-analysis", CAUSE)
    assert found is not None
    cause = RootCause.model_validate(found.outputs["preliminary_root_cause"])
    assert [each.text for each in cause.claims] == ["evictions rose", "latency rose with them"]
    assert [(each.number, each.title) for each in cause.fix_options] == [(1, "Enlarge it"), (2, "Go back")]
    assert cause.fix_options[1].description == "To release 40, which cached less"
    assert cause.claims[0].evidence == [found.evidence.id]
    assert found.evidence.source == "typed by U01ANA"
    assert found.whole is None, "two outputs were left empty, so they stay unknown"


def test_a_whole_step_can_be_typed() -> None:
    found = read(
        "comprehensive-bug-fix-development",
        {
            "comprehensive_fix_implementation.summary": "Bound the cache",
            "comprehensive_fix_implementation.plan": "size it\nwatch it",
            "complete_test_suite": "test_cache.py",
            "documentation_updates": "docs/cache.md",
        },
    )
    assert found is not None
    assert found.whole is not None


@pytest.mark.parametrize(
    ("path", "typed", "said"),
    [
        ("preliminary_root_cause.summary", "x" * 401, "401 characters; 400 fit"),
        ("preliminary_root_cause.line", "eighty", "integer"),
        ("preliminary_root_cause.mechanism", "", "needed"),
        ("preliminary_root_cause.fix_options", "title: A\napproach: pray\ndescription: d", "In item 1, `approach`"),
        ("preliminary_root_cause.fix_options", "title: A", "In item 1, `approach`: it is missing."),
        ("no_such_output", "x", "no such output"),
    ],
)
def test_what_cannot_be_read_is_said_at_its_field(path: str, typed: str, said: str) -> None:
    with pytest.raises(InvalidInputs) as caught:
        read("rapid-root-cause-analysis", {**CAUSE, path: typed})
    assert said in caught.value.faults[path]


@pytest.mark.parametrize(
    ("path", "typed", "said"),
    [
        ("emergency_fix_code.commit", "--force", "can be no commit: give its hash"),
        ("emergency_fix_code.commit", "the one of this morning", "can be no commit"),
        ("emergency_fix_code.base", "-n", "can be no commit"),
        ("emergency_fix_code.base", "main..fix", "can be no commit"),
        ("emergency_fix_code.branch", "--upload-pack=x", "can be no branch"),
        ("emergency_fix_code.branch", "fix/cache^", "can be no branch"),
        ("rollback_procedure.commit", "HEAD@{1}", "can be no commit"),
    ],
)
def test_what_can_name_no_commit_and_no_branch_is_refused_at_its_field(path: str, typed: str, said: str) -> None:
    code = {"emergency_fix_code.branch": "fix/cache", "emergency_fix_code.commit": "9f8e7d6"}
    good = {"emergency_fix_code.base": "9f8e7d6~2^", "rollback_procedure.commit": "release-40"}
    assert read("emergency-hotfix-development", {**code, **good}) is not None
    with pytest.raises(InvalidInputs) as caught:
        read("emergency-hotfix-development", {**code, path: typed})
    assert said in caught.value.faults[path]


def test_nothing_typed_is_no_output() -> None:
    assert read("rapid-root-cause-analysis", {"preliminary_root_cause.summary": "  "}) is None
    assert read("no-such-prompt", CAUSE) is None


@pytest.mark.parametrize("prompt", MODELS)
def test_every_steps_fields_fit_into_one_form_and_each_fault_finds_its_field(prompt: str) -> None:
    known = blanks.fields(f"{prompt}.md")
    assert known
    of_step = samples.incident("x"), samples.step_row("x", "failed"), "x", known
    at_first = {block.get("block_id") for block in handwork.take_over(*of_step)["blocks"]}
    assert {f"output:{blank.path}" for blank in known if not blank.more} <= at_first
    form = handwork.take_over(*of_step, typed={"summary": "so far"})
    asked = {block.get("block_id") for block in form["blocks"]}
    assert {f"output:{blank.path}" for blank in known} <= asked
    assert len(form["blocks"]) <= parts.MAX_VIEW_BLOCKS
    with pytest.raises(InvalidInputs) as caught:
        read(prompt, {blank.path: "x" * 5000 for blank in known if not blank.choices})
    assert caught.value.faults.keys() <= {blank.path for blank in known}


def test_of_a_bugs_fix_and_of_its_pull_request_by_hand_nobody_is_asked_more_than_branch_and_commit() -> None:
    for prompt, model, head in (("implementation", Implementation, "commit"), ("pull-request", PullRequest, "head")):
        asked = blanks.fields(f"bug-{prompt}.md")
        assert [blank.path for blank in asked if not blank.more] == ["branch", head]
        found = handwritten.read(
            f"bug-{prompt}",
            {"branch": "fix/cache", head: "9f8e7d6"},
            actor="U01ANA",
            summary="looked at it",
            now=NOW,
            looked_up={head: "9f8e7d6" * 5, "repository": "shop"},
        )
        assert found is not None
        made = model.model_validate(found.outputs)
        assert (made.branch, getattr(made, head), made.repository) == ("fix/cache", "9f8e7d6" * 5, "shop")
        assert "branch: fix/cache" in found.evidence.excerpt
        assert f"git: {head}" in found.evidence.excerpt, "what git said is not put into anybody's mouth"


def test_of_a_fix_by_hand_nobody_is_asked_more_than_branch_and_commit() -> None:
    at_first = [blank.path for blank in blanks.fields("emergency-hotfix-development.md") if not blank.more]
    assert at_first == ["emergency_fix_code.branch", "emergency_fix_code.commit"]
    found = read("emergency-hotfix-development", dict(zip(at_first, ("fix/cache", "9f8e7d6"), strict=True)))
    assert found is not None
    code = FixCode.model_validate(found.outputs["emergency_fix_code"])
    assert (code.branch, code.commit, code.base, code.summary) == ("fix/cache", "9f8e7d6", "9f8e7d6^", "looked at it")


def test_a_part_that_may_be_missing_is_not_asked_for_when_others_are_filled_in() -> None:
    found = read(
        "emergency-hotfix-development",
        {"minimal_test_suite.repaired": "test_a", "minimal_test_suite.note": "ran by hand"},
    )
    assert found is not None
    assert found.outputs["minimal_test_suite"]["after"] is None  # type: ignore[index,call-overload]
    assert "minimal_test_suite" in HotfixOutput.model_fields
