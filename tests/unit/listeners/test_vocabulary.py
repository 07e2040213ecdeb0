"""What the words after /incident mean."""

import pytest

from bot.listeners import commands, vocabulary
from bot.listeners.vocabulary import Meant, meant


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("", Meant()),
        ("checkout returns 500s", Meant(title="checkout returns 500s")),
        ("outage", Meant(title="outage")),
        ("status", Meant(word="status")),
        ("STATUS", Meant(word="status")),
        ("status inc-7", Meant(word="status", incident="inc-7")),
        ("inc-7", Meant(word="status", incident="inc-7")),
        ("INC-7 ack", Meant(word="ack", incident="inc-7")),
        ("inc-7 statsu", Meant(typo="statsu", nearest="status", incident="inc-7")),
        ("statsu", Meant(typo="statsu", nearest="status")),
        ("statsu inc-7", Meant(typo="statsu", nearest="status")),
        ("status page is down", Meant(title="status page is down")),
        ("role assignment fails", Meant(title="role assignment fails")),
        ("role comms <@U1ANA>", Meant(word="role", argument="comms <@U1ANA>")),
        ("severity critical it spreads", Meant(word="severity", argument="critical it spreads")),
        ("severity critcal", Meant(word="severity", argument="critcal")),
        ("acknowledge", Meant(word="ack")),
        ("sev high", Meant(word="severity", argument="high")),
        ("declare list is empty", Meant(word="declare", argument="list is empty")),
    ],
)
def test_words_are_understood(typed: str, expected: Meant) -> None:
    assert meant(typed) == expected


def test_a_typo_of_every_word_finds_it() -> None:
    for entry in vocabulary.ENTRIES:
        if len(entry.name) > 4:
            swapped = entry.name[:2] + entry.name[3] + entry.name[2] + entry.name[4:]
            assert vocabulary.nearest(swapped) == entry.name or swapped == entry.name


def test_every_word_of_the_help_does_something() -> None:
    assert {entry.name for entry in vocabulary.ENTRIES} == {
        *commands.ORDERS,
        *commands.GENERAL,
        *commands.OPENS,
        "solution",
    } - {""}


@pytest.mark.parametrize(
    ("word", "typed", "expected"),
    [("severity", "Critical", "critical"), ("role", "comander", "commander"), ("role", "chef", "")],
)
def test_choices_forgive_a_letter(word: str, typed: str, expected: str) -> None:
    assert vocabulary.choice(word, typed) == expected


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("severity critcal because data is lost", Meant(word="severity", argument="critcal because data is lost")),
        ("role ic <@U1ANA>", Meant(word="role", argument="ic <@U1ANA>")),
        ("status please", Meant(typo="status please", nearest="status")),
        ("resolved it by hand", Meant(typo="resolved it by hand", nearest="resolve it by hand")),
        ("invoices are late", Meant(title="invoices are late")),
        ("update the shop is fine", Meant(word="update", argument="the shop is fine")),
    ],
)
def test_in_an_incidents_channel_words_that_begin_like_a_command_are_no_title(typed: str, expected: Meant) -> None:
    assert meant(typed, in_room=True) == expected
