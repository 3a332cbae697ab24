"""One JSON object a line, with request and tenant ids: what log collectors expect."""

import logging
import re
from typing import Any

import structlog

SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
]

structlog.configure(
    processors=[structlog.stdlib.filter_by_level, *SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
    logger_factory=structlog.stdlib.LoggerFactory(),
    wrapper_class=structlog.stdlib.BoundLogger,
    cache_logger_on_first_use=True,
)


LOGIN_LINK = re.compile(r"(/login-link/)[A-Za-z0-9_%-]{8,}")
"""A token in an address, wherever the address stands: it opens the door to who reads the log."""


class JsonFormatter(structlog.stdlib.ProcessorFormatter):
    """Formats the records of structlog and of plain ``logging`` alike, without the tokens of login links."""

    def __init__(self) -> None:
        super().__init__(
            foreign_pre_chain=SHARED,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        return LOGIN_LINK.sub(r"\1…", super().format(record))


class OneLineEachRequest(logging.Filter):
    """Leaves out that a request began, and that a probe of `/healthz` was answered: the rest would drown in it."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is to be written."""
        event = record.msg if isinstance(record.msg, dict) else {}
        probed = event.get("request") == "GET /healthz" and record.levelno < logging.WARNING
        return not (
            record.name.startswith("django_structlog.middlewares") and (event.get("event") == "request_started" or probed)
        )
