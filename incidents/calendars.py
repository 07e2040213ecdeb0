"""Public holidays, by country."""

from collections.abc import Container
from datetime import date
from functools import lru_cache

import holidays


@lru_cache(maxsize=8)
def public_holidays(place: str) -> Container[date]:
    """Return the public holidays of a country (`DE`) or of a part of it (`DE-BY`); none for an empty place.

    Raises:
        ValueError: no such place is known.
    """
    if not place:
        return frozenset()
    country, _, part = place.strip().upper().partition("-")
    try:
        return holidays.country_holidays(country, subdiv=part or None)
    except NotImplementedError:
        raise ValueError(f"the public holidays of {place!r} are not known") from None
