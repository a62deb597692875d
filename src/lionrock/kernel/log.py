"""Structured logs without secrets.

One JSON object a line. Values under names that carry secrets or personal data are replaced before
anything is written, however deep they are nested; a text that looks like a token is replaced too.
"""

from __future__ import annotations

import contextlib
import io
import logging
import re
import sys
from collections.abc import MutableMapping
from contextvars import ContextVar, Token
from typing import Any, TextIO

import structlog

_SECRET_NAMES = re.compile(
    r"(token|secret|passphrase|password|authorization|cookie|assertion|code_verifier|private"
    r"|hkid|phone|mobile|email|proof|jws|jwe|salt)", re.IGNORECASE)
_TOKEN_TEXT = re.compile(r"\beyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){1,4}")
_REMOVED = "[removed]"
DEPTH_MAX = 6
# The request that this task serves: its id and its row.
_REQUEST: ContextVar[tuple[str, str] | None] = ContextVar("request", default=None)


def configure(
    level: str = "info", *, log_format: str = "json", stream: TextIO | None = None
) -> None:
    """Set up logging for this process; call once at start."""
    target: Any = _Forgiving(stream or sys.stderr)
    renderer: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=target.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            add_request,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            remove_secrets,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            getattr(logging, level.upper(), logging.INFO)
        ),
        logger_factory=structlog.WriteLoggerFactory(file=target),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(stream=target, level=logging.WARNING, format="%(message)s", force=True)


class _Forgiving(io.TextIOBase):
    """A stream whose failure is nobody's business: on a full disk a line is lost, and no request.

    Without it the log line about the full disk would itself break the answer that says so.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write what can be written."""
        with contextlib.suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush what can be flushed."""
        with contextlib.suppress(OSError):
            self._stream.flush()

    def isatty(self) -> bool:
        """Say whether a person reads it."""
        return self._stream.isatty()


def name_request(request_id: str, route: str) -> Token[tuple[str, str] | None]:
    """Let every line from here on, in this task and those it starts, name the request."""
    return _REQUEST.set((request_id, route))


def forget_request(named: Token[tuple[str, str] | None]) -> None:
    """End what `name_request` began."""
    _REQUEST.reset(named)


def add_request(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> Any:
    """Add the request that a line belongs to; one variable, for structlog's cost 7 us a request."""
    named = _REQUEST.get()
    if named is not None:
        event.setdefault("request_id", named[0])
        event.setdefault("route", named[1])
    return event


def remove_secrets(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> Any:
    """structlog processor: replace secret values by name and tokens by look."""
    return {name: _clean(name, value, 0) for name, value in event.items()}


def _clean(name: str, value: Any, depth: int) -> Any:
    if _SECRET_NAMES.search(name) and value is not None and not isinstance(value, bool):
        return _REMOVED
    if isinstance(value, str):
        return _TOKEN_TEXT.sub(_REMOVED, value)
    if depth >= DEPTH_MAX:
        return "[deep]"
    if isinstance(value, dict):
        return {str(k): _clean(str(k), v, depth + 1) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(name, item, depth + 1) for item in value]
    return value
