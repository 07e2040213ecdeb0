"""Signs of a security problem in logs and in changes of code; each is a reason to look, none is a verdict."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from incidents.tools import filekinds, redaction


@dataclass(frozen=True)
class Sign:
    """Something that security people should look at."""

    name: str
    title: str  #: for people, with the count where there is one
    suspicious: bool  #: enough to suspect that security is touched
    control: str  #: what to do at once
    sample: str  #: redacted


# Some of each is daily noise of anything that answers on the internet.
_NOISE = {"authentication": 20, "injection": 5, "credentials_logged": 1}

_LOG_PATTERNS = {
    "authentication": re.compile(
        r"authentication failed|invalid (?:password|credentials|token|signature)|login failed|permission denied"
        r"|unauthori[sz]ed|forbidden|\bHTTP/[\d.]+\" 40[13]\b|\bstatus=40[13]\b|access denied",
        re.IGNORECASE,
    ),
    "injection": re.compile(
        r"union\s+(?:all\s+)?select|'\s*or\s+'?1'?\s*=\s*'?1|<script\b|(?:\.\./){2,}|\$\{jndi:|%27\s*(?:or|--)"
        r"|;\s*(?:cat|wget|curl)\s|/etc/passwd|\bsleep\(\d+\)",
        re.IGNORECASE,
    ),
}
_LOG_TITLES = {
    "authentication": (
        "refused sign-ins or permissions",
        "Check for one source behind the refused sign-ins; rate-limit it.",
    ),
    "injection": (
        "requests that look like injection attempts",
        "Check whether any such request was answered with 200.",
    ),
    "credentials_logged": (
        "log lines that hold credentials",
        "Rotate the credentials that were logged; restrict the logs.",
    ),
}

_LITERAL_SECRET = re.compile(
    r"(?i)\b\w*(?:password|passwd|secret|api_?key|token)\w*[\"']?\s*[:=]\s*[\"'][^\"'\s{}$]{8,}[\"']"
)
_GUARD = re.compile(
    r"(?i)\b(?:login_required|require[sd]?_(?:auth|role|login|permission)|authori[sz]e|check_permission|verify_(?:token|signature)"
    r"|compare_digest|csrf|is_admin|escape\()"
)
_DANGEROUS = re.compile(
    r"\beval\(|\bexec\(|pickle\.loads?\(|yaml\.load\((?!.*Safe)|shell\s*=\s*True|verify\s*=\s*False|os\.system\("
)
_EXPOSES = re.compile(r"(?i)\b(?:log(?:ger|ging)?|print)\b.*\b(?:password|card|iban|ssn|token|secret|e-?mail)")


def in_messages(messages: Iterable[tuple[str, int]]) -> list[Sign]:
    """Return the signs in log messages, each given with how often it came."""
    counts = dict.fromkeys(_NOISE, 0)
    samples: dict[str, str] = {}
    for text, count in messages:
        masked = redaction.redact(text)
        found = [name for name, pattern in _LOG_PATTERNS.items() if pattern.search(text)]
        if masked != text:
            found.append("credentials_logged")
        for name in found:
            counts[name] += count
            samples.setdefault(name, masked[:200])
    return [_from_log(name, counts[name], samples[name]) for name in counts if counts[name]]


def _from_log(name: str, count: int, sample: str) -> Sign:
    title, control = _LOG_TITLES[name]
    return Sign(name, f"{count} {title}", count >= _NOISE[name], control, sample)


def in_diff(diff: str) -> list[Sign]:
    """Return the signs in a unified diff: in what it adds, and guards that it takes away; tests do not count."""
    found: dict[str, Sign] = {}
    path = ""
    for line in diff.splitlines():
        if line.startswith("+++ "):
            path = line.removeprefix("+++ ").removeprefix("b/")
        elif line.startswith("---") or not path or not filekinds.runs(path):
            continue
        elif sign := _in_line(line, path):
            found.setdefault(sign.name, sign)
    return list(found.values())


def _in_line(line: str, path: str) -> Sign | None:
    added, removed = line.startswith("+"), line.startswith("-")
    text = redaction.redact(line[1:].strip())[:150]
    if added and _LITERAL_SECRET.search(line):
        return Sign(
            "secret",
            f"{path} gains what looks like a secret",
            True,
            "Rotate the secret; take it out of the code.",
            text,
        )
    if added and _DANGEROUS.search(line):
        return Sign(
            "dangerous",
            f"{path} gains a call that can run foreign code",
            True,
            "Review it before it is deployed.",
            text,
        )
    if added and _EXPOSES.search(line):
        return Sign(
            "exposure",
            f"{path} may write personal or secret data to the log",
            True,
            "Check the logs since the deploy.",
            text,
        )
    if removed and _GUARD.search(line):
        return Sign(
            "guard", f"{path} loses what looks like an access check", True, "Check that access is still refused.", text
        )
    return None
