"""Open modals: what was pressed in them last, and which drawing of each is the newest."""

from bot.listeners import modals


def test_what_was_pressed_counts_until_a_modal_comes_back_that_shows_it() -> None:
    known = modals.Modals()
    first, second = known.begin("V1"), known.begin("V1")  # two presses, before Slack has drawn either
    known.note("V1", first, "critical")
    known.note("V1", second, "low")
    assert not known.is_newest("V1", first)
    assert known.is_newest("V1", second)
    assert [known.unshown("V1", shown) for shown in (0, first, second)] == [(second, "low"), (second, "low"), None]
    assert known.begin("V1", 7) == 8  # drawn by another replica
    assert not known.is_newest("V1", second)
    assert known.is_newest("V2", 0)


def test_a_form_shows_what_came_of_what_was_sent_last_and_says_it_once() -> None:
    known = modals.Modals()
    first, again = known.send("V1", "a"), known.send("V1", "a")
    assert [known.is_wanted(each) for each in (first, again)] == [True, True]
    assert [known.is_sent_again(each) for each in (first, again)] == [True, False]
    other = known.send("V1", "b")
    assert [known.is_wanted(each) for each in (first, again, other)] == [False, False, True]
    assert not known.is_sent_again(again)
    known.note_stored(first)
    assert [known.is_stored(each) for each in (again, other)] == [True, False]


def test_no_more_modals_are_remembered_than_can_be_open() -> None:
    known = modals.Modals()
    for number in range(modals._MOST + 1):
        known.note(f"V{number}", known.begin(f"V{number}"), "low")
    assert known.unshown("V0", 0) is None
    assert known.unshown("V1", 0) == (1, "low")
