"""The gate refuses by name what a rule may not say, and what it accepts means what three-valued SQL says."""

from __future__ import annotations

import math
import re
import sqlite3
from collections.abc import Iterator

import polars as pl
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from warnwatch.rules.expression import Column, Expression, ExpressionError, Fault, compile_expression

COLUMNS = {
    column.name: column
    for column in (
        Column("x", "number"),
        Column("y", "number"),
        Column("n", "number", nullable=False),
        Column("status", "text", frozenset({"open", "claimed", "done"})),
        Column("unit", "code"),
        Column("ok", "boolean"),
    )
}
CODES = {"unit": frozenset({"CP-BTC", "CP-BCA"})}


def compiled(text: str | float, wanted: str = "number") -> Expression:
    """Compile over the columns of these tests."""
    return compile_expression(text, "boolean" if wanted == "boolean" else "number", COLUMNS, CODES)


def faults(text: str | float, wanted: str = "number") -> tuple[Fault, ...]:
    """Compile what must be refused, and give why."""
    with pytest.raises(ExpressionError) as refused:
        compiled(text, wanted)
    return refused.value.faults


def values(expression: Expression, **columns: object) -> list[object]:
    """Evaluate over a few rows."""
    frame = pl.DataFrame(columns)
    return frame.with_columns(expression.polars().alias("_result"))["_result"].to_list()


# --- what is refused ------------------------------------------------------------------------------------------------

NO_TEXT = "chữ chỉ dùng với = <> in, not in, is null"
NO_CLOCK = "không dùng đồng hồ hay phép tính ngày; hãy dùng chỉ tiêu đã có trong danh mục"
NO_SUBQUERY = "không dùng truy vấn con"
NO_WINDOW = "không dùng hàm cửa sổ"
NO_AGGREGATE = "không dùng hàm gộp nhiều dòng"
NO_COMMENT = "không viết ghi chú trong biểu thức"
BAD_NUMBER = "số viết sai: chỉ gồm chữ số và một dấu chấm thập phân, không viết liền với chữ"
BAD_SIGN = "dấu viết sai"
BAD_QUOTE = "dấu ngoặc cong; hãy dùng dấu nháy đơn thẳng '"
DECIMAL_COMMA = "dấu phẩy thập phân; hãy viết dấu chấm (nếu là hai giá trị thì thêm dấu cách sau dấu phẩy)"
NOT_HERE = "không đúng cú pháp ở chỗ này"
UNFINISHED = "biểu thức dừng giữa chừng"
TOO_COMPLEX = "biểu thức quá phức tạp; hãy viết gọn hơn"


@pytest.mark.parametrize(
    ("text", "offset", "found", "message", "nearest"),
    [
        ("least(7, 0,3*x)", 9, "0,3", DECIMAL_COMMA, "0.3"),
        ("x in (1,2)", 6, "1,2", DECIMAL_COMMA, "1.2"),
        ("xx + 1", 0, "xx", "cột không có trong danh mục", "x"),
        ("sttus = 'open'", 0, "sttus", "cột không có trong danh mục", "status"),
        ("leest(x, 1)", 0, "leest", "hàm không được phép", "least"),
        ("sqrt(x)", 0, "sqrt", "hàm không được phép", ""),
        ("least(x)", 0, "least", "sai số giá trị trong ngoặc của hàm", ""),
        ("abs(x, y)", 0, "abs", "sai số giá trị trong ngoặc của hàm", ""),
        ("sum(x)", 0, "sum", NO_AGGREGATE, ""),
        ("max(x, 1)", 0, "max", NO_AGGREGATE, "greatest"),
        ("rank() over (x)", 0, "rank", NO_WINDOW, ""),
        ("(select 1)", 1, "select", NO_SUBQUERY, ""),
        ("exists (x)", 0, "exists", NO_SUBQUERY, ""),
        ("cast(x as int)", 0, "cast", "không đổi kiểu dữ liệu", ""),
        ("x::int", 1, "::", "không đổi kiểu dữ liệu", ""),
        ("now()", 0, "now", NO_CLOCK, ""),
        ("CURRENT_DATE", 0, "CURRENT_DATE", NO_CLOCK, ""),
        ("x - interval '3 days'", 4, "interval", NO_CLOCK, ""),
        ("random()", 0, "random", "không dùng số ngẫu nhiên", ""),
        ("nan", 0, "nan", "không dùng giá trị vô hạn", ""),
        ("x; drop table task", 1, ";", "không dùng dấu chấm phẩy: mỗi chỗ chỉ một biểu thức", ""),
        ("x -- y", 2, "-- y", NO_COMMENT, ""),
        ("x /* y */ + 1", 2, "/* y */", NO_COMMENT, ""),
        ('"x" + 1', 0, '"', "tên cột viết không có dấu; chữ đặt trong dấu nháy đơn '…'", ""),
        ("t.x", 1, ".", "không dùng dấu chấm trong tên cột", ""),
        ("x % 2", 2, "%", "không dùng dấu phần trăm; hãy viết số lẻ với dấu chấm, như 0.2", ""),
        ("x\u00a0+ 1", 1, "U+00A0", "ký tự không được dùng trong biểu thức", ""),
        ("x ≤ 3", 2, "≤", BAD_SIGN, "<="),
        ("x != 3", 2, "!=", BAD_SIGN, "<>"),
        ("x == 3", 2, "==", BAD_SIGN, "="),
        ("x − 3", 2, "−", BAD_SIGN, "-"),
        ("x × 3", 2, "×", BAD_SIGN, "*"),
        ("ok && ok", 3, "&&", BAD_SIGN, "and"),
        ("status = “open”", 9, "“", BAD_QUOTE, ""),
        ("status = 'open", 9, "'open", "thiếu dấu nháy đơn đóng", ""),
        ("１２ + x", 0, "１２", "ký tự lạ U+FF11; tên và số chỉ gồm chữ cái không dấu, chữ số và _", "12"),
        ("х + 1", 0, "х", "ký tự lạ U+0445; tên và số chỉ gồm chữ cái không dấu, chữ số và _", ""),
        ("tiến_độ", 0, "tiến_độ", "ký tự lạ U+1EBF; tên và số chỉ gồm chữ cái không dấu, chữ số và _", ""),
        ("1e5", 0, "1e5", BAD_NUMBER, ""),
        ("3x", 0, "3x", BAD_NUMBER, ""),
        ("1234567890123456", 0, "1234567890123456", "số có quá 15 chữ số", ""),
        ("x / 0", 4, "0", "chia cho 0", ""),
        ("x + 'a'", 4, "'a'", "cần số, gặp chữ", ""),
        ("x + ok", 4, "ok", "cần số, gặp điều kiện đúng/sai", ""),
        ("x > 1", 0, "x > 1", "cần số, gặp điều kiện đúng/sai", ""),
        ("null", 0, "null", "cần số, gặp null", ""),
        ("case when ok then null end", 18, "null", "case không có kết quả nào khác null", ""),
        ("case when ok then 'a' end", 18, "'a'", "kết quả của case phải là số hoặc điều kiện, không phải chữ", ""),
        ("x y", 2, "y", NOT_HERE, ""),
        ("x + * y", 4, "*", NOT_HERE, ""),
        ("x +", 3, "", UNFINISHED, ""),
        ("(x", 2, "", UNFINISHED, ""),
        (" ", 0, "", "biểu thức trống", ""),
        ("x" * 2001, 2000, "", "biểu thức dài quá 2000 ký tự", ""),
        ("(" * 60 + "x" + ")" * 60, 50, "", "lồng nhau quá sâu: quá 50 tầng", ""),
        ("- " * 60 + "x", 100, "", "lồng nhau quá sâu: quá 50 tầng", ""),
        ("abs(" * 40 + "x" + ")" * 40, 0, "abs(abs(", TOO_COMPLEX, ""),
        (float("inf"), 0, "inf", "không dùng giá trị vô hạn", ""),
        (10**16, 0, "10000000000000000", "số có quá 15 chữ số", ""),
        (True, 0, "true", "cần số, gặp điều kiện đúng/sai", ""),
    ],
)
def test_refused_as_a_number(text: str | float, offset: int, found: str, message: str, nearest: str) -> None:
    """Whatever is no number over the columns is refused at its place, by its name, with the nearest right one."""
    fault = faults(text)[0]
    assert (fault.offset, fault.message, fault.nearest) == (offset, message, nearest)
    assert fault.found.startswith(found) or message == TOO_COMPLEX


@pytest.mark.parametrize(
    ("text", "offset", "found", "message", "nearest"),
    [
        ("status = 'opne'", 9, "opne", "cột status không có giá trị này", "open"),
        ("status in ('open', 'don')", 19, "don", "cột status không có giá trị này", "done"),
        ("'opne' <> status", 0, "opne", "cột status không có giá trị này", "open"),
        ("status > 'a'", 9, "'a'", NO_TEXT, ""),
        ("status like 'a%'", 7, "like", NO_TEXT, ""),
        ("lower(status) = 'open'", 0, "lower", NO_TEXT, ""),
        ("status = 3", 9, "3", "không so được chữ với số", ""),
        ("x = 'a'", 4, "'a'", "không so được số với chữ", ""),
        ("x = ok", 4, "ok", "không so được số với điều kiện đúng/sai", ""),
        ("status = unit", 9, "unit", "chỉ so một cột chữ với một giá trị trong dấu nháy đơn", ""),
        ("status between 'a' and 'b'", 0, "status", "cần số, gặp chữ", ""),
        ("coalesce(status, 'open') = 'open'", 9, "status", "cần số, gặp chữ", ""),
        ("ok > false", 5, "false", "điều kiện đúng/sai chỉ so bằng = và <>", ""),
        ("x in (1, null)", 9, "null", "không để null trong danh sách in; hãy dùng is null", ""),
        ("x = null", 4, "null", "so sánh với null luôn không xác định; hãy dùng is null hoặc is not null", ""),
        ("x", 0, "x", "cần điều kiện đúng/sai, gặp số", ""),
        ("ok and x", 7, "x", "cần điều kiện đúng/sai, gặp số", ""),
        ("not x", 4, "x", "cần điều kiện đúng/sai, gặp số", ""),
        ("1 < x < 3", 6, "<", "không so sánh nối tiếp (a < b < c); hãy dùng and hoặc between", ""),
    ],
)
def test_refused_as_a_condition(text: str, offset: int, found: str, message: str, nearest: str) -> None:
    """Whatever is no condition over the columns is refused at its place, by its name, with the nearest right one."""
    fault = faults(text, "boolean")[0]
    assert (fault.offset, fault.found, fault.message, fault.nearest) == (offset, found, message, nearest)


def test_all_faults_at_once() -> None:
    """An expression with three faults names all three, in reading order."""
    found = [fault.found for fault in faults("statsu = 'open' and yy > 1 and status = 'opne'", "boolean")]
    assert found == ["statsu", "yy", "opne"]


def test_caret_stands_under_the_fault() -> None:
    """The caret text shows the line of the fault with marks under it."""
    text = "ok and\n  status = 'opne'"
    assert faults(text, "boolean")[0].caret(text) == "  status = 'opne'\n           ^^^^^^"


def test_unknown_code_is_a_warning() -> None:
    """A code that the plan does not know stops nothing, and is named with the nearest one."""
    warning = compiled("unit in ('CP-BTC', 'CP-BTX')", "boolean").warnings[0]
    assert (warning.offset, warning.found, warning.nearest) == (19, "CP-BTX", "CP-BTC")


# --- what is accepted -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (0.15, [0.15, 0.15, 0.15, 0.15]),
        (-5, [-5, -5, -5, -5]),
        ("least(x, y)", [1, None, None, 0]),
        ("greatest(x, y, 1)", [2, None, None, 1]),
        ("least(7, 0.5 * x)", [0.5, 2, None, 0]),
        ("coalesce(x, y, 9)", [1, 4, 3, 0]),
        ("nullif(x, 0)", [1, 4, None, None]),
        ("x / y", [0.5, None, None, None]),
        ("y / x", [2, None, None, None]),
        ("(x - x) / (x - x)", [None, None, None, None]),
        ("-x - -1", [0, -3, None, 1]),
        ("round(x / 4) + ceil(0.2) + floor(-0.2) + abs(-1)", [1, 2, None, 1]),
        ("case when x > 1 then x when x is null then -1 end", [None, 4, -1, None]),
        ("case status when 'open' then 1 else 0 end", [1, 0, 0, 1]),
        ("999999999999999 * 999999999999999 * 999999999999999 * x", [None, None, None, 0]),
    ],
)
def test_numbers(text: str | float, expected: list[float | None]) -> None:
    """NULL passes through arithmetic, least and greatest; a division by zero and a number out of range are NULL."""
    rows = {"x": [1.0, 4.0, None, 0.0], "y": [2.0, None, 3.0, 0.0], "status": ["open", "done", None, "open"]}
    expression = compiled(text)
    assert values(expression, **rows)[:3] == expected[:3]
    assert values(expression, **rows)[3] in {expected[3], None}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x > 1 and ok", [False, True, None]),
        ("x > 1 or ok", [True, True, None]),
        ("not ok", [False, False, None]),
        ("x in (1, 2)", [True, False, None]),
        ("x not in (1, 2)", [False, True, None]),
        ("x between 1 and 2", [True, False, None]),
        ("x not between 1 and 2", [False, True, None]),
        ("status = 'open'", [True, False, None]),
        ("status not in ('open', 'claimed')", [False, True, None]),
        ("status is null or unit is not null", [True, False, True]),
        ("coalesce(ok, false)", [True, True, False]),
        ("ok = true", [True, True, None]),
        ("case when x > 1 then ok else false end", [False, True, False]),
        ("x > 1 AND ok", [False, True, None]),
        (True, [True, True, True]),
    ],
)
def test_conditions(text: str | float, expected: list[bool | None]) -> None:
    """Conditions have SQL's three values."""
    rows = {
        "x": [1.0, 4.0, None],
        "ok": [True, True, None],
        "status": ["open", "done", None],
        "unit": ["a", None, None],
    }
    assert values(compiled(text, "boolean"), **rows) == expected


def test_small_integers_do_not_wrap() -> None:
    """Columns of small whole numbers are added and multiplied as floats."""
    frame = pl.DataFrame({"x": [100], "y": [100]}, schema={"x": pl.Int8, "y": pl.UInt8})
    for text, expected in (("x + y", 200), ("x * y", 10_000), ("-y", -100), ("x - y - y", -100)):
        assert frame.select(compiled(text).polars()).item() == expected


def test_single_precision_equals_its_own_decimal() -> None:
    """0.3 in a Float32 column is 0.3 to a rule, in comparisons and in lists."""
    frame = pl.DataFrame({"x": [0.3]}, schema={"x": pl.Float32})
    for text in ("x = 0.3", "x in (0.3, 7)", "not x > 0.3", "x between 0.3 and 0.3"):
        assert frame.select(compiled(text, "boolean").polars()).item() is True


def test_closed_columns_may_be_enums() -> None:
    """Text columns may be enums or categories in the frame."""
    frame = pl.DataFrame({"status": ["open", "done", None]}, schema={"status": pl.Enum(["open", "claimed", "done"])})
    assert frame.select(compiled("status in ('open', 'claimed')", "boolean").polars()).to_series().to_list() == [
        True,
        False,
        None,
    ]


def test_constants_keep_the_length_of_the_frame() -> None:
    """A constant compared with a case that takes the same branch in every row still gives a value for every row."""
    for text in ("0.5 = x / y", "1 > case when x > 0 then x end", "nullif(0.5, x / y) is null"):
        assert len(values(compiled(text, "boolean"), x=[None, 1.0], y=[0.0, None])) == 2


def test_constants_are_known() -> None:
    """A threshold without columns gives its value before any plan is read."""
    assert [compiled(text).constant() for text in (0.15, "-2 * 3", "least(7, 3)", "7 + x")] == [0.15, -6, 3, None]


def test_columns_are_named() -> None:
    """An expression says which columns it needs."""
    assert compiled("least(x, 2) + case when status = 'open' then n end").columns == {"x", "status", "n"}


# --- against another SQL --------------------------------------------------------------------------------------------

_LITERALS = st.sampled_from(["0.5", "1", "2", "3.25", "7", "0.0", "10"])


def _pairs(children: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    two = st.tuples(children, children)
    return st.one_of(
        st.tuples(children, st.sampled_from("+-*"), children).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        two.map(lambda t: f"({t[0]} / ({t[1]} + 0.0))"),
        st.tuples(st.sampled_from(["least", "greatest", "coalesce", "nullif"]), two).map(
            lambda t: f"{t[0]}({t[1][0]}, {t[1][1]})"
        ),
        st.tuples(st.sampled_from(["abs", "ceil", "floor", "-"]), children).map(lambda t: f"{t[0]}({t[1]})"),
        st.tuples(_conditions(children), two).map(lambda t: f"case when {t[0]} then {t[1][0]} else {t[1][1]} end"),
        st.tuples(_conditions(children), children).map(lambda t: f"case when {t[0]} then {t[1]} end"),
    )


def _conditions(numbers: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    signs = st.sampled_from(["=", "<>", "<", "<=", ">", ">="])
    plain = st.one_of(
        st.sampled_from(["ok", "not ok", "status = 'open'", "status not in ('open', 'done')", "status is null"]),
        st.tuples(numbers, signs, numbers).map(lambda t: f"{t[0]} {t[1]} {t[2]}"),
        st.tuples(numbers, numbers, numbers).map(lambda t: f"{t[0]} between {t[1]} and {t[2]}"),
        st.tuples(numbers, numbers, numbers).map(lambda t: f"{t[0]} not in ({t[1]}, {t[2]})"),
        numbers.map(lambda number: f"{number} is null"),
    )
    joined = st.tuples(plain, st.sampled_from(["and", "or", "and not"]), plain)
    return st.one_of(plain, joined.map(lambda t: f"({t[0]} {t[1]} {t[2]})"))


NUMBERS = st.recursive(st.one_of(st.sampled_from(["x", "y", "n"]), _LITERALS), _pairs, max_leaves=6)
CONDITIONS = _conditions(NUMBERS)
_VALUE = st.sampled_from([None, 0.0, 1.0, -1.0, 0.5, 2.0, 7.0, -3.25, 130.0])
ROWS = st.lists(
    st.tuples(
        _VALUE,
        _VALUE,
        _VALUE.map(lambda value: value or 0.0),
        st.sampled_from([None, "open", "claimed", "done"]),
        st.sampled_from([None, True, False]),
    ),
    min_size=1,
    max_size=5,
)
NAMES = ("x", "y", "n", "status", "ok")


def _other_sql(text: str, rows: list[tuple[object, ...]]) -> Iterator[object]:
    """Ask SQLite, whose scalar min and max are NULL when an argument is."""
    for ours, theirs in (("least", "min"), ("greatest", "max")):
        text = text.replace(ours, theirs)
    # SQLite divides whole numbers as whole numbers: give it decimals.
    text = re.sub(r"(?<![\w.])([0-9]+)(?![\w.])", r"\1.0", text)
    database = sqlite3.connect(":memory:")
    database.create_function("ceil", 1, lambda value: None if value is None else float(math.ceil(value)))
    database.create_function("floor", 1, lambda value: None if value is None else float(math.floor(value)))
    database.execute("create table t (x real, y real, n real, status text, ok boolean)")
    database.executemany("insert into t values (?, ?, ?, ?, ?)", rows)
    answers = [row[0] for row in database.execute(f"select {text} from t order by rowid")]  # noqa: S608 - the text is made here
    database.close()
    yield from answers


def _ours(text: str, wanted: str, rows: list[tuple[object, ...]]) -> list[object]:
    schema = {"x": pl.Float64, "y": pl.Float64, "n": pl.Float64, "status": pl.String, "ok": pl.Boolean}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    try:
        expression = compiled(text, wanted)
    except ExpressionError as error:
        if error.faults[0].message == TOO_COMPLEX:  # divisions within divisions: refused, and so nothing to compare
            reject()
        raise
    return frame.with_columns(expression.polars().alias("_result"))["_result"].to_list()


@settings(max_examples=150, deadline=None)
@given(NUMBERS, ROWS)
def test_numbers_agree_with_sqlite(text: str, rows: list[tuple[object, ...]]) -> None:
    """What is accepted as a number evaluates as in SQLite, NULL for NULL."""
    for ours, theirs in zip(_ours(text, "number", rows), _other_sql(text, rows), strict=True):
        assert ours == pytest.approx(theirs), text


@settings(max_examples=150, deadline=None)
@given(CONDITIONS, ROWS)
def test_conditions_agree_with_sqlite(text: str, rows: list[tuple[object, ...]]) -> None:
    """What is accepted as a condition evaluates as in SQLite, in all three values."""
    for ours, theirs in zip(_ours(text, "boolean", rows), _other_sql(text, rows), strict=True):
        assert ours == (None if theirs is None else bool(theirs)), text


_PIECES = (
    "x y n status unit ok 'open' 'a' 1 0.5 0 + - * / ( ) , and or not < = <> in is null between case when then else"
)
_WORDS = st.sampled_from(_PIECES.split())


@settings(max_examples=200, deadline=None)
@given(
    st.one_of(st.text(max_size=60), st.lists(_WORDS, max_size=14).map(" ".join)), st.sampled_from(["number", "boolean"])
)
def test_any_text_is_an_expression_or_refused(text: str, wanted: str) -> None:
    """Any text either compiles, and then Polars runs it, or is refused with a fault inside the text."""
    refused: tuple[Fault, ...] = ()
    try:
        expression = compiled(text, wanted)
    except ExpressionError as error:
        refused = error.faults
    else:
        rows: dict[str, list[object]] = {"x": [1.0, None], "y": [0.0, 2.0], "n": [1.0, 1.0], "ok": [True, None]}
        values(expression, **rows, status=["open", None], unit=["a", None])
    assert all(0 <= fault.offset <= len(text) and fault.message for fault in refused)
