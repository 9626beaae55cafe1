"""How many lines a second of one core each format reads, and how many go all the way from a file into the audit log."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.rows import Row
from stockade.app.taking_in import Intake, IntoAuditLog
from stockade.audit.log import AuditLog
from stockade.intake.arrivals import arrivals, same_line
from stockade.intake.formats import reader
from stockade.intake.settings import FileSource, IntakeSettings
from stockade.lines.stamps import Dating

START = 1_700_000_000
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"


def _iso(number: int) -> str:
    return datetime.fromtimestamp(START + number / 100, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _access(number: int) -> str:
    stamp = datetime.fromtimestamp(START + number // 100, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000")
    return f'203.0.113.{number % 250} - - [{stamp}] "GET /team/app/{number}?page=2 HTTP/1.1" 200 5120 "-" "{AGENT}"'


def _audit(number: int) -> str:
    said: dict[str, Any] = {"severity": "INFO", "time": _iso(number), "author_id": number % 99, "author_name": "Alice"}
    said |= {"entity_id": 3, "entity_type": "Project", "target_id": number, "target_type": "User", "add": "user_access"}
    return json.dumps(said | {"as": "Developer", "target_details": "bob", "ip_address": f"203.0.113.{number % 250}"})


def _request(number: int) -> str:
    said: dict[str, Any] = {"method": "GET", "path": f"/team/app/-/issues/{number}", "format": "html", "status": 200}
    said |= {"controller": "Projects::IssuesController", "action": "show", "time": _iso(number), "ua": AGENT}
    said |= {f"db_{name}_count": number % 7 for name in ("", "write", "cached", "replica", "primary", "main", "ci")}
    said |= {"remote_ip": f"203.0.113.{number % 250}", "user_id": number % 99, "username": f"user{number % 99}"}
    return json.dumps(said | {"correlation_id": f"01H{number:023}", "params": [{"key": "page", "value": "2"}]})


def _sshd(number: int) -> str:
    stamp = datetime.fromtimestamp(START + number // 100, UTC).strftime("%b %e %H:%M:%S")
    who = f"root from 203.0.113.{number % 250} port {number % 60_000}"
    return f"{stamp} web1 sshd[{number % 30_000}]: Failed password for {who} ssh2"


def _modern(number: int) -> str:
    return f'<134>1 {_iso(number)} web1 app {number} REQ [meta seq="{number}"] a message of no particular meaning'


def _gitea(number: int) -> str:
    stamp = datetime.fromtimestamp(START + number // 100, UTC).strftime("%Y/%m/%d %H:%M:%S")
    said = f"completed GET /team/app/{number} for 203.0.113.{number % 250}:4000, 200 OK in 1.2ms @ repo/view.go:1(x)"
    return f"{stamp} HTTP [I] router: {said}"


def _cloud(number: int) -> str:
    said: dict[str, Any] = {"eventID": f"e{number}", "eventTime": _iso(number), "eventSource": "iam.amazonaws.com"}
    said |= {"eventName": "CreateAccessKey", "sourceIPAddress": "203.0.113.9", "awsRegion": "eu-central-1"}
    return json.dumps(
        said | {"userIdentity": {"type": "IAMUser", "userName": "al"}, "requestParameters": {"name": "x"}}
    )


LINES = {
    "access": ("access", "an access log, combined", _access),
    "gitlab audit": ("gitlab", "GitLab, audit_json.log", _audit),
    "gitlab production": ("gitlab", "GitLab, production_json.log", _request),
    "gitea": ("gitea", "Gitea's log", _gitea),
    "auth.log": ("syslog", "auth.log, failed passwords", _sshd),
    "RFC 5424": ("syslog", "syslog of RFC 5424", _modern),
    "cloudtrail": ("cloudtrail", "CloudTrail-style records", _cloud),
}


def rows(lines: int = 50_000) -> Sequence[Row]:
    """Every format, then the whole way."""
    return [*(_read(name, lines) for name in LINES), _whole_way(lines)]


def _read(name: str, count: int) -> Row:
    format, title, make = LINES[name]
    texts = [make(number).encode() for number in range(count)]
    read, now = reader(format, Dating(time.time, UTC)), time.time()
    before = time.process_time()
    for number, text in enumerate(texts):
        arrivals(read, text, id=same_line(number, text), now=now)
    took = time.process_time() - before
    return Row(f"read: {title}", "", f"{count / took:,.0f} lines/s", notes=f"{took / count * 1e6:.1f} µs a line")


def _whole_way(count: int) -> Row:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "access.log").write_text("".join(f"{_access(number)}\n" for number in range(count)))
        AuditLog.create(folder / "log", folder / "signer", origin="bench.example/intake")
        source = FileSource(name="web", path=folder / "access.log", format="access")
        with AuditLog(folder / "log", folder / "signer") as log:
            settings = IntakeSettings(sources=(source,), ledger=folder / "ledger")
            intake = Intake(settings, IntoAuditLog(log), say=lambda _: None)
            before = time.perf_counter()
            intake.once()
            took = time.perf_counter() - before
            intake.close()
    notes = "read, handed over in batches of 500, on disk in the audit log, remembered in the ledger"
    return Row("from an access log into the audit log, exactly once", "", f"{count / took:,.0f} lines/s", notes=notes)
