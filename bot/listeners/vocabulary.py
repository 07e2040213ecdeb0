"""The words after `/incident`: which there are, and which one somebody meant. Pure."""

import re
from dataclasses import dataclass
from enum import StrEnum

from rapidfuzz import fuzz, process

from bot.views import help
from bot.views.help import Word
from incidents.definitions import Severity
from incidents.lifecycle import Role
from incidents.response.mitigations import Means
from incidents.response.specdrift import Drift

_KEY = re.compile(r"inc-\d{1,9}", re.IGNORECASE)
#: rapidfuzz's ratio from 0 to 100. At 66 `statsu`, `resolv`, `severty` and `rol` find their words, `outage` none.
_NEAR = 66


class Takes(StrEnum):
    """What may follow a word."""

    NOTHING = "nothing"
    CHOICE = "choice"  #: one of a few words first, then text
    TEXT = "text"


@dataclass(frozen=True)
class Entry:
    """One word and how it is used."""

    name: str
    usage: str
    summary: str
    group: str
    takes: Takes = Takes.NOTHING
    choices: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()


_LOOK, _ACT, _DECIDE, _END = help.KEYS.values()
_SEVERITIES, _ROLES = tuple(Severity), tuple(Role)

ENTRIES = (
    Entry("status", "status", "how it stands, for your eyes", _LOOK, aliases=("catchup", "info")),
    Entry("plan", "plan", "what is done, who is waited for, when it ends", _LOOK, aliases=("eta",)),
    Entry("list", "list", "what is open", _LOOK, aliases=("ls", "open")),
    Entry("find", "find checkout 500s [before inc-90]", "look among all, past ones too", _LOOK, Takes.TEXT),
    Entry("timeline", "timeline", "what happened when", _LOOK),
    Entry("roles", "roles", "who does what", _LOOK),
    Entry("who", "who", "who hears what and when", _LOOK, aliases=("matrix", "promises")),
    Entry("preview", "preview critical", "what it would bring", _LOOK, Takes.CHOICE, _SEVERITIES),
    Entry("evidence", "evidence E3f9a2b", "what a claim rests on", _LOOK, Takes.TEXT),
    Entry("diff", "diff", "what the deploy would change", _LOOK),
    Entry("review", "review", "what waits for a decision", _LOOK, aliases=("decide",)),
    Entry("learned", "learned [words]", "what earlier trouble taught", _LOOK, Takes.TEXT),
    Entry("hardening", "hardening [service]", "how ready services are for trouble", _LOOK, Takes.TEXT),
    Entry("menu", "menu", "what Sitrep can be asked for", _LOOK),
    Entry("help", "help [act]", "what can be typed", _LOOK, Takes.CHOICE, tuple(help.KEYS), aliases=("?", "commands")),
    Entry("ack", "ack", "say that you have it", _ACT, Takes.TEXT, aliases=("acknowledge",)),
    Entry("pass", "pass", "say that you cannot take the page", _ACT, Takes.TEXT),
    Entry("severity", "severity critical|… [why]", "change it", _ACT, Takes.CHOICE, _SEVERITIES, ("sev",)),
    Entry("role", "role comms [@Ana | none]", "take, give or give back a role", _ACT, Takes.CHOICE, _ROLES),
    Entry("update", "update [how it stands | send | no change | snooze 10m]", "post a status update", _ACT, Takes.TEXT),
    Entry("impact", "impact 38 % of checkouts fail", "say who is hurt", _ACT, Takes.TEXT),
    Entry("note", "note what happened", "add to the timeline", _ACT, Takes.TEXT),
    Entry("escalate", "escalate [what was found]", "bring in who must know", _ACT, Takes.TEXT),
    Entry("channel", "channel", "ask Slack again for a channel it refused", _ACT),
    Entry("declare", "declare what is happening", "open a new incident", _ACT, Takes.TEXT, aliases=("new",)),
    Entry("bug", "bug [what is wrong]", "report a bug; agents find and fix it", _ACT, Takes.TEXT),
    Entry("drill", "drill [what to practise]", "declare an exercise", _ACT, Takes.TEXT),
    Entry("mitigate", "mitigate [rollback|flag|hotfix]", "relieve users at once", _DECIDE, Takes.CHOICE, tuple(Means)),
    Entry("option", "option 2", "choose a fix", _DECIDE, Takes.TEXT),
    Entry("approve", "approve [2.3]", "approve what waits, the deploy say", _DECIDE, Takes.TEXT),
    Entry("reject", "reject what to change", "send a proposal back", _DECIDE, Takes.TEXT),
    Entry("attest", "attest [gate] [note]", "vouch for a quality gate", _DECIDE, Takes.TEXT),
    Entry("answer", "answer 1 [words]", "answer what the agents ask", _DECIDE, Takes.TEXT),
    Entry("gate", "gate [gate [override why]]", "look at a quality gate, or override it", _DECIDE, Takes.TEXT),
    Entry("drift", "drift spec|code [why]", "say which is wrong", _DECIDE, Takes.CHOICE, tuple(Drift)),
    Entry("retry", "retry [1.3]", "run a failed step again", _DECIDE, Takes.TEXT),
    Entry("skip", "skip 4.2 [why]", "leave a step out", _DECIDE, Takes.TEXT),
    Entry("takeover", "takeover 1.3 [what you did]", "do a step by hand", _DECIDE, Takes.TEXT),
    Entry("handover", "handover 1.3 [playbook|claude]", "hand a step to another provider", _DECIDE, Takes.TEXT),
    Entry("rebase", "rebase [repository]", "bring a fix onto the newest state", _DECIDE, Takes.TEXT),
    Entry("begin", "begin", "let a scheduled response begin now", _DECIDE, Takes.TEXT),
    Entry("pause", "pause", "start no further step", _DECIDE, Takes.TEXT),
    Entry("resume", "resume", "go on after a pause", _DECIDE, Takes.TEXT),
    Entry("stop", "stop [1.3] [why]", "stop one step, or the agents for good", _DECIDE, Takes.TEXT),
    Entry("restart", "restart [why]", "begin a bug's pipeline anew", _DECIDE, Takes.TEXT),
    Entry("resolve", "resolve [how it was restored]", "users are served again", _END, Takes.TEXT),
    Entry("reopen", "reopen why", "the trouble is back", _END, Takes.TEXT),
    Entry("cancel", "cancel why | cancel duplicate of inc-6", "it was no incident", _END, Takes.TEXT),
    Entry("postmortem", "postmortem [date YYYY-MM-DD]", "write it, or move its date", _END, Takes.CHOICE, ("date",)),
    Entry("followup", "followup what is to be done [@Ana] | 3 @Ana | done 3", "file what remains", _END, Takes.TEXT),
    Entry("solution", "solution [Problem: what, Solution: what]", "file a solved problem", _END, Takes.TEXT),
    Entry("close", "close [why]", "nothing more is owed", _END, Takes.TEXT),
)  # fmt: skip

_BY_WORD = {word: entry for entry in ENTRIES for word in (entry.name, *entry.aliases)}


@dataclass(frozen=True)
class Meant:
    """What was meant: one of a word, a likely typo, or a title for a new incident."""

    word: str = ""
    argument: str = ""
    incident: str = ""  #: `inc-7` where it was named
    typo: str = ""  #: what was typed, when it looks like a mistyped word
    nearest: str = ""
    title: str = ""  #: free text: declare with this title


def meant(text: str, *, in_room: bool = False) -> Meant:
    """Return what `text` means. Several words that begin with no word of ours are a title; so are none.

    `in_room` says that it was typed in an incident's channel, where people type commands: there words that begin
    like one of ours are no title.
    """
    found = _anywhere(text)
    return _in_room(found) if in_room and found.title else found


def asks(text: str) -> bool:
    """Tell whether words said to the bot are a question: `why?`, `ask which files change`."""
    return ("?" in text or text.lower().startswith("ask ")) and bool(_anywhere(text).title)


def _in_room(found: Meant) -> Meant:
    first, _, rest = found.title.partition(" ")
    entry = _BY_WORD.get(first.lower())
    if entry is None:
        near = nearest(first)
        return Meant(typo=found.title, nearest=f"{near} {rest.strip()}") if near else found
    if entry.takes is Takes.CHOICE:
        return Meant(word=entry.name, argument=rest.strip())
    return Meant(typo=found.title, nearest=entry.name)


def _anywhere(text: str) -> Meant:
    text = text.strip()
    first, _, rest = text.partition(" ")
    rest = rest.strip()
    if not text:
        return Meant()
    if _KEY.fullmatch(first):
        return _about(first.lower(), rest)
    entry = _BY_WORD.get(first.lower())
    if entry is not None:
        return _used(entry, text, rest)
    near = nearest(first)
    named, *others = rest.split()[:2] or [""]
    if near and (not rest or (_KEY.fullmatch(named) and not others)):
        return Meant(typo=first, nearest=near)
    return Meant(title=text)


def _about(key: str, rest: str) -> Meant:
    """Return what was meant about the incident named first: its status where nothing follows."""
    if not rest:
        return Meant(word="status", incident=key)
    first, _, argument = rest.partition(" ")
    entry = _BY_WORD.get(first.lower())
    if entry is None:
        return Meant(typo=first, nearest=nearest(first), incident=key)
    return Meant(word=entry.name, argument=argument.strip(), incident=key)


def _used(entry: Entry, text: str, rest: str) -> Meant:
    first, _, argument = rest.partition(" ")
    if _KEY.fullmatch(first):
        return Meant(word=entry.name, argument=argument.strip(), incident=first.lower())
    # "status page is down" and "role assignment fails" are titles that happen to begin with a word of ours.
    if entry.takes is Takes.NOTHING and rest:
        return Meant(title=text)
    if entry.takes is Takes.CHOICE and argument and first.lower() not in entry.choices:
        return Meant(title=text)
    return Meant(word=entry.name, argument=rest)


def nearest(word: str) -> str:
    """Return the word that `word` is a likely typo of, or an empty string."""
    if len(word) < 3:
        return ""
    found = process.extractOne(word.lower(), list(_BY_WORD), scorer=fuzz.ratio, score_cutoff=_NEAR)
    return _BY_WORD[found[0]].name if found else ""


def choice(entry_name: str, typed: str) -> str:
    """Return the choice of an entry that `typed` names or is a likely typo of, or an empty string."""
    choices = _BY_WORD[entry_name].choices
    if typed.lower() in choices:
        return typed.lower()
    found = process.extractOne(typed.lower(), choices, scorer=fuzz.ratio, score_cutoff=_NEAR)
    return str(found[0]) if found else ""


def help_group(typed: str) -> str:
    """Return the key of the group of the help that `typed` names or, as a word, belongs to; else an empty string."""
    word = typed.partition(" ")[0].lower()
    entry = _BY_WORD.get(word)
    if entry is None or word in help.KEYS:
        return choice("help", word)
    return next(key for key, title in help.KEYS.items() if title == entry.group)


def help_words() -> list[Word]:
    """Return the words as the help shows them."""
    return [Word(entry.name, entry.usage, entry.summary, entry.group) for entry in ENTRIES]
