"""What the environment says: the only place that reads it."""

import os
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Annotated, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit
from urllib.request import proxy_bypass

import platformdirs
from pydantic import BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from incidents.durations import Duration
from incidents.errors import ConfigurationError

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_DRIVERS = {
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "sqlite": "sqlite+aiosqlite",
}
_EXPECTED = {
    "SITREP_HTTP": "Write HOST:PORT, such as 127.0.0.1:8080.",
    "DATABASE_URL": "Write sqlite:///path/to/file or postgresql://user@host/database.",
    "SLACK_API_URL": "Write the address that method names are appended to, such as https://slack.com/api/.",
    "SITREP_HEARTBEAT_URL": "Write the whole address that is to be called, such as https://hc-ping.com/….",
    "WEBHOOK_URL": "Write the whole address that takes the JSON, such as https://alerts.example.org/….",
    "SITREP_HEARTBEAT_EVERY": "Write it like 30s or 1m.",
    "SITREP_LOG": "Write console or json.",
}


class Address(NamedTuple):
    """A place to listen at."""

    host: str
    port: int

    def __str__(self) -> str:
        """Return `host:port`, as it was written."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(written: object) -> Address:
    """Return the address written as HOST:PORT; port 0 lets the machine choose.

    Raises:
        ValueError: it is not written so.
    """
    if isinstance(written, Address):
        return written
    host, colon, port = str(written).rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError(f"{str(written)[:80]!r} is not HOST:PORT")
    return Address(host.strip("[]") or "127.0.0.1", int(port))


def _api_url(written: object) -> str:
    url = str(written).strip()
    if not url.startswith(("https://", "http://")):
        raise ValueError(f"{url[:80]!r} is not an http(s) address")
    return url.rstrip("/") + "/"


def _secret_url(written: object) -> object:
    said = written.get_secret_value() if isinstance(written, SecretStr) else str(written)
    if said and not said.startswith(("https://", "http://")):
        raise ValueError("it is not an http(s) address")  # not repeated: it may be a secret
    return written


def _database_url(written: object) -> str:
    scheme, colon, rest = str(written).strip().partition("://")
    base, _, driver = scheme.partition("+")
    if not colon or base not in _DRIVERS or (driver and f"{base}+{driver}" not in _DRIVERS.values()):
        raise ValueError(f"{scheme[:80]!r} is no database that Sitrep speaks to")
    if base == "sqlite" and rest.partition("?")[0] in ("", "/", "/:memory:"):
        raise ValueError("it names no file, and what is kept in memory is gone with the process")
    return f"{_DRIVERS[base]}://{rest}"


class Settings(BaseSettings):
    """One process's environment. Secrets show as stars wherever they are printed."""

    model_config = SettingsConfigDict(
        frozen=True, env_ignore_empty=True, extra="ignore", populate_by_name=True, validate_default=False
    )

    slack_bot_token: SecretStr = SecretStr("")  #: `xoxb-…`
    slack_app_token: SecretStr = SecretStr("")  #: `xapp-…`; set means Socket Mode
    slack_signing_secret: SecretStr = SecretStr("")  #: for `--http`
    slack_api_url: Annotated[str, BeforeValidator(_api_url)] = "https://slack.com/api/"
    anthropic_api_key: SecretStr = SecretStr("")
    anthropic_base_url: Annotated[str, BeforeValidator(_api_url)] = "https://api.anthropic.com/"
    database: Annotated[str, BeforeValidator(_database_url), Field(alias="DATABASE_URL", repr=False)] = ""
    smtp_url: SecretStr = SecretStr("")  #: `smtp://user:password@host:587`
    pager_url: Annotated[str, BeforeValidator(_api_url)] = "https://events.pagerduty.com/"
    pager_routing_key: SecretStr = SecretStr("")  #: set means pages ring a pager, too
    #: takes JSON while Slack is away; often holds a secret of its own
    webhook_url: Annotated[SecretStr, BeforeValidator(_secret_url)] = SecretStr("")
    github_token: SecretStr = SecretStr("")
    github_api_url: Annotated[str, BeforeValidator(_api_url)] = "https://api.github.com/"
    config: Annotated[Path | None, Field(alias="SITREP_CONFIG")] = None  #: folder of sitrep.yml
    data: Annotated[Path, Field(alias="SITREP_DATA", default_factory=lambda: platformdirs.user_data_path("sitrep"))]
    http: Annotated[Address, NoDecode, BeforeValidator(parse_address), Field(alias="SITREP_HTTP")] = Address(
        "127.0.0.1", 8080
    )
    #: called while all is well; whoever knows it can keep the alarm quiet, so it is a secret
    heartbeat_url: Annotated[SecretStr, BeforeValidator(_secret_url), Field(alias="SITREP_HEARTBEAT_URL")] = SecretStr(
        ""
    )
    heartbeat_every: Annotated[Duration, Field(alias="SITREP_HEARTBEAT_EVERY", gt=timedelta())] = timedelta(minutes=1)
    log: Annotated[str, Field(alias="SITREP_LOG", pattern="^(console|json)$")] = "console"

    @property
    def database_url(self) -> str:
        """Return the database's URL for SQLAlchemy; without DATABASE_URL a file in the data folder."""
        return self.database or f"sqlite+aiosqlite:///{self.data / 'sitrep.db'}"

    @property
    def secrets(self) -> tuple[str, ...]:
        """Return every secret that is set, to be kept out of logs."""
        values = (getattr(self, name) for name in type(self).model_fields)
        tokens = [value.get_secret_value() for value in values if isinstance(value, SecretStr) and value]
        urls = [urlsplit(url) for url in (self.database, self.smtp_url.get_secret_value())]
        written = {url.password for url in urls} | {
            each for url in urls for each in parse_qs(url.query).get("password", ())
        }
        # Servers and libraries say a password as it is; in a URL it may be escaped.
        return (*tokens, *sorted({word for each in written if each for word in (each, unquote(each))}))


def reach_directly(url: str) -> None:
    """Let the Slack SDK reach `url` without the environment's proxy, where that is not meant for it.

    The SDK sends everything through HTTPS_PROXY or HTTP_PROXY and does not know NO_PROXY; a proxy can reach neither
    this machine's loopback nor what NO_PROXY names. The other libraries do know it, and find the proxy in ALL_PROXY.
    """
    host = urlsplit(url).hostname or ""
    if host not in _LOOPBACK and not proxy_bypass(host):
        return
    environ = os.environ  # noqa: TID251 - this module is where the environment is dealt with
    for name in ("https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY"):
        if environ.get(name):
            environ.setdefault("ALL_PROXY", environ[name])
            environ[name] = ""


def handed_on(names: Iterable[str]) -> dict[str, str]:
    """Return those of the environment variables `names` that are set, for a program that is handed them."""
    environ = os.environ  # noqa: TID251 - this module is where the environment is dealt with
    return {name: environ[name] for name in names if name in environ}


def load() -> Settings:
    """Read the environment.

    Raises:
        ConfigurationError: names every variable that cannot be used, with what to write instead.
    """
    try:
        return Settings()
    except ValidationError as error:
        mistakes = []
        for fault in error.errors():
            name = str(fault["loc"][0]).upper()
            what = fault["msg"].removeprefix("Value error, ")
            mistakes.append(f"{name}: {what}. {_EXPECTED.get(name, '')}".rstrip())
        raise ConfigurationError(mistakes) from None
