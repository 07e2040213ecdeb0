"""The menu of what Sitrep can be asked for, and the form and the overview of solved problems."""

from slack_sdk.models.blocks import Block, ButtonElement, ExternalDataSelectElement, PlainTextInputElement

from bot.ids import Act, Field, Form
from bot.values import FormMeta
from bot.views import mrkdwn, parts
from bot.views.message import Json, Message
from incidents import lengths, records
from incidents.knowledge import filing


def draw() -> Message:
    """Return the menu: each entry with what it brings, its button, and what can be typed instead."""
    return parts.message(
        "What Sitrep can be asked for",
        [
            _entry("Bug investigation", "agents find the cause, you choose the fix", "bug", _bug()),
            _entry("Incident response", "production is down or hurt: people are paged", "declare", _declare()),
            _entry("Continuous improvement", "file what was solved, for the next analysis", "solution", _solution()),
            _entry("Knowledge consolidation", "what was learned, and what keeps coming back", "learned", _learned()),
            _entry(
                "Production hardening", "how ready services are: monitoring, flags, tracing", "hardening", _hardening()
            ),
        ],
    )


def _entry(title: str, brings: str, word: str, button: ButtonElement) -> Block:
    return parts.section(f"*{title}*\n{brings}   `/incident {word}`", button)


def _bug() -> ButtonElement:
    return parts.button("Report a bug", Act.BUG, "new")


def _declare() -> ButtonElement:
    return parts.button("Declare an incident", Act.DECLARE, "new", style=parts.DANGER)


def _solution() -> ButtonElement:
    return parts.button("File a solution", Act.SOLUTION, "new")


def _learned() -> ButtonElement:
    return parts.button("See what was learned", Act.LEARNED, "all")


def _hardening() -> ButtonElement:
    return parts.button("See what to harden", Act.HARDENING, "all")


def row() -> Block:
    """Return the menu as one row of buttons, with the drill at its end."""
    return parts.actions(_declare(), _bug(), _solution(), _learned(), parts.button("Run a drill", Act.DRILL, "new"))


def solution_form(*, problem: str = "") -> Json:
    """Return the form that files a solved problem; what was typed stands in it."""
    return parts.modal(
        Form.SOLUTION,
        "File a solution",
        [
            parts.section("Every analysis searches what is filed here. Write the words that the next error will hold."),
            parts.asked(Field.PROBLEM, "What was the problem?", _words(problem), required=True),
            parts.asked(Field.SOLUTION, "What solved it?", _words(""), required=True),
            parts.asked(
                Field.SERVICE,
                "Service",
                ExternalDataSelectElement(
                    action_id=Act.SERVICE, placeholder=parts.plain("Whose code it is", 150), min_query_length=0
                ),
            ),
        ],
        submit="File",
        close="Cancel",
        meta=FormMeta(incident=0),
    )


def _words(typed: str) -> PlainTextInputElement:
    return PlainTextInputElement(
        action_id=Act.INPUT,
        multiline=True,
        initial_value=mrkdwn.clip(typed, lengths.WORDS) or None,
        max_length=lengths.WORDS,
    )


def filed(row: records.Solution) -> Message:
    """Return what somebody sees who filed a solution."""
    return parts.message(
        "Solution filed",
        [
            parts.section(f"✓ Filed: *{mrkdwn.said(row.title, 150)}*"),
            parts.context("Analyses find it from now on", "`/incident learned` shows what there is"),
        ],
    )


def learned(found: filing.Learned, *, words: str = "") -> Message:
    """Return what was learned: what came back, then the newest solutions; or what `words` find."""
    asked = f" like “{mrkdwn.said(words, 100)}”" if words else ""
    if not found.newest:
        plainly = f"Nothing{asked} is on record." if found.count else "Nothing was learned yet."
        return parts.message(
            plainly,
            [
                parts.section(plainly),
                parts.actions(_solution()),
                parts.context("Resolved incidents file their cause and fix by themselves", "`/incident solution`"),
            ],
        )
    return parts.message(
        "What was learned",
        [
            _patterns(found) if not words else None,
            parts.section(f"*{'Solutions' + asked if words else 'Newest solutions'}*"),
            *[parts.section(_solved(each)) for each in found.newest],
            parts.context(
                f"{mrkdwn.plural(found.count, 'solution')} looked through", "`/incident learned words` searches them"
            ),
        ],
    )


def _patterns(found: filing.Learned) -> Block:
    if not found.patterns:
        return parts.section(f"*Keeps coming back*\nNothing: no problem is on record {filing.PATTERN} times.")
    return parts.section(parts.fitting(["*Keeps coming back*", *[_pattern(each) for each in found.patterns]]))


def _pattern(pattern: filing.Pattern) -> str:
    sources = ", ".join(filing.searchable(row).path for row in pattern.rows[:5])
    shared = ", ".join(mrkdwn.code(word) for word in pattern.shared[:4])
    alike = f", all speak of {shared}" if shared else ""
    return f"• {len(pattern.rows)} times: {mrkdwn.said(pattern.title, 150)} ({sources}{alike})"


def _solved(row: records.Solution) -> str:
    source = f"filed by {mrkdwn.person(row.filed_by)}" if row.filed_by else filing.searchable(row).path
    service = f", {mrkdwn.said(row.service, 60)}" if row.service else ""
    return (
        f"*{mrkdwn.said(row.title, 150)}*   {mrkdwn.day(row.created_at)}, {source}{service}\n"
        f"{mrkdwn.prose(row.solution, 400) or '_how it was solved is not on record_'}"
    )
