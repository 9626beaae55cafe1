"""A machine from the first release data to the reminder, with a real log; and what is never fetched."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from stockade.app import Stockade
from stockade.app.attending import roles
from stockade.app.host import hosts, releases, updates
from stockade.app.host.reminding import attend, remind
from stockade.audit.reading import entries
from stockade.config import load
from stockade.errors import ConfigurationError, Tampered, Unavailable
from stockade.events import Event
from stockade.host.oddity import Oddity, Unseen
from stockade.host.triage.looking import Machine, Told
from stockade.host.triage.looks import looked
from stockade.host.triage.seen import Facts
from tests.host.updates.made import GITLAB, NOW, written
from tests.servers.certificates import Certificates

WHAT = "software that is out of date or exploited"
STATUS = """\
Package: openssh-server
Status: install ok installed
Architecture: amd64
Source: openssh
Version: 1:9.2p1-2+deb12u7

Package: curl
Status: install ok installed
Architecture: amd64
Version: 7.88.1-10+deb12u15
"""
RELEASE = 'NAME="Debian GNU/Linux"\nID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\n'


def made_machine(root: Path) -> Path:
    """A Debian 12 of two packages, one of them to be updated."""
    files = {
        "var/lib/dpkg/status": STATUS,
        "etc/os-release": RELEASE,
        "srv/forge/VERSION": "v19.1.5\n",
        "proc/none": "",
    }
    for place, text in files.items():
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        (root / place).write_text(text)
    return root


class Here:
    """A made-up machine, and a Stockade that looks after it."""

    def __init__(self, folder: Path) -> None:
        self.root = made_machine(folder / "machine")
        (folder / "stockade.toml").write_text(f"""\
state = "{folder / "state"}"
[updates]
sources = ["{folder / "data"}"]
[[updates.applications]]
name = "forge"
product = "gitlab"
version_file = "{self.root}/srv/forge/VERSION"
""")
        self.data = written(folder / "data")
        self.stockade = Stockade(load(folder / "stockade.toml"), by="olga", clock=lambda: NOW)

    def facts(self) -> Facts:
        return Facts(Machine(self.root, "web1", NOW))

    def recorded(self, action: str) -> list[Event]:
        log = self.stockade.settings.audit_log()
        return [each.event for each in entries(log, 0) if each.event.action == action]


@pytest.fixture
def here(tmp_path: Path) -> Here:
    return Here(tmp_path)


def test_what_is_exploited_is_known_once_the_data_is_there_planned_recorded_and_told_once(here: Here) -> None:
    before = updates.look(here.stockade, here.facts()).judged
    assert not before.behind
    assert "what intruders use" in {each.what for each in before.unseen}
    releases.refresh(here.stockade.settings, (str(here.data),), "bookworm", NOW)
    found, steps = updates.plan(here.stockade, here.facts())
    assert [each.name for each in found.judged.behind] == ["forge", "openssh", "Debian 12"]
    assert "which packages have updates" in {each.what for each in found.judged.unseen}
    (planned,) = here.recorded("update.plan")
    assert [each["what"] for each in planned.details["steps"]] == [each.what for each in steps]  # type: ignore[attr-defined]
    assert [each.name for each in remind(here.stockade, here.facts())] == ["forge", "openssh"]
    assert remind(here.stockade, here.facts()) == []
    assert [each.details["mends"] for each in here.recorded("update.remind")] == ["19.1.6", "1:9.2p1-2+deb12u9"]
    assert [each.details["rule"] for each in here.recorded("finding.create")] == ["host.exploited-software"] * 2


def test_a_service_reads_its_sources_anew_and_reminds_of_a_release_that_came_since(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stockade.app.host.reminding.this_machine", lambda **_named: here.facts().machine)
    monkeypatch.setattr("stockade.app.host.reminding.Stockade", lambda *_args, **_named: here.stockade)
    told, days = list[Event](), iter([False, False, True])

    def ended(_seconds: float) -> bool:
        newer = {**GITLAB["versions"], "19.1.7": {"name": "19.1.7", "date": "2026-08-24"}}
        (here.data / "gitlab.json").write_text(json.dumps({**GITLAB, "versions": newer}))
        return next(days)

    attend(here.stockade.settings, told.append, ended)
    reminded = [
        (each.target and each.target.id, each.details["mends"]) for each in told if each.action == "update.remind"
    ]
    assert reminded == [("forge", "19.1.6"), ("openssh", "1:9.2p1-2+deb12u9"), ("forge", "19.1.7")]
    assert "updates" in {role.name for role in roles(here.stockade.settings)}


def test_a_triage_looks_at_updates_only_when_there_is_data(here: Here) -> None:
    def told() -> dict[str, Told]:
        told = looked(updates.looks(here.stockade, here.facts()))
        return {each.subject.id if isinstance(each, Oddity) else each.what: each for each in told}

    (_, silent) = told().values()
    assert silent == Unseen(WHAT, "no release data was given", "stockade updates refresh --from FILE")
    releases.refresh(here.stockade.settings, (str(here.data),), "bookworm", NOW)
    found = {name: each.severity for name, each in told().items() if isinstance(each, Oddity)}
    assert found == {"forge": "high", "openssh": "medium", "Debian 12": "informational"}
    hurried = hosts.looked_at(here.stockade, Machine(here.root, "web1", NOW, thorough=False), lambda _told: None)
    assert Unseen(WHAT, "it takes some seconds", "Leave --quick out.") in hurried.unseen


# ── where release data is from ───────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def served(certificates: Certificates) -> Iterator[str]:
    """Release data over TLS: at /gitlab.json; /away leads out of TLS, /endless never ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/away":
                self.send_response(302)
                self.send_header("Location", "http://127.0.0.1:9/gitlab.json")
                return self.end_headers()
            self.send_response(200)
            self.send_header("Last-Modified", "Mon, 24 Aug 2026 00:00:00 GMT")
            self.end_headers()
            self.wfile.write(json.dumps(GITLAB).encode())
            return None

        def log_message(self, *_: object) -> None: ...

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "server.pem", certificates / "server.key")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield f"https://localhost:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_release_data_comes_over_tls_or_not_at_all(
    here: Here, served: str, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refresh(url: str) -> object:
        return releases.refresh(here.stockade.settings, (url,), "bookworm", NOW)

    with pytest.raises(Unavailable, match="certificate"):
        refresh(f"{served}/gitlab.json")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates / "ca.pem"))
    (source,) = releases.refresh(here.stockade.settings, (f"{served}/gitlab.json",), "bookworm", NOW)
    assert (NOW - source.dated, len(source.digest)) == (86_400, 64)
    for url in (f"{served}/away", "http://localhost/gitlab.json", "file:///etc/passwd", "https://a:b@localhost/x"):
        with pytest.raises(ConfigurationError, match="is not fetched from"):
            refresh(url)
    monkeypatch.setattr(releases, "MOST", 100)
    with pytest.raises(ConfigurationError, match="larger"):
        refresh(f"{served}/gitlab.json")


def test_data_that_is_not_as_it_was_kept_is_not_believed(here: Here) -> None:
    releases.refresh(here.stockade.settings, (str(here.data),), "bookworm", NOW)
    kept = here.stockade.settings.state_directory() / "releases"
    assert {each.stat().st_mode & 0o777 for each in kept.iterdir()} == {0o600}
    (kept / "exploited.json").write_text("{}")
    with pytest.raises(Tampered, match="not as it was kept"):
        releases.kept(here.stockade.settings)


def test_nobody_guesses_where_release_data_is(here: Here) -> None:
    with pytest.raises(ConfigurationError, match="nobody has said"):
        releases.refresh(here.stockade.settings, (), "bookworm", NOW)
