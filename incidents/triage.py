"""The seven triage facts: recognising them in free text, and saying which are missing. Pure.

Source of the seven: the bug pipeline document, completeness checklist.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

#: Fact -> what to ask for, in the words a reporter reads.
FACTS: dict[str, str] = {
    "steps_to_reproduce": "Steps to reproduce",
    "expected_vs_actual": "Expected and actual behaviour",
    "environment": "Environment (production, region, browser …)",
    "versions": "Affected versions or releases",
    "error_output": "Error output",
    "component": "Affected component",
    "context": "Anything that tells it apart (since when, after what, for whom)",
}

_LABELS: dict[str, str] = {
    "steps_to_reproduce": r"steps?(?: to reproduce)?|repro(?:duction)?|how to reproduce",
    "expected_vs_actual": r"expected(?: (?:vs\.?|and) actual)?(?: behaviou?r)?|actual(?: behaviou?r)?",
    "environment": r"env(?:ironment)?|where",
    "versions": r"(?:affected )?(?:versions?|releases?|builds?)",
    "error_output": r"error(?: output| message)?|log|trace(?:back)?|stack(?: ?trace)?",
    "component": r"(?:affected )?(?:component|service|module|endpoint)",
    "context": r"(?:disambiguating )?context|since|background|notes?",
}

_SIGNS: dict[str, str] = {
    "steps_to_reproduce": (
        r"(?m)^[^\S\n]*(?:1[.)]|[-*] ?(?:open|click|go to|call|send))\s"
        r"|\b(?:to reproduce|when (?:i|we|you|users?|customers?) )"
        r"|\b(?:curl|POST|GET|PUT|DELETE) (?:-\w|/|https?:)"
    ),
    "expected_vs_actual": (
        r"\b(?:expected|should (?:be|return|show|have)|instead of|but (?:gets?|got|returns?|shows?|we get))\b"
    ),
    "environment": (
        r"\b(?:production|prod|staging|(?:eu|us|ap)-[a-z]+-\d|in the (?:eu|us)|chrome|firefox|safari|ios|android)\b"
    ),
    "versions": (r"\b(?:v?\d+\.\d+(?:\.\d+)?|releases? \#?\d+|build \#?\d+|since deploy(?:ing)? [0-9a-f]{7,40})\b"),
    "error_output": (
        r"Traceback \(most recent|\b\w+(?:Error|Exception)\b|\b(?:HTTP )?5\d\ds?\b"
        r"|\bfatal:|\bpanic:|\bstack ?trace\b"
    ),
    "component": (
        r"(?<![\w-])[\w-]+\.(?:py|js|ts|go|rb|java|sql)\b"
        r"|(?<![\w-])[\w-]+[ -](?:service|api|page|endpoint|worker|queue|database|db)\b|(?<!\w)/[a-z][\w/-]+"
    ),
    "context": (
        r"\b(?:since|started|after (?:the|a|release|deploy)|only (?:for|when|in)|about \d+ ?%|\d+ ?% of"
        r"|every (?:user|customer|order))\b"
    ),
}


# A pattern that may begin anywhere in a word or a sentence reads the rest of it each time: a pasted log of 40,000
# characters would hold the process up for half a minute. So these begin where one begins.
#: A question, up to its mark; the one in an address is not followed by a space.
_QUESTION = re.compile(r"(?:^|(?<=[.!\n])|(?<=[?？؟])(?![?？؟]))[^.!?？؟\n]*[?？؟]++(?=\s|$)")
_TOKEN = re.compile(r"<[^<>]*>|:[\w+-]+:")  # mentions, links and emoji as Slack sends them
_WORDS = 3  # fewer are "thanks", "on it", "looking now"


def recognise(text: str, *, service: str = "") -> dict[str, str]:
    """Return the facts that `text` states, by name, each with the words that state it (at most 300 characters).

    A labelled line (`Environment: production`) counts as it stands; otherwise the sentence that carries a typical
    sign counts. A chosen `service` is the affected component.
    """
    found = {**({"component": service} if service else {}), **_labelled(text)}
    for name, sign in _SIGNS.items():
        if name not in found:
            seen = re.search(sign, text, re.IGNORECASE)
            if seen:
                found[name] = _sentence(text, seen.start())[:300]
    return found


def _labelled(text: str) -> dict[str, str]:
    """Return the facts that lines of `text` give under their name."""
    found = {}
    for name, label in _LABELS.items():
        labelled = list(
            re.finditer(rf"(?im)^[^\w\n]*+(?P<line>(?:{label})[^\w\n]{{0,20}}[:=]\s*(?P<said>\S.*))$", text)
        )
        if len(labelled) == 1:
            found[name] = labelled[0]["said"].strip()[:300]
        elif labelled:  # expected on one line, actual on the next
            found[name] = "; ".join(each["line"].strip() for each in labelled)[:300]
    return found


@dataclass(frozen=True)
class Heard:
    """What a message changes of the facts that are known."""

    said: Mapping[str, str] = field(default_factory=dict)  #: new, or worded otherwise than before
    taken_back: tuple[str, ...] = ()  #: stated by its former wording, and not any more
    differs: Mapping[str, str] = field(default_factory=dict)  #: known already, and stated otherwise here

    def __bool__(self) -> bool:
        """Return whether anything of the facts changes."""
        return bool(self.said or self.taken_back)


def hear(text: str, facts: Mapping[str, str], given: Sequence[str], *, before: str = "", asked: bool = True) -> Heard:
    """Return what the message `text` changes of `facts`.

    Args:
        text: The message as it reads now.
        facts: What is known.
        given: Which of them this very message gave before it was edited: they are what it says now, or open again.
        before: Its former wording.
        asked: Whether it answers the question for facts, where a plain sentence counts, and a labelled line that
            says something else than what is known differs from it.
    """
    stated = _QUESTION.sub("", text).strip()
    wanted = [name for name in FACTS if name in given or name in missing(facts)]
    recognised = recognise(stated)
    found = {name: said for name, said in recognised.items() if name in wanted}
    plainly = [name for name in given if name not in recognise(_QUESTION.sub("", before))]
    open_ = plainly if given else wanted
    if not found and open_ and (asked or given) and _is_sentence(stated):
        found = {open_[0]: stated[:300]}
    labelled = {name: said for name, said in _labelled(stated).items() if name not in wanted} if asked else {}
    return Heard(
        said={name: said for name, said in found.items() if facts.get(name) != said},
        taken_back=tuple(name for name in given if name not in found),
        differs={name: said for name, said in labelled.items() if facts[name] != said},
    )


def _is_sentence(text: str) -> bool:
    plain = _TOKEN.sub(" ", text)
    words = re.findall(r"[^\W\d_]+", plain)
    # Scripts that write no spaces make one long word of a sentence.
    return len(words) >= _WORDS or any(not word.isascii() and len(word) > _WORDS for word in words)


def short(name: str) -> str:
    """Return what a fact is called, without the examples."""
    return FACTS[name].split(" (")[0]


def missing(facts: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names of the facts that nobody has given yet, in the checklist's order."""
    return tuple(name for name in FACTS if not facts.get(name, "").strip())


def _sentence(text: str, at: int) -> str:
    start = max(text.rfind("\n", 0, at), text.rfind(". ", 0, at)) + 1
    ends = [end for end in (text.find("\n", at), text.find(". ", at)) if end != -1]
    return text[start : min(ends, default=len(text))].strip()
