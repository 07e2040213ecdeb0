"""The workspace's one look at the wall clock; everything else takes `now` as an argument."""

import time
from collections.abc import Callable

Now = Callable[[], float]


def wall_clock() -> float:
    """Return the seconds since the epoch, UTC."""
    return time.time()  # noqa: TID251 - the workspace is a server of its own and must not import the domain's clock
