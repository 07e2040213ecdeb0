"""Signs in the logs that the trouble lies outside the service's own code: a dependency, or the machine."""

import re
from dataclasses import dataclass

from incidents.tools.evidence import Evidence
from incidents.tools.logs import Findings


@dataclass(frozen=True)
class Kind:
    """A sort of outside trouble and how logs show it."""

    name: str
    title: str
    pattern: re.Pattern[str]
    refuted_by: str


@dataclass(frozen=True)
class Sign:
    """An outside trouble that the logs show."""

    kind: Kind
    count: int  #: entries after the deploy, or in all where none is known
    new: bool  #: not seen before the deploy
    sample: str
    evidence: Evidence

    @property
    def title(self) -> str:
        """Return what is in trouble, for people."""
        return self.kind.title


DEPENDENCY = Kind(
    "dependency",
    "a dependency that does not answer",
    re.compile(
        r"ConnectionRefused|ConnectionReset|ConnectionError|ConnectTimeout|ReadTimeout|TimeoutError|timed? ?out"
        r"|[Cc]onnection (?:refused|reset|aborted)|[Nn]ame or service not known|[Nn]o route to host"
        r"|getaddrinfo|\b50[234] (?:Bad Gateway|Service|Gateway)|[Uu]pstream .{0,40}(?:fail|unavailable)"
    ),
    "no connection error or timeout in the logs since it began",
)
RESOURCES = Kind(
    "resources",
    "the machine or the database running out of something",
    re.compile(
        r"No space left|disk full|MemoryError|[Oo]ut of memory|OOM|Too many open files|EMFILE"
        r"|(?:[Cc]onnection )?[Pp]ool .{0,40}(?:exhausted|limit|timeout)|too many (?:connections|clients)"
        r"|deadlock|database is locked"
    ),
    "no exhaustion of memory, disk, files or connections in the logs since it began",
)
KINDS = (DEPENDENCY, RESOURCES)


def signs(findings: Findings | None) -> tuple[Sign, ...]:
    """Return the outside troubles that exceptions or messages show, most frequent first."""
    if findings is None:
        return ()
    found = []
    for kind in KINDS:
        for failure in findings.failures:
            if failure.after and kind.pattern.search(_ends(failure.raised.headline, failure.traceback.origin.headline)):
                new = failure.before == 0
                found.append(Sign(kind, failure.after, new, failure.raised.headline, failure.evidence))
        for template in findings.templates:
            if template.after and kind.pattern.search(template.sample):
                found.append(Sign(kind, template.after, template.new, template.sample, findings.evidence))
    return tuple(sorted(found, key=lambda sign: -sign.count))


def foremost(findings: Findings | None) -> Sign | None:
    """Return the outside trouble that explains the failures: new, and as frequent as the foremost of them."""
    if findings is None:
        return None
    weight = max((failure.after for failure in findings.failures if failure.before == 0), default=1)
    return next((sign for sign in signs(findings) if sign.new and sign.count >= weight), None)


def _ends(*headlines: str) -> str:
    return "\n".join(headlines)
