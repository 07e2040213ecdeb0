"""Lost revenue as people state it: `we lose about 20k EUR an hour`. Pure.

Source of the trigger: the emergency response document, `revenue_impact_exceeds_threshold`.
"""

import re

from incidents.catalog import Settings

TRIGGER = "revenue_impact_exceeds_threshold"

_CURRENCY = r"[$€£¥]|(?:USD|EUR|GBP|CHF|JPY|dollars?|euros?|pounds?|francs?|yen)\b"
#: An amount counts only with its currency beside it: `20k orders an hour` are no loss of money.
_STATED = re.compile(
    rf"(?P<before>{_CURRENCY})?\s*(?P<amount>\d(?:[\d.,']|\s(?=\d{{3}})){{0,20}})\s*(?P<scale>k|thousand|mn?|million)?\b"
    rf"\s*(?P<after>{_CURRENCY})?(?:\s+(?:\w+\s+){{0,3}}?|\s*)(?:/|\bper\b|\ban?\b|\bevery\b|\beach\b)\s*"
    r"(?P<per>hours?|hrs?|h|minutes?|mins?|days?)\b",
    re.IGNORECASE,
)
_SCALES = {"k": 1e3, "t": 1e3, "m": 1e6}
_HOURS = {"h": 1.0, "m": 1 / 60, "d": 24.0}


def loss_per_hour(text: str) -> float | None:
    """Return the greatest loss an hour that `text` states, in whatever currency, or None."""
    said = " ".join(text.split())  # a page of blank lines would be read anew from each of them
    found = [_per_hour(each) for each in _STATED.finditer(said) if each["before"] or each["after"]]
    return max(found, default=None)


def _per_hour(stated: re.Match[str]) -> float:
    scale = _SCALES[stated["scale"][0].lower()] if stated["scale"] else 1.0
    return _number(stated["amount"]) * scale / _HOURS[stated["per"][0].lower()]


def _number(written: str) -> float:
    """Return `1,234.5`, `1.234,5`, `1 234` or `12.000` as a number; three digits after a mark are thousands."""
    plain = re.sub(r"[\s']", "", written).rstrip(".,")
    mark = max(plain.rfind("."), plain.rfind(","))
    marks = set(plain) & {".", ","}
    is_thousands = len(marks) == 1 and (len(plain) - mark - 1 == 3 or plain.count(plain[mark]) > 1)
    if mark < 0 or is_thousands:
        return float(re.sub(r"[.,]", "", plain))
    return float(f"{re.sub(r'[.,]', '', plain[:mark])}.{plain[mark + 1 :]}")


def above_threshold(settings: Settings, text: str) -> str:
    """Return in words that the loss which `text` states reaches `revenue_threshold_per_hour`, or an empty string."""
    threshold, loss = settings.revenue_threshold_per_hour, loss_per_hour(text)
    if threshold is None or loss is None or loss < threshold:
        return ""
    return f"A loss of about {loss:,.0f} an hour was stated; the threshold is {threshold:,.0f}"
