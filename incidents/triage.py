"""The seven triage facts: recognising them in free text, and saying which are missing. Pure.

Source of the seven: the bug pipeline document, completeness checklist.
"""

import re
from collections.abc import Mapping, Sequence

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
        r"(?m)^\s*(?:1[.)]|[-*] ?(?:open|click|go to|call|send))\s"
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
        r"\b[\w-]+\.(?:py|js|ts|go|rb|java|sql)\b"
        r"|\b[\w-]+[ -](?:service|api|page|endpoint|worker|queue|database|db)\b|(?<!\w)/[a-z][\w/-]+"
    ),
    "context": (
        r"\b(?:since|started|after (?:the|a|release|deploy)|only (?:for|when|in)|about \d+ ?%|\d+ ?% of"
        r"|every (?:user|customer|order))\b"
    ),
}


#: A question, up to its mark; the one in an address is not followed by a space.
_QUESTION = re.compile(r"[^.!?？؟\n]*[?？؟]+(?=\s|$)")
_TOKEN = re.compile(r"<[^>]*>|:[\w+-]+:")  # mentions, links and emoji as Slack sends them
_WORDS = 3  # fewer are "thanks", "on it", "looking now"


def recognise(text: str, *, service: str = "") -> dict[str, str]:
    """Return the facts that `text` states, by name, each with the words that state it (at most 300 characters).

    A labelled line (`Environment: production`) counts as it stands; otherwise the sentence that carries a typical
    sign counts. A chosen `service` is the affected component.
    """
    found = {"component": service} if service else {}
    for name, label in _LABELS.items():
        labelled = list(re.finditer(rf"(?im)^\W*(?P<line>(?:{label})\W*[:=]\s*(?P<said>\S.*))$", text))
        if len(labelled) == 1:
            found[name] = labelled[0]["said"].strip()[:300]
        elif labelled:  # expected on one line, actual on the next
            found[name] = "; ".join(each["line"].strip() for each in labelled)[:300]
    for name, sign in _SIGNS.items():
        if name not in found:
            seen = re.search(sign, text, re.IGNORECASE)
            if seen:
                found[name] = _sentence(text, seen.start())[:300]
    return found


def answers(text: str, wanted: Sequence[str]) -> dict[str, str]:
    """Return which of the `wanted` facts `text` gives; talk and questions give none.

    Where nothing is recognised, a plain sentence answers the first of them, however it is worded.
    """
    stated = _QUESTION.sub("", text).strip()
    found = {name: said for name, said in recognise(stated).items() if name in wanted}
    if not found and wanted and _is_sentence(stated):
        found = {wanted[0]: stated[:300]}
    return found


def _is_sentence(text: str) -> bool:
    plain = _TOKEN.sub(" ", text)
    words = re.findall(r"[^\W\d_]+", plain)
    # Scripts that write no spaces make one long word of a sentence.
    return len(words) >= _WORDS or any(not word.isascii() and len(word) > _WORDS for word in words)


def missing(facts: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names of the facts that nobody has given yet, in the checklist's order."""
    return tuple(name for name in FACTS if not facts.get(name, "").strip())


def _sentence(text: str, at: int) -> str:
    start = max(text.rfind("\n", 0, at), text.rfind(". ", 0, at)) + 1
    ends = [end for end in (text.find("\n", at), text.find(". ", at)) if end != -1]
    return text[start : min(ends, default=len(text))].strip()
