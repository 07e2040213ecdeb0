"""Bad input: a clear sentence where the person is looking, and nothing typed is lost."""

import pytest
from sqlalchemy import Connection, event
from sqlmodel import func, select

from bot.listeners import declaring, sent_forms
from bot.workspace.rules.faults import Fault
from incidents import records
from incidents.service import queries
from tests.scenario.office import TITLE, Office, eventually, has_button, text_of


async def count(office: Office) -> int:
    async with office.ctx.store.read() as session:
        return await session.scalar(select(func.count()).select_from(records.Incident))


async def test_an_empty_title_is_refused_below_its_field(office: Office) -> None:
    await office.dee.command("/incident")
    modal = await office.dee.wait_for_view()
    answer = await office.dee.submit(modal, {"title": "  \u200b ", "known": "half the orders fail"})
    assert "The title is empty." in answer["errors"]["title"]
    assert await count(office) == 0


async def test_ten_thousand_characters_open_the_modal_with_everything_kept(office: Office) -> None:
    typed = " ".join(f"order{number}fails" for number in range(1, 10_000))[:10_000].strip()
    await office.dee.command("/incident", typed)
    modal = await office.dee.wait_for_view()
    parts = [block["element"]["initial_value"] for block in modal["blocks"] if block["block_id"].startswith("known")]
    assert " ".join(parts) == typed
    await office.dee.click_in_view(modal, "severity_low")
    drawn = await office.dee.wait_for_view(lambda view: "✓ Low" in text_of(view))
    await office.dee.submit(drawn, {"title": "Orders fail"})
    await office.dee.wait_for_view(lambda view: "inc-1" in text_of(view))
    assert (await office.incident()).known.split() == typed.split()


async def test_more_words_than_any_message_has_are_cut_where_the_reader_sees_it(office: Office) -> None:
    await office.dee.command("/incident", "orders fail 🔥 " * 2000)
    modal = await office.dee.wait_for_view()
    last = next(block for block in modal["blocks"] if block["block_id"] == "known_4")
    assert last["element"]["initial_value"].endswith("…")
    await office.dee.submit(modal, {"title": "Orders fail"})
    await office.dee.wait_for_view(lambda view: "inc-1" in text_of(view))


async def test_a_message_that_fills_the_form_is_declared_with_its_link(office: Office) -> None:
    said = await office.dee.post("general", "Payments hang\n" + "x" * 3000)
    await office.bo.shortcut("declare_from_message", "general", said["ts"])
    modal = await office.bo.wait_for_view(lambda view: "archives" in view["private_metadata"])
    await office.bo.submit(modal)
    await office.bo.wait_for_view(lambda view: "inc-1" in text_of(view))
    assert "x" * 3000 in (await office.incident()).known
    assert "Declared from http" in (await office.incident()).known


async def test_what_the_reporter_wrote_stands_word_for_word_in_the_thread_of_the_card(office: Office) -> None:
    channel = await office.declare(office.dee, known="half the orders fail,\nsince the *last* release")
    written = await office.dee.wait_for_message(channel, lambda message: "wrote when declaring" in text_of(message))
    assert "half the orders fail,\nsince the *last* release" in written["blocks"][1]["text"]["text"]
    card = await office.dee.wait_for_message(channel, has_button("Acknowledge"))
    assert written["thread_ts"] == card["ts"]


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("🔥🔥🔥", "inc-1"),
        ("الدفع لا يعمل", "inc-1"),
        ("Bezahlen schlägt fehl", "inc-1-bezahlen-schlagt-fehl"),
        ("<!channel> *down* `now` & > all", "inc-1-channel-down-now-all"),
    ],
)
async def test_titles_that_break_others_are_declared_and_shown_as_they_are(
    office: Office, title: str, name: str
) -> None:
    await office.dee.command("/incident")
    modal = await office.dee.wait_for_view()
    await office.dee.submit(modal, {"title": title})
    linked = await office.dee.wait_for_view(lambda view: "Go to" in text_of(view))
    assert "<!channel>" not in text_of(linked)
    channel = await office.dee.wait_for_channel(lambda row: row.get("name") == name)
    card = await office.dee.wait_for_message(channel["id"], lambda row: "Commander" in text_of(row))
    assert title in card["blocks"][0]["text"]["text"]


async def test_a_service_that_left_the_catalogue_is_named_below_its_field(office: Office) -> None:
    await office.dee.command("/incident", TITLE)
    modal = await office.dee.wait_for_view()
    await office.dee.fill(modal, {"service": "invoices"})
    office.ctx.settings.services.pop("invoices")
    answer = await office.dee.submit(modal)
    assert "There is no service called" in answer["errors"]["service"]


async def test_a_possible_duplicate_is_shown_before_it_is_made(office: Office) -> None:
    await office.declare(office.dee)
    await office.bo.command("/incident")
    modal = await office.bo.wait_for_view()
    await office.bo.submit(modal, {"title": "Checkout returns 500 errors"})
    warned = await office.bo.wait_for_view(lambda view: "Look first" in text_of(view))
    assert "Declare anyway" in text_of(warned)
    assert "Checkout returns 500 errors" in text_of(warned)
    assert await count(office) == 1
    await office.bo.submit(warned)
    await office.bo.wait_for_view(lambda view: "inc-2" in text_of(view))
    assert await count(office) == 2


async def test_the_title_typed_after_the_command_is_checked_for_duplicates_at_once(office: Office) -> None:
    await office.declare(office.dee)
    await office.bo.command("/incident", "checkout returns 500s")
    await office.bo.wait_for_view(lambda view: "Look first" in text_of(view))


async def test_the_same_submission_twice_makes_one_incident(office: Office) -> None:
    await office.dee.command("/incident", TITLE)
    modal = await office.dee.wait_for_view()
    await office.dee.submit(modal)
    sent = dict(modal)
    assert "inc-1" in text_of(await _send_again(office, sent))
    assert await count(office) == 1
    await office.dee.close(await office.dee.wait_for_view(), whole_stack=True)
    await office.dee.wait_until_no_view()
    await office.dee.command("/incident", "Search is slow")
    await office.dee.submit(await office.dee.wait_for_view())
    await office.dee.wait_for_view(lambda view: "inc-2" in text_of(view))
    assert "inc-1" in text_of(await _send_again(office, sent))
    assert await count(office) == 2


async def _send_again(office: Office, modal: dict) -> object:
    """Give the app the same view once more, as a redelivery would."""
    state = {"values": {"title": {"input": {"value": TITLE}}}}
    body = {"user": {"id": "U05DEE"}, "trigger_id": "late", "view": {**modal, "state": state}}
    view, _ = await declaring.submit(office.app.desk, sent_forms.submission(body))
    return view


async def test_a_button_of_an_older_version_says_so(office: Office) -> None:
    channel = await office.declare(office.dee)
    bot = await office.app.desk.identity.learn()
    assert bot.bot_user
    old = {"type": "button", "text": {"type": "plain_text", "text": "Old"}, "action_id": "ack", "value": "inc-7"}
    posted = await office.app.desk.client.chat_postMessage(
        channel=channel, text="old", blocks=[{"type": "actions", "elements": [old]}]
    )
    message = await office.dee.wait_for_message(channel, lambda row: row["ts"] == posted["ts"])
    await office.dee.click(channel, message, "Old")
    await office.dee.wait_for_ephemeral(lambda row: "older version of Sitrep" in text_of(row))


async def test_declaring_from_a_message_keeps_its_words_and_its_link_though_slack_changes_no_form(
    office: Office,
) -> None:
    above = await office.dee.post("general", "Anything new?")
    said = await office.dee.post("general", "Payments hang\nsince the release at noon", above["ts"])
    await office.workspace.request_faults(Fault(method="views.update", kind="error", error="invalid_arguments"))
    await office.bo.shortcut("declare_from_message", "general", said["ts"])
    modal = await office.bo.wait_for_view()
    assert "since the release at noon" in text_of(modal)
    await office.bo.submit(modal)
    await eventually(lambda: count(office))
    incident = await office.incident()
    assert incident.title == "Payments hang"
    general = await office.bo.wait_for_channel(lambda row: row.get("name") == "general")
    link = (await office.bo.api("chat.getPermalink", channel=general["id"], message_ts=said["ts"]))["permalink"]
    assert "thread_ts" in link
    assert f"Declared from {link}" in incident.known


async def test_a_message_elsewhere_is_added_to_the_timeline_of_the_incident_that_is_chosen(office: Office) -> None:
    await office.declare(office.dee)
    said = await office.dee.post("general", "The vendor confirms")
    await office.bo.shortcut("add_to_timeline", "general", said["ts"])
    form = await office.bo.wait_for_view(lambda view: view["callback_id"] == "note")
    await office.bo.submit(form)
    await office.bo.command("/incident", "inc-1 timeline")
    await eventually(lambda: _noted(office, "The vendor confirms"))


async def test_a_private_incident_is_no_choice_for_a_message_of_somebody_elses(office: Office) -> None:
    await office.declare(office.dee, severity="low")
    await office.declare(office.dee, "Data leaked", severity="low", service="invoices", options=["private"])
    said = await office.bo.post("general", "The vendor confirms")
    await office.bo.shortcut("add_to_timeline", "general", said["ts"])
    form = await office.bo.wait_for_view(lambda view: view["callback_id"] == "note")
    assert "inc-1 " in text_of(form)
    assert "inc-2" not in text_of(form)
    await office.dee.shortcut("add_to_timeline", "general", said["ts"])
    form = await office.dee.wait_for_view(lambda view: view["callback_id"] == "note")
    assert "inc-2 Data leaked" in text_of(form)


@pytest.mark.parametrize("channel", [True, False])  # whether Slack has made it
async def test_nobody_writes_into_a_private_incident_that_they_may_not_see(office: Office, channel: bool) -> None:
    await office.declare(office.dee, severity="low")
    said = await office.bo.post("general", "The vendor confirms")
    await office.bo.shortcut("add_to_timeline", "general", said["ts"])
    form = await office.bo.wait_for_view(lambda view: view["callback_id"] == "note")
    async with office.ctx.store.transaction() as tx:  # since then the choice is one that is hidden from them
        incident = await queries.get(tx.session, 1)
        incident.private, incident.channel = True, incident.channel if channel else ""
    answer = await office.bo.submit(form)
    assert answer["response_action"] == "errors"  # the form stays, with what was typed
    assert "There is no incident inc-1." in text_of(answer["errors"])
    assert not await _noted(office, "The vendor confirms")


async def _noted(office: Office, words: str) -> bool:
    async with office.ctx.store.read() as session:
        notes = await session.scalars(select(records.Event).where(records.Event.kind == "note"))
        return any(note.data.get("text") == words for note in notes.all())


async def test_on_a_full_disk_the_modal_stays_with_what_was_typed(office: Office) -> None:
    pages = Pages()
    event.listen(office.ctx.store.engine.sync_engine, "begin", pages.limit)
    await office.dee.command("/incident", TITLE)
    modal = await office.dee.wait_for_view()
    pages.most = 1  # SQLite never goes below the pages there are: every new one is refused as on a full disk
    await office.dee.submit(modal, {"known": "half the orders " + "🔥" * 1400})  # more than the last page has room for
    kept = await office.dee.wait_for_view(lambda view: "is full" in text_of(view))
    assert "half the orders" in text_of(kept)
    pages.most = 1_000_000
    await office.dee.submit(kept)
    await office.dee.wait_for_view(lambda view: "inc-1" in text_of(view))


class Pages:
    """How many pages the database may have."""

    def __init__(self) -> None:
        self.most = 1_000_000

    def limit(self, connection: Connection) -> None:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {self.most}")


async def test_a_revoked_token_is_told_where_the_person_is_looking(office: Office) -> None:
    await office.declare(office.dee)
    office.app.desk.client.token = "xoxb-revoked"
    await office.dee.command("/incident", "invoices are late")
    await office.dee.wait_for_ephemeral(lambda row: "Slack does not accept the bot token." in text_of(row))


async def test_evidence_that_is_not_there_is_told(office: Office) -> None:
    channel = await office.declare(office.dee)
    await office.app.desk.client.chat_postMessage(channel=channel, text="x", blocks=[{"type": "actions", "elements": [
        {"type": "button", "text": {"type": "plain_text", "text": "Broken"}, "action_id": "evidence",
         "value": '{"incident": 1, "ref": "E000000"}'}]}])  # fmt: skip
    message = await office.dee.wait_for_message(channel, lambda row: "Broken" in text_of(row))
    await office.dee.click(channel, message, "Broken")
    await office.dee.wait_for_ephemeral(lambda row: "There is no evidence" in text_of(row))
