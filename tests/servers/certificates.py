"""A private certificate authority, and who it has signed: a server, a client, a rogue; and one who signed itself."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

_NEW: Final = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


@dataclass(frozen=True)
class Certificates:
    """A folder with ``ca.pem``, and NAME.pem and NAME.key for server, client, rogue and self."""

    folder: Path

    def __truediv__(self, name: str) -> Path:
        return self.folder / name


def make_certificates(folder: Path) -> Certificates:
    """Make them all anew."""
    made = Certificates(folder)
    ca = ("-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign")
    _openssl(
        "req",
        "-x509",
        *_NEW,
        "-keyout",
        made / "ca.key",
        "-out",
        made / "ca.pem",
        "-days",
        "30",
        "-subj",
        "/CN=ca",
        *ca,
    )
    for name in ("server", "client", "rogue"):
        _openssl("req", *_NEW, "-keyout", made / f"{name}.key", "-out", made / f"{name}.csr", "-subj", f"/CN={name}")
        (made / "names").write_text(f"subjectAltName=DNS:{name},DNS:localhost,IP:127.0.0.1")
        _openssl("x509", "-req", "-in", made / f"{name}.csr", "-CA", made / "ca.pem", "-CAkey", made / "ca.key",
                 "-CAcreateserial", "-days", "30", "-out", made / f"{name}.pem",
                 "-extfile", made / "names")  # fmt: skip
    _openssl(
        "req",
        "-x509",
        *_NEW,
        "-keyout",
        made / "self.key",
        "-out",
        made / "self.pem",
        "-days",
        "30",
        "-subj",
        "/CN=client",
    )
    return made


def _openssl(*words: str | Path) -> None:
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """The worker's certificates."""
    return make_certificates(tmp_path_factory.mktemp("certificates"))
