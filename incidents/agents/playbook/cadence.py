"""How often and how long a service is looked at, following from how long its releases are watched."""

from datetime import timedelta

_LOOKS = 20  # in the time a release is watched: enough to see it waver
_SLOWEST, _FASTEST = timedelta(seconds=10), timedelta(milliseconds=250)
_LONGEST_SAMPLE = timedelta(seconds=15)  # a first look at the error rate must not hold up the first half hour

_LONGEST_GLANCE = timedelta(seconds=5)  # the fix waits for it

#: Requests from which a rate measured in a short look says more than the one since the process started.
ENOUGH_REQUESTS = 20


def every(watch: timedelta) -> timedelta:
    """Return the time between two looks at a release that is watched for `watch`."""
    return min(max(watch / _LOOKS, _FASTEST), _SLOWEST)


def sample(watch: timedelta) -> timedelta:
    """Return how long to look for a first measure of the error rate."""
    return min(watch / 4, _LONGEST_SAMPLE)


def glance(watch: timedelta) -> timedelta:
    """Return how long to look at what runs before a fix replaces it: long enough to compare with, no longer."""
    return min(watch / 10, _LONGEST_GLANCE)


def fitting(watch: timedelta, left: timedelta) -> timedelta:
    """Return how long a release can be watched when `left` of the step's budget is left; a tenth is kept back."""
    return max(min(watch, left * 0.9), _FASTEST)
