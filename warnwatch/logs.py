"""How the service logs: one JSON object a line, the same keys everywhere, never a secret."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}
# Vietnamese stays readable; what some readers take for the end of a line does not stay.
_LINE_ENDS = {ord(end): f"\\u{ord(end):04x}" for end in "\x85\u2028\u2029"}


class JsonFormatter(logging.Formatter):
    """One record as JSON: at, level, logger, message, what `extra` gave, and the traceback of an error."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one line."""
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        # What every line has is never replaced by what one line adds.
        line |= {key: value for key, value in record.__dict__.items() if key not in _STANDARD | line.keys()}
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        said = json.dumps(line, ensure_ascii=False, default=str).translate(_LINE_ENDS)
        return said.encode(errors="backslashreplace").decode()  # half characters, which no stream takes


def log_to_stderr(level: int = logging.INFO) -> None:
    """Send this process's log to standard error; the libraries speak only from warnings on."""
    stream = logging.StreamHandler(sys.stderr)
    stream.setFormatter(JsonFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[stream], force=True)
    logging.getLogger("warnwatch").setLevel(level)
