"""Asks a service how it is, once or over a while."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from incidents.catalog import Environment
from incidents.clock import Clock
from incidents.errors import ToolFailed
from incidents.tools import evidence
from incidents.tools.evidence import Evidence, EvidenceKind

TIMEOUT_SECONDS = 5.0  # a health address that takes longer is not healthy

Sleep = Callable[[float], Awaitable[object]]


class Stats(BaseModel):
    """What the stats address answers: counts since the process started."""

    model_config = ConfigDict(frozen=True, extra="ignore", coerce_numbers_to_str=True)

    requests: int = Field(ge=0)
    errors: int = Field(ge=0)
    release: str | None = None  #: where the service says so
    commit: str | None = None


class _Version(BaseModel):
    """What a health address may say of the release that answers."""

    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)

    release: str | None = None
    commit: str | None = None


@dataclass(frozen=True)
class Probe:
    """One look at a service."""

    at: datetime  #: UTC
    healthy: bool  #: the health address answered 200
    status: int | None  #: None when it did not answer
    trouble: str  #: why it did not answer; empty when it did
    stats: Stats | None  #: None without a stats address, or where it did not answer sensibly
    evidence: Evidence
    version: tuple[str | None, str | None] = (None, None)  #: release and commit, where one of the addresses says so

    @property
    def error_rate(self) -> float | None:
        """Return the share of requests that failed since the process started; None where that is not known."""
        if self.stats is None or not self.stats.requests:
            return None
        return round(self.stats.errors / self.stats.requests, 4)


@dataclass(frozen=True)
class Watched:
    """What was seen of a service over a while."""

    healthy: bool  #: the last look was healthy, and the error rate within bounds where it is known
    checks: int
    failed_checks: int
    requests: int
    errors: int
    error_rate: float | None  #: share of the requests in the time watched, 0 to 1; None where there were none
    seconds: float
    recovered_at: datetime | None  #: since when all looks were healthy; None when the last was not
    evidence: Evidence


async def probe(environment: Environment, clock: Clock, *, client: httpx.AsyncClient | None = None) -> Probe:
    """Ask the health and stats addresses of `environment` once; a service that is down is an answer, not an error.

    Raises:
        ToolFailed: when no health address is known.
    """
    if not environment.health:
        raise ToolFailed("No health address is known.", remedy="Add `health` to the environment in sitrep.yml.")
    async with _client(client) as http:
        status, body, trouble = await _get(http, environment.health)
        stats, stats_body = await _stats(http, environment.stats)
    healthy = status == 200
    summary = f"{environment.health} answers {status}" if status else f"{environment.health}: {trouble}"
    if stats is not None:
        summary += f"; {stats.errors} of {stats.requests} requests failed since its start"
    content = f"GET {environment.health} -> {status or trouble}\n{body}\n{stats_body}".rstrip()
    at = clock.now()
    seen = evidence.capture(EvidenceKind.HEALTH, environment.health, content, summary=summary, captured_at=at)
    return Probe(at, healthy, status, trouble, stats, seen, _version(body, stats))


def _version(body: str, stats: Stats | None) -> tuple[str | None, str | None]:
    if stats is not None and (stats.release or stats.commit):
        return stats.release, stats.commit
    try:
        told = _Version.model_validate_json(body)
    except ValidationError:
        return None, None
    return told.release, told.commit


async def watch(
    environment: Environment,
    clock: Clock,
    *,
    period: timedelta,
    every: timedelta = timedelta(seconds=5),
    sleep: Sleep = asyncio.sleep,
    client: httpx.AsyncClient | None = None,
) -> Watched:
    """Look at `environment` every `every` for `period`, and tell how it did.

    The error rate comes from the growth of the counts between looks, so a restart in between loses nothing.

    Raises:
        ToolFailed: when no health address is known.
    """
    probes: list[Probe] = []
    async with _client(client) as http:
        probes.append(await probe(environment, clock, client=http))
        end = probes[0].at + period
        while probes[-1].at < end:
            await sleep(min(every, end - probes[-1].at).total_seconds())
            probes.append(await probe(environment, clock, client=http))
    return _judge(environment, probes, clock)


def growth(before: Stats | None, after: Stats | None) -> tuple[int, int]:
    """Return how many requests and errors came between two looks; a restarted process counts from zero."""
    if before is None or after is None:
        return 0, 0
    if after.requests < before.requests or after.errors < before.errors or after.release != before.release:
        return after.requests, after.errors
    return after.requests - before.requests, after.errors - before.errors


def _judge(environment: Environment, probes: list[Probe], clock: Clock) -> Watched:
    grown = [growth(a.stats, b.stats) for a, b in itertools.pairwise(probes)]
    requests, errors = sum(g[0] for g in grown), sum(g[1] for g in grown)
    rate = errors / requests if requests else None
    failed = sum(not look.healthy for look in probes)
    recovered_at = None
    for look in reversed(probes):
        if not look.healthy:
            break
        recovered_at = look.at
    healthy = recovered_at is not None and (rate is None or rate <= environment.max_error_rate)
    seconds = (probes[-1].at - probes[0].at).total_seconds()
    told = "no requests" if rate is None else f"{errors} of {requests} requests failed ({rate:.1%})"
    summary = f"{len(probes) - failed} of {len(probes)} checks healthy in {seconds:.0f} s, {told}"
    lines = [f"{look.at:%H:%M:%S}Z {look.status or look.trouble} {look.stats or ''}".rstrip() for look in probes]
    seen = evidence.capture(
        EvidenceKind.HEALTH, environment.health, "\n".join(lines), summary=summary, captured_at=clock.now()
    )
    return Watched(healthy, len(probes), failed, requests, errors, rate, seconds, recovered_at, seen)


@contextlib.asynccontextmanager
async def _client(given: httpx.AsyncClient | None) -> AsyncIterator[httpx.AsyncClient]:
    """Yield the caller's client, left open; or one of our own, closed at the end."""
    if given is not None:
        yield given
        return
    # A proxy of the environment has no business between Sitrep and the service it watches.
    async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS, trust_env=False) as own:
        yield own


async def _get(http: httpx.AsyncClient, url: str) -> tuple[int | None, str, str]:
    try:
        # A connection of its own for each look: a kept one would go on asking the release that is being replaced.
        answer = await http.get(url, headers={"Connection": "close"}, timeout=TIMEOUT_SECONDS)
    except httpx.TimeoutException:
        return None, "", f"no answer within {TIMEOUT_SECONDS:g} s"
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return None, "", f"no answer ({str(error)[:100] or type(error).__name__})"
    return answer.status_code, answer.text[:2000], ""


async def _stats(http: httpx.AsyncClient, url: str) -> tuple[Stats | None, str]:
    if not url:
        return None, ""
    status, body, trouble = await _get(http, url)
    if status != 200:
        return None, f"GET {url} -> {status or trouble}"
    try:
        return Stats.model_validate_json(body), f"GET {url} -> 200\n{body}"
    except ValidationError:
        return None, f'GET {url} -> 200, but not {{"requests", "errors"}}\n{body}'
