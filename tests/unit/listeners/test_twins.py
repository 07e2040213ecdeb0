"""Everything that a button does can be typed."""

import pytest

from bot.ids import Act, More, Steer
from bot.listeners import commands, vocabulary

#: Button -> what is typed instead; what only opens a link, or fills in a field of a form, does nothing to type.
TYPED: dict[Act, str] = {
    Act.DECLARE: "declare checkout is down",
    Act.DRILL: "drill",
    Act.BUG: "bug old carts",
    Act.SOLUTION: "solution Problem: old carts, Solution: a default",
    Act.LEARNED: "learned",
    Act.HARDENING: "hardening checkout",
    Act.DUPLICATE_OPEN: "inc-7 status",
    Act.REVIEW: "review",
    Act.UPDATE: "update",
    Act.ACK: "ack",
    Act.TAKE_ROLE: "role commander",
    Act.RELEASE_ROLE: "role commander none",
    Act.MAKE_ROOM: "channel",
    Act.RESOLVE: "resolve",
    Act.CLOSE: "close",
    Act.REOPEN: "reopen it is back",
    Act.IMPACT: "impact 38 % fail",
    Act.ROLES: "roles",
    Act.TIMELINE: "timeline",
    Act.NOTE: "note restarted it",
    Act.BEGIN: "begin",
    Act.RESUME: "resume",
    Act.STOP: "stop",
    Act.PAUSE: "pause",
    Act.RESTART: "restart",
    Act.PLAN: "plan",
    Act.PASS: "pass",
    Act.EVIDENCE: "evidence E3f9a2b",
    Act.RETRY: "retry 1.3",
    Act.TAKE_OVER: "takeover 1.3",
    Act.OVERRIDE: "gate staging_validation_complete override nobody has staging",
    Act.ATTEST: "attest stakeholders_notified",
    Act.MITIGATE: "mitigate rollback",
    Act.DRIFT: "drift code the price is promised",
    Act.ANSWER: "answer 1",
    Act.OPTION: "option 2",
    Act.APPROVE: "approve",
    Act.REJECT: "reject",
    Act.SEND_BACK_WORDS: "reject keep the rounding",
    Act.DIFF: "diff",
    Act.SEND: "update send",
    Act.EDIT: "update",
    Act.NO_CHANGE: "update no change",
    Act.SNOOZE: "update snooze 10m",
    Act.WRITE: "postmortem",
    Act.FOLLOWUP: "followup add an alert",
    Act.FOLLOWUP_DONE: "followup done 3",
    Act.CATCH_UP: "inc-7 status",
}
MENUS: dict[More | Steer, str] = {
    More.SEVERITY: "severity",
    More.ESCALATE: "escalate",
    More.NOTE: "note",
    More.PAUSE: "pause",
    More.RESUME: "resume",
    More.RESOLVE: "resolve",
    Steer.RETRY: "retry 1.3",
    Steer.STOP: "stop 1.3",
    Steer.SKIP: "skip 1.3 not needed",
    Steer.TAKE_OVER: "takeover 1.3",
    Steer.HAND_OVER: "handover 1.3 playbook",
    Steer.REBASE: "rebase checkout",
}
#: Links, fields of forms, and the menus themselves, whose choices stand in MENUS.
NOTHING_TO_TYPE = {
    Act.OPEN,
    Act.CANVAS,
    Act.INPUT,
    Act.SEVERITY,
    Act.SERVICE,
    Act.OPTIONS,
    Act.MORE,
    Act.MORE_FIELDS,
    Act.STEER,
}


def test_every_button_has_words_that_do_the_same() -> None:
    assert set(TYPED) | NOTHING_TO_TYPE == set(Act)
    assert set(MENUS) == {*More, *Steer}


@pytest.mark.parametrize("typed", [*TYPED.values(), *MENUS.values()])
def test_the_words_are_understood_in_the_channel(typed: str) -> None:
    meant = vocabulary.meant(typed, in_room=True)
    assert meant.word in {*commands.ORDERS, *commands.GENERAL, *commands.OPENS, "solution"}, typed
    assert not meant.typo
