"""The rule folder: files in; one rule book, or every mistake of every file at once, out."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from warnwatch.documents import parse_document
from warnwatch.errors import Mistake, MistakesError, nearest_name
from warnwatch.language import Phrase
from warnwatch.rules import inhibition, replacing
from warnwatch.rules.channel_file import read_channels
from warnwatch.rules.entry import DEFAULT_KEYS, Codes, Entry
from warnwatch.rules.policy_file import read_policy
from warnwatch.rules.rule import ChannelRules, Policy, Rule, RuleBook
from warnwatch.rules.rule_file import Columns, Vocabulary, read_rule
from warnwatch.typed_text import read_content

FILE_KEYS = ("defaults", "rules", "policies", "channels")
NOT_RULES = frozenset({"calendar.yml"})  # read by the plan's calendar


def load_rulebook(
    folder: Path, catalogue: Mapping[str, Columns], kinds: Collection[str], codes: Codes | None = None
) -> RuleBook:
    """Read all rule files of a folder; raise MistakesError with every mistake of all of them.

    `catalogue`: the columns that rules about each kind of subject may use; `kinds`: the kinds of text; `codes`: the
    plan's present and former codes by column (one that is not there is a warning, never a mistake).
    """
    reading = _Reading(Vocabulary(catalogue, kinds, codes or {}))
    version = hashlib.sha256()
    for path in _rule_files(folder):
        shown = f"{folder.name}/{path.name}"
        try:
            content = read_content(path, shown)
            version.update(f"{path.name}\0{len(content)}\0".encode() + content)
            reading.read(content, shown)
        except MistakesError as error:
            reading.mistakes.extend(error.mistakes)
    reading.mistakes.extend(reading.mistakes_between())
    if not (reading.rules or reading.mistakes):
        reading.mistakes.append(Mistake(folder.name, 0, 0, Phrase("thư mục không có quy tắc nào"), allowed="rules:"))
    if reading.mistakes:
        raise MistakesError(dict.fromkeys(reading.mistakes))
    return RuleBook(
        rules=tuple(reading.rules),
        policies=reading.policies,
        version=version.hexdigest(),
        warnings=tuple(sorted(reading.warnings)),
        channels=reading.channels,
    )


def _rule_files(folder: Path) -> list[Path]:
    try:
        entries = sorted(path for path in folder.iterdir() if not path.name.startswith((".", "~")))
    except OSError as error:
        message = Phrase("không đọc được thư mục quy tắc: {reason}", reason=error.strerror or error)
        raise MistakesError([Mistake(folder.name, 0, 0, message)]) from error
    misnamed = [path for path in entries if path.name.lower().endswith((".yaml", ".yml.txt"))]
    if misnamed:
        message = Phrase("tệp này không được đọc: tên tệp quy tắc phải có đuôi .yml")
        raise MistakesError(Mistake(f"{folder.name}/{path.name}", 0, 0, message) for path in misnamed)
    files = [path for path in entries if path.suffix == ".yml" and path.name not in NOT_RULES]
    if not files:
        raise MistakesError([Mistake(folder.name, 0, 0, Phrase("thư mục không có tệp quy tắc nào"), allowed="*.yml")])
    return files


@dataclass(slots=True)
class _Reading:
    """One reading of a folder: what was found so far, and what is wrong with it."""

    vocabulary: Vocabulary
    rules: list[Rule] = field(default_factory=list)
    policies: dict[str, Policy] = field(default_factory=dict)
    channels: dict[str, ChannelRules] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)
    warnings: list[Mistake] = field(default_factory=list)
    # Where each id was first written, of entries with mistakes too: (kind, id) to "file:line".
    first: dict[tuple[str, str], str] = field(default_factory=dict)
    # What each rule entry names as its policy, whether the rest of the entry is right or not.
    named: list[tuple[str, Entry]] = field(default_factory=list)

    def read(self, content: bytes, shown: str) -> None:
        """Read one file."""
        whole = Entry(parse_document(content, shown), (), self.mistakes, self.warnings)
        if whole.document.data is None:
            self.mistakes.append(
                Mistake(shown, 0, 0, Phrase("tệp trống hoặc chưa ghi xong"), allowed=", ".join(FILE_KEYS))
            )
            return
        if not whole.only(FILE_KEYS):
            return
        defaults = self._defaults(whole)
        entries = whole.items("rules") if "rules" in whole.values else []
        self._name_unused(defaults, entries)
        for entry in (replace(one, defaults=defaults) for one in entries):
            self._claim("rules", entry)
            self.named.append((str(entry.values.get("escalation", "")), entry))
            rule = read_rule(entry, self.vocabulary)
            if rule:
                self.rules.append(rule)
        for entry in whole.items("policies") if "policies" in whole.values else ():
            self._claim("policies", entry)
            policy = read_policy(entry)
            if policy:
                self.policies[policy.id] = policy
        if "channels" in whole.values:
            self._read_channels(whole.inside("channels"))

    def _read_channels(self, entry: Entry) -> None:
        """Read when texts leave over each channel; a channel may be written of in one file only."""
        for name, found in read_channels(entry).items():
            here = f"{entry.document.shown}:{entry.document.place(entry.path(name))[0]}"
            first = self.first.setdefault(("channels", name), here)
            if first != here:
                entry.complain(name, Phrase("kênh ghi hai lần, lần đầu ở {first}", first=first), name)
            self.channels[name] = found

    def _defaults(self, whole: Entry) -> Entry | None:
        """Read what the rules of a file share; what is wrong with a shared value is found where a rule takes it."""
        if "defaults" not in whole.values:
            return None
        defaults = whole.inside("defaults")
        return defaults if defaults.only(DEFAULT_KEYS) else None

    def _name_unused(self, defaults: Entry | None, entries: Sequence[Entry]) -> None:
        for key in defaults.own if defaults else ():
            if defaults and key in DEFAULT_KEYS and key != "labels" and all(key in one.own for one in entries):
                message = Phrase("không quy tắc nào trong tệp dùng giá trị mặc định này")
                place = defaults.document.place_of_key(defaults.path(key))
                self.warnings.append(Mistake(defaults.document.shown, *place, message, key))

    def mistakes_between(self) -> Iterator[Mistake]:
        """Find what no single entry shows: policies that nobody wrote, levels for which a policy has no steps."""
        known = [name for kind, name in self.first if kind == "policies"]
        for name, entry in self.named:
            if name and name not in known:
                message, allowed = Phrase("chính sách báo cáo không có trong các tệp"), ", ".join(known)
                nearest = nearest_name(name, known)
                yield entry.document.mistake(entry.path("escalation"), message, name, allowed, nearest)
        entries, rules = [entry for _, entry in self.named], {rule.id: rule for rule in self.rules}
        first = {name: where for (kind, name), where in self.first.items() if kind == "rules"}
        yield from inhibition.mistakes_of(entries, list(first), rules)
        yield from replacing.mistakes_of(entries, first, rules)
        for rule in self.rules:
            policy = self.policies.get(rule.escalation)
            for level in rule.rungs:
                if policy and level not in policy.levels:
                    message = Phrase(
                        "chính sách {policy} không có bước nào cho mức {level} của quy tắc {rule}",
                        policy=policy.id,
                        level=level.word,
                        rule=rule.id,
                    )
                    yield Mistake(rule.file, rule.line, 0, message)

    def _claim(self, kind: str, entry: Entry) -> None:
        name = entry.values.get("id")
        if not isinstance(name, str):
            return
        here = f"{entry.document.shown}:{entry.document.place(entry.keys)[0]}"
        if (kind, name) in self.first:
            entry.complain("id", Phrase("mã ghi hai lần, lần đầu ở {first}", first=self.first[kind, name]), name)
        else:
            self.first[kind, name] = here
