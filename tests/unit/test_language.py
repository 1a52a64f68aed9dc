"""A text is Vietnamese wherever it goes, and English where a reader wants it so."""

from __future__ import annotations

import ast
import copy
import importlib.util
import json
import pickle
import re
import string
from pathlib import Path
from types import ModuleType

import pytest

import warnwatch
from warnwatch.errors import Mistake
from warnwatch.language import Phrase, in_language, kept, said_again, together

ROOT = Path(__file__).parent.parent.parent
PACKAGE = Path(warnwatch.__file__).parent
VIETNAMESE = re.compile("[À-ÃÈ-ÊÌÍÒ-ÕÙÚÝà-ãè-êìíò-õùúýĂăĐđĨĩŨũƠơƯưẠ-ỹ]")

# Files whose Vietnamese is data, or is said by other means; every other text that a person reads is a Phrase.
NOT_PHRASES = {
    "plan/cell_words.py": "what officials type, to be read",
    "plan/columns.py": "headers of the files of an import",
    "plan/deadline.py": "what documents say, as patterns to be read",
    "plan/groups.py": "what officials type, to be read",
    "plan/kpis.py": "measures have both languages side by side",
    "plan/measures.py": "measures have both languages side by side",
    "plan/printed.py": "what printing leaves in a table, as patterns to be read",
    "plan/quality.py": "measures have both languages side by side",
    "plan/stamps.py": "stamps, as patterns to be read",
    "plan/source_frame.py": "measures have both languages side by side",
    "plan/units.py": "measures have both languages side by side",
    "notify/gsm.py": "the alphabet of text messages, and letters that it lacks",
    "demo.py": "what a head in the demo answers",
    "ruletests/form.py": "the built-in plan of a rule test, and the table of its keys",
    "settings.py": "the letterhead, which an installation sets",
}
NOT_PHRASES |= dict.fromkeys(
    (
        f"plan/task_measures/{name}.py"
        for name in ("facts", "deadlines", "milestones", "slips", "progress", "stalls", "evasion")
    ),
    "measures have both languages side by side",
)
NOT_PHRASES |= dict.fromkeys(
    ("notify/wording_vi.py",),
    "writes Vietnamese, as wording_en.py writes English",
)
# Single texts that are data: parts of names, headers, sheets, words and examples of workbooks, patterns to be read.
DATA = {
    "notify/wording.py": re.compile("^Ủy ban nhân dân$"),
    "notify/gsm.py": re.compile("^(@£|[đĐ]$|₫)"),
    "plan/cells.py": re.compile(r"\(\?:|\^quý|^quý $"),
    "plan/cell_columns.py": re.compile("^.. !-~À-Ö"),
    "plan/csv_file.py": re.compile(r"^\[ăâ"),
    "plan/headers.py": re.compile("^(số tt|số thứ tự|ghi nhận lúc)$"),
    "plan/template.py": re.compile(
        "^(Bộ Nội vụ|người đứng đầu|Bộ trưởng|không|có|Hoàn thành cơ sở dữ liệu về cán bộ, công chức, viên chức"
        "|trong quý IV/2025|đang thực hiện|Trình dự thảo|123/QĐ-BCĐ|điều chỉnh thời hạn|Vụ Tổ chức cán bộ"
        "|Đã hoàn thành dự thảo, đang lấy ý kiến|Tỷ lệ hồ sơ trực tuyến toàn trình|cao tốt|quý|quý III/2025"
        "|Cổng Dịch vụ công quốc gia|hằng tuần|sáp nhập)$"
    ),
    "ruletests/acts.py": re.compile("^(Nguồn |kết luận)$"),
    "ruletests/facts.py": re.compile("^(Văn phòng|Đơn vị |Người đứng đầu đơn vị|Chỉ tiêu |Nhiệm vụ |Mốc |thấp tốt)$"),
    "web/overview.py": re.compile("^(Thành phố|Tỉnh ủy|Thành ủy|Ủy ban nhân dân (tỉnh|thành phố)) $"),
    "plan/workbook_sheets.py": re.compile("^(VÍ DỤ|hướng dẫn|lỗi)$"),
}


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


def test_texts_put_together_are_translated_one_by_one() -> None:
    """A list of several texts is said in the reader's language, what stands between them too."""
    texts = together((Phrase("chữ"), "x", Phrase("số")), Phrase(" hoặc "))
    assert (texts, in_language(texts, "en")) == ("chữ hoặc x hoặc số", "text or x or number")


def test_an_error_says_its_phrase_in_either_language() -> None:
    """What was raised as a phrase can still be translated where the error is told."""
    assert in_language(str(ValueError(Phrase("gặp: {found}", found="x"))), "en") == "found: x"


# --- the catalogue --------------------------------------------------------------------------------------------------


def gather_texts() -> ModuleType:
    """Load scripts/gather_texts.py."""
    spec = importlib.util.spec_from_file_location("gather_texts", ROOT / "scripts" / "gather_texts.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_text_has_its_english_and_every_english_is_said() -> None:
    """Nothing untranslated, nothing left over, and the file is as `make texts` writes it."""
    gathering = gather_texts()
    said, english = gathering.gather(PACKAGE), gathering.read_english(PACKAGE)
    assert [pattern for pattern in said if not english.get(pattern)] == []
    assert [pattern for pattern in english if pattern not in said] == []
    written = (PACKAGE / gathering.CATALOGUE).read_text(encoding="utf-8")
    assert written == gathering.written(english)


def test_english_speaks_of_the_same_values() -> None:
    """A translation names the values that its pattern names, and no other."""
    gathering = gather_texts()
    for pattern, text in gathering.read_english(PACKAGE).items():
        assert names(text) == names(pattern), pattern


def names(pattern: str) -> set[str]:
    """Give the names of the values in a pattern; a text without values is taken as it stands."""
    try:
        return {name for _, name, _, _ in string.Formatter().parse(pattern) if name}
    except ValueError:
        return set()


SOURCES = sorted(path for path in PACKAGE.rglob("*.py") if "_shipped" not in path.parts)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_what_people_read_is_a_phrase(path: Path) -> None:
    """Each Vietnamese text in the code is the literal pattern of a Phrase, or is listed above with its reason."""
    name = path.relative_to(PACKAGE).as_posix()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    calls = list(gather_texts().phrases(path))
    if name != "language.py":
        assert [call.lineno for call in calls if not gather_texts().literal(call)] == []
    if name in NOT_PHRASES or name.startswith("migrations/"):
        return
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    patterns = {literal for call in calls if (literal := gather_texts().literal(call))}
    texts = [
        (node.lineno, node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings
    ]
    data = DATA.get(name, re.compile("(?!)"))
    assert [
        (line, text)
        for line, text in texts
        if VIETNAMESE.search(text) and text not in patterns and not data.search(text)
    ] == []


def test_a_phrase_that_was_kept_is_said_again() -> None:
    """Through JSON and back: the same text, with its English; what was only a text stays one."""
    inner = Phrase("dòng {line}", line=7)
    phrase = together([inner, "a{b}", Phrase("nguồn không có dòng nào")], ": ")
    again = said_again(json.loads(json.dumps(kept(phrase))))
    assert again == phrase
    assert in_language(again, "en") == in_language(phrase, "en") != phrase
    assert said_again(json.loads(json.dumps(kept("cũ {x}")))) == "cũ {x}"
