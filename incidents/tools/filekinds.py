"""Tells from a path what a file is for: what runs, what tests it, what describes it."""

import re
from enum import StrEnum
from pathlib import PurePosixPath


class FileKind(StrEnum):
    """What a file of a repository is for."""

    SOURCE = "source"  #: runs in production
    CONFIG = "config"  #: read in production
    MIGRATION = "migration"  #: changes stored data; never undone without a person
    TEST = "test"
    DOCS = "docs"
    TOOLING = "tooling"  #: continuous integration, editors, linters


_MIGRATION = re.compile(r"(^|/)(migrations?|alembic/versions|db/migrate)/", re.IGNORECASE)
_TEST = re.compile(
    r"(^|/)(tests?|testing|spec|specs|__tests__)/|(^|/)(test_[^/]*|[^/]*_test|conftest)\.\w+$|\.(test|spec)\.\w+$",
    re.IGNORECASE,
)
_DOCS = re.compile(
    r"(^|/)docs?/|(^|/)(readme|changelog|changes|history|news|license|copying|authors|contributing|security"
    r"|codeowners)(\.\w+)?$|\.(md|rst|adoc)$",
    re.IGNORECASE,
)
_TOOLING = re.compile(
    r"(^|/)(\.github|\.gitlab|\.circleci|\.ci|\.vscode|\.idea)/|(^|/)(\.gitignore|\.gitattributes|\.editorconfig"
    r"|\.pre-commit-config\.yaml|\.gitlab-ci\.yml|tox\.ini|ruff\.toml|mypy\.ini|makefile)$",
    re.IGNORECASE,
)
_DEPENDENCIES = re.compile(
    r"(^|/)(requirements[^/]*\.txt|pyproject\.toml|setup\.py|poetry\.lock|uv\.lock|Pipfile(\.lock)?"
    r"|package(-lock)?\.json|yarn\.lock|pnpm-lock\.yaml|\.npmrc|go\.(mod|sum)|Gemfile(\.lock)?|composer\.(json|lock)"
    r"|pom\.xml|build\.gradle(\.kts)?|Cargo\.(toml|lock))$"
)
_TEST_SETTINGS = re.compile(
    r"(^|/)(conftest\.py|pytest\.ini|tox\.ini|setup\.cfg|pyproject\.toml|noxfile\.py|(sitecustomize|usercustomize)\.py"
    r"|(jest|vitest|karma|playwright|cypress)\.config\.\w+|\.mocharc\.\w+|\.rspec|phpunit\.xml(\.dist)?)$|\.pth$",
    re.IGNORECASE,
)
_CONFIG_ENDINGS = {".json", ".toml", ".ini", ".cfg", ".conf", ".yml", ".yaml", ".env", ".properties", ".txt", ".lock"}


def kind(path: str) -> FileKind:
    """Return what the file at `path`, relative to its repository, is for."""
    for pattern, found in (
        (_MIGRATION, FileKind.MIGRATION),
        (_TEST, FileKind.TEST),
        (_DOCS, FileKind.DOCS),
        (_TOOLING, FileKind.TOOLING),
    ):
        if pattern.search(path):
            return found
    return FileKind.CONFIG if PurePosixPath(path).suffix.lower() in _CONFIG_ENDINGS else FileKind.SOURCE


def runs(path: str) -> bool:
    """Tell whether a change of the file at `path` can change how the service behaves."""
    return kind(path) in (FileKind.SOURCE, FileKind.CONFIG, FileKind.MIGRATION)


def is_dependency_list(path: str) -> bool:
    """Tell whether the file at `path` says what is installed with the service."""
    return _DEPENDENCIES.search(path) is not None


def decides_how_tests_run(path: str) -> bool:
    """Tell whether the file at `path` can change which tests run and what they count for."""
    return _TEST_SETTINGS.search(path) is not None
