"""The other commands: accounts, tokens, configurations for others, imports, contacts, logs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from stockade.cli.commands import app
from stockade.cli.exits import Exit, exit_of
from stockade.cli.reference import reference
from stockade.config import load
from stockade.errors import ConfigurationError, Refused, Tampered, Unavailable
from tests.cli.terminal import Terminal
from tests.servers.processes import wait_until

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "cli.md"
ACCESS_LOG = Path(__file__).parents[3] / "shared" / "data" / "access-logs" / "apache_combined_10k.log"
LINE = '{address} - - [10/Oct/2023:13:55:{second:02} +0000] "POST /login HTTP/1.1" {status} 2326 "-" "x"\n'


# ── the program ──────────────────────────────────────────────────────────────────────────────────


def test_the_reference_is_up_to_date() -> None:
    assert PAGE.read_text() == reference(), "python -m stockade.cli.reference docs/reference/cli.md"


def test_every_exit_code_is_documented() -> None:
    assert re.findall(r"^\| (\d+) \|", reference(), re.MULTILINE) == [str(int(code)) for code in Exit]


def test_every_kind_of_error_has_its_code() -> None:
    errors = (ConfigurationError("x"), Refused("x"), Unavailable("x"), Tampered("x"))
    assert [exit_of(error) for error in errors] == [Exit.USAGE, Exit.REFUSED, Exit.UNAVAILABLE, Exit.TAMPERED]


def test_where_the_library_is_alone_the_command_says_what_it_needs() -> None:
    program = "import sys; sys.modules['typer'] = None; sys.argv = ['stockade']; from stockade.cli import main; main()"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ran.returncode == Exit.USAGE
    assert "the command needs typer" in ran.stderr
    assert "[server]" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_help_needs_nothing_heavy() -> None:
    code = "import sys, stockade.cli; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    heavy = {"sqlalchemy", "starlette", "uvicorn", "aiohttp", "jinja2", "redis", "cryptography", "argon2", "rich.table"}
    assert heavy & set(loaded) == set()


def test_the_help_shows_brackets_as_they_are_written_and_flags_that_take_nothing() -> None:
    words = ("intake run", "audit signer", "bans")
    intake, signer, bans = (CliRunner().invoke(app, [*each.split(), "--help"]).output for each in words)
    assert "A TOML file with [[intake]] tables." in intake
    assert 'signer = "SOCKET" under [audit].' in signer
    assert re.search(r"--json +Print JSON", bans)


def test_every_command_and_all_that_it_takes_is_explained() -> None:
    assert "[[" not in reference().replace("[[intake]]", "").replace("[[secrets.database]]", "")
    assert re.findall(r"^.*` \|\s*\|$", reference(), re.MULTILINE) == []


def test_it_runs_as_a_module_too(terminal: Terminal) -> None:
    said = subprocess.run(
        [sys.executable, "-m", "stockade", "--version"],
        capture_output=True,
        text=True,
        check=True,
        env=terminal.environment,
    )
    assert said.stdout.startswith("stockade 0.")


def test_a_command_that_does_not_exist_is_a_usage_error(terminal: Terminal) -> None:
    assert terminal("bnas").code == 2


def test_a_reader_who_goes_away_is_no_error(terminal: Terminal) -> None:
    process = terminal.start("check")
    assert process.stdout is not None
    process.stdout.close()
    assert process.wait(30) in {0, 1}


# ── accounts and tokens ──────────────────────────────────────────────────────────────────────────


def test_accounts_are_added_blocked_and_listed(terminal: Terminal) -> None:
    assert terminal("user add carol --email carol@example.org", given="correct horse battery staple\n").code == 0
    assert terminal("user add ci --bot").code == 0
    assert terminal("user block carol --reason left").code == 0
    listed = {account["name"]: (account["kind"], account["state"]) for account in terminal("accounts --json").json}
    assert listed == {"carol": ("human", "blocked"), "ci": ("bot", "active")}
    assert "blocked" in terminal("accounts").out


def test_who_is_locked_or_has_left_is_not_called_active(terminal: Terminal) -> None:
    for name in ("carol", "ci"):
        assert terminal(f"user add {name} --bot").code == 0
    assert terminal("lock ci --for 2h").code == 0
    assert terminal("user depart carol").code == 0
    listed = terminal("accounts").out
    assert ("active" in listed, "locked until " in listed, " left " in listed) == (False, True, True)
    assert re.search(r"ci, locked until \d\d:\d\d", terminal("reach ci").out)


def test_who_is_let_in_twice_over_is_told_what_still_shuts_them_out(terminal: Terminal) -> None:
    for command in ("user add ci --bot", "user block ci", "lock ci --for 2h"):
        assert terminal(command).code == 0
    assert re.match(r"ci: locked until \d\d:\d\d", terminal("unblock ci").out)
    assert terminal("unlock ci").out == "ci: may sign in\n"


def test_a_token_is_shown_once_and_can_be_revoked(terminal: Terminal) -> None:
    terminal("user add ci --bot")
    issued = terminal("token issue ci deploy --scope read_repository --for 30d").out
    found = re.search(r"stk_\w+", issued)
    assert found
    listed = terminal("token list").out
    assert "deploy" in listed
    assert found[0] not in listed
    assert terminal("token revoke 1 --reason leaked").code == 0
    assert "revoked" in terminal("token list ci").out
    assert found[0] not in (terminal.directory / "state" / "security.log").read_text()


def test_refusals_of_the_directory_are_said(terminal: Terminal) -> None:
    assert terminal("user block nobody").code == 3
    assert terminal("user add carol", given="short\n").code == 3
    said = terminal("token issue ci x --scope read_repo")
    assert said.code == 2
    assert 'did you mean "read_repository"?' in said.err


# ── other programs ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("proxy", ["nginx", "caddy", "traefik", "haproxy"])
def test_the_configuration_of_a_proxy_is_printed(terminal: Terminal, proxy: str) -> None:
    said = terminal(f"config {proxy} --site git.example.org --upstream 127.0.0.1:3000")
    assert said.code == 0
    assert "127.0.0.1:8080" in said.out


def test_a_proxy_that_is_not_known_is_said(terminal: Terminal) -> None:
    said = terminal("config ngnix")
    assert said.code == 2
    assert "Did you mean nginx?" in said.err


def test_an_existing_gitlab_rb_is_taken_over(terminal: Terminal) -> None:
    terminal.write(
        """
        gitlab_rails['rack_attack_git_basic_auth'] = {
          'enabled' => true,
          'ip_whitelist' => ["127.0.0.1", "192.168.0.1/24"],
          'maxretry' => 10,
          'findtime' => 60,
          'bantime' => 3600
        }
        """,
        "gitlab.rb",
    )
    said = terminal("import gitlab.rb")
    assert said.code == 0
    assert "192.168.0.1/24: written as 192.168.0.0/24" in said.err
    settings = load(terminal.write(said.out))
    assert settings.preset == "gitlab"
    assert settings.gitlab.git_basic_auth.maxretry == 10
    assert terminal("check").code == 0


def test_what_cannot_be_taken_over_is_said_and_has_an_exit_code(terminal: Terminal) -> None:
    terminal.write("Rack::Attack.throttle('x', limit: 5, period: 60) { |req| req.env['weird'] }", "rack_attack.rb")
    said = terminal("import rack_attack.rb")
    assert said.code == 1
    assert "not translated" in said.err


def test_a_contact_is_checked(terminal: Terminal) -> None:
    terminal.write("Contact: mailto:security@example.org\nExpires: 2021-12-31T18:37Z\n", "security.txt")
    said = terminal("securitytxt check security.txt")
    assert said.code == 1
    assert "error" in said.out
    terminal.write("Contact: mailto:security@example.org\nExpires: 2999-12-31T18:37:07Z\n", "good.txt")
    assert terminal("securitytxt check good.txt").code == 0
    assert terminal("securitytxt check nowhere.txt").code == 2


def test_the_contact_of_the_configuration_is_shown(terminal: Terminal) -> None:
    assert terminal("securitytxt show").code == 2
    terminal.write('[security_txt]\ncontact = "mailto:security@example.org"\nexpires = 2099-01-01T00:00:00Z\n')
    assert terminal("securitytxt show").out == "Contact: mailto:security@example.org\nExpires: 2099-01-01T00:00:00Z\n"


# ── logs ─────────────────────────────────────────────────────────────────────────────────────────

RULES = """
    [[allow2ban]]
    name = "failed logins"
    maxretry = 3
    findtime = "1m"
    bantime = "1h"
    when = { path = "/login", status = 401 }
    """


def test_an_old_log_is_replayed(terminal: Terminal) -> None:
    terminal.write(RULES, "new.toml")
    lines = [LINE.format(address="203.0.113.9", second=n, status=401) for n in range(6)]
    terminal.write("".join([*lines, LINE.format(address="203.0.113.7", second=9, status=302)]), "access.log")
    said = terminal("replay access.log --rules new.toml")
    assert said.code == 0
    assert "3 of 7 requests would have been refused, to 1 client" in said.out
    (row,) = terminal("replay access.log --rules new.toml --json").json["rows"]
    assert (row["client"], row["rule"], row["bans"], row["requests"]) == ("203.0.113.9", "failed logins", 1, 3)
    assert terminal("bans --json").json == []


@pytest.mark.skipif(not ACCESS_LOG.exists(), reason="the shared access log is not beside this checkout")
def test_a_real_log_is_replayed(terminal: Terminal) -> None:
    terminal.write('[[throttle]]\nname = "pages"\nlimit = 20\nperiod = "1m"\n', "new.toml")
    report = terminal.run("replay", str(ACCESS_LOG), "--rules", "new.toml", "--json").json
    assert (report["lines"], report["unreadable"]) == (10_000, 0)
    assert report["refused"] == sum(row["requests"] for row in report["rows"]) > 0


def test_a_log_that_is_none_is_said(terminal: Terminal) -> None:
    assert terminal("replay nowhere.log").code in {2, 4}
    terminal.write("what is this\n" * 9, "notes.txt")
    assert terminal("replay notes.txt").code == 2


def test_a_log_that_is_not_there_yet_is_waited_for_and_that_is_said(terminal: Terminal) -> None:
    process = terminal.start("watch", "auth.log")
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "auth.log: not there yet; it is waited for\n"
    finally:
        process.kill()
        process.stdout.close()
        process.wait(30)


def test_a_growing_log_is_watched_and_bans_are_placed(terminal: Terminal) -> None:
    terminal.write(RULES)
    log = terminal.write("", "access.log")
    process = terminal.start("watch", "access.log", "--format", "combined")
    try:
        import time

        stamp = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime())
        with log.open("a") as file:
            for _ in range(4):
                file.write(f'203.0.113.9 - - [{stamp}] "POST /login HTTP/1.1" 401 2326 "-" "x"\n')
        wait_until(lambda: bool(terminal("bans --json").json), "the ban")
    finally:
        process.terminate()
        assert process.stdout is not None
        process.stdout.close()
        process.wait(30)
    assert terminal("bans --json").json[0]["rule"] == "failed logins"
