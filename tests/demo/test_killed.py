"""Sitrep killed in the middle of the story: it is started again and goes on where it was."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.demo.test_autoplay import LIMIT_SECONDS


def serving(demo: psutil.Process) -> psutil.Process:
    """Return the process that serves Sitrep, a child of the demo's."""
    (found,) = [child for child in demo.children() if child.cmdline()[-2:] == ["bot.cli", "serve"]]
    return found


@pytest.mark.demo
@pytest.mark.torture
@pytest.mark.timeout(LIMIT_SECONDS + 60)
def test_killed_while_the_fix_goes_to_production_the_story_ends_well(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bot.cli", "demo", "--autoplay", "--no-browser", "--root", str(tmp_path / "demo")]
    said = ""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as demo:
        assert demo.stdout is not None
        for line in demo.stdout:
            said += line
            if "Ana approves exactly this commit" in line:
                serving(psutil.Process(demo.pid)).send_signal(signal.SIGKILL)
    assert demo.returncode == 0, said
    assert said.count("Sitrep goes on where it was") == 1
    assert "post-mortem; the shop is healthy" in said
    written = (tmp_path / "demo" / "service" / "checkout-home" / "deploys.jsonl").read_text(encoding="utf-8")
    deploys = [json.loads(line) for line in written.splitlines()]
    assert [each["environment"] for each in deploys if each["by"] == "sitrep"] == ["staging", "production"]
