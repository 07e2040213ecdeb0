"""Principles are judged as far as their words are rules; the rest is left to people by name."""

import pytest

from incidents.knowledge import constitution
from incidents.knowledge.constitution import Change
from incidents.knowledge.specs import Principle

GOOD = Change(("shop/pricing.py",), ("total = 1",), has_tests=True)


@pytest.mark.parametrize(
    ("text", "change"),
    [
        ("Every fix MUST have tests.", Change((), (), has_tests=False)),
        ("Fixes MUST NOT change `billing/**`.", Change(("billing/tax/eu.py",), (), has_tests=True)),
        ("Code MUST NOT use `requests`; the standard library does.", Change((), ("import requests",), has_tests=True)),
        ("NEVER add `left-pad`", Change(("package.json",), ('  "left-pad": "^1.0"',), has_tests=True)),
    ],
)
def test_a_rule_in_a_principles_words_is_held_against_the_change(text: str, change: Change) -> None:
    [violation], unjudged = constitution.judge([Principle("I. Rule", text, 3)], change)
    assert violation.principle == "I. Rule"
    assert violation.instead
    assert unjudged == []
    assert constitution.judge([Principle("I. Rule", text, 3)], GOOD) == ([], [])


def test_what_no_rule_can_judge_is_left_to_people() -> None:
    every = [Principle("II. Simplicity", "Code MUST be simple. It NEVER surprises.", 9)]
    assert constitution.judge(every, GOOD) == ([], ["II. Simplicity"])
