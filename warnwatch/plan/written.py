"""Measures as expressions, written once: to write them takes longer than to compute them for 1,000 subjects.

Most measures are the same all day. What a measure looks at, and whether the hour is part of it, is read off its
expression, so that nobody has to say it beside the measure.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache

import polars as pl

from warnwatch.plan.catalogue import CATALOGUE
from warnwatch.plan.measures import Today

_ONE = Today(datetime(2026, 1, 5, 3, tzinfo=UTC), 20_458, 4, (240, 240))


def expression_of(about: str, name: str, today: Today) -> pl.Expr:
    """Write a measure of the catalogue as it is today."""
    if not by_the_minute(about, name):
        today = replace(today, minutes=_ONE.minutes)
    if not _by_the_instant(about, name):
        today = replace(today, at=_ONE.at)
    return _written(about, name, today)


@lru_cache(maxsize=500)
def _written(about: str, name: str, today: Today) -> pl.Expr:
    return CATALOGUE[about][name].expression(today)


@cache
def by_the_minute(about: str, name: str) -> bool:
    """Say whether a measure is another one a minute later though no instant of its subject lies between."""
    return _is_another(about, name, replace(_ONE, minutes=(241, 241)))


@cache
def instants_of(about: str, name: str) -> frozenset[str]:
    """Name the columns that a measure compares with the present instant, or may compare: all that it looks at."""
    return columns_of(about, name) if _by_the_instant(about, name) else frozenset()


@cache
def columns_of(about: str, name: str) -> frozenset[str]:
    """Name the base columns that a measure is made of."""
    return frozenset(_written(about, name, _ONE).meta.root_names())


@cache
def _by_the_instant(about: str, name: str) -> bool:
    return _is_another(about, name, replace(_ONE, at=_ONE.at + timedelta(minutes=1)))


def _is_another(about: str, name: str, later: Today) -> bool:
    return not _written(about, name, _ONE).meta.eq(_written(about, name, later))
