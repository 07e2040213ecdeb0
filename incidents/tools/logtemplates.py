"""Groups log messages into templates with drain3. Run as a program, so that the server never loads the miner.

Reads JSON from stdin, {"before": [message, …], "after": [message, …]}, and writes a list of
{"template", "before", "after", "sample"}, new templates first.
"""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from incidents.errors import ToolFailed
from incidents.tools import processes

TIMEOUT = timedelta(seconds=60)
MAX_MESSAGES = 50_000  # drain3 takes about 96,000 lines a second
MAX_TEMPLATES = 30  # listed; what is beyond is seldom and old
_MASKS = (
    (r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b", "UUID"),
    (r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b", "IP"),
    (r"\b0x[0-9a-fA-F]+\b|\b(?=[0-9a-f]*\d)[0-9a-f]{7,64}\b", "HEX"),
    (r"(?<![\w.])(?:/[\w.@%+-]+){2,}/?", "PATH"),
    (r"(?<=[^A-Za-z0-9])[-+]?\d+(?:\.\d+)?(?=[^A-Za-z0-9]|$|ms\b|s\b)", "NUM"),
)


@dataclass(frozen=True)
class TemplateChange:
    """A kind of message, and how often it came before and after the deploy."""

    template: str
    before: int
    after: int
    sample: str  #: one message as it was written

    @property
    def new(self) -> bool:
        """Tell whether it appeared only after."""
        return self.before == 0


async def compare(before: Sequence[str], after: Sequence[str]) -> tuple[TemplateChange, ...]:
    """Return the templates of both lots of messages, those new after the deploy first, each lot most frequent first.

    Raises:
        ToolFailed: when the mining runs too long or breaks.
    """
    lots = {"before": list(before)[-MAX_MESSAGES:], "after": list(after)[-MAX_MESSAGES:]}
    request = await asyncio.to_thread(lambda: json.dumps(lots).encode())
    done = await processes.run((sys.executable, "-m", __name__), timeout=TIMEOUT, stdin=request)
    if not done.ok:
        said = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise ToolFailed(f"Grouping the log's messages failed: {said[:200]}.", remedy="Read the log by hand.")
    return tuple(TemplateChange(**found) for found in json.loads(done.stdout))


def mine(before: Sequence[str], after: Sequence[str]) -> list[TemplateChange]:
    """Return the templates of both lots of messages, in this process."""
    from drain3 import TemplateMiner  # noqa: PLC0415 - only the short-lived program pays for it
    from drain3.masking import MaskingInstruction  # noqa: PLC0415
    from drain3.template_miner_config import TemplateMinerConfig  # noqa: PLC0415

    config = TemplateMinerConfig()
    config.masking_instructions = [MaskingInstruction(pattern, name) for pattern, name in _MASKS]
    config.drain_max_clusters = 2000
    miner = TemplateMiner(config=config)
    counts: dict[str, Counter[int]] = {"before": Counter(), "after": Counter()}
    samples: dict[int, str] = {}
    for lot, messages in (("before", before), ("after", after)):
        for message in messages:
            cluster = miner.add_log_message(message)["cluster_id"]
            counts[lot][cluster] += 1
            samples[cluster] = message
    changes = [
        TemplateChange(cluster.get_template(), counts["before"][key], counts["after"][key], samples[key])
        for cluster in miner.drain.clusters
        if (key := cluster.cluster_id) in samples
    ]
    changes.sort(key=lambda change: (not change.new, -(change.after or change.before)))
    return changes[:MAX_TEMPLATES]


def main() -> None:
    """Mine what stdin holds."""
    lots = json.load(sys.stdin)
    found = mine(lots["before"], lots["after"])
    json.dump([vars(change) for change in found], sys.stdout)


if __name__ == "__main__":
    main()
