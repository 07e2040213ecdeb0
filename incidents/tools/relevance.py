"""Scores texts against a query with BM25. Run as a program, so that the server never loads numpy.

Reads JSON from stdin, {"query": text, "texts": [text, …]}, and writes a list of scores in the order of the texts.
"""

import json
import re
import sys
from collections.abc import Sequence
from datetime import timedelta

from incidents.errors import ToolFailed
from incidents.tools import processes

TIMEOUT = timedelta(seconds=60)
_WORD = re.compile(r"[A-Za-z][a-z]+|[A-Z]+(?![a-z])|\d+")
_STOPWORDS = frozenset(
    {
        "the",
        "an",
        "and",
        "or",
        "of",
        "to",
        "in",
        "on",
        "for",
        "from",
        "with",
        "by",
        "at",
        "is",
        "are",
        "was",
        "be",
        "it",
    }
    | {"its", "this", "that", "as", "not", "no", "py", "line", "file", "most", "recent", "call", "last", "traceback"}
)


async def scores(query: str, texts: Sequence[str]) -> list[float]:
    """Return how well each of `texts` matches `query`; 0 where they share no word.

    Raises:
        ToolFailed: when scoring runs too long or breaks.
    """
    if not texts or not words(query):
        return [0.0] * len(texts)
    request = json.dumps({"query": query, "texts": list(texts)}).encode()
    done = await processes.run((sys.executable, "-m", __name__), timeout=TIMEOUT, stdin=request)
    if not done.ok:
        said = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise ToolFailed(f"Comparing commits with the error's text failed: {said[:200]}.", remedy="Retry the step.")
    return [float(score) for score in json.loads(done.stdout)]


def words(text: str) -> list[str]:
    """Return the words of `text` in lower case, identifiers and paths taken apart."""
    found = (word.lower() for word in _WORD.findall(text))
    return [_stem(word) for word in found if len(word) > 1 and word not in _STOPWORDS]


def _stem(word: str) -> str:
    """Return `word` without a plural or verb ending, so that `carts` finds `cart` and `rounding` finds `round`."""
    for ending in ("ing", "ies", "es", "ed", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            return word[: -len(ending)]
    return word


def main() -> None:
    """Score what stdin holds."""
    import bm25s  # noqa: PLC0415 - only the short-lived program pays for it and for numpy

    asked = json.load(sys.stdin)
    index = bm25s.BM25()
    index.index([words(text) or [""] for text in asked["texts"]], show_progress=False)
    query = [word for word in dict.fromkeys(words(asked["query"])) if word in index.vocab_dict]
    found = index.get_scores(query) if query else [0.0] * len(asked["texts"])
    json.dump([float(score) for score in found], sys.stdout)


if __name__ == "__main__":
    main()
