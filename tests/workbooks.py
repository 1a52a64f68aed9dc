"""Workbooks as tests need them: from rows, or from the XML of a sheet, part by part."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

from openpyxl import Workbook
from openpyxl.worksheet.worksheet import Worksheet

Rows = Sequence[Sequence[Any]]

UNITS: Rows = (
    ("Mã đơn vị", "Tên đơn vị", "Đơn vị cấp trên"),
    ("BCD", "Ban Chỉ đạo", None),
    ("BNV", "Bộ Nội vụ", "BCD"),
    ("VT", "Vụ Tổ chức", "BNV"),
)
HEADER = ("Mã nhiệm vụ", "Tên nhiệm vụ", "Đơn vị chủ trì", "Thời hạn")

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def workbook(path: Path, sheets: Mapping[str, Rows], change: Callable[[Workbook], None] | None = None) -> Path:
    """Write a workbook with these sheets; `change` may do to it what rows cannot say."""
    book = Workbook()
    book.remove(book.worksheets[0])
    for name, rows in sheets.items():
        sheet: Worksheet = book.create_sheet(name)
        for row in rows:
            sheet.append(list(row))
    if change:
        change(book)
    book.save(path)
    return path


def parts(sheet: str, **others: str) -> dict[str, str]:
    """Give the parts of the smallest workbook whose one sheet `Nhiệm vụ` has this `<sheetData>`; others by name."""
    return {
        "[Content_Types].xml": "<Types/>",
        "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}"><Relationship Id="r1" Type="{_OFFICE}/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>'
        '<sheet name="Nhiệm vụ" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}"><Relationship Id="r1" '
        f'Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{_MAIN}"><sheetData>{sheet}</sheetData></worksheet>',
        **others,
    }


def packed(path: Path, contents: Mapping[str, str | bytes]) -> Path:
    """Write parts as a zip file."""
    with ZipFile(path, "w", ZIP_DEFLATED) as file:
        for name, content in contents.items():
            file.writestr(name, content)
    return path


def said(text: str) -> str:
    """Give a cell's XML that holds this text."""
    return f'<c t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'


def row(*cells: str) -> str:
    """Give a row's XML: cells that begin with `<` as they are, others as text."""
    return "<row>" + "".join(cell if cell.startswith("<") else said(cell) for cell in cells) + "</row>"
