"""What holds for every rule: it survives being written down, and a worse value never has a lower level."""

from __future__ import annotations

import io
import json
import tempfile
import unicodedata
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
from builders import NOW
from hypothesis import given, settings
from hypothesis import strategies as st
from judging import CALENDAR, COLUMNS, book, rule, tasks_frame
from ruamel.yaml import YAML

from warnwatch.errors import Mistake, MistakesError
from warnwatch.notify.notification import Kind
from warnwatch.plan.measures import today_of
from warnwatch.rules.evaluation import columns_of, evaluate
from warnwatch.rules.rule import LEVELS, Level, Rule
from warnwatch.rules.rulebook import load_rulebook

KINDS = sorted(kind.value for kind in Kind)
POLICY = {
    "id": "head-of-unit",
    "title": "Người đứng đầu",
    "cap": "10 working days",
    "levels": {word: [{"tell": "head"}] for word in LEVELS},
}

# --- a rule as an official might write it ----------------------------------------------------------------------------

_LETTERS = st.characters(exclude_categories=["Cc", "Cs", "Cf", "Cn", "Co", "Zl", "Zp"])
sentences = (
    st.text(_LETTERS, min_size=1, max_size=30).map(lambda text: unicodedata.normalize("NFC", text).strip()).filter(bool)
)
ids = st.from_regex(r"[a-z][a-z0-9-]{0,20}", fullmatch=True)
numbers = st.one_of(
    st.integers(-1000, 1000), st.floats(-1000, 1000).map(lambda value: round(value, 3)).filter(lambda value: value % 1)
)
expressions = st.sampled_from(
    ["least(7, 0.5 * planned_working_days)", "coalesce(planned_working_days, 20) / 3", "case when phase = 1 then 2 end"]
)
conditions = st.sampled_from(["status in ('open', 'claimed')", "has_deadline and slips > 0.5", "bloc = 'DANG'", "true"])
durations = st.sampled_from([0, "1 working day", "4 working hours", "2h", "30m", "1.5 days"])
measures = st.sampled_from(sorted(name for name, one in COLUMNS.items() if one.kind == "number"))
days = st.dates(date(2025, 1, 1), date(2027, 12, 31))
levels = st.lists(st.sampled_from(list(LEVELS)), min_size=1, max_size=3, unique=True)
label_names = st.from_regex(r"[a-z][a-z0-9_]{0,10}", fullmatch=True)


@st.composite
def entries(draw: st.DrawFn) -> dict[str, Any]:
    """Give one rule in plain data, right by construction."""
    present = sorted(draw(levels), key=LEVELS.__getitem__)
    direction = draw(st.sampled_from(["below", "above"]))
    constants = sorted(draw(st.lists(numbers, min_size=3, max_size=3, unique=True)), reverse=direction == "below")
    rungs = {word: draw(st.one_of(st.just(constant), expressions)) for word, constant in zip(present, constants)}  # noqa: B905 (fewer levels than constants)
    first, last = sorted([draw(days), draw(days)])
    each = st.one_of
    name = draw(ids)
    whole = {
        "id": name,
        "title": draw(each(sentences, st.fixed_dictionaries(dict.fromkeys(present, sentences)))),
        "about": "task",
        "where": draw(conditions),
        "measure": draw(measures),
        direction: rungs,
        "for": draw(durations),
        "keep": draw(durations),
        "clear": draw(numbers.map(abs)),
        "from": first.isoformat(),
        "until": last.isoformat(),
        "text": draw(
            each(st.sampled_from(KINDS), st.fixed_dictionaries(dict.fromkeys(present, st.sampled_from(KINDS))))
        ),
        "escalation": "head-of-unit",
        "guidance": draw(sentences),
        "source": draw(sentences),
        "labels": draw(st.dictionaries(label_names, sentences, max_size=3)),
        "replaces": draw(each(st.just(f"{name}-old"), st.just([f"{name}-old", f"{name}-older"]))),
    }
    left_out = draw(
        st.sets(st.sampled_from(["where", "for", "keep", "clear", "from", "until", "source", "labels", "replaces"]))
    )
    return {key: value for key, value in whole.items() if key not in left_out}


SHARED = ("about", "for", "keep", "clear", "from", "until", "escalation", "guidance", "source", "labels")


@st.composite
def files(draw: st.DrawFn) -> dict[str, Any]:
    """Give one file of rules in plain data; some of what its rules say may stand in `defaults`."""
    rules = draw(st.lists(entries(), min_size=1, max_size=3, unique_by=lambda one: one["id"]))
    shared = draw(st.sets(st.sampled_from(SHARED)))
    defaults = {key: rules[0][key] for key in SHARED if key in shared and key in rules[0]}
    for key in defaults:
        del rules[0][key]
    if {"from", "until"} & defaults.keys():  # the others' own ends need not fit the shared ones
        rules[1:] = [{**one, "from": "2024-01-01", "until": "2028-01-01"} for one in rules[1:]]
    return {**({"defaults": defaults} if defaults else {}), "rules": rules, "policies": [POLICY]}


def as_block(data: Any) -> str:
    """Write plain data as people do: lines, indentation, quotes where YAML needs them."""
    yaml, text = YAML(typ="safe", pure=True), io.StringIO()
    yaml.default_flow_style, yaml.allow_unicode, yaml.width = False, True, 10_000
    yaml.dump(data, text)
    return text.getvalue()


def as_flow(data: Any) -> str:
    """Write plain data in braces and double quotes: JSON is YAML."""
    return json.dumps(data, ensure_ascii=False, indent=1)


def load(text: str) -> tuple[Rule, ...]:
    """Load one file of rules, forgetting in which line each stood."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "rules.yml").write_text(text, encoding="utf-8")
        rules = load_rulebook(Path(folder), {"task": columns_of("task")}, KINDS).rules
    return tuple(replace(one, file="", line=0) for one in rules)


def written(one: Rule) -> Mapping[str, Any]:
    """Write a loaded rule as plain data again."""
    return {
        "id": one.id,
        "title": {level.word: text for level, text in one.title.items()},
        "about": one.about,
        "where": one.where_text,
        "measure": one.measure,
        one.direction: {level.word: rung.text for level, rung in one.rungs.items()},
        "for": str(one.hold_for),
        "keep": str(one.keep),
        "clear": one.clear,
        **({"from": one.first_day.isoformat()} if one.first_day else {}),
        **({"until": one.last_day.isoformat()} if one.last_day else {}),
        "text": {level.word: kind for level, kind in one.text.items()},
        "escalation": one.escalation,
        "guidance": one.guidance,
        **({"source": one.source} if one.source else {}),
        "labels": dict(one.labels),
        **({"replaces": list(one.replaces)} if one.replaces else {}),
    }


@settings(max_examples=50)
@given(files(), st.sampled_from([as_block, as_flow]), st.sampled_from([as_block, as_flow]))
def test_a_rule_that_is_written_down_and_read_is_the_same(data: dict[str, Any], first: Any, again: Any) -> None:
    """Whatever its style, and whatever stood in defaults: rules written from what was read are read as the same."""
    rules = load(first(data))
    assert len(rules) == len(data["rules"])
    assert load(again({"rules": [written(one) for one in rules], "policies": [POLICY]})) == rules


WHOLE = as_block(
    {
        "defaults": {"about": "task", "clear": 0.5, "labels": {"cap": "tinh"}, "text": "general"},
        "rules": [
            {
                "id": "a",
                "title": {"critical": "Nhiệm vụ"},
                "where": "status in ('open', 'claimed')",
                "measure": "working_days_left",
                "below": {"critical": 0},
                "for": "1 working day",
                "from": "2026-01-01",
                "until": "2026-12-31",
                "escalation": "head-of-unit",
                "guidance": "Cập nhật",
                "labels": {"linh_vuc": "a"},
            }
        ],
        "policies": [POLICY],
    }
)
SIGNS = "ab:-{}[],'\"\n\t |>&*!#%@`0.=“é(\u00a0\u200b–：０\ufeff\x07"


@settings(max_examples=200)
@given(st.integers(0, len(WHOLE)), st.integers(0, 40), st.text(alphabet=SIGNS, max_size=8))
def test_any_text_gives_rules_or_mistakes_with_their_places(start: int, length: int, text: str) -> None:
    """Anything anywhere in a file gives rules, or mistakes that say something; never another exception."""
    said: tuple[Mistake, ...] = ()
    try:
        assert load(WHOLE[:start] + text + WHOLE[start + length :])
    except MistakesError as error:
        said = error.mistakes
    assert all(mistake.message and mistake.file for mistake in said)


# --- levels ----------------------------------------------------------------------------------------------------------

thresholds = st.one_of(
    st.integers(0, 10).map(lambda tenths: tenths / 10), st.just("0.05 * slips"), st.just("slips / clears")
)
tasks = st.fixed_dictionaries(
    {
        "slips": st.integers(0, 20),
        "clears": st.integers(0, 6),
        "status": st.sampled_from(["open", "claimed", "done", "suspended"]),
    }
)


@given(
    st.dictionaries(st.sampled_from(list(LEVELS)), thresholds, min_size=1),
    st.sampled_from(["below", "above"]),
    st.sampled_from([0.0, 0.05, 0.3]),
    tasks,
    st.lists(st.integers(0, 100), min_size=2, max_size=8),
)
def test_a_worse_value_never_has_a_lower_level(
    ladder: dict[str, Any], direction: str, clear: float, task: dict[str, Any], percents: list[int]
) -> None:
    """All else being the same, levels rise with the measure, in whatever order the rungs are; so do kept levels."""
    one = rule(measure="progress", where="status <> 'suspended'", clear=clear, **{direction: ladder})  # type: ignore[arg-type]
    rising = sorted(percents, reverse=direction == "below")
    frame = tasks_frame(*(task | {"code": f"T-{n}", "progress": value / 100} for n, value in enumerate(rising)))
    found = evaluate({"task": frame}, book(one), today_of(NOW, CALENDAR))
    reached = found.levels[one.id]
    assert reached.drop_nulls().is_sorted()
    if clear:
        kept = found.kept[one.id]
        assert kept.drop_nulls().is_sorted()
        assert kept.is_null().equals(reached.is_null())
        assert (pl.select(kept >= reached).to_series().drop_nulls()).all()
        assert set(reached.drop_nulls()) <= {-1, 0, *map(int, Level)}
