"""The log is one JSON object a line, with the same keys on each."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Mapping
from typing import Any

from warnwatch.logs import JsonFormatter


def lines(message: object, *args: object, extra: Mapping[str, Any] | None = None, fails: bool = False) -> list[Any]:
    """Log one record as the service does, and read what was written."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    failure = ValueError("line one\nline two")
    error = (ValueError, failure, None) if fails else None
    record = logging.getLogger("warnwatch").makeRecord(
        "warnwatch", logging.WARNING, "here.py", 1, message, args, error, extra=dict(extra or {})
    )
    handler.handle(record)
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_has_instant_level_logger_message_and_what_it_adds() -> None:
    """The instant is in UTC; keys are the words of the design."""
    (line,) = lines("claimed %d", 3, extra={"rule": "task-deadline", "holder": "DP-19/head/1"})
    assert line["at"].endswith("+00:00")
    del line["at"]
    assert line == {
        "level": "warning",
        "logger": "warnwatch",
        "message": "claimed 3",
        "rule": "task-deadline",
        "holder": "DP-19/head/1",
    }


def test_an_error_with_many_lines_is_still_one_line() -> None:
    """The traceback is a value, so a collector of logs never cuts it apart."""
    (line,) = lines("it failed", fails=True)
    assert "line one\nline two" in line["error"]


def test_whatever_is_logged_becomes_json() -> None:
    """Line ends, Vietnamese, values without a JSON form, half characters: one object each."""
    (line,) = lines("một\nhai\r\u2028ba \udc80", extra={"where": {1, 2}})
    assert line["message"] == "một\nhai\r\u2028ba \udc80"
    assert line["where"] == "{1, 2}"


def test_what_a_line_adds_never_replaces_what_every_line_has() -> None:
    """A search for level=error finds errors, whatever a line calls its own values."""
    (line,) = lines("raised", extra={"level": "critical", "at": "never"})
    assert line["level"] == "warning"
    assert line["at"] != "never"
