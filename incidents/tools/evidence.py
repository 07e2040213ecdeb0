"""Evidence: what a tool saw, kept so that anybody can check a claim against it."""

import hashlib
from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from incidents.tools import redaction

MAX_EXCERPT = 4000  # characters; a step keeps dozens of excerpts, and Slack shows 3,000 in one block


class EvidenceKind(StrEnum):
    """What sort of thing was seen."""

    LOG = "log"  #: lines of a service's log
    TRACEBACK = "traceback"  #: an exception with its frames
    GIT = "git"  #: the repository's history
    DIFF = "diff"  #: a change of code
    TEST = "test"  #: a test run
    DEPLOY = "deploy"  #: the deploy record, or a deploy that was carried out
    HEALTH = "health"  #: an answer of a health or metrics address
    PERSON = "person"  #: what a person said or attested
    RECORD = "record"  #: what Sitrep itself recorded
    KNOWLEDGE = "knowledge"  #: a past solution, runbook or pattern


class Evidence(BaseModel):
    """One thing that was seen. Immutable; its id follows from its content."""

    model_config = ConfigDict(frozen=True)

    id: str  #: `E` and six hexadecimal digits; what claims cite
    kind: EvidenceKind
    source: str  #: where it was seen: a path, a URL, a person
    summary: str  #: one line for people: "`KeyError: 'currency'` 0 before 14:02, 412 after"
    command: tuple[str, ...] | None = None  #: the argv that showed it
    exit_code: int | None = None
    digest: str  #: sha256 of the whole of what was seen, before it was shortened and redacted
    excerpt: str  #: the part that matters, redacted, at most MAX_EXCERPT characters
    captured_at: datetime  #: UTC


def capture(
    kind: EvidenceKind,
    source: str,
    content: str,
    *,
    summary: str,
    captured_at: datetime,
    command: tuple[str, ...] | None = None,
    exit_code: int | None = None,
) -> Evidence:
    """Return evidence of `content`; secrets are masked in everything that is kept."""
    digest = hashlib.sha256(content.encode()).hexdigest()
    identity = "\x00".join((kind, source, digest, " ".join(command or ()), captured_at.isoformat()))
    return Evidence(
        id="E" + hashlib.sha256(identity.encode()).hexdigest()[:6],
        kind=kind,
        source=redaction.redact(source),
        summary=redaction.redact(summary)[:300],
        command=tuple(redaction.redact(part) for part in command) if command else None,
        exit_code=exit_code,
        digest=digest,
        excerpt=shorten(redaction.redact(content), MAX_EXCERPT),
        captured_at=captured_at,
    )


def shorten(text: str, limit: int) -> str:
    """Return `text` with its middle left out where it is longer than `limit` characters."""
    if len(text) <= limit:
        return text
    mark = "\n… left out …\n"
    half = (limit - len(mark)) // 2
    return text[:half] + mark + text[-half:]
