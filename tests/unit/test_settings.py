"""Settings come from one file and the environment; every mistake is named at once, and no secret is ever shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from warnwatch.errors import SettingsError
from warnwatch.settings import Settings, load_settings

CANARY = "s3cr3t-canary"


def load(folder: Path, text: str = "", **environment: str) -> Settings:
    """Load a settings file with this text and these variables."""
    file = folder / "warnwatch.toml"
    file.write_text(text, encoding="utf-8")
    return load_settings(file, environment)


def refused(folder: Path, text: str = "", **environment: str) -> str:
    """Load what must be refused, and give what is said."""
    with pytest.raises(SettingsError) as error:
        load(folder, text, **environment)
    assert error.value.exit_code == 2
    return str(error.value)


def test_no_settings_at_all_run_on_sqlite_and_send_nothing(tmp_path: Path) -> None:
    """An empty file, or none, is an embedded database in the current folder, mode hold, and loopback."""
    for settings in (load(tmp_path), load_settings(None, {})):
        assert (settings.database.url, settings.delivery.mode) == ("sqlite:///warnwatch.db", "hold") or (
            settings.database.url.startswith("sqlite:///")
        )
        assert settings.delivery.mode == "hold"
        assert settings.web.host == "127.0.0.1"
        assert settings.zone.key == "Asia/Ho_Chi_Minh"


def test_every_mistake_is_named_at_once(tmp_path: Path) -> None:
    """One run shows all that is wrong: values, names, the zone, what a mode needs, secrets in the file."""
    said = refused(
        tmp_path,
        f"""
        [plan]
        zone = "Asia/Ha_Noi"
        [cycle]
        every = 0
        [delivery]
        mode = "redirect"
        [mail]
        hots = "mail.example.vn"
        port = "many"
        password = "{CANARY}"
        [web]
        host = "0.0.0.0"
        [letters]
        """,
    ).splitlines()
    names = [line.partition(":")[0] for line in said]
    wanted = ["mail.password", "mail.redirect_to", "plan.zone", "cycle.every", "mail.port", "mail.hots", "web.host"]
    assert sorted(names) == sorted([*wanted, "letters"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[delivery]\nmode = "test"', "delivery.mode: Input should be 'hold', 'redirect' or 'live'"),
        ('[plan]\nzone = "Asia/Ha_Noi"', "'Asia/Ha_Noi' is no time zone; allowed: names such as Asia/Ho_Chi_Minh"),
        ('[plan]\nzone = ""', "plan.zone: '' is no time zone"),
        ('[delivery]\nmode = "redirect"', "mail.redirect_to: mode redirect needs an address to send everything to"),
        ('[mail]\nsendr = "a@b.vn"', "mail.sendr: no such setting; allowed: host, port"),
        ('[mail]\nsendr = "a@b.vn"', "nearest: sender"),
        ('[databse]\nurl = "x"', "databse: no such setting; allowed: database, plan"),
        ('[databse]\nurl = "x"', "nearest: database"),
        ("mail = 3", "mail: Input should be a valid dictionary"),
        ("[web]\nport = 70000", "web.port: Input should be less than 65536"),
        ('[web]\nhost = "0.0.0.0"', "web.host: Input should be '127.0.0.1', '::1' or 'localhost'"),
        ("[mail\n", "warnwatch.toml: not a TOML file"),
    ],
)
def test_a_mistake_says_where_and_what_is_allowed(tmp_path: Path, text: str, said: str) -> None:
    """Each message names the setting, what is allowed, and the nearest right name."""
    assert said in refused(tmp_path, text)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """A missing file is not the same as an empty one."""
    with pytest.raises(SettingsError, match=r"none\.toml: cannot be read \(No such file"):
        load_settings(tmp_path / "none.toml", {})


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    """WARNWATCH_SECTION__NAME overrides the file; other variables are none of ours."""
    text = '[web]\nport = 8001\n[delivery]\nmode = "hold"'
    settings = load(tmp_path, text, WARNWATCH_WEB__PORT="8002", WARNWATCH_CONFIG="x", PATH="/bin", MAIL__PORT="1")
    assert (settings.web.port, settings.delivery.mode, settings.mail.port) == (8002, "hold", 587)


def test_a_wrong_variable_is_a_mistake_too(tmp_path: Path) -> None:
    """A typo in the environment is not silently without effect."""
    assert "web.prot: no such setting" in refused(tmp_path, WARNWATCH_WEB__PROT="8002")
    assert "delivery.mode: Input should be" in refused(tmp_path, WARNWATCH_DELIVERY__MODE="test")


@pytest.mark.parametrize(("text", "pilot"), [("", None), ("DP-19, BYT ,", ("DP-19", "BYT"))])
def test_the_pilot_is_a_list_in_the_environment(tmp_path: Path, text: str, pilot: tuple[str, ...] | None) -> None:
    """Units are separated by commas; without the variable there is no pilot and everybody is told."""
    environment = {"WARNWATCH_DELIVERY__PILOT": text} if text else {}
    assert load(tmp_path, **environment).delivery.pilot == pilot


def test_relative_paths_begin_at_the_file(tmp_path: Path) -> None:
    """The settings mean the same from whichever folder a command is run."""
    text = (
        '[database]\nurl = "sqlite:///data/w.db"\n[rules]\nfolder = "alert_rules"\n'
        '[mail]\npassword_file = "pw"\nca_file = "/etc/ca.pem"'
    )
    settings = load(tmp_path, text)
    assert settings.database.url == f"sqlite:///{tmp_path}/data/w.db"
    assert settings.rules_folder == tmp_path / "alert_rules"
    assert (settings.mail.password_file, settings.mail.ca_file) == (tmp_path / "pw", Path("/etc/ca.pem"))


@pytest.mark.parametrize("url", ["sqlite:///:memory:", "sqlite:////srv/w.db", "postgresql://ww@db/ww"])
def test_other_databases_stay_as_they_are_written(tmp_path: Path, url: str) -> None:
    """Only a relative SQLite file is moved."""
    assert load(tmp_path, f'[database]\nurl = "{url}"').database.url == url


@pytest.mark.parametrize(
    "text",
    [
        f'[mail]\npassword = "{CANARY}"',
        f'[database]\nurl = "postgresql://ww:{CANARY}@db/ww"',
        f'[database]\nurl = "postgresql://ww:p@{CANARY}@db/ww"',
        f'[database]\nurl = "postgresql://db/ww?user=ww&password={CANARY}"',
    ],
)
def test_a_secret_in_the_file_is_refused_without_saying_it(tmp_path: Path, text: str) -> None:
    """Files are copied, mailed and committed; the message says where the secret belongs instead."""
    said = refused(tmp_path, text)
    assert "does not belong into the file; use WARNWATCH_" in said
    assert CANARY not in said


def test_secrets_come_from_the_environment_or_a_file(tmp_path: Path) -> None:
    """A file's line end is not part of the password; its spaces are."""
    (tmp_path / "pw").write_text(f" {CANARY}\n", encoding="utf-8")
    assert load(tmp_path, WARNWATCH_MAIL__PASSWORD=CANARY).mail_password == CANARY
    assert load(tmp_path, '[mail]\npassword_file = "pw"').mail_password == f" {CANARY}"
    assert load(tmp_path).mail_password is None


def test_a_password_file_that_is_missing_is_named(tmp_path: Path) -> None:
    """The service says so before it starts, and does not try without."""
    with pytest.raises(SettingsError, match=r"mail\.password_file: cannot read .*/pw"):
        _ = load(tmp_path, '[mail]\npassword_file = "pw"').mail_password


def test_no_secret_is_in_what_settings_print(tmp_path: Path) -> None:
    """A debugger, a log line or a traceback that shows the settings shows no password."""
    url = f"postgresql://ww:{CANARY}@db/ww"
    settings = load(tmp_path, WARNWATCH_MAIL__PASSWORD=CANARY, WARNWATCH_DATABASE__URL=url)
    assert settings.database.url == url
    assert CANARY not in f"{settings!r} {settings} {settings.mail} {settings.database}"


FOLDER = """
[[sources]]
code = "so-viec"
title = "Sổ việc"
keeper = "BYT"
kind = "folder"
rhythm = "1 working day"
path = "data"
"""
WEB = """
[[sources]]
code = "cong-dvc"
title = "Cổng dịch vụ công"
keeper = "BYT"
kind = "url"
rhythm = "1 day"
url = "https://dvc.example.vn/x.xlsx"
"""


def test_sources_are_read_with_paths_at_the_file_and_secrets_from_the_environment(tmp_path: Path) -> None:
    """A list of tables; a variable names the source by its code."""
    settings = load(tmp_path, FOLDER + WEB, WARNWATCH_SOURCES__CONG_DVC__SECRET=CANARY)
    folder, web = settings.sources
    assert (folder.kind, folder.pull) == ("folder", 600)
    assert getattr(folder, "path", None) == tmp_path / "data"
    assert getattr(web, "secret", None) == CANARY
    assert CANARY not in repr(settings)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (FOLDER.replace("1 working day", "hằng ngày"), "không đọc được khoảng thời gian"),
        (FOLDER.replace("1 working day", "0"), "would always be late"),
        (FOLDER.replace('"folder"', '"ftp"'), "'folder', 'url', 'sql', 'promql'"),
        (FOLDER + FOLDER, "two sources have the same code"),
        (WEB.replace("https://", f"https://user:{CANARY}@"), "a password does not belong into an address"),
        (WEB.replace("https://", "file://"), "not an address"),
        (WEB + f'secret = "{CANARY}"', "WARNWATCH_SOURCES__CONG_DVC__SECRET"),
        (WEB + 'file = "task"', "is no import file"),
        (WEB.replace("https://", "http://") + 'secret_file = "x"', "only over https"),
        (
            WEB.replace('"url"', '"sql"')
            .replace("url =", "database =")
            .replace("https://", f"postgresql://u:{CANARY}@")
            + 'query = "select 1"\nfile = "tasks"',
            "WARNWATCH_SOURCES__CONG_DVC__DATABASE",
        ),
    ],
)
def test_a_wrong_source_is_named_without_its_secret(tmp_path: Path, text: str, said: str) -> None:
    """What is wrong with a source is said, and no password with it."""
    message = refused(tmp_path, text)
    assert said in message
    assert CANARY not in message
