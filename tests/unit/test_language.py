"""A text is Vietnamese wherever it goes, and English where a reader wants it so."""

from __future__ import annotations

import copy
import pickle

from warnwatch.errors import Mistake
from warnwatch.language import Phrase, in_language


def test_a_phrase_is_its_vietnamese_text() -> None:
    """Whoever does not know of languages sees plain text."""
    assert Phrase("dòng có {cells} ô", cells=3) == "dòng có 3 ô"
    assert Phrase("cần {} trong ô") == "cần {} trong ô"


def test_a_mistake_is_said_in_either_language() -> None:
    """The words around what the file holds change with the language; what the file holds does not."""
    mistake = Mistake("tasks.csv", 3, 2, "x", found="mười", nearest="10")
    assert mistake.said("en") == "tasks.csv:3:2: x; found: mười; did you mean: 10?"
    assert mistake.said("vi") == str(mistake) == "tasks.csv:3:2: x; gặp: mười; có phải ý là: 10?"


def test_a_phrase_within_a_phrase_is_translated_with_it() -> None:
    """A value that is itself said in two languages follows the text around it."""
    inner = Phrase("gặp: {found}", found="x")
    assert in_language(Phrase("được phép: {allowed}", allowed=inner), "en") == "allowed: found: x"


def test_a_copied_phrase_can_still_be_translated() -> None:
    """Values travel through copies and processes; the pattern goes with them."""
    phrase = Phrase("gặp: {found}", found="x")
    for again in (copy.deepcopy(phrase), pickle.loads(pickle.dumps(phrase))):  # noqa: S301 (our own bytes)
        assert in_language(again, "en") == "found: x"


def test_english_says_one_row_and_two_rows() -> None:
    """Vietnamese has no plural; an English pattern chooses by the number."""
    assert Phrase("{count} {count:row|rows}", count=1) == "1 row"
    assert Phrase("{count} {count:row|rows}", count=2) == "2 rows"
