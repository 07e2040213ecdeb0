"""Users are relieved at once: offered with the channel, chosen by a press, done by the service's own command."""

import json
import sys
from pathlib import Path

from incidents.agents.base import StepRequest, StepResult
from incidents.agents.playbook.runner import PlaybookRunner
from incidents.catalog import Environment, Service
from incidents.clock import SystemClock
from incidents.events import EventKind
from incidents.service import queries
from tests.scenario.office import PlayedAgents, has_button, opened, pressed_twice, text_of

ROLLBACK = """
import json, sys
line = {"at": "2026-11-21T12:00:00Z", "release": sys.argv[1], "commit": "a" * 40}
with open("deploys.jsonl", "a") as log:
    log.write(json.dumps(line) + "\\n")
print(json.dumps(line))
"""


class RealMitigation(PlayedAgents):
    """Played agents, but for what touches production."""

    async def run(self, request: StepRequest) -> StepResult:
        if request.step.prompt == "immediate-mitigation.md":
            return await PlaybookRunner(SystemClock()).run(request)
        return await super().run(request)


def shop(folder: Path) -> Service:
    """Return a service that ran release 40, then 41."""
    (folder / "rollback.py").write_text(ROLLBACK)
    lines = [
        {"at": f"2026-11-2{day}T08:00:00Z", "release": release, "commit": release * 20}
        for day, release in enumerate(("40", "41"))
    ]
    (folder / "deploys.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return Service(
        key="checkout",
        title="Checkout",
        repository=str(folder),
        deploys=str(folder / "deploys.jsonl"),
        production=Environment(rollback=(sys.executable, str(folder / "rollback.py"), "{release}")),
    )


async def test_a_release_is_put_back_by_choice_and_approval_and_by_nobody_else(tmp_path: Path) -> None:
    service = shop(tmp_path)
    async with opened(tmp_path, "dee", "ana", "bo", runner=RealMitigation(), services={"checkout": service}) as office:
        channel = await office.declare(office.dee)
        offered = await office.ana.wait_for_message(channel, has_button("Roll back"))
        assert "Put release 40 back in place of 41" in text_of(offered)
        assert "production.switches" in text_of(offered), "what is not configured says how it would be"
        await office.ana.command("/incident", "ack", channel)
        await pressed_twice(office.ana, channel, offered, "Roll back")
        card = await office.bo.wait_for_message(channel, has_button("Approve and do it"))
        assert f"{tmp_path}/rollback.py 40" in text_of(card)
        await office.dee.click(channel, card, "Approve and do it")
        await office.dee.wait_for_ephemeral(lambda row: "may approve a mitigation" in text_of(row))
        await pressed_twice(office.bo, channel, card, "Approve and do it")
        await office.ana.wait_for_message(
            channel,
            lambda row: (
                row["ts"] == offered["ts"] and "put release 40 back" in text_of(row) and "_done_" in text_of(row)
            ),
        )
        async with office.ctx.store.read() as session:
            chosen = await queries.events_of(session, 1, EventKind.MITIGATION_CHOSEN)
        shown = [text_of(row) for who in (office.ana, office.bo) for row in await who.ephemerals(channel)]
        assert (len(chosen), [row for row in shown if ":warning:" in row]) == (1, []), "one choice, nobody frightened"
    assert json.loads((tmp_path / "deploys.jsonl").read_text().splitlines()[-1])["release"] == "40"
