"""The file with the keys of the links: rotated without losing the links of before, never half written."""

from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from services import said_here, settings_for

from warnwatch.assembly import load_standards
from warnwatch.errors import SettingsError
from warnwatch.key_file import LinkKeys, add_key, read_ring
from warnwatch.notify.links import LinkError, Refusal, Ring, make, read

NOW = datetime(2025, 8, 18, 4, tzinfo=UTC)
KEY, HOLDER = "0" * 32, "DP-19-UB/head/1"


def token(ring: Ring) -> str:
    """Make a token that is good for a day."""
    return make(KEY, HOLDER, NOW + timedelta(days=1), ring)


def test_init_makes_a_key_that_only_its_owner_reads(tmp_path: Path) -> None:
    """A new folder can sign links at once, by a key of its own; its settings name the file."""
    rings = []
    for name in ("a", "b"):
        assert said_here("init", str(tmp_path / name)).exit_code == 0
        file = tmp_path / name / "link.keys"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert 'link_keys = "link.keys"' in (tmp_path / name / "warnwatch.toml").read_text(encoding="utf-8")
        rings.append(read_ring(file))
    assert len({ring.keys for ring in rings}) == 2


def test_a_new_key_signs_and_the_old_one_verifies(tmp_path: Path) -> None:
    """Links in mail that has left stay good after `link-key`, and die with the line of their key, without a restart."""
    said_here("init", str(tmp_path / "ww"))
    file, config = tmp_path / "ww" / "link.keys", str(tmp_path / "ww" / "warnwatch.toml")
    keys = LinkKeys(file, read_ring(file))
    old = token(keys())
    done = said_here("--config", config, "link-key")
    assert (done.exit_code, "2 khóa" in done.output, stat.S_IMODE(file.stat().st_mode)) == (0, True, 0o600)
    new = token(keys())
    assert old != new
    assert {read(one, keys(), NOW).key for one in (old, new)} == {KEY}
    note, first, _ = file.read_text(encoding="ascii").splitlines()
    file.write_text(f"{note}\n{first}\n", encoding="ascii")
    assert read(new, keys(), NOW).key == KEY
    with pytest.raises(LinkError) as refused:
        read(old, keys(), NOW)
    assert refused.value.refusal is Refusal.FORGED


@pytest.mark.parametrize("text", ["", "half", "# only a note\n", "é" * 64])
def test_a_file_that_breaks_while_it_runs_changes_nothing(tmp_path: Path, text: str) -> None:
    """Links go on being verified by the keys of before; a start with such a file is refused and says what to do."""
    file = tmp_path / "link.keys"
    add_key(file)
    keys = LinkKeys(file, read_ring(file))
    good = token(keys())
    file.write_text(text, encoding="utf-8")
    assert read(good, keys(), NOW).key == KEY
    with pytest.raises(SettingsError, match="link-key"):
        read_ring(file)
    file.unlink()
    assert read(good, keys(), NOW).key == KEY


@pytest.mark.parametrize("text", ["not a key\n", "khoá\n"])
def test_a_broken_file_is_not_overwritten(tmp_path: Path, text: str) -> None:
    """`link-key` on a file that is no ring says so, and leaves it as it is."""
    (tmp_path / "k").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match="not 64 hexadecimal digits"):
        add_key(tmp_path / "k")
    assert (tmp_path / "k").read_text(encoding="utf-8") == text
    with pytest.raises(SettingsError, match="cannot write"):
        add_key(tmp_path / "nowhere" / "k")


def test_link_key_needs_a_name(tmp_path: Path) -> None:
    """Without `web.link_keys` the command ends with 2 and names the setting."""
    done = said_here("link-key", database={"url": f"sqlite:///{tmp_path / 'x.db'}"})
    assert (done.exit_code, "web.link_keys" in done.output) == (2, True)


@pytest.mark.parametrize(("mode", "signed"), [("hold", True), ("live", True), ("redirect", False)])
def test_redirected_mail_has_no_link(tmp_path: Path, mode: str, signed: bool) -> None:
    """Who reads the mails of a trial must not answer for their addressees."""
    add_key(tmp_path / "k")
    settings = settings_for("sqlite://", delivery={"mode": mode}, web={"link_keys": tmp_path / "k"})
    assert bool(load_standards(settings).letterhead.ring) is signed
