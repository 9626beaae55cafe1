"""The screen that a responder reads, made of a story and of real logs."""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, datetime
from pathlib import Path

from stockade.events import Event, Ref
from stockade.intake.formats import reader
from stockade.lines.stamps import Dating
from tests.cli.terminal import Terminal, terminal
from tests.detect.entries import HOME, NEW
from tests.detect.logs import make_log
from tests.intake.lines import real

__all__ = ["terminal"]

ALICE, ROOT = Ref("gitlab", "user", "alice"), Ref("gitlab", "user", "root")
HUB = {"gitlab-logs": "gitlab", "gitlab-bf": "gitlab", "gitea-logs": "gitea", "gitea-bf": "gitea", "ssh-bf": "syslog"}


def story() -> list[Event]:
    now = time.time() - 7200
    return [
        Event(now - 86_400, "authentication.success", ALICE, None, HOME),
        Event(now, "authentication.success", ALICE, None, NEW),
        Event(now + 60, "factor.remove", ALICE, ALICE, NEW),
        Event(now + 120, "token.create", ALICE, Ref("gitlab", "token", "9\x1b]0;x\x07"), NEW),
        Event(now + 600, "user.role.change", ROOT, ALICE, details={"from": "user", "to": "admin"}),
    ]


def test_an_account_is_reviewed_class_by_class(terminal: Terminal) -> None:
    make_log(terminal.directory, story())
    said = terminal("review alice --log log")
    assert said.code == 1, said.err
    screen = said.out
    assert "5 of 7 entries, log complete from" in screen
    assert "outlives a block and a new password: 1 token.create" in screen
    assert "critical   A new address, a second factor removed, a token made: within an hour" in screen
    assert screen.index("second factors: 1 of 1 entry suspicious") < screen.index("SSH and GPG keys")
    assert "user ⇒ admin" in screen
    told = " ".join(screen.split())
    assert re.search("nothing found in 5 events of gitlab, log complete from [^:]*:.*SSH and GPG keys", told)
    assert "no log tells of: processes, open ports" in told
    assert "\x1b" not in screen
    assert "\x07" not in screen


def test_the_log_is_verified_first_where_its_key_was_kept(terminal: Terminal) -> None:
    log = make_log(terminal.directory, story())
    assert "not verified" in terminal("review alice --log log").out
    assert (
        "verified: all 7 entries are as they were signed" in terminal("review alice --log log --key signer/key.pub").out
    )
    (segment,) = (log / "segments").iterdir()
    segment.chmod(0o600)
    segment.write_bytes(segment.read_bytes().replace(NEW.encode(), b"203.0.113.8"))
    said = terminal("review alice --log log --key signer/key.pub")
    assert said.code == 5
    assert "was changed" in said.err


def test_everybody_is_reviewed_and_scripts_get_all_of_it(terminal: Terminal) -> None:
    make_log(terminal.directory, story())
    said = terminal("review --instance --log log --json")
    assert said.code == 1
    assert said.json["accounts"][0] | {"last": 0} == {
        "account": "gitlab:user/alice", "did": 4, "met": 1, "last": 0, "findings": 2, "worst": "critical"
    }  # fmt: skip
    classes = {each["class"]: each["standing"] for each in said.json["classes"]}
    assert classes["second factors"] == "suspicious"
    assert classes["runners"] == "nothing"
    assert said.json["log"]["complete"] is True


def test_an_old_log_among_new_entries_is_no_hole_and_a_line_taken_out_of_it_is(terminal: Terminal) -> None:
    old = Event(time.time() - 4000 * 86_400, "http.request", None, Ref("web", "path", "/old"), HOME)
    log = make_log(terminal.directory, [*story(), *[old] * 50, *story()])
    for account in ("--instance", "alice"):
        said = terminal(f"review {account} --log log --since 90d")
        assert "log complete from" in said.out
        assert "NOT complete" not in said.out
    (segment,) = (log / "segments").iterdir()
    segment.chmod(0o600)
    lines = segment.read_bytes().splitlines(keepends=True)
    segment.write_bytes(b"".join([*lines[:20], *lines[21:]]))
    said = terminal("review --instance --log log --since 90d")
    assert "log NOT complete from" in said.out
    assert "1 number is missing" in said.out
    assert terminal("review --instance --log log --since 90d --json").json["log"]["missing"] == 1


def test_a_log_whose_beginning_is_gone_is_not_called_complete(terminal: Terminal) -> None:
    log = make_log(terminal.directory, story() * 30, segment_size=3000)
    first = min((log / "segments").iterdir())
    gone = len(first.read_bytes().splitlines())
    first.unlink()
    assert terminal("review --instance --log log --json").json["log"]["missing"] == gone
    assert f"{gone} numbers are missing" in terminal("review alice --log log").out


def test_it_has_to_be_said_whose(terminal: Terminal) -> None:
    make_log(terminal.directory, [])
    assert terminal("review --log log").code == 2
    assert terminal("review alice --instance --log log").code == 2
    nobody = terminal("review nobody --log log")
    assert nobody.code == 0
    assert "0 of 2 entries" in nobody.out


def audit_json(now: float) -> list[dict[str, object]]:
    """A GitLab's audit_json.log, in which Alice does things by name, and things are done to number 7."""

    def line(at: float, type: str, **more: object) -> dict[str, object]:
        about = {"entity_type": "User", "entity_id": 7, "target_type": "User", "target_id": 7, "ip_address": NEW}
        who = {"author_id": 7, "author_name": "Alice", "meta.user": "alice", "meta.user_id": 7}
        stamp = datetime.fromtimestamp(now + at, UTC).isoformat(timespec="milliseconds")
        return {"severity": "INFO", "time": stamp, "event_type": type, **about, **who, **more}

    return [
        line(-3 * 86_400, "authenticated_with_password", ip_address=HOME),
        line(0, "authenticated_with_password"),
        line(60, "user_disable_two_factor"),
        line(120, "personal_access_token_created"),
        line(300, "webhook_created", target_type="ProjectHook", target_id=3),
    ]


def test_what_gitlab_has_logged_is_one_story_of_one_account_by_name_and_by_number(terminal: Terminal) -> None:
    read = reader("gitlab", Dating(time.time, UTC))
    events = [taken.event for line in audit_json(time.time() - 7200) for taken in read(json.dumps(line))]
    make_log(terminal.directory, events)
    (story, *_) = terminal("detect run --log log --since 1d --json").json["findings"]
    assert (story["rule"], story["subject"]) == ("story_takeover", "gitlab:user/alice")
    for asked in ("alice", "gitlab:user/7"):
        said = terminal(f"review {asked} --log log")
        assert said.code == 1
        assert "outlives a block and a new password: 1 token.create, 1 webhook.add" in said.out
        assert "critical   A new address, a second factor removed, a token made: within an hour" in said.out
        assert "runners" in said.out
        assert "5 of 7 entries" in said.out


def real_events() -> list[Event]:
    """What the logs of others tell that are kept beside the checkout: requests, guesses at GitLab, Gitea and sshd."""
    logs: list[tuple[Path, str]] = [(real(f"data/crowdsec-hub/{name}/{name}.log"), form) for name, form in HUB.items()]
    logs.append((real("data/access-logs/apache_combined_10k.log"), "access"))
    found = list[Event]()
    for path, form in logs:
        read = reader(form, Dating(time.time, UTC))
        found += [taken.event for line in path.read_text().splitlines() if line for taken in read(line)]
    return found


def test_a_log_of_real_samples_reads_sensibly(terminal: Terminal) -> None:
    make_log(terminal.directory, real_events())
    everybody = terminal("review --instance --log log --since 6000d")
    assert everybody.code == 1, everybody.err
    for wanted in (
        "10096 entries, log complete from 2015-05-17",
        "web: 10000 entries from 2015-05-17 10:05 to 2015-05-20 21:05",
        "high   One address tries the accounts of many",
        "sign-ins: ",
        "of 94 entries suspicious",
        "requests and commands: 10000 entries",
        "and 9,994 more: --all, or stockade search",
        "gitlab (no audit event of it is in this log)",
    ):
        assert wanted in everybody.out
    one = terminal("review pascal --log log --since 6000d")
    assert one.code == 0
    assert "authentication.failure  host:user/pascal" in one.out
    told = " ".join(one.out.split())
    assert re.search(r"not recorded by web, gitea, gitlab \(no audit event of it is in this log\), host .*tokens", told)
