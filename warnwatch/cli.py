"""The command line: each command reads its words, calls one function of the program, and prints what came of it.

Here: trying, installing and running. The commands about the plan and about alerts have pages of their own.
"""

from __future__ import annotations

import asyncio
import shlex
import shutil
import sys
from pathlib import Path

import click

from warnwatch import (
    __version__,
    alert_commands,
    audit_commands,
    bounce_command,
    check_command,
    contact_commands,
    database,
    database_roles,
    plan_commands,
    rule_commands,
    rule_test_command,
    silence_commands,
)
from warnwatch.answering import revoke
from warnwatch.assembly import send_test, send_test_message
from warnwatch.clocks import wall_clock
from warnwatch.console import (
    NEW_FOLDER,
    Commands,
    Installation,
    as_json,
    in_a_language,
    pass_installation,
    print_json,
    progress_line,
)
from warnwatch.demo import Tell, run_demo
from warnwatch.errors import CannotRunError, SettingsError
from warnwatch.key_file import add_key
from warnwatch.language import Language, Phrase, in_language
from warnwatch.logs import log_to_stderr
from warnwatch.notify.delivery import SERVER_PHASES
from warnwatch.plan.cells import CellError, read_phone
from warnwatch.presence import Role
from warnwatch.service import serve
from warnwatch.shipped import shipped

PORT = click.IntRange(0, 65_535)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="WARNWATCH_CONFIG",
    help="TOML file; without it ./warnwatch.toml, where there is one.",
)
@click.pass_context
def main(ctx: click.Context, config: Path | None) -> None:
    """Early warning for dated plans: the head of each unit is told in time, and then the head's superior.

    Begin with `warnwatch demo`, or with `warnwatch init FOLDER` for an installation of your own.

    Example: warnwatch --config warnwatch.toml evaluate --dry-run
    """
    here = Path("warnwatch.toml")
    ctx.obj = Installation(config or (here if here.is_file() else None))
    ctx.call_on_close(ctx.obj.close)


@main.command()
@click.option("--exit", "exit_", is_flag=True, help="Do the same without staying.")
@click.option("--port", default=8057, show_default=True, type=PORT, help="Port of the page; a free one when taken.")
@click.option("--folder", type=NEW_FOLDER, help="Keep database, mails, rules and settings there, for other commands.")
@in_a_language
@as_json
@pass_installation
def demo(here: Installation, *, exit_: bool, port: int, folder: Path | None, json_: bool) -> None:
    """Show Plan 02 judged and warned about, with a mailbox and a page of its own.

    Example: warnwatch demo --exit --folder try
    """
    language = here.language
    if folder:
        _write_starter(folder, language)
    at_terminal = not json_ and sys.stderr.isatty()
    progress = (lambda text: progress_line(in_language(text, language))) if at_terminal else _be_silent
    tell = Tell(_be_silent if json_ else here.say, progress)
    summary = run_demo(stay=not exit_, port=port, tell=tell, folder=folder, language=language)
    if json_:
        print_json(summary)


def _be_silent(_text: str) -> None:
    pass


@main.command()
@click.argument("folder", type=NEW_FOLDER)
@in_a_language
@pass_installation
def init(here: Installation, folder: Path) -> None:
    """Write a starter folder: settings and the shipped rules, to make your own.

    Example: warnwatch init /srv/warnwatch
    """
    _write_starter(folder, here.language)
    command = f"warnwatch --config {shlex.quote(str(folder / 'warnwatch.toml'))}"
    here.say(Phrase("Đã tạo {folder}. Bước tiếp theo:", folder=folder))
    here.say(Phrase("  {command} import THU_MUC_KE_HOACH", command=command))
    here.say(f"  {command} serve")


def _write_starter(folder: Path, language: Language) -> None:
    if folder.exists() and any(folder.iterdir()):
        raise SettingsError(
            Phrase("{folder}: thư mục đã có nội dung; hãy chọn một thư mục mới hoặc trống", folder=folder)
        )
    shutil.copytree(shipped("alert_rules"), folder / "alert_rules", dirs_exist_ok=True)
    (folder / "warnwatch.toml").write_text(STARTER.format(language=language), encoding="utf-8")
    add_key(folder / "link.keys")


STARTER = """\
# WarnWatch: see docs/operations.md for every setting. Secrets come from the environment or from files.
[database]
url = "sqlite:///warnwatch.db"

[plan]
language = "{language}"        # vi or en: pages, what commands say, and mail to a holder who chose no language

[rules]
folder = "alert_rules"

[web]
link = ""              # the address of the service in texts, such as https://canh-bao.example.vn
link_keys = "link.keys"  # signs the links by which mail is answered; keep it secret

[delivery]
mode = "hold"          # hold: nothing leaves; redirect: all to mail.redirect_to; live: to the heads of unit

[mail]
host = "localhost"
port = 587
security = "starttls"
sender = "canh-bao@example.vn"
"""


@main.command(name="serve")
@click.option("--roles", default=",".join(Role), show_default=True, help="What this process does, by commas.")
@pass_installation
def serve_(here: Installation, roles: str) -> None:
    """Run the service: cycles, mail, metrics and the page, until SIGTERM.

    Several on one database share the work: one evaluates, the others stand by; all of them send.

    Example: warnwatch --config warnwatch.toml serve --roles evaluator,sender
    """
    wanted = {word.strip() for word in roles.split(",") if word.strip()}
    unknown = sorted(wanted - set(Role))
    if unknown or not wanted:
        raise click.UsageError(f"--roles: {', '.join(unknown) or 'nothing'} is no role; allowed: {', '.join(Role)}")
    log_to_stderr()
    serve(here.settings, frozenset(map(Role, wanted)))


@main.command(name="link-key")
@pass_installation
def link_key(here: Installation) -> None:
    """Add a key to web.link_keys: from the next start it signs the links in mail, and those before it verify still.

    To retire a key, delete its line once the links that it signed have expired; to revoke them all, at once.

    Example: warnwatch --config warnwatch.toml link-key
    """
    file = here.settings.web.link_keys
    if file is None:
        raise SettingsError("web.link_keys: names no file; give one in the settings, then run this again")
    count = add_key(file)
    here.say(Phrase("{file}: đã thêm khóa mới; hiện có {count} khóa, khóa đầu dùng để ký.", file=file, count=count))


@main.command(name="link-revoke")
@click.argument("holder")
@click.option("--by", required=True, help="Who withdraws them: an office or a unit, never a person's name.")
@pass_installation
def link_revoke(here: Installation, holder: str, by: str) -> None:
    """Withdraw every link in the mails that a holder has had so far; the next mail has a new one.

    Example: warnwatch link-revoke DP-19-UB/head/1 --by BCD-CQTT
    """
    now = here.now()
    with here.engine.begin() as connection:
        count = revoke(connection, holder, by, now)
    here.say(Phrase("Đã thu hồi đường dẫn trong {count} thư gửi {holder}.", count=count, holder=holder))


@main.command(name="send-test")
@click.argument("address")
@click.option("--sms", is_flag=True, help="ADDRESS is a telephone number: send a text message.")
@pass_installation
def send_test_(here: Installation, address: str, *, sms: bool) -> None:
    """Send one test mail with the settings of the installation, and say what the server answered.

    It goes to ADDRESS itself, whatever delivery.mode says. With --sms a text message goes to a number.

    Example: warnwatch send-test thu@example.vn
    """
    send = send_test_message if sms else send_test
    try:
        to = read_phone(address) if sms else address
    except CellError as error:
        raise click.UsageError(f"{address!r} is no telephone number; allowed: 0912345678, +84912345678") from error
    answer = asyncio.run(send(here.settings, to, wall_clock()))
    said = f"{answer.phase}: {answer.code or 'no answer'} {answer.text}"
    if answer.code is None and answer.phase in SERVER_PHASES:
        mail = here.settings.mail
        # Not the gateway's address: its query may hold an account.
        raise CannotRunError(f"the SMS gateway: {said}" if sms else f"{mail.host}:{mail.port}: {said}")
    click.echo(said)
    if not answer.accepted:
        sys.exit(1)


@main.group()
def db() -> None:
    """Look after the database.

    Example: warnwatch db upgrade
    """


@db.command()
@pass_installation
def upgrade(here: Installation) -> None:
    """Bring the database to this program's schema.

    Example: warnwatch db upgrade
    """
    database.upgrade(here.settings.database.url)
    click.echo("the database has this program's schema")


@db.command()
def roles() -> None:
    """Print the SQL of three roles on PostgreSQL: migrate, app and read.

    The app role cannot change the journal, answers, deliveries or the seal; the read role sees no text of a message.

    Example: warnwatch db roles | psql warnwatch
    """
    click.echo("BEGIN;")
    for one in database_roles.statements():
        click.echo(f"{one};")
    click.echo("COMMIT;")


for command in (
    plan_commands.import_,
    check_command.check,
    rule_test_command.test,
    plan_commands.measures,
    plan_commands.evaluate,
    plan_commands.explain_,
    alert_commands.alerts,
    alert_commands.ack,
    alert_commands.close,
    silence_commands.silence,
    rule_commands.rules,
    audit_commands.audit,
    contact_commands.contacts,
    bounce_command.bounce,
):
    main.add_command(command)


if __name__ == "__main__":
    main()
