"""The files of an import and their columns: one table, from which reading, checking and docs/import.md are made."""

from __future__ import annotations

from collections.abc import Mapping

from warnwatch.language import Phrase
from warnwatch.plan.cell_words import (
    CALENDAR_MODE,
    COLOUR,
    DECISION_KIND,
    DIRECTION,
    LANGUAGE,
    METHOD,
    OFFICE,
    OPERATOR,
    PERIOD,
    STATUS,
    UNIT_CHANGE,
)
from warnwatch.plan.column import Column, File, Keeping, Type, plain

_SOURCE = Column("source", "Nguồn", Type.TEXT, Phrase("văn bản, bài báo hoặc hệ thống mà dòng này lấy từ đó"))
RECORDED_AT = Column(
    "recorded_at",
    "Ghi nhận lúc",
    Type.START,
    Phrase("chỉ dùng với --history, và khi đó bắt buộc: lúc dòng này được ghi nhận"),
    required=True,
)

_UNITS = File(
    "units",
    "Đơn vị",
    Phrase("cây đơn vị"),
    (
        Column("code", "Mã đơn vị", Type.CODE, Phrase("không chứa dấu /"), required=True),
        Column("name", "Tên đơn vị", Type.TEXT, required=True),
        Column("short_name", "Tên viết tắt", Type.TEXT, Phrase("dùng ở tiêu đề thư")),
        Column(
            "kind", "Loại đơn vị", Type.TEXT, Phrase("ví dụ bo, tinh_uy; co_quan_thuong_truc là cơ quan thường trực")
        ),
        Column("bloc", "Khối", Type.TEXT, Phrase("ví dụ DANG, CHINH_PHU, DIA_PHUONG")),
        Column("parent", "Đơn vị cấp trên", Type.CODE, refers="units"),
        Column("head_title", "Chức danh người đứng đầu", Type.TEXT),
        Column("valid_from", "Từ ngày", Type.DATE, Phrase("ngày đơn vị bắt đầu hoạt động")),
        Column("valid_to", "Đến ngày", Type.DATE, Phrase("ngày cuối cùng đơn vị hoạt động")),
        _SOURCE,
    ),
    table="unit",
    kind="unit",
)

_UNIT_CHANGES = File(
    "unit_changes",
    "Thay đổi đơn vị",
    Phrase(
        "đơn vị sáp nhập, chia tách, đổi tên, chuyển cấp trên, đổi loại từ một ngày; nhập trước ngày đó được; "
        "cùng đơn vị, ngày và đơn vị tiếp nhận mà nội dung khác là đính chính"
    ),
    (
        Column("unit", "Đơn vị", Type.CODE, Phrase("đơn vị thay đổi"), required=True, refers="units"),
        Column(
            "kind",
            "Loại thay đổi",
            Type.WORD,
            Phrase("một dòng đổi được nhiều mục; void là bỏ một dòng đã nhập"),
            required=True,
            words=UNIT_CHANGE,
        ),
        Column("effective_on", "Từ ngày", Type.DATE, Phrase("ngày thay đổi có hiệu lực"), required=True),
        Column(
            "successor",
            "Đơn vị tiếp nhận",
            Type.CODE,
            Phrase("khi sáp nhập; khi chia tách, mỗi dòng một"),
            refers="units",
        ),
        Column(
            "main", "Tiếp nhận chính", Type.FLAG, Phrase("khi chia tách: nhận nhiệm vụ chưa giao riêng"), default=False
        ),
        Column("name", "Tên mới", Type.TEXT),
        Column(
            "short_name", "Tên viết tắt mới", Type.TEXT, Phrase("có tên mới mà bỏ trống thì không còn tên viết tắt")
        ),
        Column("unit_kind", "Loại đơn vị mới", Type.TEXT),
        Column("bloc", "Khối mới", Type.TEXT),
        Column("parent", "Đơn vị cấp trên mới", Type.CODE, refers="units"),
        Column("head_title", "Chức danh người đứng đầu mới", Type.TEXT),
        Column("decision", "Số văn bản", Type.TEXT, Phrase("ví dụ 1678/NQ-UBTVQH15")),
        _SOURCE,
    ),
    key=("unit", "effective_on", "successor"),
    keeping=Keeping.APPENDED,
    table="unit_change",
    kind="unit",
    subject="unit",
)

_POSTS = File(
    "posts",
    "Chức vụ",
    Phrase("chức vụ của đơn vị; mã chức vụ là `đơn vị/chức vụ`, ví dụ `BNV/head`"),
    (
        Column("unit", "Đơn vị", Type.CODE, required=True, refers="units"),
        Column("office", "Chức vụ", Type.WORD, required=True, words=OFFICE),
        Column("title", "Chức danh", Type.TEXT, Phrase("ví dụ Bộ trưởng")),
    ),
    key=("unit", "office"),
    table="post",
    kind="unit",
    subject="unit",
    derived=True,
)

_HOLDERS = File(
    "holders",
    "Người giữ chức vụ",
    Phrase("ai giữ chức vụ nào, nhận tin ở đâu; không ghi họ tên"),
    (
        Column(
            "code",
            "Mã người giữ chức vụ",
            Type.CODE,
            Phrase("ví dụ `BNV/head/1`; người sau mang mã khác"),
            required=True,
        ),
        Column(
            "post",
            "Mã chức vụ",
            Type.CODE,
            Phrase("`đơn vị/chức vụ`, có trong posts.csv"),
            required=True,
            refers="posts",
        ),
        Column("acting", "Quyền hoặc phụ trách", Type.FLAG, default=False),
        Column("email", "Thư điện tử", Type.EMAIL),
        Column("phone", "Điện thoại", Type.PHONE),
        Column(
            "language",
            "Ngôn ngữ",
            Type.WORD,
            Phrase("bỏ trống: ngôn ngữ chung (`plan.language`)"),
            words=LANGUAGE,
            default="",
        ),
        Column("valid_from", "Từ ngày", Type.DATE),
        Column("valid_to", "Đến ngày", Type.DATE),
    ),
    table="holder",
    kind="unit",
    subject="post",
)

_TASKS = File(
    "tasks",
    "Nhiệm vụ",
    Phrase("nhiệm vụ có thời hạn; mỗi nhiệm vụ đúng một đơn vị chủ trì"),
    (
        Column("code", "Mã nhiệm vụ", Type.CODE, required=True),
        Column("title", "Tên nhiệm vụ", Type.TEXT, required=True),
        Column("description", "Nội dung", Type.LONG_TEXT),
        Column(
            "lead_unit",
            "Đơn vị chủ trì",
            Type.LEAD,
            Phrase("giao cho một nhóm thì thành mỗi đơn vị một nhiệm vụ"),
            required=True,
            refers="units",
        ),
        Column("collaborators", "Đơn vị phối hợp", Type.TEXT, Phrase("để nguyên như văn bản")),
        Column("group", "Nhóm nhiệm vụ", Type.INTEGER, column="group_no"),
        Column("phase", "Giai đoạn", Type.INTEGER),
        Column("start", "Ngày bắt đầu", Type.START, column="start_at"),
        Column("due", "Thời hạn", Type.END, Phrase("chỉ đổi được khi cột decision có số quyết định"), column="due_at"),
        Column("due_text", "Thời hạn theo văn bản", Type.TEXT, Phrase("nguyên văn")),
        Column("decision", "Số quyết định", Type.TEXT, Phrase("cho phép đổi thời hạn, tạm dừng, thôi thực hiện")),
        Column("calendar_mode", "Cách tính ngày", Type.WORD, words=CALENDAR_MODE, default="working_days"),
        Column("status", "Trạng thái", Type.WORD, words=STATUS, default="open"),
        Column("claimed_at", "Báo cáo hoàn thành lúc", Type.END),
        Column(
            "done_at",
            "Hoàn thành lúc",
            Type.END,
            Phrase("lúc hoàn thành đã được xác nhận; bắt buộc khi trạng thái là done"),
        ),
        Column("verifier", "Người xác nhận", Type.TEXT, Phrase("chức vụ, không phải họ tên")),
        Column("assigning_document", "Văn bản giao", Type.TEXT),
        Column("owner_role", "Rõ người", Type.TEXT, Phrase("chức vụ trực tiếp làm")),
        Column("accountable_head", "Rõ trách nhiệm", Type.TEXT, Phrase("chức vụ chịu trách nhiệm")),
        Column("focal_point", "Đầu mối", Type.TEXT),
        Column("expected_result", "Kết quả, sản phẩm", Type.LONG_TEXT),
        Column("evidence_type", "Loại minh chứng", Type.TEXT),
        Column(
            "decision_authority",
            "Rõ thẩm quyền",
            Type.CODE,
            Phrase("đơn vị được quyền đổi thời hạn; bỏ trống là cấp trên của đơn vị chủ trì"),
            refers="units",
        ),
        Column("weight", "Trọng số", Type.NUMBER, Phrase("từ 0 trở lên"), default=1),
        Column("parent", "Nhiệm vụ cha", Type.CODE, refers="tasks"),
        Column("judged", "Có đánh giá", Type.FLAG, Phrase("không: chỉ để gom các nhiệm vụ con"), default=True),
        Column("confidential", "Mật", Type.SECRECY, default=False),
        _SOURCE,
    ),
    table="task",
    kind="task",
)

_MILESTONES = File(
    "milestones",
    "Mốc",
    Phrase("mốc của nhiệm vụ"),
    (
        Column("code", "Mã mốc", Type.CODE, required=True),
        Column("task", "Mã nhiệm vụ", Type.CODE, required=True, refers="tasks"),
        Column("title", "Tên mốc", Type.TEXT, required=True),
        Column("due", "Thời hạn", Type.END, column="due_at"),
        Column("done_at", "Hoàn thành lúc", Type.END),
    ),
    table="milestone",
    kind="task",
    subject="task",
)

_DECISIONS = File(
    "decisions",
    "Quyết định",
    Phrase("quyết định về nhiệm vụ; đã nhập thì không sửa"),
    (
        Column("number", "Số quyết định", Type.TEXT, required=True),
        Column("task", "Mã nhiệm vụ", Type.CODE, required=True, refers="tasks"),
        Column("kind", "Loại quyết định", Type.WORD, required=True, words=DECISION_KIND),
        Column("authority", "Cơ quan quyết định", Type.CODE, required=True, refers="units"),
        Column("decided_on", "Ngày quyết định", Type.DATE, required=True),
        Column("note", "Ghi chú", Type.LONG_TEXT),
    ),
    key=("number", "task"),
    keeping=Keeping.FINAL,
    table="decision",
    kind="task",
    subject="task",
)

_REPORTS = File(
    "reports",
    "Báo cáo",
    Phrase("báo cáo tiến độ; cùng nhiệm vụ, thời điểm và nơi báo cáo mà nội dung khác là đính chính"),
    (
        Column("task", "Mã nhiệm vụ", Type.CODE, required=True, refers="tasks"),
        Column("reported_at", "Báo cáo lúc", Type.END, required=True),
        Column("reporter", "Nơi báo cáo", Type.TEXT, Phrase("đơn vị hoặc chức vụ, không phải họ tên"), required=True),
        Column("progress", "Tiến độ", Type.FRACTION, Phrase("45% hoặc 0,45; số 1 là 100%")),
        Column("note", "Tình hình", Type.LONG_TEXT),
        Column("evidence", "Minh chứng", Type.LONG_TEXT),
        Column("claims_completion", "Báo đã hoàn thành", Type.FLAG, default=False),
        Column("colour", "Màu tự đánh giá", Type.WORD, words=COLOUR),
        Column("obstacle", "Vướng mắc", Type.LONG_TEXT),
        Column("obstacle_reason", "Vì sao vượt thẩm quyền", Type.LONG_TEXT),
        Column("obstacle_authority", "Cơ quan tháo gỡ", Type.TEXT),
        _SOURCE,
    ),
    key=("task", "reported_at", "reporter"),
    keeping=Keeping.APPENDED,
    table="report",
    kind="report",
    subject="task",
)

_KPIS = File(
    "kpis",
    "Chỉ tiêu",
    Phrase("chỉ tiêu đo được"),
    (
        Column("code", "Mã chỉ tiêu", Type.CODE, Phrase("không chứa dấu /"), required=True),
        Column("name", "Tên chỉ tiêu", Type.TEXT, required=True),
        Column("measure_unit", "Đơn vị tính", Type.TEXT, Phrase("ví dụ %, ngày, phút")),
        Column("direction", "Chiều tốt", Type.WORD, required=True, words=DIRECTION),
        Column("period", "Kỳ", Type.WORD, required=True, words=PERIOD),
        Column("subject_level", "Cấp áp dụng", Type.TEXT, Phrase("`nền tảng` với mức sẵn sàng của nền tảng số")),
        Column("operator", "Phép so", Type.WORD, required=True, words=OPERATOR),
        Column("threshold", "Ngưỡng", Type.NUMBER, Phrase("theo đơn vị tính, không ghi dấu %")),
        Column("legal_basis", "Căn cứ", Type.TEXT),
        Column("keeper", "Đơn vị giữ số liệu", Type.CODE, refers="units"),
        Column("method", "Cách tính", Type.WORD, Phrase("bỏ trống là theo số liệu"), words=METHOD),
        Column(
            "lag", "Số ngày chờ số liệu", Type.INTEGER, Phrase("ngày làm việc từ khi hết kỳ đến khi phải có số liệu")
        ),
        Column(
            "comparable_from", "So sánh được từ", Type.DATE, Phrase("ngày đầu của thang đo mới, khi cách đo thay đổi")
        ),
        _SOURCE,
        Column("note", "Ghi chú", Type.LONG_TEXT),
    ),
    table="kpi",
    kind="kpi",
)

_TARGETS = File(
    "targets",
    "Mục tiêu",
    Phrase("mục tiêu của một đơn vị về một chỉ tiêu"),
    (
        Column("kpi", "Mã chỉ tiêu", Type.CODE, required=True, refers="kpis"),
        Column("unit", "Đơn vị", Type.CODE, required=True, refers="units"),
        Column("baseline", "Giá trị gốc", Type.NUMBER),
        Column("target", "Mục tiêu", Type.NUMBER),
        Column("start_on", "Từ ngày", Type.DATE),
        Column("due_on", "Đến ngày", Type.DATE),
        Column("path", "Lộ trình", Type.PATH, Phrase("ví dụ `2026-06-30=40; 2026-12-31=70`, theo thứ tự ngày")),
    ),
    key=("kpi", "unit"),
    table="target",
    kind="kpi",
    subject="kpi",
    derived=True,
)

_READINGS = File(
    "readings",
    "Số liệu",
    Phrase("số liệu của một đơn vị về một chỉ tiêu, cho một kỳ hoặc một sự kiện; cùng kỳ mà số khác là đính chính"),
    (
        Column("kpi", "Mã chỉ tiêu", Type.CODE, required=True, refers="kpis"),
        Column("unit", "Đơn vị", Type.CODE, required=True, refers="units"),
        Column("period", "Kỳ", Type.PERIOD, Phrase("2026, 2026-H1, 2026-Q2, 2026-06, 2026-W26 hoặc 2026-06-30")),
        Column("occurred_at", "Xảy ra lúc", Type.END, Phrase("với chỉ tiêu theo sự kiện, thay cho kỳ")),
        Column("reference", "Ký hiệu sự kiện", Type.TEXT, Phrase("bắt buộc khi có occurred_at, ví dụ số giấy mời")),
        Column("value", "Giá trị", Type.NUMBER, Phrase("hoặc tử số và mẫu số")),
        Column("numerator", "Tử số", Type.NUMBER),
        Column("denominator", "Mẫu số", Type.NUMBER, Phrase("khác 0")),
        _SOURCE,
    ),
    key=("kpi", "unit", "period", "occurred_at", "reference"),
    keeping=Keeping.APPENDED,
    table="reading",
    kind="kpi",
    subject="kpi",
)

_SOURCES = File(
    "sources",
    "Nguồn",
    Phrase("nguồn số liệu và đơn vị giữ nguồn"),
    (
        Column("code", "Mã nguồn", Type.CODE, required=True),
        Column("title", "Tên nguồn", Type.TEXT, required=True),
        Column("keeper", "Đơn vị giữ nguồn", Type.CODE, refers="units"),
        Column("rhythm", "Nhịp cập nhật", Type.TEXT, Phrase("ví dụ hằng tuần")),
    ),
    table="source",
    kind="source",
)

# In the order of writing: what a row refers to stands before it.
FILES: Mapping[str, File] = {
    one.name: one
    for one in (
        _UNITS,
        _UNIT_CHANGES,
        _POSTS,
        _HOLDERS,
        _TASKS,
        _MILESTONES,
        _DECISIONS,
        _REPORTS,
        _KPIS,
        _TARGETS,
        _READINGS,
        _SOURCES,
    )
}


def find_column(file: File, header: str, *, history: bool = False) -> Column | None:
    """Find the column that a header names, in English or Vietnamese; None when it names none."""
    wanted = plain(header).rstrip("(*) ")  # forms mark their required columns so
    columns = (*file.columns, RECORDED_AT) if history else file.columns
    return next((one for one in columns if wanted in (plain(one.name), plain(one.vietnamese))), None)


def find_file(name: str) -> File | None:
    """Find the file that a sheet's name means, in English or Vietnamese; None when it means none."""
    wanted = plain(name)
    return next((one for one in FILES.values() if wanted in (one.name, plain(one.vietnamese))), None)
