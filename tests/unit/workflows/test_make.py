"""`make` alone says what can be made."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_make_alone_names_every_target() -> None:
    targets = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert targets
    said = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert {name for name in targets[1].split() if f"make {name}" not in said} == {"help"}
