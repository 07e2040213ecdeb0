"""What an agent says is struck out or weakened unless evidence backs it."""

import time
from datetime import UTC, datetime

from incidents.agents import citations
from incidents.agents.outputs import AnalysisOutput as Analysis
from incidents.agents.outputs import Claim, Hypothesis, Recommendation, RootCauseReport, Verdict
from incidents.tools.evidence import EvidenceKind, capture

AT = datetime(2026, 11, 21, 14, 0, tzinfo=UTC)
LOG = capture(EvidenceKind.LOG, "app.log", 'File "shop/pricing.py", line 88, in total', summary="412", captured_at=AT)
TEST = capture(EvidenceKind.TEST, "pytest", "1 passed at commit a1b2c3d4e5f6", summary="1 passed", captured_at=AT)


def report(*claims: Claim, recommendations: tuple[Recommendation, ...] = ()) -> Analysis:
    return Analysis(
        detailed_root_cause_report=RootCauseReport(
            summary="It broke.", contributing_factors=list(claims), detection="By a person.", tried=[]
        ),
        architectural_improvement_recommendations=list(recommendations),
        prevention_strategy_proposal=[],
    )


def factors(output: Analysis) -> list[Claim]:
    return output.detailed_root_cause_report.contributing_factors


def test_a_claim_citing_only_unknown_evidence_is_struck_out() -> None:
    output, review = citations.check(
        report(Claim(text="Backed", evidence=[LOG.id]), Claim(text="Invented", evidence=["E000000"])), [LOG]
    )
    assert [claim.text for claim in factors(output)] == ["Backed"]
    assert review.struck == ["Invented"]
    assert review.notes() == ("1 statement was struck out for want of evidence.",)


def test_unknown_ids_are_dropped_from_a_claim_that_also_cites_known_evidence() -> None:
    output, review = citations.check(report(Claim(text="Backed", evidence=["E000000", LOG.id])), [LOG])
    assert factors(output)[0].evidence == [LOG.id]
    assert review.notes() == ()


def test_confirmed_without_an_execution_becomes_likely() -> None:
    said = report(
        Claim(text="Read in a log", verdict=Verdict.CONFIRMED, evidence=[LOG.id]),
        Claim(text="Shown by a test", verdict=Verdict.CONFIRMED, evidence=[TEST.id]),
    )
    output, review = citations.check(said, [LOG, TEST])
    assert [claim.verdict for claim in factors(output)] == [Verdict.LIKELY, Verdict.CONFIRMED]
    assert review.weakened == ["Read in a log"]


def test_a_commit_that_was_never_shown_strikes_the_claim() -> None:
    said = report(
        Claim(text="`a1b2c3d` did it", evidence=[TEST.id]), Claim(text="`deadbee` did it", evidence=[TEST.id])
    )
    output, _ = citations.check(said, [TEST], seen="commit a1b2c3d4e5f6 by Dee")
    assert [claim.text for claim in factors(output)] == ["`a1b2c3d` did it"]


def test_a_place_is_recognised_in_the_form_of_a_traceback() -> None:
    said = report(
        Claim(text="It ends at shop/pricing.py:88", evidence=[LOG.id]),
        Claim(text="It ends at pricing.py:88", evidence=[LOG.id]),
        Claim(text="It ends at pricing.py:89", evidence=[LOG.id]),
    )
    output, review = citations.check(said, [LOG], seen='File \\"shop/pricing.py\\", line 88, in total')
    assert len(factors(output)) == 2
    assert review.struck == ["It ends at pricing.py:89"]


def test_a_recommendation_without_evidence_is_struck_out() -> None:
    canned = Recommendation(title="Do better", why="It is good", due_in_days=7, evidence=[])
    output, _ = citations.check(report(recommendations=(canned,)), [LOG])
    assert output.architectural_improvement_recommendations == []


def test_a_hypothesis_rejected_without_evidence_is_open_again() -> None:
    review = citations.Review({LOG.id: LOG})
    guess = Hypothesis(statement="The pool", state="rejected", reason="no", refuted_by="pool size", evidence=["E0"])
    (checked,) = citations._items([guess], review)
    assert checked.state == "open"
    assert review.weakened == ["The pool"]


def test_looking_for_places_costs_no_more_for_each_character_of_a_longer_text() -> None:
    def seconds(times: int) -> float:
        """Return the best of three in CPU time, so that a busy machine counts less."""
        taken = []
        for _ in range(3):
            began = time.process_time()
            assert citations.PLACE.findall("a." * times) == []
            taken.append(time.process_time() - began)
        return min(taken)

    assert seconds(8_000) / seconds(1_000) < 20  # 8 where it is linear, 64 where every beginning looks on to the end


def test_a_place_of_any_length_is_read_as_far_as_a_file_could_have_it() -> None:
    path = f"{'deep/' * 60}shop/pricing.py"
    assert citations.PLACE.findall(f"(`./shop/pricing.py:88`, shop/cart.py:{'9' * 5_000})") == [
        ("shop/pricing.py", "88"),
        ("shop/cart.py", "9" * 9),
    ]
    [(end, line)] = citations.PLACE.findall(f"{path}:7")
    assert path.endswith(end)
    assert line == "7"
