"""What goes out by e-mail and pager, written from the rows as they are when it leaves."""

import re
from datetime import datetime, timedelta
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import FunctionLoader, StrictUndefined
from jinja2.sandbox import SandboxedEnvironment
from sqlalchemy.ext.asyncio import AsyncSession

from escalation import oncall, operators
from escalation.roads import Call, Letter
from incidents import drafting, durations, records
from incidents.catalog import Settings
from incidents.context import Context
from incidents.definitions import Severity
from incidents.lifecycle import Role, Status
from incidents.service import queries

#: Words of the pager's scale, https://developer.pagerduty.com/docs/send-alert-event.
_PAGER_SEVERITY = {
    Severity.CRITICAL: "critical",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "info",
}
_URGENT = frozenset({"mail_page", "mail_escalation_notice"})
_WORTH_SAYING = timedelta(minutes=1)  # lateness below it is nobody's business

_MENTION = re.compile(r"<@([A-Z0-9]+)(?:\|([^>]*))?>")
_LINK = re.compile(r"<((?:https?|mailto):[^|>]+)\|([^>]*)>")
_BARE = re.compile(r"<([^<>@\s]+)>")


async def letter(session: AsyncSession, ctx: Context, row: records.Outbox, *, url: str = "") -> Letter:
    """Return the e-mail of `row`; `url` is the channel's address where it is known.

    Raises:
        NotFound: the incident or the update is gone.
    """
    if row.surface == operators.SURFACE:
        return operators.letter(row, ctx.clock.now())
    assert row.incident_id is not None, "every other letter is about an incident"  # noqa: S101 - a fault of ours
    incident = await queries.get(session, row.incident_id)
    facts = await _facts(session, ctx, incident, row, url)
    subject, _, body = _environment().get_template(f"{row.surface}.j2").render(facts).strip().partition("\n")
    return Letter(
        key=row.key,
        to=tuple(row.params["to"]),
        subject=subject.removeprefix("Subject:").strip(),
        body=body.strip() + "\n",
        thread=incident.key,
        at=ctx.clock.now(),
        urgent=row.surface in _URGENT,
    )


async def call(session: AsyncSession, ctx: Context, row: records.Outbox, *, url: str = "") -> Call:
    """Return the pager's event of `row`.

    Raises:
        NotFound: the incident is gone.
    """
    assert row.incident_id is not None, "every page is about an incident"  # noqa: S101 - a fault of ours
    incident = await queries.get(session, row.incident_id)
    who = oncall.contact(ctx.settings, str(row.params["person"]))
    drill = "Drill: " if incident.drill else ""
    return Call(
        action=str(row.params["event_action"]),
        dedup_key=str(row.params["dedup_key"]),
        summary=f"{drill}{incident.key} {incident.severity}: {plain(ctx.settings, incident.title)}",
        severity=_PAGER_SEVERITY[incident.severity],
        source=incident.service or "sitrep",
        at=incident.declared_at,
        details={
            "incident": incident.key,
            "for": who.name if who else str(row.params["person"]),
            "as": oncall.called(str(row.params["audience"])),
            "level": f"{row.params['level']} of {row.params['of']}",
            "impact": plain(ctx.settings, incident.impact) or "not known yet",
            "acknowledge": f"in Slack with /incident ack {incident.key}",
        },
        link=url,
    )


async def _facts(
    session: AsyncSession, ctx: Context, incident: records.Incident, row: records.Outbox, url: str
) -> dict[str, Any]:
    settings, params = ctx.settings, row.params
    service = ctx.service(incident.service)
    held = (await queries.roles(session, incident.number)).get(Role.COMMANDER, [])
    update = await session.get(records.StatusUpdate, int(params["update_id"])) if "update_id" in params else None
    fields = update.fields if update else params.get("fields")
    if fields is None:
        fields = await drafting.draft(session, ctx, incident, since=None)
    late = timedelta(seconds=float(params.get("late_seconds") or 0))
    return {
        "incident": incident,
        "severity": incident.severity.value,
        "open": incident.status is Status.OPEN,
        "status": incident.status.value,
        "drill": "Drill: " if incident.drill else "",
        "title": plain(settings, incident.title),
        "known": plain(settings, incident.known),
        "service": (service.title or service.key) if service else incident.service,
        "reporter": name(settings, incident.reporter),
        "commander": ", ".join(name(settings, person) for person in held),
        "audience": oncall.called(str(params.get("audience", ""))),
        "level": params.get("level", 0),
        "of": params.get("of", 0),
        "reason": plain(settings, str(params.get("reason", ""))),
        "fields": {field: plain(settings, fields.get(field, "")) for field in drafting.FIELDS},
        "no_change": update is not None and update.state == "no_change",
        "unattended": update is not None and update.state == "missed",
        "final": update is not None and incident.status is not Status.OPEN,
        "late": durations.spoken(late) if late >= _WORTH_SAYING else "",
        "channel": f"#{incident.channel_name}" if incident.channel_name else "",
        "url": url,
        "now": ctx.clock.now(),
        "workspace": settings.workspace_name,
    }


def plain(settings: Settings, text: str) -> str:
    """Return Slack's markup as plain text: people by name, links with their address."""
    text = _MENTION.sub(lambda found: found[2] or name(settings, found[1]), text)
    text = _LINK.sub(lambda found: f"{found[2]} ({found[1]})", text)
    text = _BARE.sub(lambda found: found[1], text)
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def name(settings: Settings, person: str) -> str:
    """Return what the person is called; somebody not in `sitrep.yml` by their Slack id."""
    who = oncall.contact(settings, person)
    return who.name if who is not None and not who.name.startswith("<@") else person


def _time(at: datetime | None) -> str:
    return f"{at:%H:%M} UTC" if at is not None else ""


@cache
def _environment() -> SandboxedEnvironment:
    folder = resources.files("templates") / "messages"

    def source(template: str) -> str | None:
        file = folder / template
        return file.read_text(encoding="utf-8") if file.is_file() else None

    # Plain text, nothing to escape; a fact that is not there is a fault, not an empty place.
    environment = SandboxedEnvironment(
        loader=FunctionLoader(source),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,
    )
    environment.filters["time"] = _time
    return environment
