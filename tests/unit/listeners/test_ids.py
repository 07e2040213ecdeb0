"""Ids: each button has a listener, each listener takes only its own."""

import pytest

from bot.ids import Act, Form, More
from bot.listeners import actions, submissions
from bot.values import OfIncident, OfMenu, OfRole
from incidents.errors import Conflict
from incidents.lifecycle import Role


def test_every_action_but_plain_inputs_has_a_listener() -> None:
    assert set(actions.PRESSES) == set(Act) - {Act.INPUT}


def test_every_form_has_a_listener() -> None:
    assert set(submissions.SENDS) == set(Form) - {Form.DECLARE, Form.BUG, Form.PROGRESS, Form.SHOWN}


def test_every_id_and_its_numbered_forms_are_one_act() -> None:
    for act in Act:
        for sent in (act.value, act.numbered(3), act.numbered("critical"), act.numbered("comms")):
            assert Act.of(sent) is act


def test_an_id_that_begins_like_an_act_is_none() -> None:
    assert [Act.of(sent) for sent in ("retry_all", "retry_", "_3", "", "retry_3_3")] == [None] * 5


def test_values_survive_the_way_through_slack() -> None:
    value = OfRole(incident=7, role=Role.COMMS)
    assert OfRole.decode(value.encode()) == value


def test_an_overflow_options_value_fits_into_slacks_75_characters() -> None:
    assert all(len(OfMenu(incident=999_999, more=more).encode()) <= 75 for more in More)


@pytest.mark.parametrize("text", ["inc-7", "{}", '{"incident": "x"}', '{"incident": 7, "more": 1}', None])
def test_a_value_of_another_version_is_refused_with_a_remedy(text: str | None) -> None:
    with pytest.raises(Conflict) as refused:
        OfIncident.decode(text)
    assert refused.value.remedy
