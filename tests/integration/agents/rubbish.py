"""What agents may answer that is of no use, or false."""

from collections.abc import Callable
from typing import Any

from incidents.agents.outputs import MODELS, Output
from incidents.agents.reviews import Review

#: What no step can take for an answer.
UNUSABLE = {
    "nothing": "",
    "no JSON": "I had a look, and it is fine.",
    "half of it": '{"verdict": "appr',
    "another schema": '{"answer": 42}',
    "a list": "[1, 2]",
    "10 MB": "x" * 10_000_000,
}

#: What a model may claim and code must know.
FACTS = ("healthy", "taken", "ready", "deployed", "resolved", "passed", "validated", "complete", "agreed", "changed")
NOWHERE = "Proven by `deadbee1` in nowhere.py:999."
#: Words of `boasting`, none of which may come before people.
INVENTED = ("Effffff", "deadbee1", "nowhere.py", "999")


def changed(value: Any, rule: Callable[[str, Any], Any], name: str = "") -> Any:
    """Return `value` with `rule` applied to every field that holds no other."""
    if isinstance(value, dict):
        return {key: changed(each, rule, key) for key, each in value.items()}
    if isinstance(value, list) and name != "evidence":
        return [changed(each, rule, name) for each in value]
    return rule(name, value)


def rewritten(prompt: str, said: Any, rule: Callable[[str, Any], Any]) -> Output:
    """Return what `rule` makes of an answer, as the prompt's output."""
    told = changed(said, rule)
    if issubclass(MODELS[prompt], Review):
        told["critique"] = "It does not hold."
    return MODELS[prompt].model_validate(told)


def boasting(name: str, value: Any) -> Any:
    """Return a field as somebody fills it in who cites what is not there, and claims what was not done."""
    if name == "evidence":
        return "Effffff" if isinstance(value, str) else ["Effffff"]
    if name in FACTS:
        return True
    if name == "name":
        return "environment"  # a fact that nobody stated
    if name in ("verdict", "confidence") and value in ("likely", "inconclusive"):
        return "confirmed"
    places = {"commit": "deadbee1" * 5, "file": "nowhere.py", "root_file": "nowhere.py", "line": 999, "root_line": 999}
    if name in ("summary", "mechanism", "explanation", "reason", "text", "impact", "why"):
        return NOWHERE
    return places.get(name, value)


def contradicting(name: str, value: Any) -> Any:
    """Return a field as somebody fills it in who says the opposite of what was executed."""
    return not value if name in FACTS and isinstance(value, bool) else value
