"""The catalogue's services, offered as somebody types."""

from typing import Any

from rapidfuzz import fuzz, process

from bot.views import parts
from bot.views.message import Json
from incidents.catalog import Settings

_MOST = 100  # https://docs.slack.dev/reference/block-kit/composition-objects/option-object
_NEAR = 50


def services(settings: Settings, body: dict[str, Any]) -> list[Json]:
    """Return the options for what was typed so far: all of them for nothing, else the alike ones, best first."""
    typed = str(body.get("value") or "").strip().lower()
    labels = {key: service.title or key for key, service in settings.services.items()}
    keys = list(labels)
    if typed:
        alike = {key: f"{key} {label}".lower() for key, label in labels.items()}
        found = process.extract(typed, alike, scorer=fuzz.partial_ratio, score_cutoff=_NEAR, limit=_MOST)
        keys = [str(key) for _, _, key in found]
    return [parts.option(labels[key], key).to_dict() for key in keys[:_MOST]]
