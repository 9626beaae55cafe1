"""Debian's ``docker-registry`` as a child of ours: configured, started, and ended with us."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from stockade.errors import Unavailable
from stockade.gateway.registry import TOKENS, Registry
from stockade.gateway.registry_token import ISSUER, SERVICE, Signer

PROGRAM: Final = "docker-registry"
PACKAGE: Final = "docker-registry"
READY_SECONDS: Final = 10.0
_CONFIGURATION: Final = """\
version: 0.1
log: {{level: warn, accesslog: {{disabled: true}}}}
storage: {{filesystem: {{rootdirectory: "{data}"}}, delete: {{enabled: true}}}}
http: {{addr: "127.0.0.1:{port}", secret: "{secret}", relativeurls: true}}
auth: {{token: {{realm: "http://127.0.0.1{tokens}", service: {service}, issuer: {issuer}, rootcertbundle: "{bundle}"}}}}
"""


def installed() -> bool:
    """Is the program there?"""
    return shutil.which(PROGRAM) is not None


@contextlib.contextmanager
def running(state: Path) -> Iterator[Registry]:
    """Run a registry on a free port of loopback until the end of the block; its images are below ``state``.

    Raises Unavailable when the program is not installed or does not start.
    """
    binary = shutil.which(PROGRAM)
    if binary is None:
        raise Unavailable(f"{PROGRAM} is not installed.", remedy=f"Install it: apt-get install {PACKAGE}")
    signer, port = Signer.kept(state / "registry-key.pem"), _free_port()
    configuration = _configured(state, signer, port)
    with (state / "registry.log").open("ab") as log:
        process = subprocess.Popen(
            [*_dying_with_us(), binary, "serve", str(configuration)],
            env=_without_orders(os.environ),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            process_group=0,
        )
    try:
        _wait(process, port, state)
        yield Registry(f"http://127.0.0.1:{port}", signer)
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(5)
        process.kill()
        process.wait()


def _without_orders(environment: Mapping[str, str]) -> dict[str, str]:
    """What the registry is to see: it takes each ``REGISTRY_…`` for a setting, such as ``REGISTRY_AUTH_FILE``, which
    skopeo and podman know as something else.
    """
    return {name: value for name, value in environment.items() if not name.startswith("REGISTRY_")}


def _dying_with_us() -> list[str]:
    """What has the kernel end the registry when this process is killed and cannot (prctl(2), PR_SET_PDEATHSIG)."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "TERM", "--"] if setpriv else []


def _configured(state: Path, signer: Signer, port: int) -> Path:
    bundle, file = state / "registry-key.crt", state / "registry.yml"
    bundle.write_text(signer.certificate)
    file.touch(0o600)
    file.write_text(
        _CONFIGURATION.format(
            data=state / "images",
            port=port,
            secret=secrets.token_hex(16),
            tokens=TOKENS,
            service=SERVICE,
            issuer=ISSUER,
            bundle=bundle,
        )
    )
    return file


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(process: subprocess.Popen[bytes], port: int, state: Path) -> None:
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
            return
        time.sleep(0.02)
    raise Unavailable(f"{PROGRAM} does not start.", remedy=f"Look into {state / 'registry.log'}.")
