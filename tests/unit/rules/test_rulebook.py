"""A rule folder gives its rules, or every mistake of every file at once, each at its line and column."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warnwatch.documents import parse_document
from warnwatch.errors import Mistake, MistakesError, NotFoundError
from warnwatch.notify.notification import Kind
from warnwatch.plan import catalogue as plan_catalogue
from warnwatch.plan.calendar import Duration
from warnwatch.rules.entry import RULE_KEYS, Entry
from warnwatch.rules.evaluation import columns_of
from warnwatch.rules.expression import Column
from warnwatch.rules.rule import ChannelRules, Level, RuleBook, Share
from warnwatch.rules.rule_file import Vocabulary, read_rule
from warnwatch.rules.rulebook import load_rulebook

STATUSES = frozenset({"open", "claimed", "done", "suspended", "cancelled"})
CATALOGUE: Mapping[str, Mapping[str, Column]] = {
    "task": {
        column.name: column
        for column in (
            Column("status", "text", STATUSES, nullable=False),
            Column("unit", "code"),
            Column("has_deadline", "boolean", nullable=False),
            Column("working_days_left", "number"),
            Column("planned_working_days", "number"),
            Column("behind", "number"),
        )
    }
}
KINDS = ("due_soon", "overdue", "behind")
CODES = {"unit": frozenset({"CP-BTC"})}

RULES = """\
rules:
  - id: task-deadline
    title: {notice: Sắp đến hạn, critical: Quá hạn}
    about: task
    where: status in ('open', 'claimed') and has_deadline
    measure: working_days_left
    below:
      notice: least(7, 0.5 * planned_working_days)
      critical: 0
    for: 0
    keep: 1 working day
    text: {notice: due_soon, critical: overdue}
    escalation: head-of-unit
    guidance: Cập nhật tiến độ.
"""
POLICIES = """\
policies:
  - id: head-of-unit
    title: Người đứng đầu đơn vị
    cap: 10 working days
    levels:
      notice: [{tell: focal_point}]
      critical: [{tell: [head, focal_point]}, {after: 1 working day, tell: superior.head}]
"""


@dataclass
class Folder:
    """A rule folder made for one test; each change is (old text, new text) of one of its two files."""

    path: Path
    rules: str = RULES
    policies: str = POLICIES
    more: dict[str, str] = field(default_factory=dict)

    def load(self) -> RuleBook:
        """Write the files and load them."""
        for name, text in {"deadlines.yml": self.rules, "escalations.yml": self.policies, **self.more}.items():
            if text:
                (self.path / name).write_text(text, encoding="utf-8")
        return load_rulebook(self.path, CATALOGUE, KINDS, CODES)

    def mistakes(self) -> tuple[Mistake, ...]:
        """Load what must be refused."""
        with pytest.raises(MistakesError) as error:
            self.load()
        return error.value.mistakes


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """A folder with one rule and one policy, both right."""
    path = tmp_path / "alert_rules"
    path.mkdir()
    return Folder(path)


def share(share: str = "0.1", least: str = "1 working day", most: str = "3 working days") -> str:
    """Write a wait in proportion to a task's planned length."""
    return f"{{share: {share}, at_least: {least}, at_most: {most}}}"


def changed(text: str, old: str, new: str) -> str:
    """Change one place of a text that has it."""
    assert old in text
    return text.replace(old, new, 1)


# --- what loads -----------------------------------------------------------------------------------------------------


def test_a_rule_loads(folder: Folder) -> None:
    """A right rule keeps all that its file says."""
    rule = folder.load().rule("task-deadline")
    assert (rule.about, rule.measure, rule.direction, rule.escalation) == (
        "task",
        "working_days_left",
        "below",
        "head-of-unit",
    )
    assert {level: rung.text for level, rung in rule.rungs.items()} == {
        Level.NOTICE: "least(7, 0.5 * planned_working_days)",
        Level.CRITICAL: "0",
    }
    assert rule.title == {Level.NOTICE: "Sắp đến hạn", Level.CRITICAL: "Quá hạn"}
    assert rule.text == {Level.NOTICE: "due_soon", Level.CRITICAL: "overdue"}
    assert (rule.hold_for.zero, rule.keep) == (True, Duration(1, "working_day"))
    assert (rule.file, rule.line, rule.source) == ("alert_rules/deadlines.yml", 2, "")


def test_a_policy_loads(folder: Folder) -> None:
    """A right policy has its steps by level; the first tells at once."""
    policy = folder.load().policies["head-of-unit"]
    first, second = policy.levels[Level.CRITICAL]
    assert (first.after.zero, first.tell, first.channels) == (True, ("head", "focal_point"), ("email",))
    assert (second.after, second.tell) == (Duration(1, "working_day"), ("superior.head",))
    assert policy.cap == Duration(10, "working_day")


def test_a_step_may_repeat(folder: Folder) -> None:
    """How often, and how many times at most, is read; without `times` it goes on."""
    folder.policies = changed(folder.policies, "superior.head}", "superior.head, repeat: 5 working days, times: 3}")
    folder.policies = changed(folder.policies, "{tell: focal_point}", "{tell: focal_point, repeat: 7 days}")
    levels = folder.load().policies["head-of-unit"].levels
    assert (levels[Level.CRITICAL][1].repeat, levels[Level.CRITICAL][1].times) == (Duration(5, "working_day"), 3)
    assert (levels[Level.NOTICE][0].repeat, levels[Level.NOTICE][0].times) == (Duration(7, "day"), None)


def test_a_wait_may_be_a_share_of_the_planned_length(folder: Folder) -> None:
    """The share is read exactly as it is written, with the bounds; until a task is known the longest wait holds."""
    proportional = "{after: {share: 0.07, at_least: 4 working hours, at_most: 3 working days}, tell"
    folder.policies = changed(folder.policies, "{after: 1 working day, tell", proportional)
    read = folder.load().policies["head-of-unit"].levels[Level.CRITICAL][1]
    assert read.share == Share(Fraction(7, 100), Duration(4, "working_hour"), Duration(3, "working_day"))
    assert read.after == Duration(3, "working_day")


def test_an_authority_has_a_step_of_its_own(folder: Folder) -> None:
    """The unit that could lift an obstacle may be told between two steps, on the way up."""
    folder.policies = changed(
        folder.policies, "{after: 1 working day, tell", "{after: 1h, tell: authority}, {after: 1 working day, tell"
    )
    assert [step.tell for step in folder.load().policies["head-of-unit"].levels[Level.CRITICAL]] == [
        ("head", "focal_point"),
        ("authority",),
        ("superior.head",),
    ]


def test_one_text_serves_all_levels(folder: Folder) -> None:
    """A plain title stands for every level that has a rung."""
    folder.rules = changed(folder.rules, "{notice: Sắp đến hạn, critical: Quá hạn}", "Nhiệm vụ")
    assert folder.load().rules[0].title == {Level.NOTICE: "Nhiệm vụ", Level.CRITICAL: "Nhiệm vụ"}


def test_where_may_be_left_out(folder: Folder) -> None:
    """A rule without `where` applies to every subject."""
    folder.rules = changed(folder.rules, "    where: status in ('open', 'claimed') and has_deadline\n", "")
    assert folder.load().rules[0].where_text == "true"


def test_the_version_is_that_of_the_bytes(folder: Folder) -> None:
    """The version changes with any byte of any file, a comment's too, and with nothing else."""
    before = folder.load().version
    (folder.path / "calendar.yml").write_text("days: []\n", encoding="utf-8")
    assert folder.load().version == before
    folder.policies += "# ghi chú\n"
    assert folder.load().version != before


def test_windows_files_load(folder: Folder) -> None:
    """A byte order mark and Windows line ends are accepted."""
    folder.rules = "\ufeff" + folder.rules.replace("\n", "\r\n")
    assert folder.load().rules


def test_an_unknown_code_is_a_warning(folder: Folder) -> None:
    """A code that the plan does not know is named at its place, and the rules run."""
    folder.rules = changed(folder.rules, "status in ('open', 'claimed') and has_deadline", "unit = 'CP-BTX'")
    warning = folder.load().warnings[0]
    assert (warning.line, warning.column, warning.found, warning.nearest) == (5, 19, "CP-BTX", "CP-BTC")


def test_an_unknown_rule_is_named_with_the_nearest(folder: Folder) -> None:
    """Asking for a rule that is not there gives the nearest id."""
    with pytest.raises(NotFoundError, match="task-deadline"):
        folder.load().rule("task-deadlin")


# --- typical typos --------------------------------------------------------------------------------------------------

MEASURES = "behind, planned_working_days, working_days_left"
DURATIONS = "1 working day (ngày làm việc), 4 working hours (giờ làm việc), 2h (giờ), 30m (phút), 3 days (ngày), 0"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param(
            "0.5 * planned",
            "0,5*planned",
            "8:24: dấu phẩy thập phân; hãy viết dấu chấm (nếu là hai giá trị thì thêm dấu cách sau dấu phẩy);"
            " gặp: 0,5; có phải ý là: 0.5?",
            id="decimal comma",
        ),
        pytest.param(
            "measure: working_days_left",
            "measure: working_day_left",
            "6:14: chỉ tiêu đo không có trong danh mục; gặp: working_day_left;"
            f" được phép: {MEASURES}; có phải ý là: working_days_left?",
            id="unknown measure",
        ),
        pytest.param(
            "'open'",
            "'opne'",
            "5:23: cột status không có giá trị này; gặp: opne;"
            " được phép: cancelled, claimed, done, open, suspended; có phải ý là: open?",
            id="unknown column value",
        ),
        pytest.param(
            "below:",
            "bellow:",
            f"7:5: khóa không có trong danh mục; gặp: bellow; được phép: {', '.join(RULE_KEYS)}; có phải ý là: below?",
            id="misspelt key",
        ),
        pytest.param(
            "    about: task",
            "\tabout: task",
            "4:1: thụt lề bằng phím Tab; hãy thay bằng dấu cách",
            id="tab indentation",
        ),
        pytest.param(
            "Cập nhật tiến độ.",
            "“Cập nhật tiến độ.”",
            "14:15: dấu ngoặc kép cong; hãy dùng dấu thẳng \" hoặc '; gặp: “",
            id="curly quotes",
        ),
        pytest.param(
            "'open'",
            "‘open’",
            "5:23: dấu ngoặc cong; hãy dùng dấu nháy đơn thẳng '; gặp: ‘",
            id="curly quotes in an expression",
        ),
        pytest.param(
            "about: task", "about task", "4:5: thiếu dấu hai chấm sau tên khóa; gặp: about task", id="missing colon"
        ),
        pytest.param(
            "escalation: head-of-unit",
            "escalation: head-of-unti",
            "13:17: chính sách báo cáo không có trong các tệp; gặp: head-of-unti;"
            " được phép: head-of-unit; có phải ý là: head-of-unit?",
            id="unknown escalation",
        ),
        pytest.param(
            "keep: 1 working day",
            "keep: 1 wroking day",
            f"11:11: không đọc được khoảng thời gian: '1 wroking day'; được phép: {DURATIONS}",
            id="wrong duration",
        ),
        pytest.param(
            "      critical: 0",
            "      crtical: 0",
            "9:7: mức không có trong danh mục; gặp: crtical; được phép: notice, warning, critical;"
            " có phải ý là: critical?",
            id="wrong level name",
        ),
        pytest.param(
            "    for: 0",
            "    above: {notice: 3}",
            "10:12: chỉ được ghi một trong hai khóa below và above",
            id="both below and above",
        ),
    ],
)
def test_typical_typos(folder: Folder, old: str, new: str, expected: str) -> None:
    """Each typical slip of the pen is the first mistake named, with its place and the way out."""
    folder.rules = changed(folder.rules, old, new)
    assert str(folder.mistakes()[0]) == f"alert_rules/deadlines.yml:{expected}"


def test_duplicate_ids(folder: Folder) -> None:
    """An id that another file already has is named with the place of the first."""
    folder.more["more.yml"] = folder.rules
    assert [str(mistake) for mistake in folder.mistakes()] == [
        "alert_rules/more.yml:2:9: mã ghi hai lần, lần đầu ở alert_rules/deadlines.yml:2; gặp: task-deadline"
    ]


# --- margin, period, labels, defaults --------------------------------------------------------------------------------

GUIDANCE = "    guidance: Cập nhật tiến độ.\n"


def test_margin_period_and_labels_load(folder: Folder) -> None:
    """The keys beside the ladder are kept; a label may be a number, and a period may have one end only."""
    more = "    clear: 0.5\n    from: 2026-01-01\n    labels: {linh_vuc: dữ liệu, nam: 2026, khan: no}\n"
    folder.rules += more
    rule = folder.load().rule("task-deadline")
    assert (rule.clear, rule.first_day, rule.last_day) == (0.5, date(2026, 1, 1), None)
    assert rule.labels == {"linh_vuc": "dữ liệu", "nam": "2026", "khan": "no"}


def test_a_period_counts_its_first_and_its_last_day(folder: Folder) -> None:
    """The book of a day has the rules whose period it lies in, and the same book where that is all of them."""
    folder.rules += "    from: 2026-01-05\n    until: 2026-01-09\n"
    book = folder.load()
    days = [date(2026, 1, day) for day in (4, 5, 9, 10)]
    assert [len(book.in_force(day).rules) for day in days] == [0, 1, 1, 0]
    assert book.in_force(days[1]) is book


CLEAR = "khóa clear cần một số từ 0 trở lên, theo đơn vị của chỉ tiêu đo"
DAY = "cần một ngày có thật, viết năm-tháng-ngày"
LABEL = "nhãn cần một từ hoặc câu ngắn, nhiều nhất 100 ký tự"


@pytest.mark.parametrize(
    ("written", "column", "message"),
    [
        ("clear: -1", 12, CLEAR),
        ("clear: 1 working day", 12, CLEAR),
        ("clear: 0,5", 12, "số lẻ viết bằng dấu chấm, không phải dấu phẩy"),
        ("clear: true", 12, CLEAR),
        ("clear: .inf", 12, CLEAR),
        ("clear:", 5, CLEAR),
        ("from: 2026-02-30", 11, f"khóa from {DAY}"),
        ("until: 31/12/2026", 12, f"khóa until {DAY}"),
        ("until: 2026", 12, f"khóa until {DAY}"),
        ("until: ２０２６-01-01", 12, f"khóa until {DAY}"),
        ("{from: 2026-02-01, until: 2026-01-31}", 31, "ngày hết hiệu lực trước ngày bắt đầu hiệu lực (2026-02-01)"),
        ("labels: khẩn", 13, "khóa labels cần một nhóm nhãn: giá trị"),
        ("labels:", 5, "khóa labels cần một nhóm nhãn: giá trị"),
        ("labels: {khan: true}", 20, LABEL),
        ("labels: {khan: }", 14, LABEL),
        (f"labels: {{khan: {'x' * 101}}}", 20, LABEL),
        ("labels: {khan: [a]}", 20, LABEL),
        (
            "labels: {Khẩn: a}",
            14,
            "tên nhãn sai: bắt đầu bằng chữ thường, chỉ gồm chữ thường không dấu, chữ số và gạch dưới",
        ),
        (f"labels: {{{', '.join(f'a{n}: x' for n in range(21))}}}", 13, "quá 20 nhãn"),
    ],
)
def test_a_wrong_key_beside_the_ladder_is_named_at_its_place(
    folder: Folder, written: str, column: int, message: str
) -> None:
    """Margins, days and labels that cannot be taken are refused, each with its own sentence."""
    if written.startswith("{"):
        first, last = written.strip("{}").split(", ")
        folder.rules += f"    {first}\n    {last}\n"
        column = 12
    else:
        folder.rules += f"    {written}\n"
    (mistake,) = folder.mistakes()
    assert mistake.column == column
    assert mistake.message.split("; có ký tự lạ")[0] == message


DEFAULTS = """\
defaults:
  about: task
  keep: 1 working day
  escalation: head-of-unit
  guidance: Cập nhật tiến độ.
  text: {notice: due_soon, critical: overdue}
  source: Kế hoạch 02
  labels: {linh_vuc: chung, cap: tinh}
"""
SHORT = """\
rules:
  - id: task-deadline
    title: Nhiệm vụ
    measure: working_days_left
    below: {critical: 0}
  - id: other
    title: Nhiệm vụ
    measure: behind
    above: {notice: 0.2}
    keep: 0
    text: behind
    labels: {cap: xa}
"""


def test_a_file_says_once_what_its_rules_share(folder: Folder) -> None:
    """A rule takes the file's defaults where it says nothing; its own key wins, and labels are joined."""
    folder.rules = DEFAULTS + SHORT
    one, other = folder.load().rules
    assert (one.about, one.keep, one.escalation, one.source) == (
        "task",
        Duration(1, "working_day"),
        "head-of-unit",
        "Kế hoạch 02",
    )
    assert (one.text[Level.CRITICAL], one.labels) == ("overdue", {"linh_vuc": "chung", "cap": "tinh"})
    assert (other.keep.zero, other.text, other.labels) == (
        True,
        {Level.NOTICE: "behind"},
        {"linh_vuc": "chung", "cap": "xa"},
    )


def test_defaults_are_of_one_file(folder: Folder) -> None:
    """What one file shares does not reach the rules of another."""
    folder.rules = DEFAULTS + SHORT
    folder.more["more.yml"] = SHORT.replace("id: task-deadline", "id: a").replace("id: other", "id: b")
    assert {mistake.file for mistake in folder.mistakes()} == {"alert_rules/more.yml"}


@pytest.mark.parametrize(
    ("old", "new", "place", "message"),
    [
        ("keep: 1 working day", "keep: 1 day off", (3, 9), "không đọc được khoảng thời gian: '1 day off'"),
        ("escalation: head-of-unit", "escalation: nobody", (4, 15), "chính sách báo cáo không có trong các tệp"),
        ("critical: overdue", "critical: overdo", (6, 38), "loại thông báo không có trong danh mục"),
        ("linh_vuc: chung", "linh_vuc: true", (8, 22), "nhãn cần một từ"),
        ("source:", "measure:", (7, 3), "khóa không có trong danh mục"),
        ("defaults:", "default:", (1, 1), "khóa không có trong danh mục"),
    ],
)
def test_a_mistake_in_the_defaults_is_named_there_and_once(
    folder: Folder, old: str, new: str, place: tuple[int, int], message: str
) -> None:
    """However many rules take a wrong default, the mistake stands where it is to be mended."""
    folder.rules = changed(DEFAULTS, old, new) + SHORT
    found = [(one.line, one.column) for one in folder.mistakes() if one.message.startswith(message)]
    assert found == [place]


def test_a_default_that_no_rule_takes_is_a_warning(folder: Folder) -> None:
    """A shared value that every rule overrides does nothing: it is named, and stops nothing."""
    folder.rules = changed(RULES, "rules:", "defaults: {keep: 2h}\nrules:")
    (warning,) = folder.load().warnings
    assert (warning.line, warning.column, warning.found) == (1, 12, "keep")


LADDER = "below:\n      notice: least(7, 0.5 * planned_working_days)\n      critical: 0\n"
BAD_ID = "mã sai: bắt đầu bằng chữ thường, chỉ gồm chữ thường không dấu, chữ số và gạch nối"
THOUSANDS = "dấu chấm là dấu thập phân, không ngăn hàng nghìn; hãy viết liền các chữ số"
NO_CLOCK = "không dùng đồng hồ hay phép tính ngày; hãy dùng chỉ tiêu đã có trong danh mục"

# --- other mistakes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("    title: {notice: Sắp đến hạn, critical: Quá hạn}\n", "", 2, "thiếu khóa title"),
        ("    escalation: head-of-unit\n", "", 2, "thiếu khóa escalation"),
        ("    guidance: Cập nhật tiến độ.\n", "", 2, "thiếu khóa guidance"),
        ("    measure: working_days_left\n", "", 2, "thiếu khóa measure"),
        (", critical: Quá hạn}", "}", 3, "khóa title thiếu mức critical"),
        ("critical: overdue", "critical: overdo", 12, "loại thông báo không có trong danh mục"),
        ("id: task-deadline", "id: Task Deadline", 2, BAD_ID),
        ("about: task", "about: tasks", 4, "quy tắc không thể nói về đối tượng này"),
        ("measure: working_days_left", "measure: status", 6, "chỉ tiêu đo phải là số"),
        ("measure: working_days_left", "measure: 7", 6, "khóa measure cần một câu chữ"),
        ("critical: 0", "critical: [0]", 9, "cần một số hoặc một biểu thức"),
        ("critical: 0", "critical:", 9, "cần một số hoặc một biểu thức"),
        ("critical: 0", "critical: .nan", 9, "không dùng giá trị vô hạn"),
        ("critical: 0", "critical: -1.000", 9, THOUSANDS),
        ("critical: 0", "critical: 1.000.000", 9, THOUSANDS),
        ("critical: 0", "critical: 2026-01-31", 9, "không so sánh với ngày hay giờ; hãy dùng chỉ tiêu đếm ngày"),
        ("critical: 0", "critical: 31/01/2026", 9, "không so sánh với ngày hay giờ; hãy dùng chỉ tiêu đếm ngày"),
        ("critical: 0", "critical: 08:00", 9, "không so sánh với ngày hay giờ; hãy dùng chỉ tiêu đếm ngày"),
        ("critical: 0", "critical: 0o17", 9, "số viết sai"),
        ("about: task", "about: \u200btask", 4, "quy tắc không thể nói về đối tượng này; có ký tự lạ U+200B"),
        ("keep: 1 working day", "keep: \uff11 working day", 11, "không đọc được khoảng thời gian: '\uff11 work"),
        ("keep: 1 working day", "keep: no", 11, "không đọc được khoảng thời gian: 'no'"),
        (LADDER, "below: {critical: 0,5}\n", 7, "dấu phẩy thập phân trong { }; hãy viết số lẻ với dấu chấm"),
        (LADDER, "below: {critical: least(1, 2)}\n", 7, "biểu thức dừng giữa chừng"),
        ("critical: 0", "critical: status = 'open'", 9, "cần số, gặp điều kiện đúng/sai"),
        ("where: status", "where: now() > 1 and status", 5, NO_CLOCK),
        ("keep: 1 working day", "keep: [1]", 11, "khóa keep cần một khoảng thời gian"),
        (LADDER, "below: {}\n", 7, "khóa below cần ít nhất một mức"),
        ("    " + LADDER, "", 2, "thiếu khóa below hoặc above"),
        ("rules:\n", "rules: 7\nx:\n", 1, "khóa rules cần một danh sách có ít nhất một mục"),
        ("rules:\n", "rules:\n  - chữ\n", 2, "cần một nhóm khóa: giá trị"),
    ],
)  # fmt: skip
def test_mistakes_of_a_rule(folder: Folder, old: str, new: str, line: int, message: str) -> None:
    """What a rule lacks or has wrong is named at its line."""
    folder.rules = changed(folder.rules, old, new)
    assert [mistake for mistake in folder.mistakes() if mistake.line == line and mistake.message.startswith(message)]


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("tell: focal_point", "tell: focal_piont", 6, "chức danh không có trong danh mục"),
        ("{tell: focal_point}", "{}", 6, "thiếu khóa tell"),
        ("{tell: focal_point}", "{tell: []}", 6, "khóa tell trống"),
        ("[{tell: focal_point}]", "[]", 6, "khóa notice cần một danh sách có ít nhất một mục"),
        ("{tell: focal_point}", "{after: 2h, tell: head}", 6, "bước đầu tiên không có after: bước này báo ngay"),
        ("{after: 1 working day, tell", "{tell", 7, "bước sau phải ghi after lớn hơn 0"),
        ("{tell: focal_point}", "{tell: head, channels: [fax]}", 6, "kênh gửi không có trong danh mục"),
        ("[head, focal_point]", "[head, head]", 7, "ghi hai lần"),
        ("{tell: focal_point}", "{tell: head, repeat: 0}", 6, "khoảng lặp lại phải lớn hơn 0"),
        ("{tell: focal_point}", "{tell: head, repeat: 2h, times: 0}", 6, "times cần một số nguyên lớn hơn 0"),
        ("{tell: focal_point}", "{tell: head, times: 2}", 6, "times chỉ dùng cùng repeat"),
        ("    cap: 10 working days\n", "", 2, "thiếu khóa cap"),
        ("cap: 10 working days", "cap: 0", 4, "thời hạn cam kết dài nhất phải lớn hơn 0"),
        ("critical:", "criticl:", 7, "mức không có trong danh mục"),
        ("title:", "titel:", 3, "khóa không có trong danh mục"),
        ("{after: 1 working day, tell", "{after: {share: 0.1}, tell", 7, "thiếu khóa at_least"),
        ("{after: 1 working day, tell", "{after: {}, tell", 7, "thiếu khóa share"),
        ("{after: 1 working day, tell", "{after: [2h], tell", 7, "khóa after cần một khoảng thời gian"),
        ("1 working day", share(share="10%"), 7, "share cần một số lớn hơn 0, không quá 1"),
        ("1 working day", share(share="0"), 7, "share cần một số lớn hơn 0, không quá 1"),
        ("1 working day", share(share="1.5"), 7, "share cần một số lớn hơn 0, không quá 1"),
        ("1 working day", share(share="true"), 7, "share cần một số lớn hơn 0, không quá 1"),
        ("1 working day", share(share="1e400"), 7, "share cần một số lớn hơn 0, không quá 1"),
        ("1 working day", share(least="2h"), 7, "khóa at_least cần thời gian làm việc lớn hơn 0"),
        ("1 working day", share(most="3 days"), 7, "khóa at_most cần thời gian làm việc lớn hơn 0"),
        ("1 working day", share(least="0"), 7, "khóa at_least cần thời gian làm việc lớn hơn 0"),
        (
            "1 working day",
            share(least="9 working days"),
            7,
            "at_least không được lớn hơn at_most (3 working days)",
        ),
        (
            "{tell: focal_point}",
            f"{{after: {share()}, tell: head}}",
            6,
            "bước đầu tiên không có after: bước này báo ngay",
        ),
        (
            "tell: superior.head",
            "tell: authority",
            7,
            "sau bước authority phải có bước khác: thường không có cơ quan nào để báo",
        ),
        (
            "[head, focal_point]",
            "[head, authority]",
            7,
            "authority đứng riêng một bước: có khi không có cơ quan nào để báo",
        ),
    ],
)
def test_mistakes_of_a_policy(folder: Folder, old: str, new: str, line: int, message: str) -> None:
    """What a policy lacks or has wrong is named at its line."""
    folder.policies = changed(folder.policies, old, new)
    assert (line, message) in [(mistake.line, mistake.message) for mistake in folder.mistakes()]


CHANNELS = """channels:
  sms:
    quiet_hours: 21:00-07:00
    quiet_days: [weekends, holidays]
    overrides: critical
    digest_cap: 20
  email: {digest_cap: 40}
"""


def test_channels_have_quiet_hours_and_days(folder: Folder) -> None:
    """Hours may cross midnight, days are those of the calendar, and a level overrides them."""
    assert folder.load().channels == {}
    folder.policies += CHANNELS
    night = (time(21), time(7))
    assert folder.load().channels == {
        "sms": ChannelRules(night, frozenset({"weekends", "holidays"}), Level.CRITICAL, 20),
        "email": ChannelRules(digest_cap=40),
    }


@pytest.mark.parametrize(
    ("old", "new", "line", "message", "nearest"),
    [
        ("  sms:", "  smss:", 2, "khóa không có trong danh mục", "sms"),
        ("quiet_hours: 21", "quiet_hour: 21", 3, "khóa không có trong danh mục", "quiet_hours"),
        ("21:00-07:00", "21-07", 3, "giờ yên lặng không đọc được", ""),
        ("21:00-07:00", "21:00-24:00", 3, "giờ yên lặng không đọc được", ""),
        ("21:00-07:00", "[1, 2]", 3, "giờ yên lặng không đọc được", ""),
        (
            "21:00-07:00",
            "07:00-07:00",
            3,
            "giờ bắt đầu và giờ kết thúc phải khác nhau: như thế này không lúc nào gửi được",
            "",
        ),
        ("[weekends, holidays]", "weekend", 4, "ngày yên lặng không có trong danh mục", "weekends"),
        ("[weekends, holidays]", "[holidays, holidays]", 4, "ghi hai lần", ""),
        ("overrides: critical", "overrides: criticl", 5, "mức không có trong danh mục", "critical"),
        ("digest_cap: 20", "digest_cap: 0", 6, "digest_cap cần một số nguyên từ 1 đến 500", ""),
        ("digest_cap: 20", "digest_cap: true", 6, "digest_cap cần một số nguyên từ 1 đến 500", ""),
        ("digest_cap: 40", "overrides: critical", 7, "overrides chỉ dùng cùng quiet_hours hoặc quiet_days", ""),
        ("{digest_cap: 40}", "40", 7, "cần một nhóm khóa: giá trị", ""),
    ],
)
def test_mistakes_of_a_channel(folder: Folder, old: str, new: str, line: int, message: str, nearest: str) -> None:
    """What a channel has wrong is named at its line, with the nearest right word."""
    folder.more["channels.yml"] = changed(CHANNELS, old, new)
    assert (line, message, nearest) in [(one.line, one.message, one.nearest) for one in folder.mistakes()]


def test_a_channel_stands_in_one_file_only(folder: Folder) -> None:
    """Two files that both say when messages leave contradict each other some day: the second one is a mistake."""
    folder.policies += CHANNELS
    folder.more["z.yml"] = CHANNELS
    messages = [str(one.message) for one in folder.mistakes()]
    assert len(messages) == 2
    assert all("kênh ghi hai lần, lần đầu ở" in one for one in messages)


def test_a_level_without_steps(folder: Folder) -> None:
    """A rule that reaches a level for which its policy has no step is a mistake at load."""
    folder.policies = changed(folder.policies, "      notice: [{tell: focal_point}]\n", "")
    assert [mistake.message for mistake in folder.mistakes()] == [
        "chính sách head-of-unit không có bước nào cho mức notice của quy tắc task-deadline"
    ]


@pytest.mark.parametrize(
    ("direction", "ladder", "wrong"),
    [
        ("below", "{notice: 7, warning: 3, critical: 0}", []),
        ("above", "{notice: 7, warning: 3, critical: 9}", ["warning"]),
        ("above", "{notice: 0.1, critical: 0.3}", []),
        ("below", "{notice: 3, critical: 3}", ["critical"]),
        ("below", "{notice: 1, warning: 1 + 1, critical: 3}", ["warning", "critical"]),
        ("below", "{notice: 1, warning: planned_working_days, critical: 3}", ["critical"]),
    ],
)
def test_ladders_run_one_way(folder: Folder, direction: str, ladder: str, wrong: list[str]) -> None:
    """Constant thresholds must fall under `below` and rise under `above`; equal ones would hide a level."""
    document = parse_document(f"measure: behind\n{direction}: {ladder}\nabout: task\n".encode(), "rules.yml")
    entry = Entry(document, (), [])
    read_rule(entry, Vocabulary(CATALOGUE, KINDS, {}))
    found = [mistake.message for mistake in entry.mistakes if mistake.message.startswith("bậc ngưỡng ngược")]
    assert [message.split()[4] for message in found] == wrong


def test_mistakes_of_all_files_at_once(folder: Folder) -> None:
    """One load names the mistakes of every file, in the order of files and lines, and takes nothing."""
    folder.rules = changed(changed(folder.rules, "'open'", "'opne'"), "keep:", "kepe:")
    folder.policies = changed(folder.policies, "tell: focal_point", "tell: boss")
    folder.more["broken.yml"] = "rules:\n  - id: a\n   title: b\n"
    places = [(mistake.file.removeprefix("alert_rules/"), mistake.line) for mistake in folder.mistakes()]
    assert places == [("broken.yml", 3), ("deadlines.yml", 5), ("deadlines.yml", 11), ("escalations.yml", 6)]


@pytest.mark.parametrize("size", range(1, len(RULES.encode()) - 30, 37))
def test_half_written_files(folder: Folder, size: int) -> None:
    """A file that an editor has only half written is refused, wherever it stops."""
    folder.rules = RULES.encode()[:size].decode(errors="ignore")
    assert folder.mistakes()


def test_empty_and_misnamed_files(folder: Folder) -> None:
    """Empty files, folders without rules, and files that would be passed over for their names are mistakes."""
    (folder.path / "empty.yml").write_bytes(b"")
    assert folder.mistakes()[0].message == "tệp trống hoặc chưa ghi xong"
    (folder.path / "empty.yml").rename(folder.path / "empty.yaml")
    assert folder.mistakes()[0].message == "tệp này không được đọc: tên tệp quy tắc phải có đuôi .yml"


def test_folders_without_rules(tmp_path: Path) -> None:
    """A folder that is missing, is empty, or has policies only, is a mistake."""
    messages = []
    for prepare in (tmp_path.rmdir, tmp_path.mkdir, lambda: (tmp_path / "a.yml").write_text(POLICIES)):
        prepare()
        with pytest.raises(MistakesError) as error:
            load_rulebook(tmp_path, CATALOGUE, KINDS)
        messages.append(error.value.mistakes[0].message)
    assert messages[1:] == ["thư mục không có tệp quy tắc nào", "thư mục không có quy tắc nào"]
    assert messages[0].startswith("không đọc được thư mục quy tắc: ")


@pytest.mark.skipif(os.name != "posix", reason="folders as files are made on POSIX here")
def test_a_folder_named_like_a_file(folder: Folder) -> None:
    """What looks like a rule file and is none is a mistake of its own; the other files are still checked."""
    (folder.path / "x.yml").mkdir()
    assert [mistake.message for mistake in folder.mistakes()] == ["không phải là tệp thường"]


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(RULES)), st.integers(0, 12), st.text(alphabet="ab:-{}[],'\"\n |>&*!#0.=“é(", max_size=8))
def test_any_change_gives_rules_or_mistakes(start: int, length: int, text: str) -> None:
    """A rule file with anything anywhere in it gives rules, or mistakes with their places; never another exception."""
    content = RULES[:start] + text + RULES[start + length :]
    mistakes: list[Mistake] = []
    try:
        document = parse_document(content.encode(), "rules.yml")
    except MistakesError as error:
        mistakes.extend(error.mistakes)
    else:
        for index in range(2):
            read_rule(Entry(document, ("rules", index), mistakes), Vocabulary(CATALOGUE, KINDS, CODES))
    assert all(mistake.message for mistake in mistakes)


SHIPPED = Path(__file__).parents[3] / "alert_rules"


def test_the_shipped_rules_load() -> None:
    """The rules that ship are right, over the measures and the kinds of text that the program has."""
    book = load_rulebook(
        SHIPPED, {about: columns_of(about) for about in plan_catalogue.CATALOGUE}, [kind.value for kind in Kind]
    )
    tasks = {"deadline", "no-deadline", "milestone-overdue", "baseline-passed"}
    tasks |= {"slip-unauthorised", "slip-on-eve", "slips-repeated", "behind", "projected-late", "silent"}
    tasks |= {"unchanged", "nearly-done", "unproven", "claimed", "went-back", "colour", "clears"}
    tasks |= {"handed-over", "unanswered", "promise-broken"}
    shipped = {f"task-{name}" for name in tasks} | {
        *("obstacle-unnamed", "obstacle-unanswered", "source-late", "rule-failing", "rules-refused", "data-missing"),
        *("unit-overdue", "unit-colour", "unit-unreported", "unit-on-time"),
        *("kpi-shortfall", "kpi-events", "kpi-behind-path", "kpi-falls", "kpi-worse-on-year", "kpi-missing"),
        "platform-availability",
    }
    assert {rule.id for rule in book.rules} == shipped
    assert not book.warnings


@pytest.mark.parametrize("name", sorted(path.name for path in SHIPPED.glob("*.yml") if path.name != "calendar.yml"))
def test_shipped_files_say_whom_they_warn_and_why(name: str) -> None:
    """Each shipped rule file opens with two lines of comment."""
    lines = (SHIPPED / name).read_text(encoding="utf-8").splitlines()
    assert all(line.startswith("# ") for line in lines[:2])
    assert lines[1].startswith("# Lý do: ")


TWO = RULES + RULES.removeprefix("rules:\n").replace("id: task-deadline", "id: task-late")


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("task-lat", "quy tắc không có trong các tệp"),
        ("task-deadline", "chính nó"),
        ("[task-late, task-late]", "ghi hai lần"),
        ("[]", "trống"),
        ("3", "cần mã"),
    ],
)
def test_what_explains_a_rule_is_another_rule(tmp_path: Path, key: str, said: str) -> None:
    """`inhibited_by` names rules that are there, not the rule itself, each once; the mistake has its line."""
    line = "    escalation: head-of-unit\n"
    rules = TWO.replace(line, f"{line}    inhibited_by: {key}\n", 1)
    with pytest.raises(MistakesError) as caught:
        Folder(tmp_path, rules=rules).load()
    assert any(said in mistake.message and mistake.line == 14 for mistake in caught.value.mistakes)


def test_rules_that_explain_one_another_are_a_mistake(tmp_path: Path) -> None:
    """A ring would mute all of its alerts at once; named once, with its way round."""
    line = "    escalation: head-of-unit\n"
    first, second = TWO.split("  - id: task-late")
    rules = first.replace(line, f"{line}    inhibited_by: task-late\n") + "  - id: task-late"
    rules += second.replace(line, f"{line}    inhibited_by: [task-deadline]\n")
    with pytest.raises(MistakesError) as caught:
        Folder(tmp_path, rules=rules).load()
    assert [mistake.found for mistake in caught.value.mistakes] == ["task-deadline → task-late → task-deadline"]


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("task-late", "quy tắc này vẫn còn, ở "),
        ("task-deadline", "quy tắc không thể thay thế chính nó"),
        ("[old, old]", "ghi hai lần"),
        ("[]", "khóa replaces trống"),
        ("3", "khóa replaces cần mã của quy tắc khác"),
        ("Quy tắc cũ", "không thể là mã của một quy tắc cũ"),
    ],
)
def test_what_a_rule_replaces_is_there_no_more(tmp_path: Path, key: str, said: str) -> None:
    """`replaces` names rules that are gone, not the rule itself nor one in the folder; the mistake has its line."""
    line = "    escalation: head-of-unit\n"
    rules = TWO.replace(line, f"{line}    replaces: {key}\n", 1)
    with pytest.raises(MistakesError) as caught:
        Folder(tmp_path, rules=rules).load()
    assert any(said in mistake.message and mistake.line == 14 for mistake in caught.value.mistakes)


def test_a_rule_is_replaced_once(tmp_path: Path) -> None:
    """Two rules cannot both take over the alerts of a third; one may take over several, known or not."""
    line = "    escalation: head-of-unit\n"
    twice = TWO.replace(line, f"{line}    replaces: old\n")
    with pytest.raises(MistakesError, match="quy tắc này đã được task-deadline thay thế"):
        Folder(tmp_path, rules=twice).load()
    once = TWO.replace(line, f"{line}    replaces: [old, older]\n", 1)
    assert Folder(tmp_path, rules=once).load().rules[0].replaces == ("old", "older")


def test_a_rule_that_is_over_may_stay_beside_the_one_that_replaces_it(tmp_path: Path) -> None:
    """Its last day lies before the first day of the other: on no day are both in force."""
    line = "    escalation: head-of-unit\n"
    first, second = TWO.split("  - id: task-late")
    new = first.replace(line, f"{line}    from: 2026-01-01\n    replaces: task-late\n") + "  - id: task-late"
    over = new + second.replace(line, f"{line}    until: 2025-12-31\n")
    assert Folder(tmp_path, rules=over).load().rules[0].replaces == ("task-late",)
    both = new + second.replace(line, f"{line}    until: 2026-01-01\n")
    with pytest.raises(MistakesError, match="vẫn còn"):
        Folder(tmp_path, rules=both).load()


@pytest.mark.parametrize("key", ["replaces", "inhibited_by", "id"])
def test_what_names_rules_is_never_shared(tmp_path: Path, key: str) -> None:
    """A file's defaults say neither which rules a rule replaces nor which explain it."""
    with pytest.raises(MistakesError, match=rf"khóa không có trong danh mục; gặp: {key}"):
        Folder(tmp_path, rules=f"defaults: {{{key}: old}}\n{TWO}").load()
