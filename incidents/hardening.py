"""How ready a service is for trouble in production: error monitoring, feature flags, tracing a cause back.

Looked up where it can be seen: the catalogue, and the files of the service's repository that name what is installed.
What is not seen may be there all the same; each point says how it was judged and what to do about it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from incidents.catalog import Service
from incidents.clock import Clock
from incidents.errors import ToolFailed
from incidents.tools.git import Repository, open_repository

_FILES_READ = 12  # files that name dependencies; a repository of many packages has more of the same
_MANIFESTS = re.compile(
    r"(^|/)(requirements[^/]*\.(txt|in)|pyproject\.toml|setup\.cfg|Pipfile|package\.json|go\.mod|Gemfile|pom\.xml"
    r"|build\.gradle(\.kts)?|Cargo\.toml|composer\.json)$"
)
_VENDORED = ("/node_modules/", "/vendor/", "/tests/", "/test/")


class Topic(StrEnum):
    """What the operations document names under production hardening."""

    MONITORING = "error_monitoring"
    FLAGS = "feature_flags"
    TRACING = "root_cause_tracing"


_LIBRARIES = {
    Topic.MONITORING: re.compile(
        r"sentry|ddtrace|dd-trace|datadog|logrocket|rollbar|bugsnag|newrelic|honeybadger|airbrake|elastic-apm",
        re.IGNORECASE,
    ),
    Topic.FLAGS: re.compile(
        r"launchdarkly|unleash|openfeature|growthbook|flagsmith|configcat|flipt|flipper|waffle|splitio|statsig",
        re.IGNORECASE,
    ),
    Topic.TRACING: re.compile(r"opentelemetry|jaeger|zipkin|ddtrace|dd-trace", re.IGNORECASE),
}


@dataclass(frozen=True)
class Point:
    """One thing that is there, or is missing and can be mended."""

    topic: Topic
    ready: bool
    says: str
    remedy: str = ""  #: what to do; empty where it is ready


@dataclass(frozen=True)
class Checklist:
    """How one service stands."""

    service: Service
    points: tuple[Point, ...]
    unread: str = ""  #: why its repository could not be looked into

    @property
    def missing(self) -> tuple[Point, ...]:
        """Return what is to be mended."""
        return tuple(point for point in self.points if not point.ready)


async def look(service: Service, clock: Clock) -> Checklist:
    """Return the checklist of `service`, as its catalogue entry and the head of its branch show it."""
    installed: dict[Topic, str] = {}
    unread = "" if service.repository else "No repository is configured."
    if service.repository:
        try:
            installed = await _installed(await open_repository(Path(service.repository), clock), service.branch)
        except ToolFailed as fault:
            unread = fault.message
    return Checklist(service, tuple(_points(service, installed, seen=not unread)), unread)


async def _installed(repository: Repository, branch: str) -> dict[Topic, str]:
    """Return for each topic the first line of a dependency file that names a library for it: `file:line word`."""
    found: dict[Topic, str] = {}
    files = [path for path in await repository.files(branch) if _MANIFESTS.search(path)]
    own = [path for path in files if not any(part in f"/{path}" for part in _VENDORED)]
    for path in sorted(own, key=lambda each: each.count("/"))[:_FILES_READ]:
        for number, line in enumerate((await repository.show(branch, path) or "").splitlines(), start=1):
            for topic, pattern in _LIBRARIES.items():
                if topic not in found and not line.lstrip().startswith("#") and (named := pattern.search(line)):
                    found[topic] = f"{named[0].lower()} in {path}:{number}"
    return found


def _points(service: Service, installed: dict[Topic, str], *, seen: bool) -> Iterator[Point]:
    yield from _monitoring(service, installed, seen=seen)
    yield from _flags(service, installed, seen=seen)
    yield from _tracing(service, installed)


def _library(
    topic: Topic, installed: dict[Topic, str], there: str, missing: str = "", remedy: str = ""
) -> Iterator[Point]:
    """Yield whether a library for `topic` is installed; nothing where it is not, and `missing` says nothing of it."""
    if topic in installed:
        yield Point(topic, ready=True, says=f"{there}: {installed[topic]}")
    elif missing:
        says = f"{missing} installed, as far as the dependency files say"
        yield Point(topic, ready=False, says=says, remedy=remedy)


def _monitoring(service: Service, installed: dict[Topic, str], *, seen: bool) -> Iterator[Point]:
    topic = Topic.MONITORING
    remedy = (
        "Report unhandled errors with their release (Sentry, Datadog, LogRocket in the browser), and alert on a new"
        " error after a deploy."
    )
    yield from _library(topic, installed, "errors are reported", "no error monitoring is" if seen else "", remedy)
    watched = [name for name in ("health", "stats") if getattr(service.production, name)]
    if len(watched) == 2:
        yield Point(topic, ready=True, says="production's health and error rate are watched")
    else:
        lacks = " and ".join(name for name in ("health", "stats") if name not in watched)
        remedy = f"Add `production.{lacks.split()[0]}` to it in sitrep.yml, so that recovery is measured, not assumed."
        yield Point(topic, ready=False, says=f"production has no {lacks} address", remedy=remedy)


def _flags(service: Service, installed: dict[Topic, str], *, seen: bool) -> Iterator[Point]:
    topic = Topic.FLAGS
    remedy = "Put what is new and risky behind a flag: rolled out to few first, switched off without a deploy."
    missing = "no feature flags are" if seen else ""
    yield from _library(topic, installed, "features can be switched off", missing, remedy)
    switches = ", ".join(service.production.switches)
    if switches:
        yield Point(topic, ready=True, says=f"can be switched off at once in an incident: {switches}")
    else:
        yield Point(
            topic,
            ready=False,
            says="production has no kill switch",
            remedy="Name in sitrep.yml under `production.switches` what switches a feature off: it is offered with"
            " `/incident mitigate flag`.",
        )
    for name, environment in (("production", service.production), ("staging", service.staging)):
        if environment is not None and not environment.rollback:
            remedy = f"Add `{name}.rollback` to it in sitrep.yml: without flags it is the one way back."
            yield Point(topic, ready=False, says=f"{name} has no rollback command", remedy=remedy)
    if service.production.rollback:
        yield Point(topic, ready=True, says="a release can be taken back by one command")


def _tracing(service: Service, installed: dict[Topic, str]) -> Iterator[Point]:
    topic = Topic.TRACING
    yield from _library(topic, installed, "requests are traced")
    wanted = {
        "logs": (service.logs, "logs with tracebacks", "the call stack is what a cause is traced back through"),
        "deploys": (service.deploys, "a deploy log", "it ties the first failure to the release before it"),
        "tests": (service.tests.command, "a test command", "undoing a suspect proves it only with tests"),
    }
    for key, (there, what, why) in wanted.items():
        if there:
            yield Point(topic, ready=True, says=f"analysis reads {what}")
        else:
            yield Point(topic, ready=False, says=f"there is no {what}", remedy=f"Add `{key}` in sitrep.yml: {why}.")
