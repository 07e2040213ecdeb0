"""How the process speaks to whoever runs it: one line an event, for eyes or for machines, never a secret."""

import logging
import re
import sys
from collections.abc import Iterable

import structlog
from structlog.tracebacks import ExceptionDictTransformer

from incidents.tools import redaction

#: Tokens by their looks, should one turn up that was never in our environment.
_TOKEN = re.compile(r"\b(?:xox[abeprs]-[\w-]{6,}|xapp-[\w-]{6,}|sk-ant-[\w-]{8,}|gh[pousr]_\w{20,})")
_HIDDEN = "•••"

#: These say at INFO or DEBUG what carries tokens or whole payloads, or what nobody asked for.
_QUIET = (
    *("slack_bolt", "slack_sdk", "apscheduler", "httpx", "httpcore", "aiosqlite", "alembic", "asyncio", "uvicorn"),
    *("procrastinate", "psycopg"),
)


def _worth_saying(record: logging.LogRecord) -> bool:
    # Bolt gives its loggers the root's level, so theirs cannot be raised by name.
    if record.name.split(".")[0] in _QUIET and record.levelno < logging.WARNING:
        return False
    return "`token` will be unused" not in record.getMessage()  # Bolt found SLACK_BOT_TOKEN, and our client as well


class _Discreet(structlog.stdlib.ProcessorFormatter):
    """Formats as structlog does and leaves out secrets, wherever in the line they stand."""

    secrets: tuple[str, ...] = ()

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = super().format(record)
        for secret in self.secrets:
            line = line.replace(secret, _HIDDEN)
        return redaction.without_tokens(_TOKEN.sub(_HIDDEN, line))


def configure(style: str, secrets: Iterable[str]) -> None:
    """Send everything that is logged to stderr, as `console` or `json`, without `secrets`."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if style == "json":
        last: list[structlog.typing.Processor] = [
            # Without the values of variables: among them are words that people typed.
            structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ]
    else:
        last = [
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
        ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    formatter = _Discreet(
        foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last]
    )
    formatter.secrets = tuple(sorted((secret for secret in secrets if len(secret) > 3), key=len, reverse=True))
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    handler.addFilter(_worth_saying)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO)
