"""Masks secrets before anything is logged, prompted, kept as evidence or posted."""

import re
from collections.abc import Mapping
from typing import Any

MASK = "[redacted]"

_PATTERNS = (
    re.compile(r"xox[a-z]-[A-Za-z0-9-]{8,}|xapp-[A-Za-z0-9-]{8,}"),  # Slack
    re.compile(r"sk-ant-[A-Za-z0-9_-]{8,}|sk-[A-Za-z0-9_-]{20,}"),  # model keys
    re.compile(r"gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}"),  # GitHub
    re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),  # AWS
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL),
)
# These three begin where only few places match, or take in all that they have read: texts come from anybody, and a
# search that starts anew at every hyphen of one long word holds everything up for minutes.
_JSON_WEB_TOKEN = re.compile(r"\beyJ[A-Za-z0-9_-]{8,}(?P<rest>\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,})?")
_URL_PASSWORD = re.compile(r"([a-z0-9+.-]://[^\s:/@\"']*:)[^\s@/\"']+(@)", re.IGNORECASE)
# A line of a private key's body, as a search, a blame or a diff shows it alone: 64 characters of base64 by openssl,
# 70 by OpenSSH, 76 by MIME. Hexadecimal digests have no capitals beside small letters, paths end in a suffix.
_KEY_LINE = re.compile(
    r"(?:(?<=^[+])|(?<![A-Za-z0-9+/=]))(?=[a-z0-9+/]*[A-Z])(?=[A-Z0-9+/]*[a-z])(?=[A-Za-z+/]*[0-9])"
    r"(?:[A-Za-z0-9+/]{64}|[A-Za-z0-9+/]{70}|[A-Za-z0-9+/]{76})(?=(?:\\n)?[\"',]*[ \t]*\r?$)",
    re.MULTILINE,
)
_ASSIGNED = re.compile(
    r"(?P<name>(?:password|passwd|secret|api[_-]?key|access[_-]?key|token|authorization)[\"']?\s*[=:]\s*)"
    r"(?P<value>\"[^\"\n]{4,}\"|'[^'\n]{4,}'|(?:bearer |basic )?[^\s\"',;)}\]]{4,})",
    re.IGNORECASE,
)


def redact(text: str) -> str:
    """Return `text` with everything that looks like a credential replaced by MASK."""
    return _ASSIGNED.sub(lambda found: found["name"] + MASK, without_tokens(text))


def without_tokens(text: str) -> str:
    """Return `text` without what is a credential by its own looks; what holds JSON holds JSON still."""
    for pattern in (*_PATTERNS, _KEY_LINE):
        text = pattern.sub(MASK, text)
    text = _JSON_WEB_TOKEN.sub(lambda found: MASK if found["rest"] else found[0], text)
    return _URL_PASSWORD.sub(rf"\1{MASK}\2", text)


def redact_json(value: Any) -> Any:
    """Return a JSON value with credentials masked in its texts; once dumped, escaped quotes would hide some of them."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {key: redact_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [redact_json(item) for item in value]
    return value
