"""What people are asked so that a run can go on."""

from sqlalchemy.ext.asyncio import AsyncSession

from bot.views import mrkdwn, question
from bot.views.message import Message
from incidents import records
from incidents.context import Context
from incidents.errors import NotFound
from incidents.service import permissions, queries


async def card(session: AsyncSession, ctx: Context, question_id: int) -> Message:
    """Return a question's card.

    Raises:
        NotFound: there is no such question.
    """
    row = await session.get(records.Question, question_id)
    if row is None:
        raise NotFound("There is no such question.")
    holders = await queries.roles(session, row.incident_id)
    who = permissions.who_may(permissions.Action.STEER, holders=holders, settings=ctx.settings)
    return question.draw(row, who=mrkdwn.people(who) or "anybody in this channel")
