"""The demo as a newcomer runs it, the people played too: it ends well only when the shop is healthy again."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.long

LIMIT_SECONDS = 180  # what the demo promises


@pytest.mark.demo
@pytest.mark.timeout(LIMIT_SECONDS + 60)
def test_the_autoplayed_demo_repairs_the_shop_and_posts_the_postmortem(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bot.cli", "demo", "--autoplay", "--no-browser", "--root", str(tmp_path / "demo")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_SECONDS + 30, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "The shop answers 200 again" in done.stdout
    assert "post-mortem; the shop is healthy" in done.stdout
    written = (tmp_path / "demo" / "sitrep.log").read_text(encoding="utf-8")
    assert "Traceback" not in written, written[-4000:]
