"""An existing ``rack_attack.rb`` becomes Stockade rules, where its blocks ask no more than Stockade can."""

from __future__ import annotations

import pytest

from stockade.gitlabrb import translate
from tests.gitlabrb.test_gitlab_rb import said, settings

PROTECTED = [
    "/users/password",
    "/users/sign_in",
    "/api/v4/session.json",
    "/api/v4/session",
    "/users",
    "/users/confirmation",
    "/unsubscribes/",
    "/import/github/personal_access_token",
    "/admin/session",
]
ROOT = "#{Rails.application.config.relative_url_root}"
SOURCE_INSTALL = f"""\
# The protected paths of a source installation
paths_to_be_protected = [
{"".join(f'  "{ROOT}{path.replace("v4", "#{API::API.version}")}",{chr(10)}' for path in PROTECTED)}]
paths_regex = Regexp.union(paths_to_be_protected.map {{ |path| /\\A#{{Regexp.escape(path)}}/ }})
rack_attack_enabled = Gitlab.config.rack_attack.git_basic_auth['enabled']

unless Rails.env.test? || !rack_attack_enabled
  Rack::Attack.throttle('protected paths', limit: 10, period: 60.seconds) do |req|
    if req.post? && req.path =~ paths_regex
      req.ip
    end
  end
end
"""


def test_the_throttle_of_a_source_installation_is_the_presets_own() -> None:
    assert settings(SOURCE_INSTALL) == {
        "preset": "gitlab",
        "gitlab": {
            "protected_paths": PROTECTED,
            "throttle_protected_paths": {"enabled": True, "limit": 10, "period": 60},
        },
    }
    imported = translate(SOURCE_INSTALL)
    assert imported.untranslated == ()
    assert [why.split(",")[0].split(":")[0] for _, why in said(imported.assumed)] == [
        "GitLab is at the root of its site",
        "API",
        "whether it is enabled is read from gitlab.rb",
        "taken to hold",
    ]


def test_the_documented_more_relaxed_limit() -> None:
    text = SOURCE_INSTALL.replace("limit: 10, period: 60.seconds", "limit: 3, period: 1.seconds")
    assert settings(text)["gitlab"]["throttle_protected_paths"] == {"enabled": True, "limit": 3, "period": 1}


@pytest.mark.parametrize(
    "more", ['paths_to_be_protected << "/oauth/token"', 'paths_to_be_protected += ["/oauth/token"]']
)
def test_the_documented_way_to_protect_one_more_path(more: str) -> None:
    text = SOURCE_INSTALL.replace("paths_regex =", f"{more}\npaths_regex =")
    assert settings(text)["gitlab"]["protected_paths"] == [*PROTECTED, "/oauth/token"]


def test_a_list_alone_still_is_the_list_of_protected_paths() -> None:
    assert settings("paths_to_be_protected = ['/a', '/b']\n")["gitlab"] == {"protected_paths": ["/a", "/b"]}


@pytest.mark.parametrize(
    ("period", "seconds"),
    [
        ("60", 60),
        ("1.minute", 60),
        ("3.seconds", 3),
        ("5.minutes", 300),
        ("1.hour.to_i", 3600),
        ("(2 * 1.day)", 172800),
        ("0.5", 0.5),
        ("PERIOD", 90),
    ],
)
@pytest.mark.parametrize("style", ["period: {}", ":period => {}", '"period" => {}'])
def test_periods(period: str, seconds: float, style: str) -> None:
    text = f"PERIOD = 90\nRack::Attack.throttle('a', limit: 5, {style.format(period)}) {{ |r| r.ip }}\n"
    assert settings(text) == {"throttle": [{"name": "a", "limit": 5, "period": seconds, "window": "fixed"}]}


@pytest.mark.parametrize(
    ("body", "when"),
    [
        ("req.ip", None),
        ("\n  req.remote_ip\n", None),
        ("req.ip if req.path == '/login' && req.post?", {"path": "/login", "method": "POST"}),
        ("if '/login' == req.path then req.ip end", {"path": "/login"}),
        ("if req.get? || req.head?\n  req.ip\nend", {"method": ["GET", "HEAD"]}),
        ("req.path.start_with?('/api', \"/oauth\") && req.ip", {"prefix": ["/api", "/oauth"]}),
        ("req.ip if (req.path == '/a' || req.path == '/b') and req.put?", {"path": ["/a", "/b"], "method": "PUT"}),
        ("req.ip if %w[/a /b].include?(req.path)", {"path": ["/a", "/b"]}),
        ("req.ip if LISTED.include?(req.path) && req.request_method == 'POST'", {"path": "/x", "method": "POST"}),
        ("req.ip if req.path.start_with?(*LISTED)", {"prefix": "/x"}),
    ],
)
def test_conditions(body: str, when: dict[str, object] | None) -> None:
    text = f"LISTED = ['/x']\nRack::Attack.throttle('a', limit: 5, period: 2) do |req| {body} end\n"
    rule: dict[str, object] = {"name": "a", "limit": 5, "period": 2, "window": "fixed"}
    assert settings(text) == {"throttle": [rule | ({"when": when} if when else {})]}


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ("throttle('a', limit: 5, period: 2) { |r| r.params['email'] }", "something else than the client's address"),
        ("throttle('a', limit: 5, period: 2) { |r| r.ip unless r.get? }", "something else than the client's address"),
        ("throttle('a', limit: proc { |r| 5 }, period: 2) { |r| r.ip }", "‘proc’ is known to Ruby alone"),
        ("throttle('a', period: 2) { |r| r.ip }", "it has no limit"),
        ("throttle('a', limit: 0, period: 2) { |r| r.ip }", "its limit is not a positive number"),
        ("throttle('a', limit: 5, period: 2, &block)", "has an argument"),
        ("throttle('a', limit: 5, period: 2)", "has no block"),
        ("throttle('a', limit: 5, period: 2) { 'x' }", "does not name the request"),
        ("throttle('a', limit: 5, period: 2) { |r| r.ip } if production?", "something after it"),
        ("safelist('a') { |r| r.get? } unless ENV['X']", "something after it"),
        ("safelist_ip '1.1.1.1', 'me' unless production?", "‘unless’ is more than a plain value"),
        ("throttle('a', limit: 5, period: 2) { |r| r.ip if r.path =~ /admin/ }", "what only Ruby knows"),
        ("throttle('a', limit: 5, period: 2) { |r| r.ip if r.path == '/a*' }", "would read as a pattern"),
        ("blocklist('a') { |r| r.ip == 'localhost' }", "nothing is left of what it lists"),
        ("throttle('a', limit: 5, period: 2) { |r| r.ip if r.get? || r.path == '/' }", "joins unlike questions"),
        (
            "throttle('a', limit: 5, period: 2) { |r| r.ip if r.path == '/' && r.path == '/b' }",
            "asks twice for the path",
        ),
        ('throttle("a #{b}", limit: 5, period: 2) { |r| r.ip }', "its name is not plain text"),
        ("safelist('a') { |r| r.env['KEY'] == 'hunter2' }", "what only Ruby knows"),
        ("blocklist('a') { |r| Rack::Attack::Fail2Ban.filter(r.ip, maxretry: 3) { r.get? } }", "calls a failure"),
        ("throttled_responder = lambda { |r| [429, {}, ['hunter2']] }", "the answer to a throttled client"),
        ("cache.store = ActiveSupport::Cache::MemoryStore.new", "the store of the counters"),
        ("enabled = false", "not putting it in front"),
        ("frobnicate('hunter2')", "does not know it"),
    ],
)
def test_what_asks_more_is_left_to_the_reader(rule: str, why: str) -> None:
    imported = translate(f"\nRack::Attack.{rule}\n")
    *_, (line, said_why) = said(imported.untranslated)
    assert line == 2
    assert why in said_why
    assert imported.settings == {}
    assert "hunter2" not in imported.toml()


def test_lists_of_addresses_and_paths() -> None:
    text = """\
class Rack::Attack
  OFFICE = ['192.0.2.0/24', '2001:db8::1']
  safelist_ip('198.51.100.7')
  blocklist_ip "203.0.113.9/24"
  safelist('office') { |req| OFFICE.include?(req.ip) }
  blocklist('no admin') { |req| req.path.start_with?('/admin') && req.post? }
  whitelist('me') do |req| req.ip == '127.0.0.1' || req.ip == '::1' end
  track('api') { |req| req.ip if req.path.start_with?('/api') }
end
"""
    assert settings(text) == {
        "safelist": [
            {"name": "safelist 198.51.100.7", "when": {"network": "198.51.100.7"}},
            {"name": "office", "when": {"network": ["192.0.2.0/24", "2001:db8::1"]}},
            {"name": "me", "when": {"network": ["127.0.0.1", "::1"]}},
        ],
        "blocklist": [
            {"name": "blocklist 203.0.113.0/24", "when": {"network": "203.0.113.0/24"}},
            {"name": "no admin", "when": {"prefix": "/admin", "method": "POST"}},
        ],
        "track": [{"name": "api", "when": {"prefix": "/api"}}],
    }


def test_namesakes() -> None:
    text = """Rack::Attack.safelist('a') { |r| r.get? }
Rack::Attack.blocklist('a') { |r| r.put? }
Rack::Attack.safelist('a') { |r| r.post? }
"""
    assert settings(text) == {
        "safelist": [{"name": "a", "when": {"method": "POST"}}],
        "blocklist": [{"name": "a (blocklist)", "when": {"method": "PUT"}}],
    }
    assert said(translate(text).assumed) == [(1, "replaced by line 3, its namesake")]


def test_the_ban_that_gitlab_drives_from_its_own_settings() -> None:
    text = """\
Rack::Attack.blocklist('Git HTTP Basic Auth') do |req|
  Rack::Attack::Allow2Ban.filter(req.ip, Gitlab.config.rack_attack.git_basic_auth) { false }
end
"""
    imported = translate(text)
    assert imported.untranslated == ()
    assert said(imported.translated) == [(1, "the preset has this ban; its numbers come from gitlab.rb")]


def test_other_branches_are_not_guessed_at() -> None:
    text = "if production?\n  Rack::Attack.safelist_ip('1.1.1.1')\nelse\n  Rack::Attack.safelist_ip('2.2.2.2')\nend\n"
    imported = translate(text)
    assert imported.settings == {}
    assert [(remark.line, remark.last_line) for remark in imported.untranslated] == [(1, 5)]
