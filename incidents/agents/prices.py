"""What model calls cost.

Prices in USD per million tokens, as published in November 2026; re-check when models change.
"""

from dataclasses import dataclass

from incidents.agents.base import Usage

# A prompt of English, JSON and code has 3 to 4 characters a token; 3 makes an estimate err towards too expensive.
CHARACTERS_PER_TOKEN = 3


@dataclass(frozen=True)
class Price:
    """USD per million tokens."""

    input: float
    output: float
    cache_read: float

    @property
    def cache_write(self) -> float:
        """Return the price of writing to the five-minute cache: a quarter above plain input."""
        return self.input * 1.25


_PRICES = {
    "claude-opus": Price(4.0, 20.0, 0.20),
    "claude-sonnet": Price(2.0, 10.0, 0.10),
    "claude-haiku": Price(0.10, 0.50, 0.01),
}
_DEAREST = _PRICES["claude-opus"]


def of(model: str) -> Price:
    """Return the price of `model`; an unknown one counts as the dearest, so that a budget errs on the safe side."""
    return next((price for family, price in _PRICES.items() if model.startswith(family)), _DEAREST)


def estimate_usd(model: str, *, characters: int, max_tokens: int) -> float:
    """Return what a call can cost at most: `characters` of prompt, and an answer of `max_tokens`."""
    price = of(model)
    return (characters / CHARACTERS_PER_TOKEN * price.input + max_tokens * price.output) / 1e6


def usage(model: str, *, input_tokens: int, output_tokens: int, cache_read: int, cache_write: int) -> Usage:
    """Return the usage record of one call; `input_tokens` are those neither read from nor written to the cache."""
    price = of(model)
    usd = (
        input_tokens * price.input
        + output_tokens * price.output
        + cache_read * price.cache_read
        + cache_write * price.cache_write
    ) / 1e6
    return Usage(
        model=model,
        input_tokens=input_tokens + cache_read + cache_write,
        output_tokens=output_tokens,
        cache_read_tokens=cache_read,
        usd=round(usd, 6),
    )
