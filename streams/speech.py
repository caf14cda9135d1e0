"""Logging: structlog to a console or as JSON lines; an outage speaks once in a while, not 75 times a second."""

from __future__ import annotations

import logging
import sys
import time

import structlog

QUIET_S = 30.0
"""The same message of the same logger is said again only after so many seconds, with how often it was held back."""


class Calm(logging.Filter):
    """Lets the same message of one logger through once per QUIET_S."""

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record may be said now."""
        key = (record.name, str(record.msg)[:80])
        now = time.monotonic()
        last, held = self._said.get(key, (-QUIET_S, 0))
        if now - last < QUIET_S:
            self._said[key] = (last, held + 1)
            return False
        self._said[key] = (now, 0)
        if held:
            record.msg = f"{record.msg} (另有 {held} 次 / {held} more times)"
        return True


def set_up(as_json: bool, part: str) -> None:
    """All loggers of this process to stderr; libraries from WARNING on and calmed."""
    last = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if as_json
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.format_exc_info, last],
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(part=part)
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(Calm())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
