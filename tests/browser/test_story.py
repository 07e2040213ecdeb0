"""Sitrep's own story, clicked through in the page: the real bot, the real workspace, a really broken shop."""

import re
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect
from rich.console import Console

from bot.demo import main as demo
from bot.demo.service import DemoService
from tests.browser import story
from tests.browser.story import ANSWER, ROOM, WORK, Desk

# The story takes about a minute; the first test waits for all of it.
pytestmark = [pytest.mark.timeout(300), pytest.mark.long]

KNOWN = "About half the orders fail in production since the last release. POST /orders answers 500."


@dataclass
class Told:
    """What people read at each place of the story."""

    read: dict[str, str] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)
    repaired: bool = False


@dataclass
class Story:
    """One run of the story; each chapter keeps what stood there."""

    desk: Desk
    shop: DemoService
    told: Told = field(default_factory=Told)

    async def play(self) -> Told:
        """Go from the first word to the written post-mortem."""
        for chapter in (
            self.declare,
            self.acknowledge,
            self.answer_triage,
            self.choose_fix,
            self.attest,
            self.send_update,
            self.approve_deploy,
            self.resolve,
            self.write_postmortem,
        ):
            await chapter()
        self.told.repaired = await self.shop.healthy()
        self.told.complaints = self.desk.complaints
        return self.told

    def _keep(self, **texts: str) -> None:
        self.told.read.update({name: re.sub(r"\s+", " ", text) for name, text in texts.items()})

    async def declare(self) -> None:
        desk = self.desk
        await desk.say("/incident checkout returns 500s")
        await expect(desk.dialog).to_be_visible(timeout=ANSWER)
        await desk.dialog.get_by_role("button", name="Critical").click()
        await expect(desk.dialog.get_by_role("button", name="✓ Critical")).to_be_visible(timeout=ANSWER)
        await desk.dialog.get_by_label("Service").click()
        await desk.page.get_by_role("option", name="Checkout").click()
        self._keep(form=await desk.dialog.inner_text())
        self._keep(title=await desk.dialog.get_by_label("What is happening?").input_value())
        await desk.submit("Declare", What_do_you_know=KNOWN)
        link = desk.dialog.get_by_text("Open the channel")
        await expect(link).to_be_visible(timeout=ANSWER)
        self._keep(progress=await desk.dialog.inner_text())
        await link.click()
        self._keep(declared=await desk.reads(desk.card, "Acknowledge"))

    async def acknowledge(self) -> None:
        desk = self.desk
        await desk.sit_down("ana")
        app = desk.page.get_by_role("navigation").get_by_role("button", name="Sitrep")
        await expect(app).to_have_accessible_name(re.compile("mentions"))
        await app.click()
        await desk.page.get_by_role("tab", name="Messages").click()
        page = desk.message("Critical: checkout returns 500s")
        self._keep(page=await desk.reads(page, "you are on-call engineer"))
        await desk.press(page, "Acknowledge")
        self._keep(page_answered=await desk.reads(page, "@Ana Silva has it"))
        await desk.enter_room()
        self._keep(acknowledged=await desk.reads(desk.card, "@Ana Silva"))

    async def answer_triage(self) -> None:
        desk = self.desk
        asked = desk.message("What we still need to know")
        self._keep(triage=await desk.reads(asked, "5 of 7 known"))
        await desk.sit_down("ren")
        await desk.enter_room()
        await desk.say("Expected: an order number\nActual: HTTP 500\nVersions: release 41")
        self._keep(triage_answered=await desk.reads(desk.message("Triage facts"), "7 of 7 ✓"))

    async def choose_fix(self) -> None:
        desk = self.desk
        await expect(desk.offering("Choose 1")).to_be_visible(timeout=WORK)
        await desk.press(desk.offering("Choose 1"), "Choose 1")
        self._keep(choice_refused=await desk.whispered("may choose"))
        await desk.sit_down("ana")
        await desk.enter_room()
        await desk.press(desk.offering("Choose 1"), "Choose 1")
        self._keep(chosen=await desk.reads(desk.message("Root cause: confirmed"), "Chosen by @Ana Silva"))

    async def attest(self) -> None:
        desk = self.desk
        self._keep(gate_waits=await desk.reads(desk.card, "attest", timeout=WORK))
        await desk.press(desk.card, "Review the gate")
        await desk.dialog.get_by_role("button", name="Attest", exact=True).click()
        self._keep(vouching=await desk.confirm("I vouch for it"))
        await expect(desk.dialog).to_contain_text("Every gate holds", timeout=ANSWER)
        await desk.dialog.get_by_role("button", name="Close", exact=True).last.click()
        await desk.reads(desk.message("Phase 1 Stabilize"), "gates 3 of 3")
        await desk.open_thread(desk.message("Phase 1 Stabilize"))
        gate = desk.thread.get_by_role("listitem").filter(has_text="Initial mitigation attempted").last
        self._keep(attested=await desk.reads(gate, "attested by @Ana Silva"))

    async def send_update(self) -> None:
        desk = self.desk
        draft = desk.offering("No change")
        await expect(draft).to_be_visible(timeout=WORK)
        self._keep(draft=await draft.inner_text())
        await desk.press(draft, "Send")
        self._keep(update=await desk.reads(desk.message("Status checkout returns 500s"), "Next update"))

    async def approve_deploy(self) -> None:
        desk = self.desk
        await expect(desk.offering("Approve and deploy")).to_be_visible(timeout=WORK)
        await desk.sit_down("ren")
        await desk.enter_room()
        await desk.say("/incident approve")
        self._keep(deploy_refused=await desk.whispered("may approve a deploy"))
        await desk.sit_down("ana")
        await desk.enter_room()
        await desk.press(desk.offering("Approve and deploy"), "Approve and deploy")
        self._keep(deploying=await desk.confirm("Deploy"))
        self._keep(approved=await desk.reads(desk.message("Approve this deploy?"), "Approved by @Ana Silva"))
        self._keep(deployed=await desk.reads(desk.card, "Fix deployed", timeout=WORK))

    async def resolve(self) -> None:
        desk = self.desk
        await expect(desk.card.get_by_role("button", name="Resolve", exact=True)).to_be_visible(timeout=ANSWER)
        await desk.say("/incident resolve")
        await desk.submit("Resolve", How_was_service_restored="Reverted the change; half the orders had failed.")
        self._keep(resolved=await desk.reads(desk.card, "Now: resolved"))

    async def write_postmortem(self) -> None:
        desk = self.desk
        posted = desk.message("Post-mortem inc-1 checkout returns 500s")
        self._keep(drafted=await desk.reads(posted, "Timeline (UTC)", timeout=WORK))
        await desk.press(posted, "Write my part")
        await desk.submit(
            "Save",
            What_went_well="The culprit was found and undone in minutes.",
            What_went_badly="The contract tests were not part of the release check.",
            Where_we_were_lucky="It happened while everybody was awake.",
        )
        self._keep(postmortem=await desk.reads(posted, "It happened while everybody was awake."))
        await desk.page.get_by_role("tab", name="Canvas").click()
        self._keep(canvas=await desk.reads(desk.main, "The culprit was found and undone"))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def told(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Told:
    root: Path = tmp_path_factory.mktemp("story")
    options = demo.Options(root=root, port=0, autoplay=True, browser=False)
    async with (
        demo.stage(options, root, Console(quiet=True)) as (workspace, shop),
        story.opened(browser, workspace.url, "ren") as desk,
    ):
        return await Story(desk, shop).play()


def test_pressing_a_severity_shows_who_is_told_and_when(told: Told):
    form = told.read["form"]
    assert "✓ Critical" in form
    assert "Response within 30 min" in form
    assert re.search(r"Now on-call Ana, lead Bo, product Cy.*\+30 min eng manager, CTO.*\+60 min CEO", form)


def test_words_after_the_command_are_the_title_already(told: Told):
    assert told.read["title"] == "checkout returns 500s"


def test_declaring_ends_in_a_link_to_the_channel_and_claims_nobody_told_who_is_not(told: Told):
    assert f"#{ROOM}" in told.read["progress"]
    counted = re.search(r"Told at once: (\d) of (\d)(; the rest is on its way)?", told.read["progress"])
    assert counted is not None
    assert (counted[1] == counted[2]) == (counted[3] is None)


def test_card_says_how_bad_who_has_it_and_what_comes_next(told: Told):
    declared, acknowledged = told.read["declared"], told.read["acknowledged"]
    assert "Severity Critical" in declared
    assert "Commander open" in declared
    assert "nobody has acknowledged" in declared
    assert "Commander @Ana Silva" in acknowledged
    assert "nobody has acknowledged" not in acknowledged


def test_page_asks_one_thing_and_names_who_is_next(told: Told):
    assert re.search(r"Nobody has acknowledged.*Acknowledge .*Cannot take it", told.read["page"])
    assert re.search(r"@Bo Lindqvist is paged at \d", told.read["page"])


def test_answered_page_says_who_has_it_and_offers_nothing_more(told: Told):
    assert "Acknowledge" not in told.read["page_answered"]
    assert "Open the channel" in told.read["page_answered"]


def test_missing_triage_facts_are_asked_for_and_ticked_when_written(told: Told):
    assert "• Expected and actual behaviour • Affected versions or releases" in told.read["triage"]
    assert "✓ Affected versions or releases: release 41" in told.read["triage_answered"]


def test_choice_and_deploy_are_refused_to_whom_has_no_part_in_them(told: Told):
    assert "Only @Ana Silva or @Bo Lindqvist may choose the fix here" in told.read["choice_refused"]
    assert "Only @Ana Silva or @Bo Lindqvist may approve a deploy here" in told.read["deploy_refused"]


def test_chosen_fix_stands_beside_the_cause_and_its_evidence(told: Told):
    chosen = told.read["chosen"]
    assert re.search(r"checkout/pricing\.py:38 raises KeyError: 'currency'.*\[E\w+\]", chosen)
    assert re.search(r"✓ 1 Revert \w{7} 2 Go back to release 40", chosen)


def test_gate_is_attested_under_ones_own_name(told: Told):
    assert "attest initial mitigation attempted" in told.read["gate_waits"]
    assert "Was something done to relieve users" in told.read["vouching"]
    assert "Your name stands for it" in told.read["vouching"]
    assert "attested by @Ana Silva" in told.read["attested"]


def test_status_update_is_ready_when_due_and_goes_out_as_drafted(told: Told):
    for draft_or_update in (told.read["draft"], told.read["update"]):
        assert re.search(r"Condition .*Impact .*Done .*Next .*Needs .*Next update", draft_or_update)
    assert "sends the facts by itself" in told.read["draft"]
    assert "@Ana Silva" in told.read["update"]


def test_deploy_is_asked_twice_and_bound_to_one_commit(told: Told):
    approved = told.read["approved"]
    commit = re.search(r"Commit (\w{7}) on hotfix/inc-1", approved)
    assert commit is not None
    assert f"Deploy {commit[1]}? " in told.read["deploying"]
    assert "29 passed, 2 repaired, 0 newly failing ✓" in approved


def test_card_counts_the_fix_and_the_shop_is_well_again(told: Told):
    assert re.search(r"Fix deployed \d+ s ✓", told.read["deployed"])
    assert told.repaired


def test_resolved_card_says_in_ones_own_words_how_service_was_restored(told: Told):
    assert "resolved: Reverted the change; half the orders had failed." in told.read["resolved"]


def test_postmortem_brings_the_facts_and_leaves_the_judgement_to_people(told: Told):
    drafted = told.read["drafted"]
    assert re.search(r"Fix \w{7}, undoes \w{7}, release 42", drafted)
    assert "What went well ✏️ for @Ana Silva" in drafted


def test_what_one_writes_stands_in_the_postmortem_and_its_canvas(told: Told):
    assert (
        "What went badly The contract tests were not part of the release check. @Ana Silva" in told.read["postmortem"]
    )
    assert "The contract tests were not part of the release check. — Ana Silva" in told.read["canvas"]


def test_page_complained_of_nothing_on_the_way(told: Told):
    assert told.complaints == []
