"""A bug from `/incident bug` to the merge: real people at their screens, real agents, a real git repository."""

from pathlib import Path
from typing import Any

from incidents.agents.playbook.runner import PlaybookRunner
from incidents.catalog import Sandbox
from incidents.clock import SystemClock
from incidents.definitions import Kind
from incidents.service import queries
from tests.integration.agents.shop import GOOD, PRICING, Shop
from tests.scenario.office import Office, eventually, has_button, opened, pressed_twice, text_of

FACTS = {
    "steps_to_reproduce": "call `total({})`",
    "expected_vs_actual": "a price in EUR; it raises KeyError",
    "environment": "production",
    "error_output": "KeyError: 'currency'",
    "context": "old carts, since the last release",
}


async def reported(office: Office, **facts: str) -> str:
    """Report a bug through the form; returns the channel's id once its card is there."""
    await office.dee.command("/incident", "bug Old carts cannot be priced")
    modal = await office.dee.wait_for_view()
    await office.dee.submit(modal, {"service": "shop", **facts})
    linked = await office.dee.wait_for_view(lambda view: "Go to" in text_of(view))
    channel = text_of(linked).partition("<#")[2].partition(">")[0]
    await office.dee.wait_for_message(channel, lambda row: "Commander" in text_of(row))
    await office.dee.close(linked)
    await office.ana.api("conversations.join", channel=channel)
    return channel


async def test_a_bug_is_fixed_and_merged_by_three_decisions(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "there")
    shop.broken()
    service = shop.service()
    runner = PlaybookRunner(SystemClock(), sandbox=Sandbox(mode="none"))
    async with opened(tmp_path, "dee", "ana", runner=runner, services={service.key: service}) as office:
        channel = await reported(office, service=service.key, **FACTS)
        bug = await office.incident()
        assert (bug.kind, bug.severity) == (Kind.BUG, "medium")

        asked = await office.dee.wait_for_message(channel, lambda row: "the analysis waits for this" in text_of(row))
        assert "Affected versions" in text_of(asked)
        assert "Environment (" not in text_of(asked)
        said = await office.dee.post(channel, "One moment, I am looking it up.")
        await office.dee.api("chat.update", channel=channel, ts=said["ts"], text="Versions: release 2")

        await office.ana.command("/incident", "ack", channel)
        options = await office.ana.wait_for_message(channel, has_button("Choose 1"), 60)
        await office.ana.post(channel, "? which commit is it")
        answered = await office.ana.wait_for_message(channel, lambda row: "Answered from the record" in text_of(row))
        assert "From the record" in text_of(answered)
        async with office.ctx.store.read() as session:
            assert [each.kind for each in await queries.pending_approvals(session, bug.number)] == ["choose_fix"]
        await office.ana.post(channel, "I would take >Option 1, it is the smallest.", options["ts"])

        plan = await office.ana.wait_for_message(channel, has_button("Approve the plan"), 60)
        await pressed_twice(office.ana, channel, plan, "Approve the plan")
        merge = await office.ana.wait_for_message(channel, has_button("Approve and merge"), 90)
        assert shop.git("show", "main:shop/pricing.py") == "def total(cart):\n    return cart['currency']"
        shop.commit("Another way", {PRICING: "def total(cart):\n    return cart['money']\n"})
        await office.ana.click(channel, merge, "Approve and merge")
        stuck = await eventually(lambda: _in_a_thread(office, channel, "conflicts with"), 60)
        assert "now there: `return cart['money']`" in text_of(stuck)
        shop.solve(f"bugfix/{bug.key}", {PRICING: GOOD})
        await office.ana.click(channel, stuck, "Rebase")
        merge = await office.ana.wait_for_message(channel, has_button("Approve and merge"), 90)
        await pressed_twice(office.ana, channel, merge, "Approve and merge")
        await office.ana.wait_for_message(channel, lambda row: "The fix is merged everywhere" in text_of(row), 60)
        assert not [row for row in await office.ana.ephemerals(channel) if ":warning:" in text_of(row)]
        assert "cart.get('currency', 'EUR')" in shop.git("show", "main:shop/pricing.py")
        assert await eventually(lambda: _outcome(office, bug.number), 30) == "complete"
        async with office.ctx.store.read() as session:
            sent = await queries.deliveries(session, bug.number)
        assert [row.error for row in sent if row.state == "failed"] == []


async def _in_a_thread(office: Office, channel: str, words: str) -> dict[str, Any] | None:
    heads = [row for row in await office.ana.messages(channel) if "Phase" in text_of(row)]
    replies = [reply for head in heads for reply in await office.ana.replies(channel, head["ts"])]
    return next((reply for reply in replies if words in text_of(reply) and has_button("Rebase")(reply)), None)


async def _outcome(office: Office, incident_id: int) -> str:
    async with office.ctx.store.read() as session:
        run = await queries.latest_run(session, incident_id)
        return run.outcome if run else ""
