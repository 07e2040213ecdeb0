"""The settings that git runs under: ours, and nothing that a repository, a user or a machine says."""

import os
import re
from collections.abc import Iterable

#: Repository settings that make git run programs of the repository's choosing. Each is overridden with what follows.
_RUNS_PROGRAMS = (
    (re.compile(r"filter\..*\.(clean|smudge|process)"), ""),
    (re.compile(r"filter\..*\.required"), "false"),
    (re.compile(r"diff\..*\.textconv"), "cat"),
    (re.compile(r"diff\..*\.command|diff\.external"), ""),
    (re.compile(r"merge\..*\.driver"), "false"),  # an empty driver would take our side silently; `false` conflicts
    (re.compile(r"core\.(sshcommand|editor|pager|askpass|gitproxy|alternaterefscommand|attributesfile)"), ""),
    (re.compile(r"(commit|tag|push)\.gpgsign|log\.showsignature"), "false"),
    (re.compile(r"gpg\..*program|gpg\.program|sequence\.editor|credential\..*helper|credential\.helper"), ""),
    (re.compile(r"pager\..*"), "false"),
)
#: Settings that git always gets from us.
ALWAYS = (
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("core.untrackedCache", "false"),
    ("core.quotePath", "false"),
    ("safe.directory", "*"),
    ("protocol.allow", "never"),  # nothing here needs a network
    ("advice.detachedHead", "false"),
    ("gc.auto", "0"),
    ("user.name", "Sitrep"),
    ("user.email", "sitrep@localhost"),
)


def overrides(configured: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Return our settings, and one to disarm each dangerous one among the names that a repository `configured`."""
    names = sorted({name for name in configured if name})
    found = [(name, value) for name in names for rule, value in _RUNS_PROGRAMS if rule.fullmatch(name.lower())]
    return (*ALWAYS, *found)


def environment(settings: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """Return git's whole environment. `settings` travel in it rather than in argv, so that evidence stays readable."""
    found = {
        "PATH": os.pathsep.join(os.get_exec_path()),
        "LC_ALL": "C.UTF-8",
        "HOME": "/nonexistent",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_EDITOR": "true",
        "GIT_CONFIG_COUNT": str(len(settings)),
    }
    for number, (name, value) in enumerate(settings):
        found[f"GIT_CONFIG_KEY_{number}"] = name
        found[f"GIT_CONFIG_VALUE_{number}"] = value
    return found
