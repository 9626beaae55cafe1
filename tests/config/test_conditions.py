"""``when`` in a configuration asks what it says."""

from __future__ import annotations

import pytest

from tests.config.written import Visit, by_header

MANY = ", ".join(f'"10.{n}.0.0/16"' for n in range(20))


@pytest.mark.parametrize(
    ("when", "blocked", "passing"),
    [
        ('{ path = "/admin/*" }', ("GET", "/admin/x", {}), ("GET", "/admin/x/y", {})),
        ('{ path = ["/a", "/b"] }', ("GET", "/b", {}), ("GET", "/c", {})),
        ('{ prefix = "/users" }', ("GET", "/users/new", {}), ("GET", "/user", {})),
        ("{ regex = '/v\\d+' }", ("GET", "/v2/x", {}), ("GET", "/vx", {})),
        ('{ method = ["POST", "PUT"] }', ("PUT", "/", {}), ("GET", "/", {})),
        ('{ header = "X-Bad" }', ("GET", "/", {"x-bad": ""}), ("GET", "/", {})),
        (
            '{ header = { User-Agent = ["curl", "wget"] } }',
            ("GET", "/", {"user-agent": "wget"}),
            ("GET", "/", {"user-agent": "x"}),
        ),
        ('{ query = { a = "1" } }', ("GET", "/?a=1", {}), ("GET", "/?a=2", {})),
        ('{ query = "a" }', ("GET", "/?a", {}), ("GET", "/?b=a", {})),
        ("{ credentials = true }", ("GET", "/", {"authorization": "Basic eA=="}), ("GET", "/", {})),
        ("{ credentials = false }", ("GET", "/", {}), ("GET", "/", {"private-token": "x"})),
        ('{ login = "root" }', ("GET", "/", {"authorization": "Basic cm9vdDp4"}), ("GET", "/", {})),
        ('{ user = "eve" }', ("GET", "/", {"x-user": "eve"}), ("GET", "/", {"x-user": "alice"})),
        ("{ user = [] }", ("GET", "/", {"x-user": "alice"}), ("GET", "/", {})),
        ('{ token = "7" }', ("GET", "/", {"x-token": "7"}), ("GET", "/", {"x-token": "8"})),
        ('{ not = { path = "/" } }', ("GET", "/x", {}), ("GET", "/", {})),
        ('{ any = [{ path = "/a" }, { method = "PUT" }] }', ("PUT", "/x", {}), ("GET", "/x", {})),
        ('{ all = [{ path = "/a" }, { method = "PUT" }] }', ("PUT", "/a", {}), ("PUT", "/x", {})),
        ('{ path = "/a", method = "PUT" }', ("PUT", "/a", {}), ("GET", "/a", {})),
        ('{ path = "/a", not = { method = "PUT" } }', ("GET", "/a", {}), ("PUT", "/a", {})),
    ],
)
def test_a_condition_holds_for_what_it_says(
    when: str, blocked: tuple[str, str, dict[str, str]], passing: tuple[str, str, dict[str, str]]
) -> None:
    visit = Visit(f'[[blocklist]]\nname = "b"\nwhen = {when}', identify=by_header)
    assert not visit.passes(blocked[0], blocked[1], headers=blocked[2])
    assert visit.passes(passing[0], passing[1], headers=passing[2])


def test_networks_are_asked_of_the_client() -> None:
    visit = Visit(f'[[blocklist]]\nname = "b"\nwhen = {{ network = [{MANY}] }}')
    assert not visit.passes("GET", "/", address="10.7.1.1")
    assert visit.passes("GET", "/", address="10.77.1.1")


def test_a_status_is_judged_on_the_way_out() -> None:
    visit = Visit("""
        [[allow2ban]]
        name = "failed sign-ins"
        maxretry = 2
        findtime = "1m"
        bantime = "1h"
        when = { path = "/login", status = "4xx" }
        reset = { path = "/login", status = 302 }
        """)
    assert visit.ask("POST", "/login", status=401).allowed
    assert visit.ask("POST", "/login", status=302).allowed
    assert visit.ask("POST", "/login", status=401).allowed
    assert visit.ask("POST", "/login", status=401).allowed
    assert visit.ask("GET", "/").kind == "ban"


def test_a_ban_may_be_over_part_of_the_site_only() -> None:
    visit = Visit("""
        [[fail2ban]]
        name = "scan"
        maxretry = 1
        findtime = "1m"
        bantime = "1h"
        when = { path = "/wp-login.php" }
        over = { method = "POST" }
        """)
    assert visit.ask("GET", "/wp-login.php").kind == "fail2ban"
    assert visit.passes("GET", "/")
    assert visit.ask("POST", "/").kind == "ban"


def test_shadow_rules_count_and_let_pass() -> None:
    visit = Visit('[[throttle]]\nname = "s"\nlimit = 0\nperiod = 60\nshadow = true')
    decision = visit.ask("GET", "/")
    assert decision.allowed
    assert [(note.kind, note.shadow) for note in decision.notes] == [("throttle", True)]
