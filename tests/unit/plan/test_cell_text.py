"""What a stored cell says: numbers, dates of both systems, percentages, codes with zeros before, formulas."""

from __future__ import annotations

import pytest

from warnwatch.plan.cell_text import Cell, Shape, look_of, text_of


@pytest.mark.parametrize(
    ("number", "code", "shape"),
    [
        (0, None, Shape.NUMBER),
        (9, None, Shape.PERCENT),
        (14, None, Shape.DAY),
        (17, None, Shape.MONTH),
        (20, None, Shape.TIME),
        (22, None, Shape.MOMENT),
        (164, "dd/mm/yyyy;@", Shape.DAY),
        (164, r"[$-42A]dd\/mm\/yyyy", Shape.DAY),
        (164, '"ngày" d "tháng" m "năm" yyyy', Shape.DAY),
        (164, "hh:mm dd/mm/yyyy", Shape.MOMENT),
        (164, "[h]:mm", Shape.TIME),
        (164, "mm/yyyy", Shape.MONTH),
        (164, '#,##0\\ "đồng"', Shape.NUMBER),
        (164, "0.0%", Shape.PERCENT),
        (164, "[Red]0.00", Shape.NUMBER),
        (164, "General", Shape.NUMBER),
        (164, "", Shape.NUMBER),
    ],
)
def test_a_number_format_says_what_its_numbers_are(number: int, code: str | None, shape: Shape) -> None:
    """Formats known by number and formats of the workbook tell dates, moments, months and percentages apart."""
    assert look_of(number, code)[0] is shape


@pytest.mark.parametrize(
    ("value", "code", "text"),
    [
        ("46203", "dd/mm/yyyy", "2026-06-30"),
        ("46203.666666666664", "dd/mm/yyyy hh:mm", "2026-06-30 16:00:00"),
        ("46203.666666666664", "dd/mm/yyyy", "2026-06-30 16:00:00"),
        ("46203", "dd/mm/yyyy hh:mm", "2026-06-30"),
        ("46174", "mm/yyyy", "2026-06"),
        ("0.75", "hh:mm", "18:00"),
        ("60", "dd/mm/yyyy", "60"),
        ("-3", "dd/mm/yyyy", "-3"),
        ("9e9", "dd/mm/yyyy", "9000000000"),
        ("0.45", "0%", "45%"),
        ("0.07", "0%", "7%"),
        ("5", "000", "005"),
        ("12", "General", "12"),
        ("12.5", "General", "12.5"),
        ("0.30000000000000004", "General", "0.3"),
        ("1E-05", "General", "0.00001"),
        ("100", "General", "100"),
        ("", "General", ""),
    ],
)
def test_a_number_reads_as_it_is_shown(value: str, code: str, text: str) -> None:
    """Serial numbers become dates, shares percentages, and no number keeps the noise of its binary form."""
    assert text_of(Cell("n", look_of(164, code), value), from_1904=False) == text


def test_dates_of_the_1904_system_begin_four_years_later() -> None:
    """The same serial number is another day where the workbook says so."""
    assert text_of(Cell("n", look_of(14, None), "46203"), from_1904=True) == "2030-07-01"


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (Cell("b", value="1"), "true"),
        (Cell("b", value="0"), "false"),
        (Cell("e", value="#REF!"), "#REF!"),
        (Cell("str", value="Việc", formula="A1"), "Việc"),
        (Cell("n", value="3", formula="1+2"), "3"),
        (Cell("str", value="", formula='IF(A1="","",A1)'), ""),
        (Cell("n", value="", formula="1+2"), "=1+2"),
        (Cell("str", value="x", formula='WEBSERVICE("http://a.example")'), '=WEBSERVICE("http://a.example")'),
        (Cell("str", value="x", formula="cmd|'/c calc'!A1"), "=cmd|'/c calc'!A1"),
        (Cell("inlineStr", value="'0912"), "0912"),
        (Cell("inlineStr", value="'Xã' số"), "'Xã' số"),
        (Cell("inlineStr", value="a_x000D_\nb"), "a\nb"),
        (Cell("inlineStr", value="_xD83D_"), "\ufffd"),
    ],
)
def test_other_cells_read_as_stored(cell: Cell, text: str) -> None:
    """A formula gives its stored value; without one, or reaching out of the workbook, it stands for itself."""
    assert text_of(cell, from_1904=False) == text
