"""Which surface is drawn by what."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from bot.surfaces import elsewhere, ending, home, mitigation, planning, questions, record, room, telling, work
from bot.views import direct, line, operators, status
from bot.views.message import Message
from escalation import succession
from incidents import announcing, records, roomless
from incidents.context import Context
from incidents.definitions import Phase
from incidents.lifecycle import Role
from incidents.response import mitigating
from incidents.service import queries


@dataclass(frozen=True)
class Asking:
    """One surface to draw: the notice's parameters, and what it is drawn from."""

    session: AsyncSession
    ctx: Context
    incident_id: int
    params: dict[str, Any] = field(default_factory=dict)
    workspace_url: str = ""

    async def letter(self) -> direct.Letter:
        """Return what every direct notice says."""
        return await telling.letter(
            self.session,
            self.ctx,
            self.incident_id,
            audience=str(self.params.get("audience", "")),
            person=str(self.params.get("person", "")),
            workspace_url=self.workspace_url,
        )


Surface = Callable[[Asking], Awaitable[Message]]


async def _live_card(asking: Asking) -> Message:
    return await room.live_card(asking.session, asking.ctx, asking.incident_id)


async def _triage_question(asking: Asking) -> Message:
    return await room.triage_question(asking.session, asking.incident_id)


async def _room_refused(asking: Asking) -> Message:
    return await room.refused(asking.session, asking.incident_id)


async def _announcement(asking: Asking) -> Message:
    return line.announcement(await queries.get(asking.session, asking.incident_id))


async def _reported(asking: Asking) -> Message:
    return line.reported(await queries.get(asking.session, asking.incident_id))


async def _phase_head(asking: Asking) -> Message:
    shown = Phase(asking.params["phase"])
    return await room.phase_head(asking.session, asking.ctx, asking.incident_id, shown)


async def _plan(asking: Asking) -> Message:
    return await planning.draw(asking.session, asking.ctx, asking.incident_id)


async def _line(asking: Asking) -> Message:
    return await room.event_line(asking.session, int(asking.params["event_id"]))


async def _step_result(asking: Asking) -> Message:
    return await work.step_result(asking.session, asking.ctx, int(asking.params["step_id"]))


async def _step_failed(asking: Asking) -> Message:
    return await work.step_failed(asking.session, asking.ctx, int(asking.params["step_id"]))


async def _approval(asking: Asking) -> Message:
    return await work.approval_card(asking.session, asking.ctx, int(asking.params["approval_id"]))


async def _gate(asking: Asking) -> Message:
    params = asking.params
    return await work.gate_attestation(
        asking.session, asking.ctx, int(params["run_id"]), int(params["stage"]), str(params["gate"])
    )


async def _mitigation(asking: Asking) -> Message:
    return await mitigation.draw(asking.session, asking.ctx, asking.incident_id)


async def _question(asking: Asking) -> Message:
    return await questions.card(asking.session, asking.ctx, int(asking.params["question_id"]))


async def _answer(asking: Asking) -> Message:
    return await record.about(asking.session, asking.ctx, asking.incident_id, str(asking.params["question"]))


async def _status_draft(asking: Asking) -> Message:
    return await telling.status_draft(asking.session, asking.ctx, int(asking.params["update_id"]))


async def _status_update(asking: Asking) -> Message:
    return await telling.status_update(asking.session, asking.ctx, int(asking.params["update_id"]))


async def _summary(asking: Asking) -> Message:
    incident = await queries.get(asking.session, asking.incident_id)
    since = datetime.fromisoformat(str(asking.params["since"]))
    url = telling.channel_url(asking.workspace_url, incident.channel)
    return status.summary(incident, asking.params["fields"], since=since, url=url)


async def _page(asking: Asking) -> Message:
    level, of = int(asking.params.get("level", 1)), int(asking.params.get("of", 1))
    return await telling.page(asking.session, asking.ctx, await asking.letter(), level=level, of=of)


async def _matrix_notice(asking: Asking) -> Message:
    letter = await asking.letter()
    promised = telling.within(asking.ctx, letter.incident, str(asking.params.get("label", "")))
    return direct.matrix(letter, promised)


async def _escalation_notice(asking: Asking) -> Message:
    letter = await asking.letter()
    of = await succession.offered_command(asking.session, letter.incident, asking.params)
    reason = str(asking.params.get("reason", ""))
    return direct.escalation(letter, reason, offered=None if of is None else Role.COMMANDER, instead=of or "")


async def _told_elsewhere(asking: Asking) -> Message:
    since = datetime.fromisoformat(str(asking.params["since"]))
    return await elsewhere.told(asking.session, asking.ctx, asking.incident_id, since=since)


async def _resolved(asking: Asking) -> Message:
    return await ending.resolved(asking.session, asking.ctx, asking.incident_id)


async def _postmortem(asking: Asking) -> Message:
    return await ending.in_channel(asking.session, asking.ctx, asking.incident_id)


async def _postmortem_due(asking: Asking) -> Message:
    return await ending.due(asking.session, asking.ctx, asking.incident_id)


async def _postmortem_markdown(asking: Asking) -> Message:
    return await ending.markdown(asking.session, asking.ctx, asking.incident_id)


async def _home(asking: Asking) -> Message:
    return await home.draw(asking.session, asking.ctx, str(asking.params["person"]))


async def _operators(asking: Asking) -> Message:
    return operators.draw(asking.params)


SURFACES: dict[str, Surface] = {
    "live_card": _live_card,
    "triage_question": _triage_question,
    roomless.SURFACE: _room_refused,
    announcing.SURFACE: _announcement,
    "reported": _reported,
    "phase_head": _phase_head,
    "plan": _plan,
    "line": _line,
    "step_result": _step_result,
    "step_failed": _step_failed,
    "approval": _approval,
    "gate_attestation": _gate,
    mitigating.SURFACE: _mitigation,
    "question": _question,
    "answer": _answer,
    "status_draft": _status_draft,
    "status_update": _status_update,
    "summary": _summary,
    "page": _page,
    "matrix_notice": _matrix_notice,
    "escalation_notice": _escalation_notice,
    "told_elsewhere": _told_elsewhere,
    "resolved": _resolved,
    "postmortem": _postmortem,
    "postmortem_due": _postmortem_due,
    "postmortem_markdown": _postmortem_markdown,
    "home": _home,
    "operators": _operators,
}


@dataclass(frozen=True)
class Surfaces:
    """Draws notices; `workspace_url` says where the workspace stands, once Slack has told."""

    workspace_url: Callable[[], str]

    async def draw(self, session: AsyncSession, ctx: Context, row: records.Outbox) -> Message:
        """Return what the notice `row` shows now.

        Raises:
            KeyError: no surface has this name.
            NotFound: what it should show does not exist.
        """
        asking = Asking(session, ctx, row.incident_id or 0, row.params, self.workspace_url())
        return await SURFACES[row.surface](asking)


#: Draws without links into the workspace.
draw = Surfaces(str).draw
