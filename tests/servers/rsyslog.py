"""rsyslog as a collector: syslog over TLS, and RELP over TLS that is acknowledged only after the disk has it."""

from __future__ import annotations

import contextlib
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.servers.certificates import Certificates
from tests.servers.processes import accepts, free_port, program, running, signal_group, wait_ready

_TLS: Final = """
global(workDirectory="$DIR/spool" maxMessageSize="64k"
  defaultNetstreamDriver="gtls"
  defaultNetstreamDriverCAFile="$CERTS/ca.pem"
  defaultNetstreamDriverCertFile="$CERTS/server.pem"
  defaultNetstreamDriverKeyFile="$CERTS/server.key")
module(load="imtcp" StreamDriver.Name="gtls" StreamDriver.Mode="1"
  StreamDriver.AuthMode="x509/name" PermittedPeer=["client"])
template(name="raw" type="string" string="%rawmsg%\\n")
input(type="imtcp" address="127.0.0.1" port="$PORT" ruleset="audit")
ruleset(name="audit") {
  action(type="omfile" file="$DIR/kept.log" template="raw" fileCreateMode="0600" sync="on" asyncWriting="off")
}
"""
_RELP: Final = """
main_queue(queue.type="Direct")
global(workDirectory="$DIR/spool" maxMessageSize="64k")
module(load="imrelp" tls.tlslib="openssl")
template(name="raw" type="string" string="%rawmsg%\\n")
input(type="imrelp" address="127.0.0.1" port="$PORT" tls="on"
  tls.caCert="$CERTS/ca.pem" tls.myCert="$CERTS/server.pem" tls.myPrivKey="$CERTS/server.key"
  tls.authMode="name" tls.permittedPeer=["client"] ruleset="audit")
ruleset(name="audit") {
  action(type="omfile" file="$DIR/kept.log" template="raw" fileCreateMode="0600"
    sync="on" asyncWriting="off" flushOnTXEnd="on")
}
"""
CONFIGURATIONS: Final = {"syslog": _TLS, "relp": _RELP}


class Rsyslog:
    """A collector on ``port`` that keeps its port, its certificates and its file when it is started again."""

    def __init__(self, kind: str, directory: Path, certificates: Certificates) -> None:
        self.port = free_port()
        self.kept = directory / "kept.log"
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None
        self._ending = contextlib.ExitStack()
        (directory / "spool").mkdir()
        filled = CONFIGURATIONS[kind].replace("$DIR", str(directory)).replace("$CERTS", str(certificates.folder))
        (directory / "rsyslog.conf").write_text(filled.replace("$PORT", str(self.port)))

    def start(self) -> None:
        """Run it until it is killed or the test ends."""
        binary = program("rsyslogd", "rsyslog rsyslog-gnutls rsyslog-relp")
        argv: list[str | Path] = [binary, "-n", "-f", self._directory / "rsyslog.conf", "-i", self._directory / "pid"]
        log = self._directory / "log"
        (self._directory / "pid").unlink(missing_ok=True)
        self._process = self._ending.enter_context(running(*argv, log=log))
        wait_ready(self._process, log, lambda: accepts(self.port))

    def signal(self, number: signal.Signals) -> None:
        """Stop, continue or kill it."""
        assert self._process is not None
        signal_group(self._process, number)

    def kill(self) -> None:
        """Kill it without a warning, and wait until it is dead."""
        self.signal(signal.SIGKILL)
        self.close()

    def close(self) -> None:
        """End it."""
        self._ending.close()

    def numbers(self) -> list[int]:
        """The numbers of the entries that it has kept, in order."""
        if not self.kept.exists():
            return []
        return [int(found[1]) for found in re.finditer(rb'AUDIT \[[^]]*\bseq="(\d+)"[^\n]*\n', self.kept.read_bytes())]


StartRsyslog = Callable[[str], Rsyslog]


@pytest.fixture
def rsyslog(tmp_path: Path, certificates: Certificates) -> Iterator[StartRsyslog]:
    """Starts collectors, ``syslog`` or ``relp``."""
    with contextlib.ExitStack() as stack:

        def start(kind: str) -> Rsyslog:
            folder = tmp_path / kind
            folder.mkdir()
            made = Rsyslog(kind, folder, certificates)
            stack.callback(made.close)
            made.start()
            return made

        yield start
