"""Logging for the shell around the engine: events with fields, on stderr, without secrets.

Nothing below `engine.loop` logs; what the engine decides stands in the journal.
"""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Literal, TextIO

import structlog

Level = Literal["debug", "info", "warning", "error"]
Format = Literal["auto", "console", "json"]
Event = MutableMapping[str, object]

REDACTED = "[redacted]"

_SECRET_KEY = re.compile(r"passw|secret|token|credential|dsn\Z|(\A|_)url\Z", re.IGNORECASE)
_ADDRESS_CREDENTIALS = re.compile(r"(?<=://)[^/\s@]*@")
_PASSWORD_PARAMETER = re.compile(r"(?<=password=)[^&\s'\"]+", re.IGNORECASE)


def configure(level: Level, form: Format, stream: TextIO | None = None) -> None:
    """Send log events of at least `level` to `stream` (stderr): readable, or JSON, one a line.

    `auto` is readable on a terminal and JSON elsewhere. May be called again to change the level.
    """
    out = sys.stderr if stream is None else stream
    readable = form == "console" or (form == "auto" and out.isatty())
    ending: list[structlog.typing.Processor] = (
        [redact, _readable(colors=out.isatty())]
        if readable
        else [structlog.processors.format_exc_info, redact, structlog.processors.JSONRenderer()]
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *ending,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.upper()]
        ),
        logger_factory=structlog.WriteLoggerFactory(file=out),
        cache_logger_on_first_use=False,
    )


def _readable(*, colors: bool) -> structlog.dev.ConsoleRenderer:
    """Return a renderer whose traces show no variables: one of them may be a password."""
    return structlog.dev.ConsoleRenderer(
        colors=colors, exception_formatter=structlog.dev.plain_traceback
    )


def redact(_logger: object, _method: str, event: Event) -> Event:
    """Replace secrets: values under telling keys, and credentials inside addresses anywhere."""
    for key, value in event.items():
        event[key] = REDACTED if _SECRET_KEY.search(key) and value else _clean(value)
    return event


def _clean(value: object) -> object:
    if isinstance(value, BaseException):
        value = str(value)
    if isinstance(value, str):
        cleaned = _ADDRESS_CREDENTIALS.sub(f"{REDACTED}@", value)
        return _PASSWORD_PARAMETER.sub(REDACTED, cleaned)
    if isinstance(value, dict):
        return {
            key: REDACTED if _SECRET_KEY.search(str(key)) and each else _clean(each)
            for key, each in value.items()
        }
    if isinstance(value, list | tuple):
        return [_clean(each) for each in value]
    return value
