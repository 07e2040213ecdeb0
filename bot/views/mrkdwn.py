"""Text for Slack's mrkdwn: what others typed is escaped, bounded, and cannot break what stands around it.

Escaping: https://docs.slack.dev/messaging/formatting-message-text (&, <, >). Slack has no escape for `*`, `_` and `~`;
a zero-width space on both sides keeps them from opening or closing anything.
"""

import re
import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from incidents import durations
from incidents.tools.evidence import shorten

_ZERO_WIDTH_SPACE = "\u200b"
_JOINER = "\u200d"
_ISOLATE, _POP = "\u2068", "\u2069"
# Overrides and isolates that somebody left open would turn around everything that follows.
_BIDI_CONTROLS = re.compile("[\u202a-\u202e\u2066-\u2069]")
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f]")
_MARKS = re.compile(r"[*~]|(?<![^\W_])_|_(?![^\W_])")
_CODE = re.compile(r"`([^`\n]{1,200})`")
_PERSON = re.compile(r"[UW][A-Z0-9]{2,20}")
_CHANNEL = re.compile(r"[CGD][A-Z0-9]{2,20}")
_KEPT = re.compile(r"`(?P<code>[^`\n]{1,200})`|<(?P<sign>[@#])(?P<id>[UWCGD][A-Z0-9]{2,20})(?:\|[^>]*)?>")
_SENTENCE = re.compile(r"(?<=[.;]) ")
_MOMENT = re.compile(r"\b(\d{4}-\d\d-\d\d \d\d:\d\d) UTC\b")
_TIME = re.compile(r"(?<![\d|] )(?<![\d|-])\b([01]\d|2[0-3]):([0-5]\d) UTC\b")
_GAP = "   ·   "


def width(text: str) -> int:
    """Return the length as Slack's clients count it: in UTF-16 units, of which an emoji has two."""
    return len(text) + sum(character > "\uffff" for character in text)


def clip(text: str, limit: int) -> str:
    """Return at most `limit` characters of `text`, ending in … where it was cut; emoji are not cut in two."""
    if width(text) <= limit:
        return text
    cut, room = 0, limit - 1
    while room >= width(text[cut]):
        room -= width(text[cut])
        cut += 1
    while cut > 0 and (text[cut] == _JOINER or text[cut - 1] == _JOINER or _extends(text[cut])):
        cut -= 1
    return text[:cut].rstrip() + "…"


def _extends(character: str) -> bool:
    return unicodedata.combining(character) > 0 or "\ufe00" <= character <= "\ufe0f" or "🏻" <= character <= "🏿"


def one_line(text: str) -> str:
    """Return `text` with every run of white space as one blank, without control and direction characters."""
    return " ".join(_BIDI_CONTROLS.sub("", _CONTROLS.sub(" ", text)).split())


def escape(text: str) -> str:
    """Return `text` so that Slack shows its &, < and > as they are: no mention, no link, no `<!channel>`."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def said(text: str, limit: int = 300) -> str:
    """Return at most `limit` characters of somebody's words on one line, escaped and unable to format anything."""
    return _isolated(_muted(clip(one_line(text), limit)))


def prose(text: str, limit: int = 600) -> str:
    """Return an agent's sentence: like `said`, but with its `code` marks kept."""
    line = clip(one_line(text), limit)
    parts, end = [], 0
    for code_span in _CODE.finditer(line):
        parts += [_muted(line[end : code_span.start()]), f"`{escape(code_span[1])}`"]
        end = code_span.end()
    return _isolated(_in_own_zone("".join([*parts, _muted(line[end:])])))


def sentences(text: str, limit: int) -> str:
    """Return the first of an agent's sentences, as many as fit into `limit`; of a longer one as much as fits."""
    line = one_line(text)
    ends = [found.end() for found in _SENTENCE.finditer(line) if found.end() <= limit]
    return prose(line[: ends[-1]] if ends and width(line) > limit else line, limit)


def paragraphs(text: str, limit: int = 2000) -> str:
    """Return somebody's words with their line breaks, escaped and unable to format anything."""
    kept = [_muted(one_line(line)) for line in clip(text.strip(), limit).splitlines()]
    return _in_own_zone(re.sub(r"\n{3,}", "\n\n", "\n".join(kept)))


def with_mentions(text: str, limit: int = 300) -> str:
    """Return words from the record like `prose`, and keep mentions of people and channels, which notify nobody here."""
    line = clip(one_line(text), limit)
    parts, end = [], 0
    for kept in _KEPT.finditer(line):
        parts.append(_muted(line[end : kept.start()]))
        parts.append(f"`{escape(kept['code'])}`" if kept["code"] else f"<{kept['sign']}{kept['id']}>")
        end = kept.end()
    return _isolated(_in_own_zone("".join([*parts, _muted(line[end:])])))


def _in_own_zone(text: str) -> str:
    """Return the record's moments, such as `2026-11-21 14:02 UTC`, as times of day in the reader's own zone."""
    return _MOMENT.sub(_local, text)


def times_near(text: str, at: datetime) -> str:
    """Return text made ready with its times, such as `14:02 UTC`, in the reader's own zone: those nearest to `at`."""

    def nearest(found: re.Match[str]) -> str:
        same = at.replace(hour=int(found[1]), minute=int(found[2]), second=0, microsecond=0)
        return clock(min((same + timedelta(days=days) for days in (-1, 0, 1)), key=lambda each: abs(each - at)))

    return _TIME.sub(nearest, text)


def _local(found: re.Match[str]) -> str:
    try:
        return clock(datetime.strptime(found[1], "%Y-%m-%d %H:%M").replace(tzinfo=UTC))
    except ValueError:  # no such day
        return found[0]


def _muted(text: str) -> str:
    marked = _MARKS.sub(lambda mark: f"{_ZERO_WIDTH_SPACE}{mark[0]}{_ZERO_WIDTH_SPACE}", escape(text))
    # A lone backtick would pair with ours; code needs no blank before it, so a zero-width space does not help.
    return marked.replace("`", "ˋ")


def _isolated(text: str) -> str:
    # Right-to-left words would otherwise drag the neutral characters around them to their side.
    if any(unicodedata.bidirectional(character) in ("R", "AL") for character in text):
        return f"{_ISOLATE}{text}{_POP}"
    return text


def code(text: str, limit: int = 120) -> str:
    """Return `text` as inline code."""
    inner = escape(clip(one_line(text), limit)).replace("`", "ˋ")
    return f"`{inner}`" if inner else ""


def pre(text: str, limit: int = 2800) -> str:
    """Return `text` as a block of code, its middle left out where it is longer than `limit` once escaped."""
    inner = _CONTROLS.sub("", text).replace("```", "ˋˋˋ").strip("\n")
    shown, room = escape(inner), min(len(inner), limit)
    while width(shown) > limit:
        room = room * 9 // 10
        shown = escape(shorten(inner, room))
    return f"```{shown}```"


def pieces(text: str, limit: int) -> list[str]:
    """Return `text` cut into pieces, each of at most `limit` characters once escaped; none is lost."""
    found, room = [""], limit
    for character in text:
        taken = width(escape(character))
        if taken > room:
            found.append("")
            room = limit
        found[-1] += character
        room -= taken
    return found


def quote(text: str) -> str:
    """Return mrkdwn lines as a quotation."""
    return "\n".join(f"> {line}" for line in text.splitlines())


def person(who: str) -> str:
    """Return a mention for a person's id, the name for an agent, `Sitrep` for nobody."""
    if _PERSON.fullmatch(who):
        return f"<@{who}>"
    return said(who, 40) if who else "Sitrep"


def people(ids: Iterable[str]) -> str:
    """Return mentions of several people: `@Ana, @Bo`."""
    return ", ".join(person(each) for each in ids)


def channel(channel_id: str, name: str = "") -> str:
    """Return a link to a channel, or its name while it has no id."""
    return f"<#{channel_id}>" if _CHANNEL.fullmatch(channel_id) else said(name, 80)


def link(url: str, label: str) -> str:
    """Return a link, or the bare label where `url` is none that Slack opens."""
    if not url.startswith(("https://", "http://")):
        return label
    address = url.replace("&", "&amp;").replace("<", "%3C").replace(">", "%3E").replace("|", "%7C").replace(" ", "%20")
    return f"<{address}|{label.replace('|', '¦')}>"


def clock(at: datetime) -> str:
    """Return the time of day in the reader's own zone; UTC where the reader's program cannot say."""
    return _date(at, "{time}", f"{at:%H:%M} UTC")


def day_and_time(at: datetime) -> str:
    """Return day and time in the reader's own zone."""
    return _date(at, "{date_short_pretty} {time}", f"{at:%Y-%m-%d %H:%M} UTC")


def day(at: datetime) -> str:
    """Return the day in the reader's own zone."""
    return _date(at, "{date_short_pretty}", f"{at:%Y-%m-%d}")


def _date(at: datetime, form: str, otherwise: str) -> str:
    return f"<!date^{int(at.timestamp())}^{form}|{otherwise}>"


def spoken(duration: timedelta) -> str:
    """Return a duration for people: `45 s`, `12 min`, `1 h 16 min`."""
    return durations.spoken(duration)


def ago(duration: timedelta) -> str:
    """Return how long ago something was, for people: `just now`, `12 min ago`."""
    return "just now" if duration < timedelta(minutes=1) else f"{durations.spoken(duration)} ago"


def listed(parts: Iterable[str]) -> str:
    """Return the parts that are not empty, set apart as in a footer."""
    return _GAP.join(part for part in parts if part)


def plural(count: int, noun: str, several: str = "") -> str:
    """Return a counted noun: `1 file`, `2 files`."""
    return f"{count:,} {noun if count == 1 else several or noun + 's'}"
