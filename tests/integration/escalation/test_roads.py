"""Letters through a real SMTP server, calls to a real webhook, and what each failure means."""

import asyncio
import contextlib
import email
from collections.abc import AsyncIterator
from email.message import EmailMessage
from email.policy import default
from typing import Any

import httpx
import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from pytest_httpserver import HTTPServer
from werkzeug import Response

from escalation import letters, roads
from escalation.roads import Call, Later, Letter, Mailer, Pager, Refused
from incidents import records
from incidents.errors import ConfigurationError
from incidents.service import resolve, respond, updates
from tests.clock import START


class Mailbox:
    """Keeps what arrives, and answers as a test wants."""

    def __init__(self) -> None:
        self.letters: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.answer_rcpt = ""
        self.answer_data = "250 OK"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.answer_rcpt:
            return self.answer_rcpt
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.answer_data.startswith("250"):
            content = envelope.content
            assert isinstance(content, bytes)
            self.letters.append(email.message_from_bytes(content, policy=default))  # type: ignore[arg-type]
            self.recipients += envelope.rcpt_tos
        return self.answer_data


def _authenticate(server: object, session: object, envelope: object, mechanism: str, data: Any) -> AuthResult:
    assert isinstance(data, LoginPassword)
    right = data.password == b"right"
    return AuthResult(success=right, handled=right)


@pytest.fixture
async def mailbox() -> AsyncIterator[tuple[Mailbox, int]]:
    box = Mailbox()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(box, loop=loop, authenticator=_authenticate, auth_require_tls=False, enable_SMTPUTF8=True),
        "127.0.0.1",
        0,
    )
    yield box, server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()


LETTER = Letter(
    key="inc-1:mail:x",
    to=("eli@example.com",),
    subject="[inc-1] Critical: Zahlung schlägt fehl 🔥\nBcc: all@example.com",
    body="Condition: ½ of checkouts fail.\n",
    thread="inc-1",
    at=START,
    urgent=True,
)


async def test_a_letter_arrives_as_it_was_written(mailbox: tuple[Mailbox, int]) -> None:
    box, port = mailbox
    sent = await Mailer(f"smtp://127.0.0.1:{port}?from=sitrep@example.com").send(LETTER)
    (got,) = box.letters
    assert box.recipients == ["eli@example.com"]
    assert got["Subject"] == "[inc-1] Critical: Zahlung schlägt fehl 🔥 Bcc: all@example.com"
    assert got["Bcc"] is None
    assert got["From"] == "Sitrep <sitrep@example.com>"
    assert got["Message-ID"] == sent["message_id"]
    assert got["Importance"] == "high"
    assert got.get_content().replace("\r\n", "\n") == LETTER.body


async def test_the_same_letter_has_the_same_id_and_an_incidents_letters_share_a_thread(
    mailbox: tuple[Mailbox, int],
) -> None:
    box, port = mailbox
    mailer = Mailer(f"smtp://127.0.0.1:{port}")
    first = await mailer.send(LETTER)
    assert await mailer.send(LETTER) == first
    assert box.letters[0]["References"] == box.letters[1]["References"]


async def test_a_full_mailbox_is_tried_later_and_an_unknown_address_never_again(mailbox: tuple[Mailbox, int]) -> None:
    box, port = mailbox
    mailer = Mailer(f"smtp://127.0.0.1:{port}")
    box.answer_rcpt = "452 Mailbox full"
    with pytest.raises(Later, match="452 Mailbox full"):
        await mailer.send(LETTER)
    box.answer_rcpt = "550 No such user"
    with pytest.raises(Refused, match=r"eli@example\.com: 550 No such user"):
        await mailer.send(LETTER)


async def test_a_busy_server_is_tried_later_and_a_rejected_letter_never_again(mailbox: tuple[Mailbox, int]) -> None:
    box, port = mailbox
    mailer = Mailer(f"smtp://127.0.0.1:{port}")
    box.answer_data = "451 Try again"
    with pytest.raises(Later):
        await mailer.send(LETTER)
    box.answer_data = "554 Looks like spam"
    with pytest.raises(Refused, match="spam"):
        await mailer.send(LETTER)


async def test_a_wrong_password_waits_until_it_is_mended(mailbox: tuple[Mailbox, int]) -> None:
    box, port = mailbox
    with pytest.raises(Later, match="password"):
        await Mailer(f"smtp://me:wrong@127.0.0.1:{port}").send(LETTER)
    with pytest.raises(Later, match="password"):
        await Mailer(f"smtp://me:wrong@127.0.0.1:{port}").sign_in()
    await Mailer(f"smtp://me:right@127.0.0.1:{port}").sign_in()
    assert box.letters == []
    await Mailer(f"smtp://me:right@127.0.0.1:{port}").send(LETTER)
    assert len(box.letters) == 1


async def test_no_password_goes_over_a_plain_line_when_tls_is_required(mailbox: tuple[Mailbox, int]) -> None:
    box, port = mailbox
    with pytest.raises(Later, match=r"lacks what is asked of it.*STARTTLS"):
        await Mailer(f"smtp://me:right@127.0.0.1:{port}?tls=require").send(LETTER)
    assert box.letters == []


async def test_a_letter_that_takes_too_long_in_all_is_tried_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roads, "LETTER_SECONDS", 0.2)

    ended = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer each line in time, and never come to the end of it."""
        with contextlib.suppress(ConnectionError):
            writer.write(b"220 here\r\n")
            while await reader.readline():
                await asyncio.sleep(0.1)
                writer.write(b"250 yes\r\n")
            writer.close()
            await writer.wait_closed()
        ended.set()

    async with await asyncio.start_server(serve, "127.0.0.1") as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(Later, match=r"a letter takes longer than 0\.2 s"):
            await Mailer(f"smtp://127.0.0.1:{port}?tls=never").send(LETTER)
        await ended.wait()


async def test_a_server_that_is_down_is_tried_later(unused_tcp_port: int) -> None:
    with pytest.raises(Later, match="out of reach"):
        await Mailer(f"smtp://127.0.0.1:{unused_tcp_port}").send(LETTER)


@pytest.mark.parametrize("url", ["http://mail.example.com", "smtp://", "smtp://host?tls=maybe", "nonsense"])
def test_an_address_that_is_none_is_named(url: str) -> None:
    with pytest.raises(ConfigurationError, match="SMTP_URL"):
        Mailer(url)


CALL = Call(action="trigger", dedup_key="inc-1:pager:1:U0ANA", summary="inc-1", at=START, link="https://x.example")


async def test_the_pager_gets_an_event_in_its_own_shape(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/v2/enqueue", method="POST").respond_with_json({"status": "success"}, status=202)
    async with httpx.AsyncClient() as client:
        await Pager(httpserver.url_for("/"), "R0KEY", client).send(CALL)
        await Pager(httpserver.url_for("/"), "R0KEY", client).send(Call("resolve", CALL.dedup_key))
    rung, over = [request.get_json() for request, _ in httpserver.log]
    assert rung == {
        "routing_key": "R0KEY",
        "event_action": "trigger",
        "dedup_key": "inc-1:pager:1:U0ANA",
        "client": "Sitrep",
        "payload": {
            "summary": "inc-1",
            "source": "sitrep",
            "severity": "critical",
            "custom_details": {},
            "timestamp": "2026-11-21T10:00:00+00:00",
        },
        "links": [{"href": "https://x.example", "text": "Open the channel"}],
    }
    assert over == {"routing_key": "R0KEY", "event_action": "resolve", "dedup_key": "inc-1:pager:1:U0ANA"}


@pytest.mark.parametrize(
    ("status", "error", "wait"), [(429, Later, 7.0), (503, Later, 7.0), (400, Refused, None), (403, Refused, None)]
)
async def test_the_pagers_answer_says_whether_to_try_again(
    httpserver: HTTPServer, status: int, error: type[Exception], wait: float | None
) -> None:
    httpserver.expect_request("/v2/enqueue").respond_with_response(
        Response("no", status=status, headers={"Retry-After": "7"})
    )
    async with httpx.AsyncClient() as client:
        with pytest.raises(error) as refused:
            await Pager(httpserver.url_for("/"), "R0KEY", client).send(CALL)
    assert getattr(refused.value, "retry_after_seconds", None) == wait


async def test_a_pager_out_of_reach_is_tried_later(unused_tcp_port: int) -> None:
    async with httpx.AsyncClient() as client:
        with pytest.raises(Later, match="out of reach"):
            await Pager(f"http://127.0.0.1:{unused_tcp_port}", "R0KEY", client).send(CALL)


async def written(house: Any, part: str) -> Letter:
    row = (await house.outbox(part))[-1]
    async with house.store.read() as session:
        return await letters.letter(session, house.ctx, row, url="https://example.slack.com/archives/C1")


async def test_a_pager_that_does_not_answer_is_called_out_of_reach_with_the_reason() -> None:
    def hangs(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("", request=request)

    async with httpx.AsyncClient(transport=httpx.MockTransport(hangs)) as client:
        with pytest.raises(Later, match="out of reach: ReadTimeout"):
            await Pager("http://127.0.0.1", "R1", client).send(Call("trigger", "inc-1:page:ana"))


async def test_a_page_by_mail_says_what_to_do(wired_house: Any) -> None:
    await wired_house.declare(known="<@U0BO> saw KeyError 'currency' &lt;checkout&gt;")
    letter = await written(wired_house, "mail:page:1:U0ANA")
    assert letter.subject == "[inc-1] PAGE critical: Checkout returns 500s"
    assert letter.to == ("ana@example.com",)
    assert letter.urgent
    assert "level 1 of 4" in letter.body
    assert "/incident ack inc-1" in letter.body
    assert "Bo saw KeyError 'currency' <checkout>" in letter.body
    assert "https://example.slack.com/archives/C1" in letter.body


async def test_a_page_that_leaves_after_somebody_took_it_says_so(wired_house: Any) -> None:
    await wired_house.declare()
    async with wired_house.store.transaction() as tx:
        await respond.acknowledge(tx, wired_house.ctx, 1, "U0BO")
    assert "Bo has it since 10:00 UTC." in (await written(wired_house, "mail:page:1:U0ANA")).body


async def test_a_status_by_mail_has_the_five_fields_and_the_next_time(wired_house: Any) -> None:
    await wired_house.declare()
    async with wired_house.store.transaction() as tx:
        await respond.acknowledge(tx, wired_house.ctx, 1, "U0BO")
    await wired_house.pass_time(minutes=30)
    row: records.StatusUpdate = (await wired_house.updates())[0]
    fields = {"condition": "Rolling back.", "impact": "38 %", "done": "10:05 cause found\n10:20 fix tested"}
    async with wired_house.store.transaction() as tx:
        await updates.send(tx, wired_house.ctx, row.number, "U0BO", fields)
    letter = await written(wired_house, "mail:update:2026-11-21T10:30:00Z:U0ELI")
    assert letter.subject == "[inc-1] Status: Checkout returns 500s"
    assert "Condition: Rolling back.\nImpact: 38 %\nDone: 10:05 cause found\n      10:20 fix tested\n" in letter.body
    assert "Next update 11:00 UTC." in letter.body
    async with wired_house.store.transaction() as tx:
        await resolve.resolve(tx, wired_house.ctx, 1, "U0BO", "rolled back release 41")
    last = await written(wired_house, "U0ELI")
    assert last.subject == "[inc-1] Resolved: Checkout returns 500s"
    assert "This is the last update." in last.body
    assert last.thread == letter.thread


async def test_an_escalation_by_mail_says_why(wired_house: Any) -> None:
    await wired_house.declare()
    await wired_house.pass_time(minutes=60)
    async with wired_house.store.transaction() as tx:
        row = (await wired_house.outbox("inc-1:escalate:"))[0]
        row.surface, row.params = "mail_escalation_notice", {**row.params, "to": ["eli@example.com"]}
        letter = await letters.letter(tx.session, wired_house.ctx, row)
    assert "Why: not resolved in 60 min." in letter.body
    assert "somebody to take command" in letter.body


async def test_a_promise_kept_late_by_mail_says_how_late(wired_house: Any) -> None:
    await wired_house.declare()
    await wired_house.pass_time(minutes=42)
    async with wired_house.store.transaction() as tx:
        row = (await wired_house.outbox(":within_30_min:U0ELI"))[0]
        row.surface, row.params = "mail_matrix_notice", {**row.params, "to": ["eli@example.com"]}
        letter = await letters.letter(tx.session, wired_house.ctx, row)
    assert "This letter is 12 min late." in letter.body
    assert "you hear this as CTO" in letter.body


async def test_the_pagers_event_names_the_incident_and_whom_it_wakes(wired_house: Any) -> None:
    await wired_house.declare()
    row = (await wired_house.outbox("pager:1:U0ANA"))[0]
    async with wired_house.store.read() as session:
        call = await letters.call(session, wired_house.ctx, row)
    assert (call.action, call.dedup_key) == ("trigger", "inc-1:pager:1:U0ANA")
    assert call.summary == "inc-1 critical: Checkout returns 500s"
    assert call.details["for"] == "Ana"
    assert call.details["as"] == "on-call engineer"
