"""A line says the same to a rule, whatever the log."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockade.errors import ConfigurationError
from stockade.guard.address import Addresses
from stockade.guard.logs.formats import FORMATS, detect, reader
from stockade.guard.logs.formats.line import escaped
from stockade.guard.logs.lines import request_of
from tests.lines.logs import NOON, access, dating, guess, reading, told

GITLAB = {
    "method": "POST",
    "path": "/users/sign_in",
    "status": 302,
    "time": "2023-11-15T12:00:00.250Z",
    "remote_ip": "192.0.2.1",
    "params": [{"key": "user", "value": {"login": "eve", "password": "[FILTERED]"}}],
}


def gitlab(**changes: object) -> str:
    return json.dumps(GITLAB | changes)


# ── access logs ──────────────────────────────────────────────────────────────────────────────────


def test_a_combined_line_is_a_request() -> None:
    line = told("combined", access("2001:db8::1", "GET /a%2fb?page=2 HTTP/1.1", 404, agent="a b"))
    assert (line.time, line.address, line.method, line.target) == (NOON, "2001:db8::1", "GET", "/a%2fb?page=2")
    assert (line.status, line.login, line.agent, line.outcome) == (404, None, "a b", "unknown")
    request = request_of(line, Addresses())
    assert (request.path, request.query, request.client.key, request.status) == (
        "/a/b",
        "page=2",
        "2001:db8::/64",
        None,
    )


def test_a_common_line_needs_no_referer() -> None:
    line = told("combined", '192.0.2.1 - - [15/Nov/2023:13:00:00 +0100] "GET / HTTP/1.0" 200 -')
    assert (line.time, line.agent) == (NOON, None)


def test_a_user_is_a_claim_and_counts_as_credentials() -> None:
    request = request_of(told("combined", access(user="alice", status=401)), Addresses())
    assert (request.login, request.credentials, request.user) == ("alice", True, None)
    assert told("combined", access(user="alice", status=401)).outcome == "failure"
    assert told("combined", access(user="alice", status=200)).outcome == "success"
    assert not request_of(told("combined", access(status=401)), Addresses()).credentials


def test_one_more_field_is_the_chain_that_declared_proxies_may_speak_for() -> None:
    line = told("combined", access("10.0.0.1") + ' "203.0.113.9"')
    assert request_of(line, Addresses(["10.0.0.1"])).address == "203.0.113.9"
    assert request_of(line, Addresses()).address == "10.0.0.1"


def test_the_virtual_host_may_stand_in_front() -> None:
    text = f"example.org:443 {access()}"
    assert told("vhost_combined", text) == told("combined", access())
    assert detect([text] * 3, dating()).name == "vhost_combined"


@pytest.mark.parametrize("request_line", ["-", "", r"\x16\x03\x01", "GET", "GET / x y HTTP/1.1", r"GET /\" HTTP/1.1"])
def test_what_is_hardly_a_request_is_still_a_line(request_line: str) -> None:
    assert told("combined", access(request=request_line, status=400)).status == 400


def test_a_client_cannot_write_another_status_time_or_address() -> None:
    forged = r"GET /x\" 200 1 \"-\" \""
    assert told("combined", access(request=forged, status=401)).status == 401
    user = "x [01/Jan/2030:00:00:00 +0000] "
    assert told("combined", access(user=user)).time == NOON
    assert told("combined", access(user="203.0.113.9 - -")).address == "192.0.2.1"


# ── sshd ─────────────────────────────────────────────────────────────────────────────────────────


def sshd(*messages: str, process: int = 100) -> list[tuple[int | None, str | None, str]]:
    read = reading("sshd")
    lines = [read(f"Nov 15 12:00:00 host sshd[{process}]: {message}") for message in messages]
    return [(line.status, line.login, line.address) for line in lines if line]


def test_a_wrong_password_is_a_request_with_401_and_a_login_one_with_200() -> None:
    line = told("sshd", guess())
    assert (line.time, line.method, line.target, line.status) == (NOON, "SSH", "/ssh", 401)
    assert sshd("Accepted publickey for git from 2001:db8::1 port 9 ssh2: ED25519 SHA256:abc") == [
        (200, "git", "2001:db8::1")
    ]


def test_one_guess_in_two_lines_is_counted_once() -> None:
    story = [
        "Invalid user oracle from 192.0.2.1 port 4000",
        "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=192.0.2.1",
        "Failed password for invalid user oracle from 192.0.2.1 port 4000 ssh2",
        "Failed password for invalid user oracle from 192.0.2.1 port 4000 ssh2",
        "Connection closed by invalid user oracle 192.0.2.1 port 4000 [preauth]",
    ]
    assert sshd(*story) == [(401, "oracle", "192.0.2.1")] * 2


def test_where_only_keys_are_allowed_the_end_of_the_connection_is_the_guess() -> None:
    assert sshd(
        "Failed publickey for root from 192.0.2.1 port 4000 ssh2: RSA SHA256:abc",
        "Connection closed by authenticating user root 192.0.2.1 port 4000 [preauth]",
    ) == [(401, "root", "192.0.2.1")]


def test_a_client_that_does_not_speak_ssh_is_no_guess() -> None:
    assert (
        sshd(
            "banner exchange: Connection from 192.0.2.1 port 4000: invalid format",
            "Did not receive identification string from 192.0.2.1 port 4000",
            "Connection closed by 192.0.2.1 port 4000 [preauth]",
            "Server listening on 0.0.0.0 port 22.",
        )
        == [(400, None, "192.0.2.1")] * 2
    )


def test_a_users_name_cannot_point_at_somebody_else() -> None:
    name = "x from 203.0.113.9 port 22 ssh2: y"
    assert (
        sshd(
            f"Failed password for invalid user {name} from 192.0.2.1 port 4000 ssh2",
            f"Invalid user {name} from 192.0.2.1 port 4000",
            f"Connection closed by invalid user {name} 192.0.2.1 port 4000 [preauth]",
        )
        == [(401, name, "192.0.2.1")] * 2
    )


def test_a_line_that_rsyslog_folded_stands_for_many() -> None:
    folded = "message repeated 5 times: [ Failed password for root from 192.0.2.1 port 4000 ssh2]"
    line = reading("sshd")(f"Nov 15 12:00:00 host sshd[1]: {folded}")
    assert line is not None
    assert line.times == 5


def test_times_in_iso_8601_and_the_journals_json_are_read_too() -> None:
    message = guess().partition(": ")[2]
    iso = told("sshd", f"2023-11-15T13:00:00.500+01:00 host sshd-session[1]: {message}")
    entry = {"__REALTIME_TIMESTAMP": "1700049600500000", "SYSLOG_IDENTIFIER": "sshd", "_PID": "1", "MESSAGE": message}
    assert iso.time == told("sshd", json.dumps(entry)).time == NOON + 0.5
    assert told("sshd", json.dumps(entry | {"MESSAGE": list(message.encode())})).status == 401


def test_a_time_without_a_year_is_in_the_latest_that_is_not_to_come() -> None:
    read = reading("sshd", latest=1_704_067_200.0)  # 1 January 2024
    december, january = (
        read(guess(at=NOON).replace("Nov 15", "Dec 31")),
        read(guess(at=NOON).replace("Nov 15", "Jan  1")),
    )
    assert december is not None
    assert january is not None
    assert december.time == 1_704_024_000.0 < january.time == 1_704_110_400.0


# ── GitLab ───────────────────────────────────────────────────────────────────────────────────────


def test_a_sign_in_that_failed_has_401_whatever_gitlab_logged() -> None:
    for status in (0, 401, 422):
        line = told("gitlab", gitlab(status=status))
        assert (line.status, line.login, line.user, line.outcome) == (401, "eve", None, "failure")
    second_factor = [{"key": "user", "value": {"otp_attempt": "[FILTERED]"}}]
    assert told("gitlab", gitlab(status=200, params=second_factor)).status == 401
    callback = gitlab(path="/users/auth/ldapmain/callback", action="failure")
    assert told("gitlab", callback).outcome == "failure"


def test_a_sign_in_that_succeeded_and_one_that_is_half_done() -> None:
    assert told("gitlab", gitlab()).outcome == "success"
    assert told("gitlab", gitlab(status=200)).outcome == "unknown"


def test_a_request_of_somebody_signed_in_proves_who_it_was() -> None:
    line = told("gitlab", gitlab(method="GET", path="/api/v4/user", status=200, username="bob"))
    assert request_of(line, Addresses()).user == "bob"
    assert (line.outcome, line.time) == ("success", NOON + 0.25)


def test_what_gitlabs_own_rack_attack_refused_is_a_refusal() -> None:
    entry = {"time": "2023-11-15T12:00:00Z", "message": "Rack_Attack", "remote_ip": "192.0.2.1", "path": "/x"}
    throttled = told("gitlab", json.dumps(entry | {"env": "throttle", "request_method": "GET"}))
    blocked = told("gitlab", json.dumps(entry | {"env": "blocklist", "method": "GET"}))
    assert (throttled.status, blocked.status, throttled.method) == (429, 403, "GET")
    assert reading("gitlab")(json.dumps(entry | {"env": "track"})) is None


def test_the_applications_log_tells_of_logins() -> None:
    entry = {"time": "2023-11-15T12:00:00Z", "message": "Failed Login: username=a ip=203.0.113.9 ip=192.0.2.1"}
    assert told("gitlab", json.dumps(entry)).address == "192.0.2.1"
    entry["message"] = "Successful Login: username=bob ip=192.0.2.1 method=standard admin=false"
    assert told("gitlab", json.dumps(entry)).user == "bob"
    assert told("gitlab_text", "November 15, 2023 12:00: Failed Login: username=eve ip=192.0.2.1").time == NOON


def test_a_chain_of_addresses_is_believed_as_far_as_proxies_are_declared() -> None:
    line = told("gitlab", gitlab(remote_ip="198.51.100.7, 203.0.113.9, 10.0.0.1"))
    assert request_of(line, Addresses(["10.0.0.1"])).address == "203.0.113.9"


def test_rails_own_log_takes_several_lines_for_a_request() -> None:
    read = reading("gitlab_text")
    started = 'Started POST "/users/sign_in" for 192.0.2.1 at 2023-11-15 12:00:00 +0000'
    assert read(started) is None
    assert read("Processing by SessionsController#create as HTML") is None
    line = read("Completed 401 Unauthorized in 12ms (ActiveRecord: 1.0ms)")
    assert line is not None
    assert (line.time, line.status, line.outcome) == (NOON, 401, "failure")


def test_requests_that_overlap_in_rails_own_log_have_no_status() -> None:
    read = reading("gitlab_text")
    one = 'Started GET "/one" for 192.0.2.1 at 2023-11-15 12:00:00 +0000'
    other = 'Started GET "/other" for 192.0.2.2 at 2023-11-15 12:00:00 +0000'
    lines = [read(text) for text in (one, other, "Completed 200 OK in 1ms", "Completed 404 Not Found in 1ms", one)]
    assert [(line.target, line.status) for line in lines if line] == [("/one", None), ("/other", None)]
    last = read("Completed 200 OK in 1ms")
    assert last is not None
    assert last.status == 200


def test_old_gitlabs_wrote_refusals_into_the_same_log() -> None:
    read = reading("gitlab_text")
    read('Started GET "/users/sign_in" for 192.0.2.1 at 2023-11-15 12:00:00 +0000')
    line = read("Rack_Attack: blacklist 192.0.2.1 GET /users/sign_in")
    assert line is not None
    assert line.status == 403


# ── Gitea ────────────────────────────────────────────────────────────────────────────────────────

GITEA = "2023/11/15 12:00:00 ...ers/web/auth/auth.go:217:SignInPost() [W] "


def test_gitea_tells_of_sign_ins() -> None:
    failed = (
        f"{GITEA}Failed authentication attempt for eve from [2001:db8::1]:80: user does not exist [uid: 0, name: eve]"
    )
    line = told("gitea", failed)
    assert (line.time, line.method, line.target, line.status) == (NOON, "POST", "/user/login", 401)
    assert request_of(line, Addresses()).address == "2001:db8::1"
    router = "2023/11/15 12:00:00 ...eb/routing/logger.go:102:func1() [I] router: completed POST /user/login for "
    signed_in = told("gitea", f"{router}192.0.2.1:80, 303 See Other in 50.1ms @ auth/auth.go:187(auth.SignInPost)")
    assert signed_in.outcome == "success"
    assert reading("gitea")(f"{router}192.0.2.1:80, 200 OK in 50.1ms @ auth/auth.go:187(auth.SignInPost)") is None


def test_giteas_line_is_unreadable_where_a_name_makes_two_addresses_possible() -> None:
    name = "a from 203.0.113.9:1: b"
    honest = f"{GITEA}Failed authentication attempt for {name} from 192.0.2.1:80: no [uid: 0, name: {name}]"
    assert request_of(told("gitea", honest), Addresses()).address == "192.0.2.1"
    forged = f"{GITEA}Failed authentication attempt for a from 203.0.113.9:1: b from 192.0.2.1:80: no [uid: 0, name: x]"
    with pytest.raises(ValueError, match="for certain"):
        reading("gitea")(forged)


# ── all of them ──────────────────────────────────────────────────────────────────────────────────


def test_the_format_is_told_from_the_first_lines() -> None:
    assert detect([access()] * 3 + ["junk"], dating()).name == "combined"
    assert detect([gitlab()], dating()).name == "gitlab"
    assert detect([guess()], dating()).name == "sshd"
    assert str(detect([guess()], dating())) == "sshd: 1 requests in the first 1 lines"
    with pytest.raises(ConfigurationError, match="none of the formats"):
        detect(["what is this?"], dating())
    with pytest.raises(ConfigurationError, match="Did you mean combined"):
        reader("combine", dating())


@pytest.mark.parametrize("name", FORMATS)
@given(text=st.text(max_size=300))
def test_no_text_is_more_than_unreadable(name: str, text: str) -> None:
    read = reading(name)
    for line in (text, "Nov 15 12:00:00 host sshd[1]: " + text, GITEA + text, access(request=text), access(user=text)):
        try:
            found = read(line)
        except ValueError:
            continue
        assert found is None or 0 <= found.time < 2e11


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda value: st.lists(value, max_size=2) | st.dictionaries(st.text(max_size=3), value, max_size=2),
    max_leaves=4,
)


@pytest.mark.parametrize("name", ["gitlab", "sshd"])
@given(
    entry=st.dictionaries(
        st.sampled_from([*GITLAB, "username", "message", "env", "action", "MESSAGE", "__REALTIME_TIMESTAMP"]),
        JSON,
    )
)
def test_no_json_is_more_than_unreadable(name: str, entry: dict[str, object]) -> None:
    for each in (entry, GITLAB | entry):
        try:
            reading(name)(json.dumps(each))
        except ValueError:
            continue


@given(
    address=st.ip_addresses().map(str),
    path=st.from_regex(r"/[A-Za-z0-9_.~/%-]{0,60}", fullmatch=True),
    status=st.integers(100, 599),
    at=st.integers(0, 4_000_000_000),
    agent=st.text(st.characters(exclude_characters='"\\', exclude_categories=["C", "Z"]), max_size=40),
)
def test_what_is_written_is_what_is_read(address: str, path: str, status: int, at: int, agent: str) -> None:
    line = told("combined", access(address, f"GET {path} HTTP/1.1", status, at, agent=agent))
    assert (line.address, line.method, line.target, line.status, line.time) == (address, "GET", path, status, at)
    assert line.agent == (agent if agent not in {"", "-"} else None)


def test_what_a_terminal_would_obey_is_shown_as_an_escape() -> None:
    assert escaped("a\x1b[2J\u202eb\n") == r"a\x1b[2J\u202eb\n"
    assert escaped("x" * 300) == "x" * 200 + "…"
