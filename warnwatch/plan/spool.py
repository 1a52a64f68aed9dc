"""What an import has read and not yet written, on disk: frames in, the same frames out, piece by piece.

The file has no name: nobody else can open it, and it is gone with the process, however that ends.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from io import BytesIO
from types import TracebackType
from typing import IO, Self

import polars as pl

from warnwatch.errors import CannotRunError


class Spool:
    """Frames by shelf (a name) and part (a number); what is put last comes out last."""

    def __init__(self, file: IO[bytes] | None = None) -> None:
        """Open a nameless file in the temporary folder; a test may give another."""
        try:
            self._file = file or tempfile.TemporaryFile(prefix="warnwatch-")  # noqa: SIM115 (closed by __exit__)
        except OSError as error:
            raise _cannot_write(error) from error
        self._places: dict[tuple[str, int], list[tuple[int, int]]] = defaultdict(list)

    def __enter__(self) -> Self:
        """Use it in a `with`: the file is gone at its end."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file, which removes it."""
        with suppress(OSError):  # a full disk refuses the last bytes once more; they are not wanted any longer
            self._file.close()

    def put(self, shelf: str, frame: pl.DataFrame, part: int = 0) -> None:
        """Add rows to a shelf. Raises CannotRunError when there is no room."""
        if not frame.height:
            return
        packed = BytesIO()
        frame.write_ipc_stream(packed, compression="lz4")
        try:
            start = self._file.seek(0, 2)
            self._file.write(packed.getbuffer())
            self._file.flush()
        except OSError as error:
            raise _cannot_write(error) from error
        self._places[shelf, part].append((start, packed.getbuffer().nbytes))

    def put_parts(self, shelf: str, parts: Mapping[int, pl.DataFrame]) -> None:
        """Add each part's rows."""
        for part, frame in parts.items():
            self.put(shelf, frame, part)

    def pieces(self, shelf: str, part: int = 0) -> Iterator[pl.DataFrame]:
        """Give what was put, as it was put."""
        for start, length in self._places[shelf, part]:
            self._file.seek(start)
            yield pl.read_ipc_stream(BytesIO(self._file.read(length)))

    def take(self, shelf: str, empty: pl.DataFrame, part: int = 0) -> pl.DataFrame:
        """Give a part whole; `empty` has the columns: one that a piece lacks is null in its rows."""
        return pl.concat([empty, *self.pieces(shelf, part)], how="diagonal", rechunk=True)


def _cannot_write(error: OSError) -> CannotRunError:
    folder = tempfile.gettempdir()
    return CannotRunError(
        f"{folder}: the import needs room for what it has read and cannot have it: {error.strerror}; nothing was"
        " written; make room there, or set TMPDIR to a folder with more"
    )
