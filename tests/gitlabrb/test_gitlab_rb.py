"""An existing ``gitlab.rb`` becomes Stockade configuration, and says what did not."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from stockade import config
from stockade.config.gitlab_rules import preset
from stockade.config.source import Source
from stockade.gitlabrb import Imported, Remark, translate
from stockade.gitlabrb.settings import THROTTLES

DOCUMENTED = """\
gitlab_rails['rack_attack_git_basic_auth'] = {
  'enabled' => true,
  'ip_whitelist' => ["127.0.0.1"],
  'maxretry' => 10, # Limit the number of Git HTTP authentication attempts per IP
  'findtime' => 60, # Reset the auth attempt counter per IP after 60 seconds
  'bantime' => 3600 # Ban an IP for one hour (3600s) after too many auth attempts
}
"""
BAN = {"enabled": True, "ip_whitelist": ["127.0.0.1"], "maxretry": 10, "findtime": 60, "bantime": 3600}


def settings(text: str) -> dict[str, Any]:
    """What a reader of the written TOML finds; Stockade can follow it."""
    imported = translate(text)
    written = tomllib.loads(imported.toml())
    assert written == imported.settings
    config.read(Source("imported.toml", imported.toml()))
    return written


def said(remarks: object) -> list[tuple[int, str]]:
    assert isinstance(remarks, list | tuple)
    return [(remark.line, remark.why) for remark in remarks]


def all_remarks(imported: Imported) -> list[Remark]:
    return [*imported.untranslated, *imported.assumed, *imported.unrelated, *imported.translated]


def test_the_documented_block() -> None:
    assert settings(DOCUMENTED) == {"preset": "gitlab", "gitlab": {"git_basic_auth": BAN}}
    assert translate(DOCUMENTED).untranslated == ()
    assert translate(DOCUMENTED).assumed == ()


def test_the_documented_whitelist_with_cidr() -> None:
    text = DOCUMENTED.replace('["127.0.0.1"]', '["127.0.0.1", "127.0.0.2", "127.0.0.3", "192.168.0.1/24"]')
    whitelist = settings(text)["gitlab"]["git_basic_auth"]["ip_whitelist"]
    assert whitelist == ["127.0.0.1", "127.0.0.2", "127.0.0.3", "192.168.0.0/24"]
    assert said(translate(text).assumed) == [(3, "written as 192.168.0.0/24, which means the same")]


@pytest.mark.parametrize(
    "block",
    [
        "{ enabled: true, ip_whitelist: %w[127.0.0.1], maxretry: 10, findtime: 1.minute, bantime: 1.hour }",
        "{ :enabled => true, :ip_whitelist => ['127.0.0.1'], :maxretry => 10, :findtime => 60, :bantime => 60 * 60 }",
        """{ "enabled": true, "ip_whitelist": ['127.0.0.1',], 'maxretry': 10, 'findtime': 60.0, 'bantime': 3_600, }""",
        """\\
  {

  # a comment => 'here'
  'enabled' => (true),
  'ip_whitelist' =>
    %w(
 127.0.0.1
 ),
  'maxretry' => 5 + 5, 'findtime' => 60.seconds, 'bantime' => 1.hour.to_i
  }.freeze""",
    ],
)
def test_the_same_block_in_other_spellings(block: str) -> None:
    assert settings(f"gitlab_rails[:rack_attack_git_basic_auth] = {block}\n")["gitlab"]["git_basic_auth"] == BAN


def test_keys_set_one_by_one() -> None:
    text = "".join(
        f"gitlab_rails['rack_attack_git_basic_auth']['{key}'] = {value}\n"
        for key, value in {"enabled": "true", "maxretry": "30", "findtime": "180"}.items()
    )
    assert settings(text)["gitlab"]["git_basic_auth"] == BAN | {"maxretry": 30, "findtime": 180}


def test_what_the_block_leaves_out_is_what_gitlab_takes_and_that_is_said() -> None:
    text = "gitlab_rails['rack_attack_git_basic_auth'] = { 'enabled' => true, 'maxretry' => 30 }\n"
    assert settings(text)["gitlab"]["git_basic_auth"] == BAN | {"maxretry": 30}
    assert said(translate(text).assumed) == [(1, "GitLab's own defaults for ip_whitelist, findtime, bantime")]


def test_what_is_commented_out_is_not_there() -> None:
    commented = "".join(f"# {line}\n" for line in DOCUMENTED.splitlines())
    assert settings(commented) == {}
    assert all_remarks(translate(commented)) == []


def test_trusted_proxies_of_gitlab_and_nginx_are_one_list() -> None:
    text = """\
gitlab_rails['trusted_proxies'] = ['10.0.0.0/8', '2001:db8::/32']
nginx['real_ip_trusted_addresses'] = [ '192.168.1.0/24', '10.0.0.0/8', 'unix:', 'proxy.example.org' ]
nginx['real_ip_header'] = 'X-Forwarded-For'
nginx['real_ip_recursive'] = 'on'
"""
    assert settings(text)["proxy_header"] == "x-forwarded-for"
    assert settings(text)["trusted_proxies"] == ["10.0.0.0/8", "2001:db8::/32", "192.168.1.0/24"]
    assert said(translate(text).untranslated) == [(2, "not an address or a network")] * 2


def test_the_header_of_the_address() -> None:
    assert settings("nginx['real_ip_header'] = 'X-Real-IP'\n")["proxy_header"] == "x-real-ip"
    untranslated = translate("nginx['real_ip_header'] = 'proxy_protocol'\nnginx['real_ip_recursive'] = 'off'\n")
    assert [remark.line for remark in untranslated.untranslated] == [1, 2]


def test_the_throttles_that_may_run_dry_are_those_of_the_preset() -> None:
    assert {"*", *(throttle["name"] for throttle in preset()["throttle"])} == THROTTLES


def test_the_environment() -> None:
    text = """\
gitlab_rails['env'] = {
  'GITLAB_THROTTLE_BYPASS_HEADER' => 'Gitlab-Bypass',
  'GITLAB_THROTTLE_USER_ALLOWLIST' => '1,53,x, 217',
  'GITLAB_THROTTLE_DRY_RUN' => 'throttle_unauthenticated,throttle_authenticated_web,Oops!',
  'MALLOC_ARENA_MAX' => 'secret'
}
gitlab_rails['rate_limiting_response_text'] = "Retry \\"later\\"\\n– please"
"""
    assert settings(text)["gitlab"] == {
        "bypass_header": "Gitlab-Bypass",
        "user_allowlist": [1, 53, 217],
        "dry_run": ["throttle_unauthenticated_api", "throttle_unauthenticated_web", "throttle_authenticated_web"],
        "response_text": 'Retry "later"\n– please',
    }
    imported = translate(text)
    assert [remark.text for remark in imported.untranslated] == ["x", "Oops!"]
    assert [remark.text for remark in imported.unrelated] == ["MALLOC_ARENA_MAX"]


def test_a_variable_set_by_itself() -> None:
    assert settings("gitlab_rails['env']['GITLAB_THROTTLE_DRY_RUN'] = '*'\n")["gitlab"] == {"dry_run": ["*"]}


def test_the_older_settings_of_the_protected_paths() -> None:
    text = """\
gitlab_rails['rack_attack_protected_paths'] = [
  '/users/password',
  '/api/#{API::API.version}/session.json',
  'admin/session'
]
gitlab_rails['rate_limit_requests_per_period'] = 20
gitlab_rails['rate_limit_period'] = 30
"""
    assert settings(text)["gitlab"] == {
        "protected_paths": ["/users/password", "/api/v4/session.json", "/admin/session"],
        "throttle_protected_paths": {"enabled": True, "limit": 20, "period": 30},
    }
    assert said(translate(text).assumed) == [(1, "API::API.version is v4")]


def test_the_last_of_two_settings_counts_as_in_ruby() -> None:
    imported = translate(DOCUMENTED + DOCUMENTED.replace("10", "30"))
    assert imported.settings["gitlab"] == {"git_basic_auth": BAN | {"maxretry": 30}}
    assert said(imported.assumed) == [(1, "set again on line 8, which counts")]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("\ngitlab_rails['trusted_proxies'] = ENV['PROXIES'].split(',')\n", 2),
        ("gitlab_rails['trusted_proxies'] = ['10.0.0.0/8'] if ENV['X']\n", 1),
        ("gitlab_rails['trusted_proxies'] += ['10.0.0.0/8']\n", 1),
        ("gitlab_rails['trusted_proxies'] = '10.0.0.0/8'\n", 1),
        ("gitlab_rails['rack_attack_git_basic_auth'] = true\n", 1),
        ("gitlab_rails['rack_attack_git_basic_auth'] = { 'bantime' => 1.fortnight.ago }\n", 1),
        ("gitlab_rails['rack_attack_git_basic_auth'] = {\n'enabled' => true\n", 1),
        ("gitlab_rails['rate_limit_period'] = -1\n", 1),
        ("gitlab_rails['throttle_authenticated_api_requests_per_period'] = 600\n", 1),
        ("gitlab_rails['rate_limiting_response_text'] = <<~TEXT\n  Later\nTEXT\n", 1),
        ("gitlab_rails['rate_limiting_response_text'] = 'never ends\n", 1),
    ],
)
def test_what_only_ruby_could_say_is_left_to_the_reader_with_its_line(text: str, line: int) -> None:
    imported = translate(text)
    assert line in [remark.line for remark in imported.untranslated]
    assert "trusted_proxies" not in imported.settings
    assert "line " in imported.toml()


def test_wrong_kinds_are_named_and_replaced_by_what_gitlab_takes() -> None:
    text = "gitlab_rails['rack_attack_git_basic_auth'] = { 'enabled' => 'yes', 'maxretry' => '10', 'frob' => 1 }\n"
    imported = translate(text)
    assert imported.settings["gitlab"] == {"git_basic_auth": BAN | {"enabled": False}}
    named = " ".join(remark.why for remark in imported.untranslated)
    assert "‘enabled’" in named
    assert "‘maxretry’" in named
    assert "‘frob’" in named


def test_other_parts_of_gitlab_are_listed_apart_and_without_their_values() -> None:
    text = (
        """\
external_url 'https://git.example.org'
gitlab_rails['db_password'] = 'hunter2'
gitlab_rails['smtp_password'], x = "hunter2", 'hunter2'
postgresql['enable'] = false
if Dir.exist?('/mnt/hunter2')
  git_data_dirs({ 'default' => { 'path' => '/hunter2' } })
end
"""
        + DOCUMENTED
    )
    imported = translate(text)
    assert imported.settings["gitlab"] == {"git_basic_auth": BAN}
    assert {1, 2, 3, 4, 6} <= {remark.line for remark in imported.unrelated}
    assert "hunter2" not in "".join(map(str, all_remarks(imported))) + imported.toml()
