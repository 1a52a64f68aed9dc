"""How an expression is read: its text in; a syntax tree with offsets, or every fault by its name, out.

The language is closed: lark reads a grammar that has words for nothing but what a rule may say. (sqlglot reads all of
SQL: subqueries, casts and clocks would have to be taken out again, and its operators carry no offsets.) Before the
grammar, the text is looked through for what officials type by habit, so that each slip gets a message of its own.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedInput, UnexpectedToken

from warnwatch.errors import nearest_name
from warnwatch.language import Phrase, together
from warnwatch.typed_text import CURLY_QUOTES

MAX_LENGTH = 2_000
MAX_DEPTH = 50
MAX_DIGITS = 15  # a float keeps 15 decimal digits exactly


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of an expression; `offset` and `length` count characters of its text from 0."""

    offset: int
    length: int
    message: str
    found: str = ""
    allowed: str = ""
    nearest: str = ""

    def caret(self, text: str) -> str:
        """Write the line of the text with carets under the fault."""
        start = text.rfind("\n", 0, self.offset) + 1
        line = text[start:].split("\n", 1)[0]
        width = max(1, min(self.length, len(line) - (self.offset - start)))
        return f"{line}\n{' ' * (self.offset - start)}{'^' * width}"


@dataclass(frozen=True, slots=True)
class Node:
    """One piece of an expression: what it is, where it stands, its own words (names, signs, values), its pieces."""

    name: str
    start: int
    end: int
    words: tuple[str, ...]
    parts: tuple[Node, ...]


class ExpressionError(Exception):
    """An expression is refused; `faults` holds every reason, in reading order."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        self.faults = tuple(sorted(faults, key=lambda fault: fault.offset))
        super().__init__("; ".join(fault.message for fault in self.faults))


_GRAMMAR = r"""
?start: either
?either: both (OR both)*
?both: denied (AND denied)*
?denied: NOT denied -> denied
    | claim
?claim: sum
    | sum COMPARE sum -> compare
    | sum IS NULL -> is_null
    | sum IS NOT NULL -> is_not_null
    | sum IN "(" sum ("," sum)* ")" -> is_in
    | sum NOT IN "(" sum ("," sum)* ")" -> is_not_in
    | sum BETWEEN sum AND sum -> between
    | sum NOT BETWEEN sum AND sum -> not_between
?sum: product ((PLUS | MINUS) product)*
?product: signed ((STAR | SLASH) signed)*
?signed: MINUS signed -> negative
    | single
?single: NUMBER -> number
    | TEXT -> text
    | TRUE -> true
    | FALSE -> false
    | NULL -> null
    | NAME -> column
    | NAME "(" [either ("," either)*] ")" -> call
    | "(" either ")"
    | CASE either? when+ [ELSE either] END -> case
when: WHEN either THEN either

OR.2: /or\b/i
AND.2: /and\b/i
NOT.2: /not\b/i
IS.2: /is\b/i
IN.2: /in\b/i
BETWEEN.2: /between\b/i
NULL.2: /null\b/i
TRUE.2: /true\b/i
FALSE.2: /false\b/i
CASE.2: /case\b/i
WHEN.2: /when\b/i
THEN.2: /then\b/i
ELSE.2: /else\b/i
END.2: /end\b/i
COMPARE: "<=" | ">=" | "<>" | "=" | "<" | ">"
PLUS: "+"
MINUS: "-"
STAR: "*"
SLASH: "/"
NUMBER: /[0-9]+(\.[0-9]+)?|\.[0-9]+/
TEXT: /'([^']|'')*'/
NAME: /[A-Za-z_][A-Za-z_0-9]*/
%ignore /[ \t\r\n]+/
"""
_PARSER = Lark(_GRAMMAR, parser="lalr", lexer="basic", propagate_positions=True, maybe_placeholders=False)

_TOKEN = re.compile(
    r"""(?P<blank>[ \t\r\n]+)
    | (?P<text>'(?:[^']|'')*')
    | (?P<unclosed>'.*)
    | (?P<comment>--[^\n]*|/\*.*?(?:\*/|\Z)|\#[^\n]*)
    | (?P<comma>[0-9]+,[0-9]+)
    | (?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{1,2}/[0-9]{1,2}/[0-9]{4}|[0-9]{1,2}:[0-9]{2})
    | (?P<thousands>[0-9]{1,3}(?:\.[0-9]{3}){2,}(?!\w)|[1-9][0-9]{0,2}\.000(?!\w))
    | (?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+][0-9]+)?\w*)
    | (?P<word>\w+)
    | (?P<sign><=|>=|<>(?!=)|!=|==|<=>|\|\||&&|::|:=|=|[-+*/<>(),])
    | (?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?|\.[0-9]+")
THOUSANDS = Phrase("dấu chấm là dấu thập phân, không ngăn hàng nghìn; hãy viết liền các chữ số")
_MESSAGE_OF_KIND = {
    "comment": Phrase("không viết ghi chú trong biểu thức"),
    "unclosed": Phrase("thiếu dấu nháy đơn đóng"),
    "comma": Phrase("dấu phẩy thập phân; hãy viết dấu chấm (nếu là hai giá trị thì thêm dấu cách sau dấu phẩy)"),
    "day": Phrase("không so sánh với ngày hay giờ; hãy dùng chỉ tiêu đếm ngày"),
    "thousands": THOUSANDS,
}
_TEXT_ONLY = Phrase("chữ chỉ dùng với = <> in, not in, is null")
_REFUSED_WORDS: tuple[tuple[str, str], ...] = (
    (Phrase("không dùng hàm gộp nhiều dòng"), "sum avg mean min max count median stddev variance first last any_value"),
    (
        Phrase("không dùng hàm cửa sổ"),
        "over partition window rank dense_rank row_number lag lead ntile first_value last_value",
    ),
    (Phrase("không dùng truy vấn con"), "select from where exists union with having join any all some"),
    (Phrase("không đổi kiểu dữ liệu"), "cast try_cast convert"),
    (
        Phrase("không dùng đồng hồ hay phép tính ngày; hãy dùng chỉ tiêu đã có trong danh mục"),
        (
            "now today current_date current_time current_timestamp date time timestamp interval extract date_part"
            " date_trunc datediff strftime year month day"
        ),
    ),
    (Phrase("không dùng số ngẫu nhiên"), "random rand uuid"),
    (_TEXT_ONLY, "like ilike rlike regexp similar concat lower upper substr substring trim length collate"),
    (Phrase("không dùng giá trị vô hạn"), "nan inf infinity"),
    (Phrase("không dùng tham số thêm của phép toán này"), "distinct filter symmetric within escape"),
)
_MESSAGE_OF_WORD = {word: message for message, words in _REFUSED_WORDS for word in words.split()}
_NEAREST_OF_WORD = {"min": "least", "max": "greatest"}
_RIGHT_SIGN = {
    "!=": "<>",
    "==": "=",
    "<=>": "=",
    "||": "or",
    "&&": "and",
    ":=": "=",
    "\u2264": "<=",
    "\u2265": ">=",
    "\u2260": "<>",
    "\u00d7": "*",
    "\u00f7": "/",
    "\u2212": "-",
    "\u2013": "-",
    "\u2014": "-",
}
_MESSAGE_OF_SIGN = {
    ";": Phrase("không dùng dấu chấm phẩy: mỗi chỗ chỉ một biểu thức"),
    "::": Phrase("không đổi kiểu dữ liệu"),
    **dict.fromkeys('"`[]', Phrase("tên cột viết không có dấu; chữ đặt trong dấu nháy đơn '…'")),
    **dict.fromkeys(CURLY_QUOTES, Phrase("dấu ngoặc cong; hãy dùng dấu nháy đơn thẳng '")),
    ".": Phrase("không dùng dấu chấm trong tên cột"),
    "%": Phrase("không dùng dấu phần trăm; hãy viết số lẻ với dấu chấm, như 0.2"),
}
SIGNS_ALLOWED = "+ - * / = <> < <= > >= ( ) , '"
_SHOWN_TERMINALS: Mapping[str, str] = {
    "NUMBER": Phrase("số"),
    "TEXT": Phrase("'chữ'"),
    "NAME": Phrase("tên cột hoặc hàm"),
    "LPAR": "(",
    "RPAR": ")",
    "COMMA": ",",
    "COMPARE": "= <> < <= > >=",
    "PLUS": "+",
    "MINUS": "-",
    "STAR": "*",
    "SLASH": "/",
    "$END": Phrase("hết biểu thức"),
}


def parse(text: str, columns: Collection[str]) -> Node:
    """Read an expression into a tree; raise ExpressionError with every fault that its words and signs show."""
    if not text.strip():
        raise ExpressionError((Fault(0, 1, Phrase("biểu thức trống")),))
    if len(text) > MAX_LENGTH:
        raise ExpressionError((Fault(MAX_LENGTH, 1, Phrase("biểu thức dài quá {most} ký tự", most=MAX_LENGTH)),))
    faults = tuple(_slips(text, columns))
    if faults:
        raise ExpressionError(faults)
    try:
        return _node(_PARSER.parse(text))
    except UnexpectedInput as error:
        raise ExpressionError((_syntax_fault(error, text),)) from error


def _node(tree: Tree[Token]) -> Node:
    words = tuple(str(child) for child in tree.children if isinstance(child, Token))
    parts = tuple(_node(child) for child in tree.children if isinstance(child, Tree))
    return Node(str(tree.data), tree.meta.start_pos, tree.meta.end_pos, words, parts)


def _slips(text: str, columns: Collection[str]) -> Iterator[Fault]:
    depth = 0
    run = 0  # `not not not …` and `- - - …` nest without a bracket
    for match in _TOKEN.finditer(text):
        kind, found = str(match.lastgroup), match[0]
        if kind == "blank":
            continue
        depth += (found == "(" or found.lower() == "case") - (found == ")" or found.lower() == "end")
        run = run + 1 if found.lower() in {"-", "not"} else 0
        if depth + run > MAX_DEPTH:
            yield Fault(match.start(), len(found), Phrase("lồng nhau quá sâu: quá {most} tầng", most=MAX_DEPTH))
            return
        fault = _slip(kind, found, match.start(), columns)
        if fault:
            yield fault


def _slip(kind: str, found: str, offset: int, columns: Collection[str]) -> Fault | None:
    if kind in _MESSAGE_OF_KIND:
        # The nearest right number; a comment, an open text and a day have none.
        nearest = {"comma": found.replace(",", "."), "thousands": found.replace(".", "")}.get(kind, "")
        return Fault(offset, len(found), _MESSAGE_OF_KIND[kind], found, nearest=nearest)
    if kind == "number":
        return _number_slip(found, offset)
    if kind == "word":
        return _word_slip(found, offset, columns)
    return _sign_slip(found, offset) if kind in {"sign", "other"} else None


def _number_slip(found: str, offset: int) -> Fault | None:
    if not _NUMBER.fullmatch(found):
        message = Phrase("số viết sai: chỉ gồm chữ số và một dấu chấm thập phân, không viết liền với chữ")
        return Fault(offset, len(found), message, found)
    if sum(character != "." for character in found) > MAX_DIGITS:
        return Fault(offset, len(found), Phrase("số có quá {most} chữ số", most=MAX_DIGITS), found)
    return None


def _word_slip(found: str, offset: int, columns: Collection[str]) -> Fault | None:
    if not found.isascii():
        at = next(index for index, character in enumerate(found) if not character.isascii())
        message = Phrase("ký tự lạ U+{code:04X}; tên và số chỉ gồm chữ cái không dấu, chữ số và _", code=ord(found[at]))
        plain = unicodedata.normalize("NFKC", found)
        return Fault(
            offset, len(found), message, found, nearest=plain if plain.isascii() else nearest_name(found, columns)
        )
    known = _MESSAGE_OF_WORD.get(found.lower(), "")
    if known and found not in columns:
        return Fault(offset, len(found), known, found, nearest=_NEAREST_OF_WORD.get(found.lower(), ""))
    return None


def _sign_slip(found: str, offset: int) -> Fault | None:
    if found in _RIGHT_SIGN:
        return Fault(offset, len(found), Phrase("dấu viết sai"), found, nearest=_RIGHT_SIGN[found])
    if found in _MESSAGE_OF_SIGN:
        return Fault(offset, len(found), _MESSAGE_OF_SIGN[found], found)
    if found in SIGNS_ALLOWED.split():
        return None
    shown = found if found.isprintable() and found.isascii() else f"U+{ord(found[0]):04X}"
    nearest = unicodedata.normalize("NFKC", found).strip()
    nearest = nearest if nearest != found and nearest.isascii() else ""
    return Fault(offset, len(found), Phrase("ký tự không được dùng trong biểu thức"), shown, SIGNS_ALLOWED, nearest)


def _syntax_fault(error: UnexpectedInput, text: str) -> Fault:
    if isinstance(error, UnexpectedToken) and error.token.type != "$END":
        token, offset = str(error.token), int(error.token.start_pos or 0)
        if error.token.type == "COMPARE" and "COMPARE" not in error.expected:
            return Fault(
                offset, len(token), Phrase("không so sánh nối tiếp (a < b < c); hãy dùng and hoặc between"), token
            )
        return Fault(
            offset, len(token), Phrase("không đúng cú pháp ở chỗ này"), token, _shown_terminals(error.expected)
        )
    expected = _shown_terminals(error.expected) if isinstance(error, UnexpectedToken) else ""
    return Fault(len(text.rstrip()), 1, Phrase("biểu thức dừng giữa chừng"), "", expected)


def _shown_terminals(expected: Collection[str]) -> str:
    return together(sorted(_SHOWN_TERMINALS.get(name, name.lower()) for name in expected), ", ")
