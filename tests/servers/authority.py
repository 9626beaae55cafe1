"""A time-stamping authority: ``openssl ts`` behind HTTP, with a root certificate of its own."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

import pytest

_CONF: Final = """
[req]
distinguished_name=dn
[dn]
[v3tsa]
basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=critical,timeStamping
subjectKeyIdentifier=hash
[v3ca]
basicConstraints=critical,CA:TRUE
keyUsage=critical,keyCertSign,cRLSign
subjectKeyIdentifier=hash
[tsa]
default_tsa=t
[t]
serial=./serial
crypto_device=builtin
signer_cert=./tsa.pem
signer_key=./tsa.key
signer_digest=sha256
default_policy=1.3.6.1.4.1.32473.1
digests=sha256,sha384,sha512
accuracy=secs:1
ordering=no
tsa_name=yes
ess_cert_id_chain=no
ess_cert_id_alg=sha256
"""
_NEW: Final = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-config", "tsa.cnf")


@dataclass
class Authority:
    """An authority in a folder of its own, serving at ``url``; ``root`` is its root certificate."""

    folder: Path
    url: str = ""
    refuse: bool = False

    @property
    def root(self) -> Path:
        return self.folder / "ca.pem"

    def make(self) -> None:
        """Make its keys."""
        (self.folder / "tsa.cnf").write_text(_CONF)
        (self.folder / "serial").write_text("01")
        self._openssl(
            "req",
            "-x509",
            "-extensions",
            "v3ca",
            *_NEW,
            "-subj",
            "/CN=root",
            "-days",
            "30",
            "-keyout",
            "ca.key",
            "-out",
            "ca.pem",
        )
        self._openssl("req", *_NEW, "-subj", "/CN=tsa", "-keyout", "tsa.key", "-out", "tsa.csr")
        signing = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "30", "-extensions", "v3tsa")
        self._openssl("x509", "-req", "-in", "tsa.csr", *signing, "-extfile", "tsa.cnf", "-out", "tsa.pem")

    def answer(self, query: bytes) -> bytes:
        """Stamp."""
        (self.folder / "query").write_bytes(query)
        asked = "/dev/null" if self.refuse else "query"
        self._openssl(
            "ts", "-reply", "-config", "tsa.cnf", "-queryfile", asked, "-out", "answer", check=not self.refuse
        )
        return (self.folder / "answer").read_bytes()

    def verifies(self, data: Path, stamp: Path) -> bool:
        """Whether openssl itself believes a stamp."""
        argv: list[str | Path] = ["openssl", "ts", "-verify", "-data", data, "-in", stamp, "-CAfile", self.root]
        return subprocess.run(argv, check=False, capture_output=True).returncode == 0

    def _openssl(self, *words: str, check: bool = True) -> None:
        subprocess.run(["openssl", *words], cwd=self.folder, check=check, capture_output=True)


@pytest.fixture
def authority(tmp_path: Path) -> Iterator[Authority]:
    """A running authority."""
    (tmp_path / "tsa").mkdir()
    made = Authority(tmp_path / "tsa")
    made.make()
    lock = threading.Lock()  # the serial number lies in a file

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = self.rfile.read(int(self.headers["content-length"]))
            with lock:
                reply = made.answer(query)
            self.send_response(200)
            self.send_header("content-type", "application/timestamp-reply")
            self.send_header("content-length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        made.url = f"http://127.0.0.1:{server.server_address[1]}/stamp"
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield made
        server.shutdown()
