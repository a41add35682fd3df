"""The log: one JSON object (or one console line) an entry, on stderr. Ours and that of every library go the same way.

An entry's name says what happened, in the past tense (`batch_recorded`); everything else is a field. With observe.metrics
the only place that knows how a process is watched, and the only importer of structlog.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any, Literal, TextIO, cast

import orjson
import structlog
from structlog.typing import FilteringBoundLogger, WrappedLogger

from hitl_stream.observe import text

__all__ = ["FilteringBoundLogger", "bound", "configure", "get"]

QUIET = (
    "faust",
    "mode",
    "aiokafka",
    "asyncio",
    "uvicorn",
    "alembic",
    "sqlalchemy",
    "httpx2",
    "hitl_stream",  # our subclasses of the stream engine log under our names; our own entries do not come this way
)  # warnings and worse only
REPEATED_S = 10.0  # a library that retries says the same many times a second
COMPLAINTS_MAX = 1_000
LIBRARY_EVENT = "library_logged"  # the names of entries are a closed set: a library's message is a field
_LEVELS = (logging.CRITICAL, logging.ERROR, logging.WARNING, logging.INFO, logging.NOTSET)
_HEAD = ("at", "level", "event", "process")


class _Output:
    """Where entries go: one write each, so that lines of threads do not mix."""

    def __init__(self) -> None:
        self.stream: TextIO = sys.stderr

    def write(self, line: str) -> None:
        """Write a line. A log that cannot be written to (its reader went away) stops nothing."""
        try:
            self.stream.write(line + "\n")
            self.stream.flush()
        except (OSError, ValueError):
            return

    debug = info = warning = error = critical = exception = msg = write


_output = _Output()


def configure(log_format: Literal["json", "console"], process: str, stream: TextIO | None = None) -> None:
    """Set up the log of this process, once, before anything is logged. `process` is what the process is: worker, sidecar."""
    _output.stream = stream or sys.stderr
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            _Named(process),
            _exception,
            _clean,
            _render_json if log_format == "json" else _render_line,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=lambda *_: _output,
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    for handler in list(root.handlers):
        root.removeHandler(handler)
    root.addHandler(_Bridge())
    root.setLevel(logging.INFO)
    for name in QUIET:
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = True
        library.setLevel(logging.WARNING)
    logging.captureWarnings(True)


def get(**fields: Any) -> FilteringBoundLogger:
    """A logger whose entries carry these fields."""
    return cast(FilteringBoundLogger, structlog.get_logger(**fields))


@contextmanager
def bound(**fields: Any) -> Iterator[None]:
    """Every entry of this task carries these fields meanwhile, whoever writes it."""
    with structlog.contextvars.bound_contextvars(**fields):
        yield


class _Bridge(logging.Handler):
    """Sends what libraries log with the standard module the same way, the same complaint not again and again."""

    def __init__(self) -> None:
        super().__init__()
        self._said_at: dict[tuple[str, str], float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        complaint = (record.name, str(record.msg))
        if record.created - self._said_at.get(complaint, 0.0) < REPEATED_S:
            return
        if len(self._said_at) > COMPLAINTS_MAX:
            self._said_at.clear()
        self._said_at[complaint] = record.created
        try:
            message = record.getMessage()
        except (TypeError, ValueError) as error:
            message = f"{record.msg} ({error})"
        level = next(known for known in _LEVELS if record.levelno >= known)
        get().log(level, LIBRARY_EVENT, library=record.name, message=message, exc_info=record.exc_info or None)


class _Named:
    """Adds which process it is."""

    def __init__(self, process: str) -> None:
        self._process = process

    def __call__(self, _: WrappedLogger, __: str, fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        fields.setdefault("process", self._process)
        return fields


def _exception(_: WrappedLogger, __: str, fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Turn exc_info into text. Local variables are never shown: they hold records and passwords."""
    info = fields.pop("exc_info", None)
    if isinstance(info, BaseException):
        error: BaseException | None = info
    elif isinstance(info, tuple):
        error = info[1]
    else:
        error = sys.exc_info()[1] if info else None
    if error is not None:
        fields["exception"] = "".join(traceback.format_exception(error))
    return fields


def _clean(_: WrappedLogger, __: str, fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    exception = fields.pop("exception", None)
    cleaned = text.entry(fields)
    if exception is not None:
        cleaned["exception"] = text.clean_lines(str(exception).rstrip())
    return cleaned


def _render_json(_: WrappedLogger, __: str, fields: MutableMapping[str, Any]) -> str:
    ordered = {name: fields.pop(name) for name in _HEAD if name in fields}
    return orjson.dumps({**ordered, **fields}, option=orjson.OPT_NON_STR_KEYS, default=str).decode()


def _render_line(_: WrappedLogger, __: str, fields: MutableMapping[str, Any]) -> str:
    """For a person at a terminal; nothing in it can forge a second entry."""
    at, level, event, process = (str(fields.pop(name, "")) for name in _HEAD)
    exception = fields.pop("exception", "")
    pairs = " ".join(f"{name}={_quoted(value)}" for name, value in fields.items())
    trace = "".join(f"\n    | {line}" for line in exception.split("\n")) if exception else ""
    return f"{at[11:19]} {level:<8} {process:<10} {event:<24} {pairs}".rstrip() + trace


def _quoted(value: Any) -> str:
    if isinstance(value, str) and value and not set(value) & set(" =\"'"):
        return value
    return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS, default=str).decode()
