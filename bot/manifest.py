"""The app's manifest, which says what Sitrep needs of Slack: shipped inside the package, and beside it in a clone."""

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

_INSIDE = Path(__file__).with_name("manifest.yml")
_BESIDE = Path(__file__).parents[1] / "manifest.yml"


def path() -> Path:
    """Return the file: that of the wheel, or that of the clone."""
    return _INSIDE if _INSIDE.is_file() else _BESIDE


def read() -> dict[str, Any]:
    """Return what it says."""
    return dict(YAML(typ="safe", pure=True).load(path().read_text(encoding="utf-8")))
