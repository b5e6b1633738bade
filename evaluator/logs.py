"""Log lines as JSON objects or text, with the worker's current job and without passwords; tracebacks likewise."""

from __future__ import annotations

import logging
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from types import TracebackType

from evaluator.domain.printable import on_terminal, one_line, shown_json
from evaluator.settings import LogFormat, Settings
from evaluator.urls import hide_passwords

logger = logging.getLogger(__name__)

FIELDS = ("experiment", "variant", "job", "worker")
"""Context fields of a line; set by `bind`, `bound`, or `extra` of a single call."""

QUIET = ("rq", "httpx", "httpcore", "uvicorn.access")
"""Loggers that log every job or request; only their warnings are logged."""

_bound: Mapping[str, str] = {}
"""Context fields of the whole process, not of a thread: a worker runs one job at a time, and its heartbeat thread also
logs about that job. The mapping is replaced, never changed, so that other threads never see a partial change."""


class JsonFormatter(logging.Formatter):
    """Formats a line for programs: time (UTC), level, logger, message, context fields, and the exception."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one JSON object without a line break."""
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {
            "time": moment.replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": hide_passwords(record.getMessage()),
            **_about(record),
        }
        if record.exc_info:
            line["exception"] = hide_passwords(self.formatException(record.exc_info))
        return shown_json(line)


class TextFormatter(logging.Formatter):
    """Formats a line for people, with the same facts in the same order."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:
        """The line before any exception."""
        about = " ".join(f"{name}={value}" for name, value in _about(record).items())
        return one_line(super().formatMessage(record) + (f" [{about}]" if about else ""))

    def format(self, record: logging.LogRecord) -> str:
        """The record as text; an exception takes lines of its own."""
        return on_terminal(hide_passwords(super().format(record)))


def configure(settings: Settings, otherwise: LogFormat, level: str | None = None) -> None:
    """Send all log lines of this process to standard error, in one format.

    Args:
        otherwise: the format if no setting names one.
        level: overrides the setting's level.
    """
    form = settings.log_format or otherwise
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    logging.basicConfig(level=level or settings.log_level.upper(), handlers=[handler], force=True)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(True)
    sys.excepthook = _log_end if form == "json" else _print_end
    threading.excepthook = _log_thread_end


def through_root(logger: logging.Logger) -> None:
    """Send a library's log lines to the root logger instead of its own handlers."""
    logger.handlers.clear()
    logger.propagate = True


def bind(**fields: str) -> None:
    """Set context fields of all later log lines of this process."""
    global _bound
    _bound = {**_bound, **fields}


@contextmanager
def bound(fields: Mapping[str, str]) -> Iterator[None]:
    """Set context fields of all log lines of this process within the block."""
    global _bound
    fields_before = _bound
    _bound = {**fields_before, **fields}
    try:
        yield
    finally:
        _bound = fields_before


def _about(record: logging.LogRecord) -> dict[str, str]:
    fields = {name: getattr(record, name, _bound.get(name)) for name in FIELDS}
    return {name: str(value) for name, value in fields.items() if value is not None}


def _log_end(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
    else:
        logger.critical("the process ends: %s", error, exc_info=(kind, error, trace))


def _print_end(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print a traceback as Python does, without passwords."""
    said = "".join(traceback.format_exception(kind, error, trace))
    sys.stderr.write(on_terminal(hide_passwords(said)))


def _log_thread_end(ended: threading.ExceptHookArgs) -> None:
    if ended.exc_value is not None and not issubclass(ended.exc_type, SystemExit):
        name = ended.thread.name if ended.thread is not None else "?"
        trace = (ended.exc_type, ended.exc_value, ended.exc_traceback)
        logger.critical("the thread %s ends: %s", name, ended.exc_value, exc_info=trace)
