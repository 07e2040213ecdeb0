"""The roads out beside Slack: e-mail, a pager's events API, webhooks. What went wrong says whether to try again.

Unsent
├── Later     it did not arrive; the same again may
└── Refused   it will never be taken as it is
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import aiosmtplib
import httpx

from incidents.errors import ConfigurationError
from incidents.tools import redaction

#: For one answer; a mail server gives some eight a letter.
TIMEOUT_SECONDS = 10.0
LETTER_SECONDS = 120.0  #: for a whole letter, whose row's lease is prolonged meanwhile

_PORTS = {"smtp": 587, "smtps": 465}
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_MAX_SUMMARY = 1024  # https://developer.pagerduty.com/docs/send-alert-event
_PATH = "/v2/enqueue"


class Unsent(Exception):
    """A notice did not leave; the text says why."""


class Later(Unsent):
    """It did not arrive, the same again may; a repeat carries the same id, so a reader can tell."""

    def __init__(self, why: str, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(why)
        self.retry_after_seconds = retry_after_seconds


class Refused(Unsent):
    """It will never be taken as it is."""


@dataclass(frozen=True)
class Letter:
    """One e-mail, ready to go."""

    key: str  #: of the outbox row; the same letter sent again has the same Message-ID
    to: tuple[str, ...]
    subject: str
    body: str
    thread: str  #: letters of one incident stand together
    at: datetime  #: UTC
    urgent: bool = False


@dataclass(frozen=True)
class Call:
    """One event for the pager, ready to go; the same `dedup_key` never rings twice."""

    action: str  #: trigger, acknowledge, resolve
    dedup_key: str
    summary: str = ""
    severity: str = "critical"  #: critical, error, warning, info
    source: str = ""
    at: datetime | None = None
    details: dict[str, str] = field(default_factory=dict)
    link: str = ""


class Mailer:
    """Sends letters through one SMTP server.

    The address is `smtp://user:password@host:587` (STARTTLS), or `smtps://…:465` (TLS from the start).
    `?from=sitrep@example.com` sets the sender; `?tls=never` allows a password over a plain line.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        asked = parse_qs(parts.query)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise ConfigurationError(
                ["SMTP_URL: not an address of a mail server. Write smtp://user:password@host:587 or smtps://host:465."]
            )
        self._host = parts.hostname
        self._port = parts.port or _PORTS[parts.scheme]
        self._user = unquote(parts.username or "")
        self._password = unquote(parts.password or "")
        self._implicit_tls = parts.scheme == "smtps"
        self._start_tls = self._wanted_tls(asked.get("tls", [""])[0])
        named = asked.get("from", [""])[0] or (self._user if "@" in self._user else f"sitrep@{self._host}")
        self.sender = named

    def _wanted_tls(self, word: str) -> bool | None:
        if word not in ("", "auto", "require", "never"):
            raise ConfigurationError([f"SMTP_URL: tls={word[:20]!r} is not known. Write auto, require or never."])
        if self._implicit_tls or word == "never":
            return False
        # A password never goes over a line that somebody in between has kept plain.
        if word == "require" or (word == "" and self._password and self._host not in _LOOPBACK):
            return True
        return None

    async def send(self, letter: Letter) -> dict[str, str]:
        """Send `letter`; returns its Message-ID.

        Raises:
            Later: the server is out of reach, busy, or does not take our password.
            Refused: the server says no to this letter for good.
        """
        message = self._message(letter)
        async with self._line() as line:
            await line.send_message(message)
        return {"message_id": str(message["Message-ID"])}

    async def sign_in(self) -> None:
        """Go as far as every letter must: connect, encrypt, give the password.

        Raises:
            Later: as from `send`.
            Refused: the server turns us away for good.
        """
        async with self._line():
            pass

    @asynccontextmanager
    async def _line(self) -> AsyncIterator[aiosmtplib.SMTP]:
        connection = aiosmtplib.SMTP(
            hostname=self._host,
            port=self._port,
            username=self._user or None,
            password=self._password or None,
            use_tls=self._implicit_tls,
            start_tls=self._start_tls,
            timeout=TIMEOUT_SECONDS,
        )
        try:
            async with asyncio.timeout(LETTER_SECONDS) as limit, connection as line:
                yield line
                limit.reschedule(None)  # what was taken is not sent again because the goodbye takes long
        except (aiosmtplib.SMTPException, OSError) as error:
            failure = self._failure(error)
            # What a server says may repeat what it was told.
            if self._password and self._password in str(failure):
                raise type(failure)(str(failure).replace(self._password, redaction.MASK)) from None
            raise failure from error

    def _failure(self, error: Exception) -> Unsent:
        match error:
            case aiosmtplib.SMTPAuthenticationError():
                return Later(f"The mail server does not take the password: {error.code} {error.message}")
            case aiosmtplib.SMTPRecipientsRefused():
                worst = max(refusal.code for refusal in error.recipients)
                said = "; ".join(f"{one.recipient}: {one.code} {one.message}" for one in error.recipients)
                return (Refused if worst >= 500 else Later)(f"The mail server refuses the address. {said}")
            case aiosmtplib.SMTPResponseException():
                said = f"The mail server says {error.code} {error.message}"
                return (Refused if error.code >= 500 else Later)(said)
            case OSError():
                said = str(error) or f"a letter takes longer than {LETTER_SECONDS:g} s"
                return Later(f"The mail server {self._host}:{self._port} is out of reach: {said}")
            case _:  # it was reached, and lacks encryption, sign-in or letters beyond ASCII
                return Later(f"The mail server {self._host}:{self._port} lacks what is asked of it: {error}")

    def _message(self, letter: Letter) -> EmailMessage:
        message = EmailMessage(policy=SMTP)
        domain = self.sender.rpartition("@")[2]
        local, _, at = self.sender.rpartition("@")
        message["From"] = Address("Sitrep", local, at)
        message["To"] = ", ".join(letter.to)
        message["Subject"] = " ".join(letter.subject.split())
        message["Date"] = format_datetime(letter.at)
        message["Message-ID"] = _message_id(letter.key, domain)
        message["References"] = _message_id(letter.thread, domain)
        message["Auto-Submitted"] = "auto-generated"
        if letter.urgent:
            message["Importance"] = "high"
        message.set_content(letter.body)
        return message


def _message_id(word: str, domain: str) -> str:
    return f"<{hashlib.sha256(word.encode()).hexdigest()[:32]}@{domain}>"


class Pager:
    """Rings people through a pager's webhook, in the shape of PagerDuty's Events API v2."""

    def __init__(self, base_url: str, routing_key: str, client: httpx.AsyncClient) -> None:
        self._url = base_url.rstrip("/") + _PATH
        self._routing_key = routing_key
        self._client = client

    async def send(self, call: Call) -> dict[str, str]:
        """Send `call`; returns the pager's own key for it.

        Raises:
            Later: the pager is out of reach or busy.
            Refused: the pager does not take this event, or not this routing key.
        """
        try:
            answer = await self._client.post(self._url, json=self._event(call), timeout=TIMEOUT_SECONDS)
        except httpx.HTTPError as error:
            raise Later(f"The pager is out of reach: {str(error) or type(error).__name__}") from error
        if answer.status_code == 429 or answer.status_code >= 500:
            raise Later(f"The pager answers {answer.status_code}.", retry_after_seconds=_retry_after(answer))
        if answer.status_code >= 300:
            raise Refused(f"The pager answers {answer.status_code}: {answer.text[:300]}")
        return {"dedup_key": call.dedup_key, "status": str(answer.status_code)}

    def _event(self, call: Call) -> dict[str, Any]:
        event: dict[str, Any] = {
            "routing_key": self._routing_key,
            "event_action": call.action,
            "dedup_key": call.dedup_key,
        }
        if call.action != "trigger":
            return event
        event["client"] = "Sitrep"
        event["payload"] = {
            "summary": call.summary[:_MAX_SUMMARY],
            "source": call.source or "sitrep",
            "severity": call.severity,
            "custom_details": call.details,
        }
        if call.at is not None:
            event["payload"]["timestamp"] = call.at.isoformat()
        if call.link:
            event["links"] = [{"href": call.link, "text": "Open the channel"}]
        return event


class Webhook:
    """Posts letters as JSON to an address of the organisation: a chat elsewhere, a text-message gateway.

    Chats show `text`; gateways find who is meant in `to`. A letter sent again carries the same `Idempotency-Key`.
    """

    def __init__(self, url: str, client: httpx.AsyncClient) -> None:
        self._url = url
        self._client = client

    async def send(self, letter: Letter, *, url: str = "") -> dict[str, str]:
        """Post `letter` to `url`, or to the installation's own address; returns the status.

        Raises:
            Later: the address is out of reach or busy.
            Refused: it does not take this letter, or there is no address.
        """
        to = url or self._url
        if not to:
            raise Refused("There is no webhook for this person; set WEBHOOK_URL or the person's `webhook`.")
        try:
            answer = await self._client.post(
                to, json=_posted(letter), headers={"Idempotency-Key": letter.key}, timeout=TIMEOUT_SECONDS
            )
        except httpx.HTTPError as error:
            # The error's own words may hold the address, and that is often a secret.
            raise Later(f"The webhook is out of reach ({type(error).__name__}).") from error
        if answer.status_code == 429 or answer.status_code >= 500:
            raise Later(f"The webhook answers {answer.status_code}.", retry_after_seconds=_retry_after(answer))
        if answer.status_code >= 300:
            raise Refused(f"The webhook answers {answer.status_code}: {answer.text[:300]}")
        return {"status": str(answer.status_code)}


def _posted(letter: Letter) -> dict[str, Any]:
    return {
        "key": letter.key,
        "incident": letter.thread,
        "to": list(letter.to),
        "subject": letter.subject,
        "body": letter.body,
        "text": f"{letter.subject}\n\n{letter.body}",
        "urgent": letter.urgent,
        "at": letter.at.isoformat(),
    }


def _retry_after(answer: httpx.Response) -> float | None:
    said = answer.headers.get("Retry-After", "")
    return float(said) if said.isdigit() else None
