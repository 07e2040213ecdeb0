"""What decision cards say after something went wrong: what was tried, and what nobody knows."""

import json

from bot.views import approval, deciding
from tests.unit.views import samples

WORSE = "made it worse and was taken back"


def shown(asked: deciding.Asked) -> str:
    return json.dumps(approval.draw(asked).blocks, ensure_ascii=False)


def test_a_fix_that_failed_is_struck_and_says_why() -> None:
    row = samples.fix_approval("Revert")
    first, *others = row.subject["options"]
    row.subject = {**row.subject, "options": others, "tried": [{**first, "failed": WORSE}]}
    said = shown(deciding.Asked(row))
    assert f"~1  Revert~   {WORSE}" in said
    assert "Choose 1" not in said


def test_a_choice_that_failed_says_so_on_its_card() -> None:
    row = samples.fix_approval("Revert", state="approved", decided_by="U0ANA", decision={"number": 1, "failed": WORSE})
    assert "*Chosen* by <@U0ANA>, it failed" in shown(deciding.Asked(row))
    assert WORSE in shown(deciding.Asked(row))


def test_a_deploy_that_may_have_happened_warns_whoever_approves_it() -> None:
    row = samples.deploy_approval("fix")
    row.subject = {**row.subject, "doubt": "The deploy of 9f8e7d6 to production was cut off."}
    assert "It may have happened already.* The deploy of 9f8e7d6" in shown(deciding.Asked(row))
    assert "It may have happened" not in shown(deciding.Asked(samples.deploy_approval("fix")))


def test_a_deploy_that_nobody_may_approve_yet_says_who_could() -> None:
    said = shown(deciding.Asked(samples.deploy_approval("fix")))
    assert "Waiting for a commander (`/incident role commander`)" in said
    assert "anybody in this channel" in shown(deciding.Asked(samples.fix_approval("fix")))
