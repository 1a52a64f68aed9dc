"""Whether the rows of an import fit together and fit the stored plan. Plain frames in; findings and deadlines out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import polars as pl

from warnwatch.language import Phrase
from warnwatch.plan.column import Column, Keeping
from warnwatch.plan.columns import FILES
from warnwatch.plan.differences import WAS, Difference
from warnwatch.plan.findings import Findings, Say, Sheet, moment
from warnwatch.plan.phones import is_mobile

DEADLINE_COLUMNS = {
    "task": pl.String,
    "due_at": pl.Int64,
    "due_text": pl.String,
    "decision": pl.String,
    "authorised": pl.Boolean,
    "recorded_at": pl.Int64,
}


@dataclass(frozen=True, slots=True)
class Rule:
    """A row is wrong (or only odd) when `wrong` is true; `column` is the one to mend."""

    wrong: pl.Expr
    column: str
    say: Say
    odd: bool = False


def _col(name: str) -> pl.Expr:
    return pl.col(name)


_FROM_TO = Rule(
    _col("valid_from") > _col("valid_to"),
    "valid_to",
    Say(Phrase("ngày kết thúc trước ngày bắt đầu"), Phrase("từ valid_from trở đi")),
)
_SETTLED = _col("status").is_in(["done", "suspended", "cancelled"])
_RULES: Mapping[str, tuple[Rule, ...]] = {
    "units": (_FROM_TO,),
    "holders": (_FROM_TO,),
    "tasks": (
        Rule(
            _SETTLED & _col("verifier").is_null() & _col("decision").is_null(),
            "status",
            Say(
                Phrase("trạng thái này cần người xác nhận (verifier) hoặc số quyết định (decision)"),
                Phrase("điền một trong hai cột đó"),
            ),
        ),
        Rule(
            (_col("status") == "done") & _col("done_at").is_null(),
            "done_at",
            Say(
                Phrase("nhiệm vụ đã hoàn thành mà không có lúc hoàn thành"),
                Phrase("ngày giờ hoàn thành đã được xác nhận"),
            ),
        ),
        Rule(_col("weight") < 0, "weight", Say(Phrase("trọng số âm"), Phrase("từ 0 trở lên"))),
        Rule(
            (_col("status") != "done") & _col("done_at").is_not_null(),
            "done_at",
            Say(Phrase("có lúc hoàn thành mà trạng thái không phải là done: chưa tính là hoàn thành")),
            odd=True,
        ),
        Rule(
            (_col("status") == "claimed") & _col("claimed_at").is_null(),
            "claimed_at",
            Say(Phrase("báo hoàn thành mà không ghi lúc báo")),
            odd=True,
        ),
        Rule(_col("done_at") < _col("start_at"), "done_at", Say(Phrase("hoàn thành trước khi bắt đầu")), odd=True),
        Rule(_col("due_at") < _col("start_at"), "due_at", Say(Phrase("thời hạn trước ngày bắt đầu")), odd=True),
    ),
    "targets": (
        Rule(
            _col("start_on") > _col("due_on"),
            "due_on",
            Say(Phrase("ngày kết thúc trước ngày bắt đầu"), Phrase("từ start_on trở đi")),
        ),
    ),
    "readings": (
        Rule(
            _col("period").is_null() == _col("occurred_at").is_null(),
            "period",
            Say(
                Phrase("số liệu phải cho một kỳ (period) hoặc một sự kiện (occurred_at)"),
                Phrase("điền đúng một trong hai cột"),
            ),
        ),
        Rule(
            _col("occurred_at").is_not_null() & _col("reference").is_null(),
            "reference",
            Say(
                Phrase("số liệu của sự kiện thiếu ký hiệu sự kiện"),
                Phrase("ký hiệu phân biệt sự kiện, ví dụ số giấy mời"),
            ),
        ),
        Rule(
            _col("value").is_null() & (_col("numerator").is_null() | _col("denominator").is_null()),
            "value",
            Say(Phrase("thiếu giá trị"), Phrase("giá trị, hoặc cả tử số và mẫu số")),
        ),
        Rule(
            _col("denominator") == 0,
            "denominator",
            Say(Phrase("mẫu số bằng 0: không tính được giá trị, giữ nguyên cảnh báo hiện có"), Phrase("khác 0")),
            odd=True,
        ),
    ),
}


def check_rows(one: Difference, findings: Findings) -> None:
    """Check each row by itself; rows with a wrong cell have been reported and are passed by."""
    told = {mistake.line for mistake in findings.mistakes if mistake.file == one.sheet.name}
    rows = one.rows.filter(~pl.col("row").is_in(pl.Series(list(told), dtype=pl.UInt32).implode()))
    for rule in _RULES.get(one.file.name, ()):
        found = rows.filter(rule.wrong)
        if rule.odd:
            findings.odd_rows(one.sheet, found, rule.column, rule.say)
        else:
            findings.about_rows(one.sheet, found, rule.column, rule.say)
    if one.file.keeping is Keeping.FINAL:
        say = Say(
            Phrase("quyết định này đã nhập với nội dung khác"),
            Phrase("nội dung đã nhập, hoặc một quyết định mới mang số khác"),
        )
        findings.about_rows(one.sheet, rows.filter("changed"), one.file.key[0], say)


def check_references(one: Difference, column: Column, unknown: Mapping[str, str], findings: Findings) -> None:
    """Refuse codes that neither the plan nor the file of the column has: `unknown`, each with the one most like it."""
    if column.stored not in one.sheet.headers or not unknown:
        return
    names = pl.Series(list(unknown), dtype=pl.String)
    place: str = f"{column.refers}.csv"
    if one.sheet.name in findings.sheets:  # who fills in a workbook knows no files
        place = Phrase("trang “{sheet}”", sheet=FILES[column.refers].vietnamese)
    rows = one.sheet.frame.filter(pl.col(column.stored).is_in(names.implode()))
    for row, found in rows.select("row", column.stored).iter_rows():
        say = Say(
            Phrase("mã không có trong {place} và chưa được lưu", place=place),
            Phrase("mã có trong {place}", place=place),
            unknown[found],
        )
        findings.about_row(one.sheet, row, column.stored, say, found=found)


def find_edges(one: Difference, stored: pl.DataFrame) -> pl.DataFrame:
    """Give code, parent and row (null for a stored one) of whatever lies under another, as it will be."""
    own = one.rows.select("code", "parent", "row", "recorded_at")
    latest = own.sort("recorded_at", "row").unique("code", keep="last")
    under = pl.col("parent").is_not_null()
    rest = stored.select("code", "parent").filter(under).join(latest, on="code", how="anti")
    return pl.concat(
        [
            latest.filter(under).select("code", "parent", "row"),
            rest.with_columns(pl.lit(None, pl.UInt32).alias("row")),
        ]
    )


def check_tree(sheet: Sheet, edges: pl.DataFrame, findings: Findings) -> None:
    """Refuse rings among `code` and `parent`, the stored rows included. `edges`: all that `find_edges` gave."""
    for _ in range(100):  # a real tree is gone after a few rounds; what a long chain leaves is walked below
        left = edges.join(edges.select(pl.col("code").alias("parent")), on="parent", how="semi")
        if left.height == edges.height:
            break
        edges = left
    parents = dict(edges.select("code", "parent").iter_rows())
    rows = dict(edges.select("code", "row").iter_rows())
    for ring in _rings(parents):
        shown = " → ".join([*ring[:6], "…"] if len(ring) > 6 else [*ring, ring[0]])
        places = [rows[code] for code in ring if rows[code] is not None]
        say = Say(Phrase("vòng khép kín: {shown}", shown=shown), Phrase("mã cấp trên không nằm dưới chính nó"))
        findings.about_row(sheet, min(places, default=0), "parent", say, found=parents[ring[0]])


def _rings(parents: Mapping[str, str]) -> Iterable[list[str]]:
    done: set[str] = set()
    for start in sorted(parents):
        path: dict[str, int] = {}
        code = start
        while code in parents and code not in done and code not in path:
            path[code] = len(path)
            code = parents[code]
        if code in path:
            yield list(path)[path[code] :]
        done.update(path)


# --- deadlines ------------------------------------------------------------------------------------------------------


def find_deadlines(
    one: Difference, decisions: pl.DataFrame, parents: Mapping[str, str | None], findings: Findings
) -> pl.DataFrame:
    """Give the deadline rows to add (DEADLINE_COLUMNS): a task's baseline, and later ones that a decision allows.

    `decisions`: number, task, kind, authority; `parents`: the unit tree. An emptied due date changes nothing.
    """
    due, was = pl.col("due_at"), pl.col(WAS + "due_at")
    _warn_of_held(one, findings)
    baselines = one.rows.filter(due.is_not_null() & was.is_null()).select(
        pl.col("code").alias("task"),
        "due_at",
        "due_text",
        pl.lit(None, pl.String).alias("decision"),
        pl.lit(value=True).alias("authorised"),
        "recorded_at",
    )
    moved = one.rows.filter(due.is_not_null() & was.is_not_null() & (due != was))
    later = _decided(one, moved, decisions, parents, findings)
    return pl.concat([baselines, later]).sort("recorded_at", maintain_order=True)


def _warn_of_held(one: Difference, findings: Findings) -> None:
    if "due_at" in one.sheet.headers:
        emptied = one.rows.filter(pl.col("due_at").is_null() & pl.col(WAS + "due_at").is_not_null())
        findings.odd_rows(one.sheet, emptied, "due_at", Say(Phrase("ô thời hạn để trống: giữ nguyên thời hạn đã lưu")))
    if "due_text" in one.sheet.headers:
        same = (pl.col("due_at") == pl.col(WAS + "due_at")) & pl.col("due_text").is_not_null()
        reworded = one.rows.filter(same & pl.col("due_text").ne_missing(pl.col(WAS + "due_text")))
        say = Say(Phrase("lời văn của thời hạn đổi mà thời hạn không đổi: giữ nguyên lời văn đã lưu"))
        findings.odd_rows(one.sheet, reworded, "due_text", say)


def _decided(
    one: Difference,
    moved: pl.DataFrame,
    decisions: pl.DataFrame,
    parents: Mapping[str, str | None],
    findings: Findings,
) -> pl.DataFrame:
    wanted = moved.select("code", "decision").unique()
    known = {
        (number, task): (kind, authority)
        for number, task, kind, authority in decisions.join(
            wanted, left_on=("number", "task"), right_on=("decision", "code"), how="semi"
        )
        .select("number", "task", "kind", "authority")
        .iter_rows()
    }
    rows: list[tuple[object, ...]] = []
    for row in moved.iter_rows(named=True):
        kind, authority = known.get((row["decision"], row["code"]), ("", ""))
        if kind != "deadline":
            _refuse_move(one, row, kind, findings)
            continue
        authorised = _authorised(row, authority, parents)
        if not authorised:
            say = Say(
                Phrase(
                    "{authority} không có thẩm quyền đổi thời hạn: ghi lại, thời hạn cũ vẫn có hiệu lực",
                    authority=authority,
                )
            )
            findings.odd_rows(one.sheet, moved.filter(pl.col("row") == row["row"]), "decision", say)
        rows.append((row["code"], row["due_at"], row["due_text"], row["decision"], authorised, row["recorded_at"]))
    return pl.DataFrame(rows, schema=DEADLINE_COLUMNS, orient="row")


def _refuse_move(one: Difference, row: Mapping[str, object], kind: str, findings: Findings) -> None:
    was, due = (moment(int(str(row[name])), findings.zone) for name in (WAS + "due_at", "due_at"))
    allowed = Phrase("số của một dòng trong decisions.csv cho nhiệm vụ này, loại deadline; hoặc để nguyên thời hạn")
    place, decision = ("decision", row["decision"]) if row["decision"] else ("due_at", None)
    if decision is None:
        say = Say(Phrase("thời hạn đổi từ {was} sang {due} mà không có số quyết định", was=was, due=due), allowed)
    elif kind:
        say = Say(
            Phrase("thời hạn đổi từ {was} sang {due} theo một quyết định không phải về thời hạn", was=was, due=due),
            allowed,
        )
    else:
        say = Say(Phrase("thời hạn đổi từ {was} sang {due} theo một quyết định chưa có", was=was, due=due), allowed)
    findings.about_row(one.sheet, int(str(row["row"])), place, say, found=decision or due)


def _authorised(row: Mapping[str, object], authority: str, parents: Mapping[str, str | None]) -> bool:
    """Judge by the task as it stood: a row cannot name its own judge. Never the lead unit itself."""
    lead = row[WAS + "lead_unit"] or row["lead_unit"]
    if authority in (lead, row["lead_unit"]):
        return False
    named = row[WAS + "decision_authority"]
    return authority == named if named else authority in _superiors(str(lead), parents)


def _superiors(unit: str, parents: Mapping[str, str | None]) -> set[str]:
    found: set[str] = set()
    above = parents.get(unit)
    while above and above not in found:
        found.add(above)
        above = parents.get(above)
    return found - {unit}


# --- holders --------------------------------------------------------------------------------------------------------


def warn_of_phones(one: Difference, findings: Findings) -> None:
    """Warn of numbers that no text message reaches: their holders are told by mail alone."""
    numbers = pl.col("phone")
    rows = one.rows.filter(numbers.is_not_null() & numbers.ne_missing(pl.col(WAS + "phone")))
    fixed = [number for number in rows["phone"].unique() if not is_mobile(number)]
    say = Say(Phrase("không phải số di động: không nhận được tin nhắn, chỉ được báo bằng thư"))
    findings.odd_rows(one.sheet, rows.filter(numbers.is_in(fixed)), "phone", say)


# --- reports --------------------------------------------------------------------------------------------------------


def warn_of_reports(one: Difference, tasks: pl.DataFrame, findings: Findings) -> None:
    """Warn of reports from before a task's start or after its end: real plans have them, so they are taken.

    `tasks`: code, start_at, done_at.
    """
    times = tasks.select(pl.col("code").alias("task"), "start_at", "done_at")
    rows = one.rows.join(times, on="task", how="left", maintain_order="left")
    at = pl.col("reported_at")
    findings.odd_rows(
        one.sheet, rows.filter(at < pl.col("start_at")), "reported_at", Say(Phrase("báo cáo trước ngày bắt đầu"))
    )
    findings.odd_rows(
        one.sheet, rows.filter(at > pl.col("done_at")), "reported_at", Say(Phrase("báo cáo sau lúc hoàn thành"))
    )
