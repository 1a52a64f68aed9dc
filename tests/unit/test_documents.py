"""Any bytes give a document or mistakes with their places; what editors do to a file is named in Vietnamese."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warnwatch.documents import Document, parse_document, read_document
from warnwatch.errors import MistakesError
from warnwatch.typed_text import MAX_BYTES, excerpt

TAB = "thụt lề bằng phím Tab; hãy thay bằng dấu cách"
CURLY = "dấu ngoặc kép cong; hãy dùng dấu thẳng \" hoặc '"


def parsed(text: str | bytes) -> Document:
    """Parse a text."""
    return parse_document(text.encode() if isinstance(text, str) else text, "rules.yml")


def refused(text: str | bytes) -> list[tuple[int, int, str]]:
    """Parse what must be refused, and give line, column and message of each mistake."""
    with pytest.raises(MistakesError) as error:
        parsed(text)
    return [(mistake.line, mistake.column, mistake.message) for mistake in error.value.mistakes]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("2026-02-30", "2026-02-30"),
        ("2026-02-03", "2026-02-03"),
        ("12:30", "12:30"),
        ("no", "no"),
        ("on", "on"),
        ("True", True),
        ("012", 12),
        ("0o14", "0o14"),
        ("010", 10),
        ("0x1F", "0x1F"),
        ("-7", -7),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("'7'", "7"),
        ("~", None),
        ("", None),
        ("7 ngày", "7 ngày"),
        ("1" * 5000, "1" * 5000),
    ],
)
def test_scalars_are_yaml_1_2(written: str, value: object) -> None:
    """Numbers, truth and nothing are read as YAML 1.2 has them; dates and times stay text."""
    assert parsed(f"a: {written}\n").data == {"a": value}


@pytest.mark.parametrize(
    "content",
    [
        "a: [1, 2]\nb: chữ\n",
        "\ufeffa: [1, 2]\nb: chữ\n",
        "a: [1, 2]\r\nb: chữ\r\n",
        "a: [1, 2]\rb: chữ\r",
        "a: [1, 2]\nb: chu\u031b\u0303\n",
        "a: [1, 2]\nb: chữ   \n\n\n  \n",
    ],
)
def test_windows_editors_change_nothing(content: str) -> None:
    """A byte order mark, Windows line ends and decomposed letters give the same data."""
    assert parsed(content).data == {"a": [1, 2], "b": "chữ"}


@pytest.mark.parametrize(
    ("content", "line", "column", "message"),
    [
        ("a: 1\n\tb: 2\n", 2, 1, "thụt lề bằng phím Tab; hãy thay bằng dấu cách"),
        ("a:\n  - b: 1\n    c 2\n    d: 3\n", 3, 5, "thiếu dấu hai chấm sau tên khóa"),
        ("a: “chữ”\n", 1, 4, "dấu ngoặc kép cong; hãy dùng dấu thẳng \" hoặc '"),
        ("a: “chữ: khác”\n", 1, 4, "dấu ngoặc kép cong; hãy dùng dấu thẳng \" hoặc '"),
        ("a: b: c\n", 1, 5, "thừa dấu hai chấm hoặc thụt lề sai; câu có dấu hai chấm đặt trong ngoặc kép"),
        ("a: 'chữ\n", 1, 4, "thiếu dấu ngoặc kép đóng"),
        ("a: [1, {b: 2\n", 2, 1, "thiếu dấu phẩy hoặc dấu ngoặc đóng"),
        ("a: 1\nb: 2\na: 3\n", 3, 1, "khóa ghi hai lần"),
        ("a: &x 1\n", 1, 4, "không dùng neo (&) của YAML; hãy viết lại nội dung"),
        ("a: *x\n", 1, 4, "không dùng tham chiếu (*) của YAML; hãy viết lại nội dung"),
        ("<<: 1\n", 1, 1, "không dùng khóa gộp << của YAML"),
        ("a: !!python/name:os.system x\n", 1, 4, "không dùng thẻ (!) của YAML"),
        ("? [a]\n: b\n", 1, 3, "khóa phải là một từ, không phải danh sách hay nhóm"),
        ("a: 1\n---\nb: 2\n", 2, 1, "mỗi tệp chỉ có một tài liệu YAML; bỏ dòng ---"),
        ("%YAML 1.1\n---\na: 1\n", 2, 1, "không dùng chỉ thị YAML (dòng bắt đầu bằng %)"),
        ("[" * 30, 1, 22, "lồng nhau quá sâu: quá 20 tầng"),
        ("- a\n" * 20_001, 20_000, 3, "tệp quá lớn: quá 20000 giá trị"),
        ("a: \x01\n", 1, 4, "có ký tự điều khiển không được phép; hãy xóa"),
        ("a: b\u202ec\n", 1, 5, "ký tự vô hình đổi chiều chữ; hãy xóa"),
        (b"a: 1\nb: \x00", 2, 4, "có ký tự NUL (tệp UTF-16 hoặc bị hỏng); hãy lưu lại bằng UTF-8"),
        ("a: 1".encode("utf-16"), 1, 1, "tệp lưu bằng mã UTF-16; hãy lưu lại bằng UTF-8"),
        (
            "a: 1\nb: chê".encode("cp1258"),
            2,
            6,
            "tệp không phải mã UTF-8 (có lẽ là Windows-1258 hoặc Latin-1); hãy lưu lại bằng UTF-8",
        ),
        (b" " * (MAX_BYTES + 1), 0, 0, "tệp quá lớn: quá 1024 KiB"),
    ],
)
def test_mistakes_are_named(content: str | bytes, line: int, column: int, message: str) -> None:
    """Each slip is named in Vietnamese at its line and column."""
    assert refused(content)[0] == (line, column, message)


def test_all_mistakes_at_once() -> None:
    """A file with several slips that leave it readable names them all, in reading order."""
    assert [line for line, _, _ in refused("a: &x 1\nb: *x\nc: !t 1\na: 2\n")] == [1, 2, 3, 4]


def test_places_of_keys_and_values() -> None:
    """A value, its key and, for what is not there, the nearest parent are found again in the file."""
    document = parsed("rules:\n  - id: a\n    title: {notice: Chữ}\n")
    assert document.place(("rules", 0, "title", "notice")) == (3, 21)
    assert document.place_of_key(("rules", 0, "title")) == (3, 5)
    assert document.place(("rules", 0, "escalation")) == (2, 5)
    assert document.value(("rules", 0, "escalation")) is None


@pytest.mark.parametrize(
    ("written", "place"),
    [
        ("w: x and status = 'opne'", (1, 19)),
        ("w: \"x and status = 'opne'\"", (1, 20)),
        ("w: 'x and status = ''opne'''", (1, 20)),
        ("w: >\n  x and\n  status = 'opne'\n", (3, 12)),
        ("w: |  # ghi chú\n   x and\n   status = 'opne'\n", (3, 13)),
        ("w: x and\n   status = 'opne'\n", (2, 13)),
        ("w: \"x\\u0020and status = 'opne'\"", (1, 4)),
    ],
)
def test_places_inside_texts(written: str, place: tuple[int, int]) -> None:
    """A character of a text is found through quotes, folds and indentation; escapes give the text's own place."""
    document = parsed(written)
    text = document.value(("w",))
    assert isinstance(text, str)
    assert document.place_in(("w",), text.index("'opne'")) == place


def test_the_end_of_a_text_has_a_place() -> None:
    """An expression that stops halfway is pointed at just behind its last character."""
    assert parsed("a: x +\nb: 1\n").place_in(("a",), 3) == (1, 7)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    """A missing file and a folder give a mistake, not an exception of the system."""
    for path in (tmp_path / "missing.yml", tmp_path):
        with pytest.raises(MistakesError) as error:
            read_document(path, "rules.yml")
        assert error.value.mistakes[0].file == "rules.yml"


_YAML = st.text(alphabet="ab:-?#&*!|>'\"%@`{}[],\\\n\t 0xuU.~<“é\u0085\ufeff", max_size=80)


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.binary(max_size=60), _YAML.map(str.encode), st.text(max_size=60).map(str.encode)))
def test_any_bytes_are_a_document_or_mistakes(content: bytes) -> None:
    """Any bytes give a document whose places lie in the file, or mistakes; never another exception."""
    try:
        document = parsed(content)
    except MistakesError as error:
        mistakes = error.mistakes
        assert mistakes
        return
    assert all(document.place(keys) >= (1, 1) for keys in document.spans)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            "a:\n\u00a0 b: 1\n  c: 2\n",
            [(2, 1, "thụt lề bằng dấu cách lạ, thường do dán từ Word; hãy xóa và gõ lại dấu cách")],
        ),
        (
            "a: 1\nb:\u00a0c\n",
            [(2, 3, "dấu cách lạ cạnh dấu hai chấm, thường do dán từ Word; hãy xóa và gõ lại dấu cách")],
        ),
        ("a:\n  \u2013 b: 1\n    c: 2\n", [(2, 3, "gạch đầu dòng phải là dấu trừ - trên bàn phím")]),
        ("a: 1\nb\uff1ac\n", [(2, 2, "dấu hai chấm lạ; hãy gõ lại dấu : và một dấu cách")]),
        ("a: 1\nb:\tc\n", [(2, 3, "phím Tab sau dấu hai chấm; hãy thay bằng dấu cách")]),
        ("a:\n\tb: 1\n\tc: 2\n", [(2, 1, TAB), (3, 1, TAB)]),
        ("a: \u201cb: c\u201d\nd:\te\n", [(1, 4, CURLY), (2, 3, "phím Tab sau dấu hai chấm; hãy thay bằng dấu cách")]),
    ],
)
def test_what_word_and_the_tab_key_leave_is_named_all_at_once(
    content: str, expected: list[tuple[int, int, str]]
) -> None:
    """Where a text is no YAML, every such sign in it is named, not only the first that stops the reader."""
    assert refused(content) == expected


def test_such_signs_are_no_mistake_in_prose() -> None:
    """A sentence may have long dashes, curly quotes and spaces that do not break."""
    text = "a: Sáu rõ \u2013 \u201c6\u00a0rõ\u201d\nb: >\n  \u2013 việc một\n"
    assert parsed(text).data == {"a": "Sáu rõ \u2013 \u201c6\u00a0rõ\u201d", "b": "\u2013 việc một\n"}


@pytest.mark.parametrize(
    ("text", "place", "expected"),
    [
        ("a: b\nc: d\n", (2, 4), ("c: d", "   ^")),
        ("\u7e23\uff1a x\n", (1, 4), ("\u7e23\uff1a x", "     ^")),
        ("\tx\n", (1, 2), (" x", " ^")),
        ("a\n", (0, 0), ("", "")),
        ("a\n", (9, 1), ("", "")),
    ],
)
def test_a_caret_stands_under_the_place(text: str, place: tuple[int, int], expected: tuple[str, str]) -> None:
    """Wide letters count twice and a Tab once, as a terminal shows them; a place that is not there shows nothing."""
    assert excerpt(text, place) == expected


def test_of_a_long_line_the_part_around_the_place_is_shown() -> None:
    """A caret in a line of thousands of letters stands under the right one."""
    line, caret = excerpt("a" * 3000 + "X" + "b" * 3000, (1, 3001))
    assert len(line) == 100
    assert line[caret.index("^")] == "X"
