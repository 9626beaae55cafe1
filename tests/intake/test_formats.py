"""What each format makes of its lines, and of whatever else a line may hold."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stockade.intake.arrivals import arrivals
from tests.intake.lines import NOON, audited, event, reading, taken

AT = "2023-11-15T12:00:00.000Z"


def action(format: str, said: str | dict[str, Any]) -> tuple[str, str]:
    found = event(format, said)
    return found.action, found.outcome


# ── GitLab's audit events ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("details", "entity", "expected"),
    [
        ({"custom_message": "Added SSH key"}, "User", "key.add"),
        ({"add": "user_access", "as": "Owner"}, "Project", "member.add"),
        ({"change": "access_level", "from": "Guest", "to": "Owner"}, "Project", "member.change"),
        ({"change": "visibility", "from": "Private", "to": "Public"}, "Project", "project.visibility.change"),
        ({"change": "visibility", "from": "Private", "to": "Public"}, "Group", "group.visibility.change"),
        ({"change": "name", "from": "a", "to": "b"}, "Group", "group.change"),
        ({"change": "signup_enabled", "from": "f", "to": "t"}, "Gitlab::Audit::InstanceScope", "setting.change"),
        ({"with": "two-factor"}, "User", "authentication.success"),
        ({"failed_login": "STANDARD"}, "User", "authentication.failure"),
        ({"custom_message": {"protocol": "ssh", "action": "git-receive-pack"}}, "Project", "repository.write"),
        ({"custom_message": {"protocol": "http", "action": "git-upload-pack"}}, "Project", "repository.read"),
        ({"custom_message": "Something nobody foresaw"}, "Project", "unknown"),
    ],
)
def test_an_event_without_a_type_is_told_by_its_details(details: dict[str, Any], entity: str, expected: str) -> None:
    said = audited(details=details, entity_type=entity)
    del said["event_type"]
    assert action("gitlab_audit", said)[0] == expected


def test_a_push_is_told_from_a_fetch_though_both_have_one_type() -> None:
    details = {"custom_message": {"protocol": "ssh", "action": "git-receive-pack"}, "author_class": "DeployKey"}
    found = event(
        "gitlab_audit",
        audited(event_type="repository_git_operation", author_id=-3, author_name="ci key", details=details),
    )
    assert (found.action, str(found.actor)) == ("repository.write", "gitlab:deploy_key/ci key")


def test_numbers_that_are_texts_paths_for_ids_and_nobody_at_all() -> None:
    found = taken(
        "gitlab_audit",
        audited(
            id=7331,
            author_id=-1,
            author_name="eve",
            event_type="login_failed_with_standard_authentication",
            target_id="team/app",
            target_type="User",
            ip_address=None,
            details={"failed_login": "STANDARD", "ip_address": None},
        ),
    )
    assert found.id == "audit/7331"
    assert (str(found.event.actor), str(found.event.target), found.event.source) == (
        "gitlab:user/eve",
        "gitlab:user/team/app",
        None,
    )
    assert taken("gitlab_audit", audited(id="7331")).id == "audit/7331"


def test_a_flat_line_of_the_log_file_is_the_same_event_as_a_stream_delivers() -> None:
    line = {
        "severity": "INFO",
        "time": AT,
        "correlation_id": "abc",
        "author_id": 7,
        "author_name": "Alice",
        "entity_id": 3,
        "entity_type": "Project",
        "target_id": 9,
        "target_type": "User",
        "target_details": "bob",
        "add": "user_access",
        "as": "Owner",
        "meta.user": "alice",
        "meta.user_id": 7,
        "meta.remote_ip": "203.0.113.9",
    }
    found = event("gitlab", line)
    assert (found.action, str(found.actor), found.source) == ("member.add", "gitlab:user/alice", "203.0.113.9")
    assert found.details["as"] == "Owner"
    assert event("gitlab_audit", line) == found


def test_who_does_something_to_themselves_has_one_name() -> None:
    said = audited(
        event_type="user_disable_two_factor",
        target_type="User",
        target_id=7,
        **{"meta.user": "alice", "meta.user_id": 7},
    )
    found = event("gitlab_audit", said)
    assert (found.action, str(found.actor), str(found.target)) == (
        "factor.remove",
        "gitlab:user/alice",
        "gitlab:user/alice",
    )


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"registration_details": {"username": "bob", "access_level": "admin"}}, True),
        ({"registration_details": {"username": "bob", "access_level": "regular"}}, False),
        ({"admin": True}, True),
        ({"registration_details": "admin"}, None),
        ({}, None),
    ],
)
def test_an_account_that_is_made_an_administrators_says_so(said: dict[str, Any], expected: bool | None) -> None:
    made = {"event_type": "user_created", "author_id": 1, "target_type": "User", "target_id": 7, "add": "user"}
    for line in (made | said, made | {"details": said}):
        found = event("gitlab_audit", line | {"created_at": "2023-11-15T12:00:00Z"})
        assert found.action == "user.create"
        assert found.details.get("admin") is expected


def test_what_has_no_word_is_kept_whole_and_its_secrets_are_not() -> None:
    said = audited(
        event_type="something_new",
        details={"private_token": "abc", "nested": {"url": "https://u:p4ss@x.example/?access_token=zzz&page=2"}},
    )
    found = event("gitlab_audit", said)
    whole = json.dumps(found.details["whole"])
    assert found.action == "unknown"
    assert "something_new" in whole
    assert "page=2" in whole
    for secret in ("abc", "p4ss", "zzz"):
        assert secret not in whole.replace("abcdef", "")


# ── GitLab's other logs ──────────────────────────────────────────────────────────────────────────


def request(status: int, **fields: Any) -> dict[str, Any]:
    return {
        "time": AT,
        "method": "POST",
        "path": "/users/sign_in",
        "format": "html",
        "controller": "SessionsController",
        "action": "create",
        "status": status,
        "params": [{"key": "user", "value": {"login": "alice", "password": "[FILTERED]"}}],
        "remote_ip": "203.0.113.9",
        "ua": "curl",
    } | fields


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (request(302, username="alice"), ("authentication.success", "success")),
        (request(0), ("authentication.failure", "failure")),
        (request(422), ("authentication.failure", "failure")),
        (request(200), ("http.request", "unknown")),
        (request(200, params=[{"key": "user", "value": {"otp_attempt": "1"}}]), ("authentication.failure", "failure")),
        (request(302, controller="Profiles::KeysController", path="/-/profile/keys"), ("key.add", "success")),
        (request(200, controller="Profiles::KeysController", path="/-/profile/keys"), ("key.add", "failure")),
        (request(403, controller="Admin::UsersController", action="block"), ("user.block", "refused")),
        (request(200, method="GET", controller="ProjectsController", action="show"), ("http.request", "success")),
        (
            {
                "time": AT,
                "method": "POST",
                "path": "/api/v4/user/keys",
                "status": 201,
                "route": "/api/:version/user/keys",
            },
            ("key.add", "success"),
        ),
        (
            {"time": AT, "message": "Rack_Attack", "env": "throttle", "remote_ip": "203.0.113.9", "path": "/x"},
            ("guard.throttle", "refused"),
        ),
        ({"time": AT, "message": "Rack_Attack", "env": "blocklist"}, ("guard.blocklist", "refused")),
        (
            {"time": AT, "message": "Failed Login: username=eve ip=192.0.2.1 x ip=192.0.2.9"},
            ("authentication.failure", "failure"),
        ),
        ({"time": AT, "message": "of something else"}, ("unknown", "unknown")),
    ],
)
def test_lines_of_gitlab(said: dict[str, Any], expected: tuple[str, str]) -> None:
    assert action("gitlab", said) == expected


def test_what_a_token_may_and_what_a_member_becomes_is_told_of_requests_too() -> None:
    form = [{"key": "personal_access_token", "value": {"name": "x", "scopes": ["api", "sudo"]}}]
    made = event(
        "gitlab", request(200, controller="UserSettings::PersonalAccessTokensController", format="json", params=form)
    )
    assert (made.action, made.outcome, made.details["scopes"]) == ("token.create", "success", ["api", "sudo"])
    route = "/api/:version/projects/:id/members"
    said = {"time": AT, "method": "POST", "path": "/api/v4/projects/3/members", "route": route, "status": 201}
    added = event(
        "gitlab", said | {"params": [{"key": "user_id", "value": "7"}, {"key": "access_level", "value": "50"}]}
    )
    assert (added.action, added.details["role"]) == ("member.add", "owner")


def test_the_address_of_a_failed_login_is_the_last_word_whatever_the_name_holds() -> None:
    found = event("gitlab", {"time": AT, "message": "Failed Login: username=eve ip=192.0.2.1 x ip=192.0.2.9"})
    assert found.source == "192.0.2.9"


def test_the_comment_at_the_head_of_a_log_of_gitlab_is_nothing() -> None:
    assert reading("gitlab")("# Logfile created on 2023-11-15 12:00:00 +0000 by logger.rb") == ()


# ── Unix, web servers, Gitea ─────────────────────────────────────────────────────────────────────

SYSLOG = "Nov 15 11:59:00 web1 "


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("sshd[1]: Accepted password for alice from 192.0.2.1 port 4 ssh2", "authentication.success"),
        ("sshd[1]: Failed password for root from 192.0.2.1 port 4 ssh2", "authentication.failure"),
        ("sshd[1]: Failed none for root from 192.0.2.1 port 4 ssh2", "message"),
        ("sshd[1]: Connection closed by authenticating user root 192.0.2.1 port 4 [preauth]", "authentication.failure"),
        ("sshd[1]: pam_unix(sshd:session): session opened for user alice(uid=1000) by (uid=0)", "session.create"),
        ("sshd[1]: pam_unix(sshd:session): session closed for user alice", "session.end"),
        ("sshd[1]: pam_unix(sshd:auth): authentication failure; logname= rhost=192.0.2.1 user=root", "message"),
        (
            "su: pam_unix(su:auth): authentication failure; logname=a tty=pts/0 ruser=a rhost= user=root",
            "authentication.failure",
        ),
        ("sudo:    al : TTY=pts/0 ; PWD=/home/al ; USER=root ; COMMAND=/usr/bin/id", "command.run"),
        ("CRON[9]: (root) CMD (run-parts /etc/cron.hourly)", "message"),
    ],
)
def test_lines_of_syslog(said: str, expected: str) -> None:
    assert action("syslog", SYSLOG + said)[0] == expected


def test_one_guess_of_several_lines_is_one_failure() -> None:
    read = reading("syslog")
    lines = [
        "sshd[9]: Invalid user eve from 192.0.2.1 port 4",
        "sshd[9]: Failed password for invalid user eve from 192.0.2.1 port 4 ssh2",
        "sshd[9]: Failed password for invalid user eve from 192.0.2.1 port 4 ssh2",
        "sshd[9]: Connection closed by invalid user eve 192.0.2.1 port 4 [preauth]",
    ]
    found = [each.event.action for line in lines for each in read(SYSLOG + line)]
    assert found == ["authentication.failure", "message", "authentication.failure", "message"]


def test_a_repeated_message_is_as_many_events() -> None:
    said = SYSLOG + "sshd[9]: message repeated 3 times: [ Failed password for root from 192.0.2.1 port 4 ssh2]"
    found = reading("syslog")(said)
    assert [each.event.action for each in found] == ["authentication.failure"] * 3
    ids = {each.id for each in arrivals(reading("syslog"), said.encode(), id="7", now=NOON)}
    assert len(ids) == 3


def test_a_name_that_holds_an_address_does_not_pass_for_one() -> None:
    name = "x from 198.51.100.1 port 22"
    found = event("syslog", f"{SYSLOG}sshd[1]: Failed password for invalid user {name} from 192.0.2.1 port 4 ssh2")
    assert (found.source, found.actor.id if found.actor else None) == ("192.0.2.1", name)


def test_sudo_refusals_and_commands_that_look_like_fields() -> None:
    said = "sudo:  eve : user NOT in sudoers ; TTY=pts/0 ; PWD=/tmp ; USER=root ; COMMAND=/bin/sh"
    refused = event("syslog", SYSLOG + said)
    assert (refused.action, refused.outcome, refused.details["reason"]) == (
        "command.run",
        "refused",
        "user NOT in sudoers",
    )
    forged = "sudo:  eve : TTY=pts/0 ; PWD=/tmp/x ; USER=nobody ; COMMAND=/bin/true ; USER=root ; COMMAND=/bin/sh"
    found = event("syslog", SYSLOG + forged)
    assert (str(found.actor), str(found.target)) == ("host:user/eve", "host:machine/web1"), "as whom cannot be told"
    assert "COMMAND=/bin/sh" in str(found.details["message"])


def test_journald_with_its_cursor_and_octets_for_text() -> None:
    said = {
        "MESSAGE": list(b"Failed password for \xff from 192.0.2.1 port 4 ssh2"),
        "__REALTIME_TIMESTAMP": "1700049600123456",
        "SYSLOG_IDENTIFIER": "sshd",
        "_PID": "9",
        "_HOSTNAME": "web1",
        "PRIORITY": "6",
        "__CURSOR": "s=1;i=2",
    }
    found = taken("journald", said)
    assert (found.id, found.event.time, found.event.action) == ("s=1;i=2", 1700049600.123456, "authentication.failure")
    assert found.event.details["severity"] == "informational"


def test_access_logs_with_host_user_query_and_garbage() -> None:
    line = (
        'shop.example:443 2001:db8::1 - alice [15/Nov/2023:12:00:00 +0100] "GET /a?private_token=abc&x=1 HTTP/2.0" '
        '401 512 "-" "curl \\"8\\""'
    )
    found = event("access", line)
    assert (found.time, found.source, found.outcome) == (NOON - 3600, "2001:db8::1", "refused")
    assert (str(found.actor), found.details["path"]) == ("web:user/alice", "/a?private_token=[redacted]&x=1")
    garbage = event("access", '192.0.2.1 - - [15/Nov/2023:12:00:00 +0000] "\\x16\\x03\\x01" 400 0 "-" "-"')
    assert (garbage.details["method"], garbage.outcome) == ("-", "failure")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("completed POST /user/settings/keys for 192.0.2.1:4, 303 See Other in 1.2ms @ user/keys.go:1(x)", "key.add"),
        ("completed POST /user/login for 192.0.2.1:4, 200 OK in 1.2ms @ auth/auth.go:1(x)", "http.request"),
        (
            "completed POST /user/login for 192.0.2.1:4, 303 See Other in 1.2ms @ auth/auth.go:1(x)",
            "authentication.success",
        ),
        ("completed POST /a/b/git-upload-pack for 192.0.2.1:4, 200 OK in 1.2ms @ repo/http.go:1(x)", "repository.read"),
        ("completed PATCH /api/v1/repos/a/b/hooks/git/update for 192.0.2.1:4, 200 OK in 1ms @ x", "githook.change"),
        ("completed GET /explore for 192.0.2.1:4, 200 OK in 1.2ms @ explore.go:1(x)", "http.request"),
    ],
)
def test_requests_of_gitea(said: str, expected: str) -> None:
    assert action("gitea", f"2023/11/15 12:00:00 HTTP [I] router: {said}")[0] == expected


# ── clouds, Django, any JSON ─────────────────────────────────────────────────────────────────────


def record(**fields: Any) -> dict[str, Any]:
    return {
        "eventID": "e1",
        "eventTime": "2023-11-15T12:00:00Z",
        "eventSource": "iam.amazonaws.com",
        "eventName": "CreateAccessKey",
        "sourceIPAddress": "203.0.113.9",
        "userIdentity": {"type": "IAMUser", "userName": "alice"},
        "requestParameters": {"userName": "bob"},
    } | fields


def test_records_of_clouds() -> None:
    found = taken("cloudtrail", record())
    assert (found.id, found.event.action, str(found.event.actor), str(found.event.target)) == (
        "e1",
        "token.create",
        "aws:user/alice",
        "aws:user/bob",
    )
    assert action("cloudtrail", record(errorCode="AccessDenied")) == ("token.create", "refused")
    login = record(eventSource="signin.amazonaws.com", eventName="ConsoleLogin")
    assert action("cloudtrail", login) == ("authentication.success", "success")
    failed = login | {"responseElements": {"ConsoleLogin": "Failure"}}
    assert action("cloudtrail", failed) == ("authentication.failure", "failure")
    assert len(reading("cloudtrail")(json.dumps({"Records": [record(), record(eventID="e2")]}))) == 2


def test_what_django_says() -> None:
    said = {"time": NOON, "name": "change auth.user", "user": "root", "object": "7", "said": "Changed password."}
    found = event("django", said)
    assert (found.action, str(found.actor), str(found.target)) == ("user.change", "django:user/root", "django:user/7")
    assert action("django", {"time": NOON, "name": "user_login_failed", "user": "x"})[0] == "authentication.failure"
    assert action("django", {"time": NOON, "name": "addition blog.post", "user": "x"})[0] == "record.change"
