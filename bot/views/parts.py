"""Blocks as Sitrep uses them, bounded to Slack's limits. https://docs.slack.dev/reference/block-kit/blocks"""

from collections.abc import Iterable, Sequence

from slack_sdk.models.blocks import (
    ActionsBlock,
    Block,
    BlockElement,
    ButtonElement,
    ConfirmObject,
    ContextBlock,
    DividerBlock,
    HeaderBlock,
    InputBlock,
    InputInteractiveElement,
    InteractiveElement,
    MarkdownTextObject,
    Option,
    OverflowMenuElement,
    PlainTextObject,
    SectionBlock,
)
from slack_sdk.models.views import View

from bot.ids import Field, Form
from bot.values import Value
from bot.views import mrkdwn
from bot.views.message import Json, Message

MAX_BLOCKS = 50  # a message; https://docs.slack.dev/reference/block-kit/blocks
MAX_VIEW_BLOCKS = 100
_SECTION, _FIELD, _CONTEXT, _HEADER = 3000, 2000, 2000, 150
_LABEL, _BUTTON, _OPTION = 2000, 75, 75
_MODAL_TITLE = 24
_ALL_TEXT = 12_000  # all blocks of a message; above about 13,000 characters Slack says msg_blocks_too_long
_FALLBACK = 3900  # chat.update refuses a text above 4,000

PRIMARY, DANGER = "primary", "danger"


def text(words: str, limit: int = _SECTION) -> MarkdownTextObject:
    """Return mrkdwn in which Slack finds no mentions or links but those we wrote."""
    return MarkdownTextObject(text=mrkdwn.clip(words, limit) or " ", verbatim=True)


def plain(words: str, limit: int) -> PlainTextObject:
    """Return plain text."""
    return PlainTextObject(text=mrkdwn.clip(mrkdwn.one_line(words), limit) or " ", emoji=True)


def header(words: str) -> Block:
    """Return a headline; plain text, so anything may stand in it."""
    return HeaderBlock(text=plain(words, _HEADER))


def section(words: str, accessory: BlockElement | None = None, *, block_id: str | None = None) -> Block:
    """Return a paragraph."""
    return SectionBlock(text=text(words), accessory=accessory, block_id=block_id)


def facts(*words: str) -> Block:
    """Return short facts in two columns; Slack takes ten."""
    return SectionBlock(fields=[text(each, _FIELD) for each in words if each][:10])


def context(*words: str) -> Block:
    """Return small print; the parts that are not empty, set apart."""
    return ContextBlock(elements=[text(mrkdwn.listed(words), _CONTEXT)])


def divider() -> Block:
    """Return a line."""
    return DividerBlock()


def button(
    words: str,
    action_id: str,
    value: Value | str,
    *,
    style: str | None = None,
    url: str | None = None,
    confirm: ConfirmObject | None = None,
) -> ButtonElement:
    """Return a button."""
    return ButtonElement(
        text=plain(words, _BUTTON),
        action_id=action_id,
        value=value if isinstance(value, str) else value.encode(),
        style=style,
        url=url,
        confirm=confirm,
    )


def confirm(title: str, words: str, *, yes: str, no: str) -> ConfirmObject:
    """Return the question asked before a button counts."""
    return ConfirmObject(title=plain(title, 100), text=text(words, 300), confirm=plain(yes, 30), deny=plain(no, 30))


def overflow(action_id: str, options: Sequence[tuple[str, Value]]) -> OverflowMenuElement:
    """Return a menu behind three dots; Slack takes five options."""
    return OverflowMenuElement(action_id=action_id, options=[option(label, value) for label, value in options[:5]])


def option(label: str, value: Value | str) -> Option:
    """Return a choice."""
    return Option(text=plain(label, _OPTION), value=value if isinstance(value, str) else value.encode())


def actions(*elements: InteractiveElement | None, block_id: str | None = None) -> Block:
    """Return a row of buttons; Slack takes 25."""
    return ActionsBlock(elements=[each for each in elements if each is not None][:25], block_id=block_id)


def asked(
    field: Field | str,
    label: str,
    element: InputInteractiveElement,
    *,
    hint: str = "",
    required: bool = False,
    dispatch: bool = False,
) -> Block:
    """Return an input whose block id is `field`, so that an error about the field finds it."""
    return InputBlock(
        block_id=str(field),
        label=plain(label, _LABEL),
        element=element,
        hint=plain(hint, _LABEL) if hint else None,
        optional=not required,
        dispatch_action=dispatch or None,
    )


def fitting(lines: Iterable[str], limit: int = 2800, *, count: int = 0) -> str:
    """Return as many whole lines as fit into `limit` characters, and how many more there are.

    `count` is how many there are in all, where `lines` are only the first of them.
    """
    kept: list[str] = []
    every = list(lines)
    for line in every:
        if sum(map(mrkdwn.width, kept)) + len(kept) + mrkdwn.width(line) > limit:
            break
        kept.append(line)
    left = max(count, len(every)) - len(kept)
    return "\n".join([*kept, f"_{left} more_"] if left else kept)


def message(fallback: str, blocks: Iterable[Block | None]) -> Message:
    """Return a message; what is over Slack's limits is left out and counted."""
    drawn = [each.to_dict() for each in blocks if each is not None]
    room, kept = _ALL_TEXT, 0
    for block in drawn[:MAX_BLOCKS]:
        room -= _characters(block)
        if room < 0:
            break
        kept += 1
    if kept < len(drawn):
        kept = min(kept, MAX_BLOCKS - 1)
        drawn = [*drawn[:kept], context(f"{len(drawn) - kept} more are not shown here").to_dict()]
    return Message(text=mrkdwn.clip(fallback, _FALLBACK), blocks=drawn)


def _characters(part: object) -> int:
    if isinstance(part, dict):
        return sum(len(value) if isinstance(value, str) else _characters(value) for value in part.values())
    return sum(map(_characters, part)) if isinstance(part, list) else 0


def modal(
    form: Form,
    title: str,
    blocks: Iterable[Block | None],
    *,
    submit: str = "",
    close: str = "Close",
    meta: Value | None = None,
    notify_on_close: bool = False,
) -> Json:
    """Return a modal."""
    view: Json = View(
        type="modal",
        callback_id=form.value,
        title=plain(title, _MODAL_TITLE),
        submit=plain(submit, _MODAL_TITLE) if submit else None,
        close=plain(close, _MODAL_TITLE),
        blocks=[each for each in blocks if each is not None][:MAX_VIEW_BLOCKS],
        private_metadata=meta.encode() if meta else "",
        notify_on_close=notify_on_close or None,
    ).to_dict()
    return view
