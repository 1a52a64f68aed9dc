"""How the frame of tasks takes in the tasks that changed, and what else lies in its order follows it.

A task keeps its row as long as no other comes or goes, and a column in which nothing changed stays the same object:
what a refresh costs and holds in memory follows what changed, not the plan.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import polars as pl

_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Moved:
    """How the last refresh made the frame `after` out of the one `before`.

    `rows`: where in `after` the `fresh` rows stand, the changed and the new ones. `gone`: the rows of `before` that
    were changed or are no more. `places`: the row of `before` that each row of `after` was, null for fresh ones; None
    when every row has stayed where it was. `changed`: the columns in which anything did; None when rows came or went.
    """

    before: pl.DataFrame
    after: pl.DataFrame
    rows: pl.Series
    fresh: pl.DataFrame
    gone: pl.DataFrame
    places: pl.Series | None = None
    changed: frozenset[str] | None = None

    def leads(self, before: pl.DataFrame | None, after: pl.DataFrame) -> bool:
        """Say whether it is from the one frame to the other that this leads."""
        return before is self.before and after is self.after

    def carried(self, column: pl.Series) -> pl.Series:
        """Bring a column from the order of the rows before into that after; fresh rows have what they had, or null."""
        return column if self.places is None else column.gather(self.places)


def move(before: pl.DataFrame, fresh: pl.DataFrame, codes: Collection[str]) -> Moved:
    """Put freshly read rows in the place of the tasks `codes`; both frames are in the order of their codes."""
    fresh = fresh.select(before.columns)
    there = places_of(before, codes)
    gone = before[there]
    if gone["code"].equals(fresh["code"]):
        changed = {was.name for was in gone.iter_columns() if not was.equals(fresh[was.name], null_equal=True)}
        columns = [
            _written(column, there, fresh[column.name]) if column.name in changed else column
            for column in before.iter_columns()
        ]
        return Moved(before, pl.DataFrame(columns), there, fresh, gone, changed=frozenset(changed))
    kept = before.with_row_index("place").filter(~pl.col("place").is_in(there.implode()))
    new = fresh.select(pl.lit(None, pl.UInt32).alias("place"), pl.all())
    after = kept.merge_sorted(new, "code").rechunk()
    rows = after["code"].search_sorted(fresh["code"])
    return Moved(before, after.drop("place"), rows, fresh, gone, after["place"])


def places_of(frame: pl.DataFrame, codes: Collection[str]) -> pl.Series:
    """Give the rows of those codes that a frame has; it is in their order, so that nobody has to look at all rows."""
    asked = pl.Series("code", sorted(codes), pl.String)
    places = frame["code"].search_sorted(asked)
    return places.filter((places < frame.height) & (_at(frame["code"], places) == asked).fill_null(value=False))


def patched(columns: Mapping[str, pl.Series], rows: pl.Series, values: pl.DataFrame) -> dict[str, pl.Series]:
    """Write values into some rows of the columns of their names; where they stand already it is the same object."""
    # Of all columns together: to gather from one takes as long as from twenty.
    there = pl.DataFrame({name: columns[name] for name in values.columns})[rows]
    return {
        new.name: columns[new.name] if was.equals(new, null_equal=True) else _written(columns[new.name], rows, new)
        for was, new in zip(there.iter_columns(), values.iter_columns(), strict=True)
    }


def _written(column: pl.Series, rows: pl.Series, values: pl.Series) -> pl.Series:
    if not column.dtype.is_nested():
        return column.clone().scatter(rows, values)
    which = pl.int_range(len(column), dtype=pl.UInt32, eager=True)
    which = which.scatter(rows, pl.int_range(len(column), len(column) + len(values), dtype=pl.UInt32, eager=True))
    return pl.concat([column, values]).gather(which)


def rows_passed(frame: pl.DataFrame, names: Collection[str], since: datetime, until: datetime) -> pl.Series:
    """Name the rows with an instant, of the columns `names` or of the lists in them, that lies between two others."""
    # As whole numbers: to write an instant as a literal takes longer than to look at 10,000 rows.
    first, last = ((at - _EPOCH) // _MICROSECOND for at in (since, until))
    plain = [name for name in names if not frame[name].dtype.is_nested()]
    within = [pl.col(name).to_physical().is_between(first, last) for name in plain]
    found = [frame.select(pl.any_horizontal(within).arg_true()).to_series().cast(pl.UInt32)] if plain else []
    for name in {*names}.difference(plain):
        several = frame[name]
        if several.null_count() < len(several):
            rows = several.is_not_null().arg_true().cast(pl.UInt32)
            each = pl.DataFrame({"row": rows, "at": several.gather(rows)}).explode("at")
            found.append(each.filter(pl.col("at").to_physical().is_between(first, last))["row"])
    return pl.concat(found).unique().sort() if found else pl.Series([], dtype=pl.UInt32)


def _at(column: pl.Series, places: pl.Series) -> pl.Series:
    """Give what stands at some places; null for those past the end."""
    return column.gather(places.zip_with(places < len(column), pl.Series([None], dtype=places.dtype)))
