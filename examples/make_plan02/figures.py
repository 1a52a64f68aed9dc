"""The KPIs of Conclusion 226, Plan 02 and Resolution 57, their targets, and the readings that were published."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from bodies import Row

DIRECTIONS = {"cao_tot": "high_good", "thap_tot": "low_good", "rang_buoc": "low_good"}
YEARLY = ("năm", "giai đoạn", "đến ")
LEGAL_BASIS = {
    "KL226": "Kết luận 226-KL/TW ngày 11/12/2025",
    "NQ57": "Nghị quyết 57-NQ/TW ngày 22/12/2024",
    "CDS-01": "Thông báo 552/TB-VPCP",
    "CDS-02": "Kết luận Phiên họp thứ năm của Ban Chỉ đạo của Chính phủ (nguồn không nêu số văn bản)",
    "CDS-03": "Thông báo 408/TB-VPCP",
    "CDS-04": "Thông báo 408/TB-VPCP",
    "CDS-05": "Thông báo 408/TB-VPCP",
    "CDS-06": "Kế hoạch 02-KH/BCĐTW; Thông báo 408/TB-VPCP",
    "CDS-07": "Kế hoạch 02-KH/BCĐTW ngày 19/6/2025",
}
KEEPERS = {"CDS-01": "CP-VPCP", "CDS-02": "CP-BKHCN", "CDS-07": "BCD-TTCH", "NQ57": "CP-BKHCN", "KL226": "DANG-VPTW"}
# Published apart for the two sides, and neither side is a unit: each gets a line of its own.
SIDES = {"CDS-01-BO": "khối bộ, ngành", "CDS-01-TINH": "khối địa phương"}

# Reductions are counted against the year before; online meetings are what is not held in person.
METHODS = {"KL226-01": "reduction", "KL226-04": "reduction", "KL226-03": "complement"}


def kpis(domain: Iterable[Mapping[str, str]]) -> list[Row]:
    """Make kpis.csv: every limit of the domain, and CDS-01 once more for ministries and for provinces."""
    sources: dict[str, str] = {}
    rows: list[Row] = []
    for kpi in domain:
        code = kpi["code"]
        same_as = kpi["source"].removeprefix("như ")
        sources[code] = sources.get(same_as, kpi["source"])
        row = _row(kpi, sources[code])
        rows.append(row)
        if code == "CDS-01":
            rows += [
                row | {"code": side, "name": f"{kpi['name_vi']} – {words}", "subject_level": words}
                for side, words in SIDES.items()
            ]
    return rows


def _row(kpi: Mapping[str, str], source: str) -> Row:
    code, period = kpi["code"], kpi["period"]
    family = code.split("-", maxsplit=1)[0]
    notes = [f"cách tính: {kpi['measure']}" if kpi["measure"] else "", f"kỳ theo nguồn: {period}", kpi["note"]]
    return {
        "code": code,
        "name": kpi["name_vi"],
        "measure_unit": kpi["unit"],
        "direction": DIRECTIONS[kpi["direction"]],
        "period": _period(period),
        "subject_level": kpi["subject_level"],
        "operator": kpi["operator"],
        "threshold": kpi["threshold"],
        "legal_basis": LEGAL_BASIS.get(code) or LEGAL_BASIS[family],
        "keeper": KEEPERS.get(code) or KEEPERS.get(family, ""),
        "method": METHODS.get(code, ""),
        "source": source,
        "note": "; ".join(note for note in notes if note),
    }


def _period(words: str) -> str:
    if words.startswith(YEARLY):
        return "year"
    if words.startswith("chưa nêu"):
        return "month"
    return {"sự kiện": "event", "liên tục": "day"}[words]


def targets() -> list[Row]:
    """Make targets.csv: the goals of the KPIs that have a published reading.

    The one that was published twice has a path, from the first figure to the goal.
    """
    by_year_end = {"due_on": "2025-12-31"}
    return [
        {"kpi": kpi, "unit": unit, "baseline": baseline, "target": goal, "start_on": start, **by_year_end}
        for kpi, unit, baseline, goal, start in (
            ("CDS-01", "CP-BCD", "39.51", "80", "2025-07-20"),
            ("CDS-01-BO", "CP-BCD", "", "80", "2025-10-28"),
            ("CDS-01-TINH", "CP-BCD", "", "80", "2025-10-28"),
            ("CDS-02", "CP-BCD", "", "90", "2025-11-15"),
            ("CDS-07", "BCD", "", "100", "2025-07-31"),
        )
    ]


def readings(domain: Iterable[Mapping[str, str]], urls: Mapping[str, str]) -> list[Row]:
    """Make readings.csv: published figures only, each with its day and its address."""
    coverage = next(kpi["source"] for kpi in domain if kpi["code"] == "CDS-02")
    rows = (
        ("CDS-01", "CP-BCD", "2025-07-20", "39.51", "", "", urls["S25"]),
        ("CDS-01", "CP-BCD", "2025-10-28", "39.98", "", "", urls["S23"]),
        ("CDS-01-BO", "CP-BCD", "2025-10-28", "54.46", "", "", urls["S23"]),
        ("CDS-01-TINH", "CP-BCD", "2025-10-28", "16.94", "", "", urls["S23"]),
        ("CDS-02", "CP-BCD", "2025-11-15", "39.5", "", "", coverage),
        ("CDS-07", "BCD", "2025-07-31", "", "1981", "3321", urls["S32"]),
    )
    names = ("kpi", "unit", "period", "value", "numerator", "denominator", "source")
    return [dict(zip(names, row, strict=True)) for row in rows]
