"""The table of import columns agrees with the schema, with itself and with the documentation."""

from __future__ import annotations

import pytest

from warnwatch import schema
from warnwatch.plan.column import File, Keeping, plain
from warnwatch.plan.columns import FILES, find_column

FOUND_IN_DEADLINE = {"due_at", "due_text"}


@pytest.mark.parametrize("file", FILES.values(), ids=lambda file: file.name)
def test_every_column_has_a_place_in_the_schema(file: File) -> None:
    """What a file may hold can be stored under the name that the table gives."""
    name = f"{file.table}_version" if file.keeping is Keeping.VERSIONED else file.table
    known = {column.name for column in schema.metadata.tables[name].columns}
    if file.name == "tasks":
        known |= FOUND_IN_DEADLINE
    assert {column.stored for column in file.columns} <= known


@pytest.mark.parametrize("file", FILES.values(), ids=lambda file: file.name)
def test_no_two_columns_share_a_header(file: File) -> None:
    """A header, in either language, names one column."""
    headers = [plain(one) for column in file.columns for one in {column.name, column.vietnamese}]
    assert len(set(headers)) == len(headers)


@pytest.mark.parametrize("file", FILES.values(), ids=lambda file: file.name)
def test_rows_can_be_told_apart(file: File) -> None:
    """The key's columns are columns of the file, and those of a versioned file are required."""
    columns = {column.stored: column for column in file.columns}
    assert set(file.key) <= set(columns)
    if file.keeping is Keeping.VERSIONED:
        assert all(columns[name].required for name in file.key)


@pytest.mark.parametrize("file", FILES.values(), ids=lambda file: file.name)
def test_words_are_written_in_one_way_only(file: File) -> None:
    """No Vietnamese word stands for two stored words."""
    for column in file.columns:
        ways = [plain(way) for word, others in column.words.items() for way in {word, *others}]
        assert len(set(ways)) == len(ways), column.name


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("lead_unit", "lead_unit"),
        ("Lead Unit", "lead_unit"),
        ("Đơn vị chủ trì", "lead_unit"),
        ("  ĐƠN VỊ  CHỦ TRÌ ", "lead_unit"),
        ("Tho\u031b\u0300i ha\u0323n", "due"),
        ("hạn", None),
        ("recorded_at", None),
    ],
)
def test_headers_are_found_in_both_languages(header: str, name: str | None) -> None:
    """Case, spaces and the Unicode form of a header do not matter."""
    found = find_column(FILES["tasks"], header)
    assert (found and found.name) == name
