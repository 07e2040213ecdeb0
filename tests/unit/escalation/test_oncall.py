"""Names of `sitrep.yml` lead to people."""

import pytest

from escalation import oncall
from incidents.catalog import Person, Settings

ANA = Person(key="ana", name="Ana", slack="U0ANA", email="ana@example.com")
EVE = Person(key="eve", name="Eve", email="eve@example.com")
LOST = Person(key="lost", name="Lost")


def settings(**audiences: tuple[str, ...]) -> Settings:
    return Settings(people={"ana": ANA, "eve": EVE, "lost": LOST}, audiences=audiences)


@pytest.mark.parametrize("name", ["ana", "U0ANA", "ana@example.com"])
def test_a_person_is_found_by_key_slack_id_or_address(name: str) -> None:
    (who,) = oncall.people(settings(cto=(name,)), "cto")
    assert (who.person, who.name) == ("U0ANA", "Ana")


def test_somebody_without_slack_is_known_by_key_and_reached_by_mail() -> None:
    (who,) = oncall.people(settings(cto=("eve",)), "cto")
    assert (who.person, who.slack, who.email) == ("eve", "", "eve@example.com")


def test_somebody_no_road_leads_to_counts_as_nobody() -> None:
    assert oncall.people(settings(cto=("lost",)), "cto") == ()


def test_audiences_may_hold_audiences_and_each_person_once() -> None:
    known = settings(leads=("ana", "eve"), cto=("leads", "ana"))
    assert [who.name for who in oncall.people(known, "cto")] == ["Ana", "Eve"]


def test_audiences_that_hold_each_other_come_to_an_end() -> None:
    known = settings(one=("two", "ana"), two=("one", "eve"))
    assert {who.name for who in oncall.people(known, "one")} == {"Ana", "Eve"}


def test_an_audience_that_is_not_configured_is_empty_even_when_a_person_has_its_name() -> None:
    assert oncall.people(settings(), "ana") == ()


def test_words_for_audiences_are_short() -> None:
    words = [oncall.short(name) for name in ("on_call_engineer", "cto", "customer_success")]
    assert words == ["on-call", "CTO", "customer success"]
