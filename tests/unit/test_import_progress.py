"""What a terminal shows while an import runs."""

from __future__ import annotations

from warnwatch.language import Phrase, in_language
from warnwatch.plan_commands import progress_text


def test_a_file_that_is_read_shows_bytes_a_second() -> None:
    """A quarter of 8 MB after two seconds: 1 MB a second, six seconds more."""
    assert (
        progress_text("tasks.csv", 2_000_000, 8_000_000, 2.0)
        == "tasks.csv █████░░░░░░░░░░░░░░░ 25 %, 1,0 MB/giây, còn 0:00:06"
    )


def test_rows_that_are_compared_or_written_show_rows_a_second() -> None:
    """The same in English, for a reader of English."""
    text = progress_text(Phrase("ghi {name}", name="tasks.csv"), 30_000, 60_000, 2.5)
    assert text == "ghi tasks.csv ██████████░░░░░░░░░░ 50 %, 12.000 dòng/giây, còn 0:00:02"
    assert in_language(text, "en") == "writing tasks.csv ██████████░░░░░░░░░░ 50 %, 12.000 rows/s, 0:00:02 left"


def test_nothing_is_guessed_from_nothing() -> None:
    """At the first moment, and of an empty file, there is no rate."""
    assert progress_text("tasks.csv", 0, 10, 0.0).endswith(" 0 %")
    assert progress_text("tasks.csv", 0, 0, 1.0).endswith(" 100 %")
