"""The grammar of the configuration: what may be written, and what is said of what may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from stockade.config import load, rules_of
from stockade.config.state import state_of
from stockade.errors import ConfigurationError
from stockade.guard.rules import Allow2Ban, Throttle
from tests.config.written import Visit, error, settings


def test_without_a_word_the_little_forge_is_protected() -> None:
    found = settings("")
    assert found.effective_preset == "forge"
    assert [rule.name for rule in rules_of(found)] == [
        "sign-in",
        "consent",
        "applications",
        "everything",
        "git-and-registry",
    ]


def test_an_application_that_guesses_is_throttled_and_a_busy_one_is_not() -> None:
    visit = Visit("")
    assert all(visit.passes("POST", "/oauth/token") for _ in range(50))
    assert all(visit.passes("POST", "/oauth/token", status=400 + number % 2) for number in range(20))
    assert not visit.passes("POST", "/oauth/token")
    assert visit.passes("POST", "/oauth/token", address="203.0.113.10")
    assert all(visit.passes("POST", "/oauth/authorize") for _ in range(30))
    assert not visit.passes("POST", "/oauth/authorize")


def test_a_file_with_rules_of_its_own_has_no_others() -> None:
    found = settings('[[throttle]]\nname = "a"\nlimit = 1\nperiod = "5m"')
    (rule,) = rules_of(found)
    assert isinstance(rule, Throttle)
    assert (rule.limit, rule.period, rule.window) == (1, 300.0, "sliding")


def test_a_preset_that_is_named_comes_before_the_rules_of_the_file() -> None:
    found = settings('preset = "forge"\n[[throttle]]\nname = "a"\nlimit = 1\nperiod = 60')
    assert [rule.name for rule in rules_of(found)][-1] == "a"
    assert len(rules_of(found)) == 6


def test_a_ban_may_escalate() -> None:
    (rule,) = rules_of(
        settings("""
        [[allow2ban]]
        name = "x"
        maxretry = 3
        findtime = "90s"
        bantime = ["1h", "6h", 86400]
        when = { status = 401 }
        """)
    )
    assert isinstance(rule, Allow2Ban)
    assert rule.bantimes == (3600.0, 21600.0, 86400.0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            '[[throttle]]\nname = "sign-in"\nlimt = 10',
            'stockade.toml:3: unknown setting "limt" in [[throttle]] "sign-in"; did you mean "limit"?',
        ),
        ('lisetn = "x"', 'stockade.toml:1: unknown setting "lisetn"; did you mean "listen"?'),
        ('listen = "localhost"', 'stockade.toml:1: listen: "localhost" is not an address to listen on'),
        ("listen = 80", "stockade.toml:1: listen is 80, not text"),
        ("ipv6_prefix = true", "stockade.toml:1: ipv6_prefix is true"),
        ("ipv6_prefix = 129", "stockade.toml:1: ipv6_prefix is 129"),
        (
            'trusted_proxies = ["10.0.0.0/33"]',
            "stockade.toml:1: trusted_proxies: not an address or a network: '10.0.0.0/33'",
        ),
        ('store = "shard"', 'stockade.toml:1: store is "shard"; did you mean "shared"?'),
        ('store = "http://x"', 'stockade.toml:1: store is "http://x", which is none of'),
        ('upstream = "127.0.0.1:3000"', 'stockade.toml:1: upstream is "127.0.0.1:3000"'),
        ('preset = "gitlub"', 'stockade.toml:1: preset is "gitlub"; did you mean "gitlab"?'),
        ("[throttle]\nlimit = 1", "stockade.toml:1: throttle is a table"),
        ("[gitlab]\ndry_run = []", "stockade.toml:1: [gitlab] changes a preset that is not in force"),
        ("answers = 3", "stockade.toml:1: answers is 3, not a table"),
        ("[answers.throttle]\nstatus = 200", "stockade.toml:2: status is 200"),
        ('[[throttle]]\nname = "a"\nlimit = 1', 'stockade.toml:1: [[throttle]] "a" has no "period"'),
        ('[[throttle]]\nname = ""\nlimit = 1\nperiod = 1', 'stockade.toml:2: name is "", not a rule\'s name'),
        ('[[throttle]]\nname = "a"\nlimit = -1\nperiod = 1', "stockade.toml:3: limit is -1"),
        (
            '[[throttle]]\nname = "a"\nlimit = 1\nperiod = "1 fortnight"',
            'stockade.toml:4: period is "1 fortnight", not a duration',
        ),
        ('[[throttle]]\nname = "a"\nlimit = 1\nperiod = 0', "stockade.toml:4: period is 0, not a duration"),
        (
            '[[throttle]]\nname = "a"\nlimit = 1\nperiod = 1\nby = "adress"',
            'cannot count by "adress"; did you mean "address"?',
        ),
        (
            '[[throttle]]\nname = "a"\nlimit = 1\nperiod = 1\nburst = 2',
            "stockade.toml:1: a: only window = gcra has a burst",
        ),
        (
            '[[throttle]]\nname = "a"\nlimit = 1\nperiod = 1\nwhen = {}',
            "stockade.toml:5: when is a table, not a condition",
        ),
        ('[[safelist]]\nname = "a"\nwhen = { regex = "(" }', "stockade.toml:3: not a regular expression: '('"),
        ('[[safelist]]\nname = "a"\nwhen = { status = 99 }', "stockade.toml:3: not a status: 99"),
        ('[[safelist]]\nname = "a"\nwhen = { network = "x" }', "stockade.toml:3: not an address or a network: 'x'"),
        (
            '[[safelist]]\nname = "a"\nwhen = { path = [] }',
            "stockade.toml:3: path is an empty list, which nothing matches",
        ),
        (
            '[[safelist]]\nname = "a"\nwhen = { any = [\n{ path = "/" },\n{ pth = "/" }] }',
            'stockade.toml:5: unknown setting "pth"',
        ),
        ('[[track]]\nname = "a"\nlimit = 1', "stockade.toml:1: a: a track has both a limit and a period"),
    ],
)
def test_what_is_wrong_is_one_clear_error(text: str, said: str) -> None:
    found = error(text)
    assert said in found.message
    assert "\n" not in found.message


def test_two_rules_of_one_name_are_shown_both() -> None:
    found = error("""
        [[throttle]]
        name = "a"
        limit = 1
        period = 1

        [[safelist]]
        name = "a"
        when = { path = "/" }
        """)
    assert found.message in {
        'stockade.toml:7: two rules are named "a"; the other is in line 2',
        'stockade.toml:2: two rules are named "a"; the other is in line 7',
    }


def test_a_rule_may_not_be_named_like_one_of_the_preset() -> None:
    found = error('preset = "forge"\n[[throttle]]\nname = "sign-in"\nlimit = 1\nperiod = 1')
    assert "two rules are named 'sign-in'" in found.message


def test_answers_can_be_put_in_other_words() -> None:
    visit = Visit("""
        [answers]
        headers = "none"
        throttle = { status = 420, text = "Enhance your calm" }

        [[throttle]]
        name = "a"
        limit = 0
        period = 60
        """)
    answer = visit.guard.refusal(visit.ask("GET", "/"))
    assert answer.status == 420
    assert answer.body == b"Enhance your calm\n"
    assert not any(name.startswith("ratelimit") for name, _ in answer.headers)


def test_hostile_text_in_a_configuration_is_escaped_in_its_error() -> None:
    assert error('listen = "\\u001b[31mred\\u202e"').message.count("\x1b") == 0


# ── where the file is ────────────────────────────────────────────────────────────────────────────


def test_the_file_that_is_named_is_read(tmp_path: Path) -> None:
    file = tmp_path / "other.toml"
    file.write_text('listen = "127.0.0.1:1234"')
    assert load(file).listen == "127.0.0.1:1234"
    assert load(environ={"STOCKADE_CONFIG": str(file)}).file == file


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no such file"):
        load(tmp_path / "none.toml")


def test_a_file_that_nobody_named_is_followed_only_when_nobody_else_can_change_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert load(environ={}).file is None
    file = tmp_path / "stockade.toml"
    file.write_text('listen = "127.0.0.1:1234"')
    file.chmod(0o644)
    assert load(environ={}).file == file
    file.chmod(0o666)
    with pytest.raises(ConfigurationError, match="can be changed by others"):
        load(environ={})
    assert load(file).listen == "127.0.0.1:1234"


def test_a_state_directory_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="cannot be made: not a directory"):
        state_of(settings(f'state = "{tmp_path}/file/state"'))


def test_a_file_that_is_no_text_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "latin.toml"
    file.write_bytes(b'a = 1\nb = "\xe4"\n')
    with pytest.raises(ConfigurationError, match=r"latin\.toml:2: not UTF-8"):
        load(file)


def test_state_is_kept_where_the_environment_says(tmp_path: Path) -> None:
    found = settings("")
    assert found.state_directory({"STOCKADE_STATE": str(tmp_path)}) == tmp_path
    assert found.state_directory({"XDG_STATE_HOME": "/var/state"}) == Path("/var/state/stockade")
    assert found.state_directory({"XDG_STATE_HOME": "relative is ignored"}).parts[-3:] == (
        ".local",
        "state",
        "stockade",
    )
    assert settings('state = "/srv/stockade"').state_directory({}) == Path("/srv/stockade")
