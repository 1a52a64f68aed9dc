"""Well-formed blocks of a CSV file, read many rows at a time; whatever is odd is left to Python's strict reader.

A block is taken only when counting its quotes, delimiters and line ends shows that both readers see the same cells.
"""

from __future__ import annotations

import csv
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator
from typing import IO

import polars as pl

BLOCK = 20 * 1024 * 1024  # bytes


def read_blocks(
    stream: IO[bytes], delimiter: str, width: int, is_clean: Callable[[pl.DataFrame], bool], size: int = BLOCK
) -> Iterator[pl.DataFrame]:
    """Give the rows from here on, all cells as text, as long as blocks are well-formed and clean.

    Then the stream stands behind the last row that was given. The rows have to be UTF-8.
    """
    while True:
        start = stream.tell()
        block = _whole_rows(stream, size)
        frame = read_block(block, delimiter, width)
        if frame is None or not is_clean(frame):
            stream.seek(start)
            return
        yield frame


def _whole_rows(stream: IO[bytes], size: int) -> bytes:
    """Read on to the end of a row: behind it as many quotes have been opened as closed."""
    block = [stream.read(size), stream.readline()]
    quotes = sum(one.count(b'"') for one in block)
    more = 0
    while quotes % 2 and more < size and (line := stream.readline()):
        block.append(line)
        quotes += line.count(b'"')
        more += len(line)
    return b"".join(block)


def read_block(block: bytes, delimiter: str, width: int) -> pl.DataFrame | None:
    """Read whole rows of `width` cells; None when they are not well-formed beyond doubt, or when there are none."""
    if not block.endswith(b"\n"):
        block += b"\n"  # without it a last empty cell would be lost
    rows = _count_rows(block, delimiter.encode(), width)
    if not rows:
        return None
    columns: dict[str, type[pl.DataType]] = {str(place): pl.String for place in range(width)}
    try:
        frame = pl.read_csv(
            block,
            has_header=False,
            separator=delimiter,
            schema=columns,
            empty_string_is_null=False,
        )
    except pl.exceptions.PolarsError:
        return None  # such as a row of more cells beside one of fewer
    longest = frame.select(pl.max_horizontal(pl.all().str.len_bytes().max())).item()
    return frame if frame.height == rows and longest < csv.field_size_limit() else None


def _count_rows(block: bytes, delimiter: bytes, width: int) -> int:
    """Count the rows; 0 when a quote stands where none may, a line is empty, or cells are missing or too many."""
    pieces = block.split(b'"')
    outside = pieces[::2]  # between quotes that close and open; empty between the two that stand for one
    if len(pieces) % 2 == 0 or width < 2 or b"\0" in block or block.startswith(BOM_UTF8):
        return 0
    if not {one[-1:] for one in outside[:-1]} <= {delimiter, b"\n", b""}:
        return 0
    if not {one[:1] for one in outside[1:]} <= {delimiter, b"\n", b"\r", b""}:
        return 0
    bare = b'"'.join(outside)
    empty = bare.startswith((b"\n", b"\r")) or b"\n\n" in bare or b"\n\r" in bare
    if empty or bare.count(b"\r") != bare.count(b"\r\n"):
        return 0
    rows = bare.count(b"\n")
    return rows if bare.count(delimiter) == rows * (width - 1) else 0
