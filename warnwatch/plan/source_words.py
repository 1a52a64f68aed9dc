"""What a keeper reads about a source: what is wrong, since when, and what was found."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import polars as pl

from warnwatch.language import Phrase, said_again
from warnwatch.plan.measures import Today
from warnwatch.plan.source_frame import trouble

TROUBLE_WORDS = {
    "none": Phrase("bình thường"),
    "late": Phrase("chậm: đã quá kỳ mà chưa có số liệu mới"),
    "empty": Phrase("rỗng: nguồn không có dòng nào"),
    "half": Phrase("không trọn vẹn: nguồn thiếu nhiều dòng hoặc bị cắt giữa chừng"),
    "contradictory": Phrase("có lỗi: số liệu không nhập được"),
    "unreachable": Phrase("đã quá kỳ mà không kết nối được với nguồn"),
}


@dataclass(frozen=True, slots=True)
class SourceWords:
    """One pulled source in words. `trouble` is a word of `source_frame.TROUBLES`; `why` says what was found."""

    code: str
    title: str
    keeper: str
    trouble: str
    good_at: datetime | None
    due_at: datetime
    rows: int | None
    why: str
    zone: ZoneInfo

    @property
    def state(self) -> Phrase:
        """The trouble in words."""
        return TROUBLE_WORDS[self.trouble]

    @property
    def last_good(self) -> str:
        """When the last usable data came."""
        return self._moment(self.good_at) if self.good_at else Phrase("chưa có lần nào")

    @property
    def lines(self) -> tuple[tuple[str, str], ...]:
        """The facts of a letter about it, label and value."""
        found = ((Phrase("Nội dung phát hiện"), self.why),) if self.why and self.trouble not in ("none", "late") else ()
        return (
            (Phrase("Tình trạng nguồn"), self.state),
            *found,
            (Phrase("Số liệu dùng được gần nhất"), self.last_good),
            (Phrase("Thời điểm phải có số liệu mới"), self._moment(self.due_at)),
        )

    def _moment(self, at: datetime) -> Phrase:
        return Phrase("{at:%H giờ %M ngày %d/%m/%Y}", at=at.astimezone(self.zone))


def words_of(
    sources: pl.DataFrame, codes: Collection[str] | None, today: Today, zone: ZoneInfo
) -> dict[str, SourceWords]:
    """Say how some sources, or all of them, stand now; unknown codes are left out."""
    if sources.is_empty() or (codes is not None and not codes):
        return {}
    chosen = sources if codes is None else sources.filter(pl.col("code").is_in(list(codes)))
    rows = chosen.with_columns(trouble(today).alias("trouble")).rows(named=True)
    return {
        row["code"]: SourceWords(
            code=row["code"],
            title=row["title"],
            keeper=row["unit"],
            trouble=row["trouble"],
            good_at=row["good_at"],
            due_at=row["due_at"],
            rows=row["rows"],
            why=said_again(json.loads(row["why"] or '""')),
            zone=zone,
        )
        for row in rows
    }
