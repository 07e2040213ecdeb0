"""A question that a run cannot answer by itself, with a button for each answer; and the form for answers in words."""

from slack_sdk.models.blocks import PlainTextInputElement

from bot.ids import Act, Field, Form
from bot.values import FormMeta, OfQuestion
from bot.views import mrkdwn, parts
from bot.views.message import Json, Message
from incidents import records
from incidents.response import questions
from incidents.response.questions import About, Does, Outcome

_TITLE = {
    About.DISAGREEMENT: "Which diagnosis?",
    About.PASSES: "Still faults found",
    About.ITERATIONS: "All reviews used up",
    About.PLAN_REJECTED: "Plan rejected",
    About.CODE_REJECTED: "Code rejected",
    About.CLARIFICATION: "An agent asks",
    About.REVIEWER_AWAY: "The external reviewer is away",
    About.BLOCKED: "Implementation blocked",
    About.IMPLEMENTATION_FAILED: "Implementation failed",
    About.NEWS: "News after the implementation began",
    About.DRIFT: "The configuration has changed",
}

#: How a run stands, in words.
OUTCOME = {
    Outcome.COMPLETE: "complete",
    Outcome.MAX_ITERATIONS_REACHED: "all reviews used up",
    Outcome.CODE_REJECTED: "code rejected",
    Outcome.IMPLEMENTATION_FAILED: "implementation failed",
}

_WORDS = 2000  # characters of an answer in words


def draw(row: records.Question, *, who: str) -> Message:
    """Return the question with its answers, or what was answered; `who` is ready to show."""
    title = _TITLE[About(row.kind)]
    text = parts.section(mrkdwn.paragraphs(row.text, 2_400))
    if row.state != "pending":
        said = str(row.answer.get("words", ""))
        by = f"{mrkdwn.person(row.answered_by)}: *{mrkdwn.said(str(row.answer.get('choice', '')), 100)}*"
        became = f"✓ {by}" if row.state == "answered" else "No longer asked"
        return parts.message(
            f"{title}: {'answered' if row.state == 'answered' else 'no longer asked'}",
            [
                parts.section(f"*{title}*"),
                text,
                parts.context(became, f"“{mrkdwn.prose(said, 300)}”" if said and row.state == "answered" else ""),
            ],
        )
    known = questions.choices(row)
    buttons = [
        parts.button(
            choice.label,
            Act.ANSWER.numbered(number),
            OfQuestion(question=row.number, number=number),
            style=parts.PRIMARY if number == 1 else parts.DANGER if choice.does is Does.STOP else None,
        )
        for number, choice in enumerate(known, start=1)
    ]
    return parts.message(
        f"{title}: {mrkdwn.prose(row.text, 300)}",
        [
            parts.section(f"✋ *{title}*"),
            text,
            parts.actions(*buttons),
            parts.context(f"Waiting for {who}", "typed: `/incident answer 1 [words]`, by the button's place"),
        ],
    )


def words(row: records.Question, number: int) -> Json:
    """Return the form for an answer in words."""
    choice = questions.choices(row)[number - 1]
    return parts.modal(
        Form.ANSWER,
        _TITLE[About(row.kind)][:24],
        [
            parts.section(mrkdwn.paragraphs(row.text, 1_500)),
            parts.asked(
                Field.WORDS,
                choice.label,
                PlainTextInputElement(action_id=Act.INPUT, multiline=True, max_length=_WORDS, focus_on_load=True),
                required=True,
            ),
        ],
        submit="Answer",
        close="Cancel",
        meta=FormMeta(incident=row.incident_id, question=row.number, number=number),
    )
