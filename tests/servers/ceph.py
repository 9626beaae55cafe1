"""Ceph's object store with Object Lock: a monitor, an OSD on a sparse file and a gateway, once for the whole run.

It takes a quarter of a minute to start, so the workers share one: whoever comes first starts it, and a keeper ends it
when the process ends that has started the workers.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import Any, Final

import pytest

from tests.servers.processes import free_port, program, wait_until

_CONF: Final = """
[global]
fsid = $FSID
mon initial members = a
mon host = [v2:127.0.0.1:$V2/0,v1:127.0.0.1:$V1/0]
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth cluster required = none
auth service required = none
auth client required = none
ms mon client mode = crc secure
ms mon cluster mode = crc secure
ms mon service mode = crc secure
ms bind ipv6 = false
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd crush chooseleaf type = 0
mon allow pool size one = true
osd objectstore = bluestore
bluestore block size = 6442450944
osd memory target = 939524096
run dir = $DIR/run
admin socket =
log file = $DIR/run/$name.log
pid file = $DIR/run/$name.pid
[mon.a]
mon data = $DIR/mon
[osd.0]
osd data = $DIR/osd
"""
_KEEPER: Final = "while kill -0 $1; do sleep 1; done; cat $2/run/*.pid | xargs kill -9; rm -rf $2"
_numbers = count(1)


@dataclass(frozen=True)
class Principal:
    """Who may ask the store: a user, by the key and the secret."""

    name: str
    key: str
    secret: str


OWNER: Final = Principal("audit", "AK", "SK")
WRITER: Final = Principal("writer", "WK", "WS")
READER: Final = Principal("reader", "RK", "RS")


@dataclass(frozen=True)
class Ceph:
    """A running store."""

    endpoint: str
    directory: str

    def client(self, who: Principal = OWNER) -> Any:
        """A client of the S3 interface."""
        from stockade.audit.sinks.s3 import s3_client

        return s3_client(self.endpoint, "us-east-1", who.key, who.secret, deadline=20)

    def administer(self, *words: str) -> None:
        """Run ``radosgw-admin``: who may do that stands above every lock."""
        _do(Path(self.directory), "radosgw-admin", *words)

    def kill(self, *daemons: str) -> None:
        """Kill these of its processes, ``mon.a``, ``osd.0`` and ``rgw``, or all, as a power cut does."""
        run = Path(self.directory, "run")
        for daemon in daemons or [file.stem for file in run.glob("*.pid")]:
            pid = int((run / f"{daemon}.pid").read_text())
            children = Path(f"/proc/{pid}/task/{pid}/children")
            for each in [pid, *map(int, children.read_text().split() if children.exists() else ())]:
                with suppress(ProcessLookupError):
                    os.kill(each, signal.SIGKILL)
            (run / f"{daemon}.pid").unlink()

    def start(self, *, ahead: str = "") -> None:
        """Start what was killed; the gateway with a clock that is ``ahead``, as faketime says it: ``+3d``."""
        directory = Path(self.directory)
        if not (directory / "run" / "mon.a.pid").exists():
            _do(directory, "ceph-mon", "-i", "a")
            _do(directory, "ceph-osd", "-i", "0")
        _start_gateway(directory, int(self.endpoint.rpartition(":")[2]), ahead)

    def bucket(self) -> str:
        """The name of a new bucket with Object Lock, which the owner owns."""
        name = f"vault-{os.getpid()}-{next(_numbers)}"
        self.client().create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
        return name


@pytest.fixture(scope="session")
def ceph(tmp_path_factory: pytest.TempPathFactory) -> Ceph:
    """The store that all workers share."""
    shared = "PYTEST_XDIST_WORKER" in os.environ
    base = tmp_path_factory.getbasetemp()
    place, until = (base.parent, os.getppid()) if shared else (base, os.getpid())
    with (place / "ceph.lock").open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        if said := file.read():
            return Ceph(**json.loads(said))
        started = _start(until)
        file.write(json.dumps(asdict(started)))
        return started


@contextmanager
def started_ceph() -> Iterator[Ceph]:
    """A store of one's own, until the end of the block."""
    started = _start(os.getpid())
    try:
        yield started
    finally:
        started.kill()


def _start(until: int) -> Ceph:
    directory = Path(tempfile.mkdtemp(prefix="stockade-ceph-"))
    for name in ("mon", "osd", "run", "rgw"):
        (directory / name).mkdir()
    port = free_port()
    _write_configuration(directory)
    _go_on("bash", "-c", _KEEPER, "keeper", str(until), directory, env=_env(directory), log=directory / "keeper.out")
    _start_monitor(directory)
    _start_osd(directory)
    _start_gateway(directory, port)
    for who in (OWNER, WRITER, READER):
        _do(directory, "radosgw-admin", "user", "create", "--uid", who.name, "--display-name", who.name,
            "--access-key", who.key, "--secret", who.secret)  # fmt: skip
    return Ceph(f"http://127.0.0.1:{port}", str(directory))


def _write_configuration(directory: Path) -> None:
    filled = _CONF.replace("$DIR", str(directory)).replace("$FSID", str(uuid.uuid4()))
    filled = filled.replace("$V2", str(v2 := free_port())).replace("$V1", str(v1 := free_port()))
    (directory / "ceph.conf").write_text(filled)
    fsid = filled.split("fsid = ")[1].split("\n")[0]
    address = f"[v2:127.0.0.1:{v2},v1:127.0.0.1:{v1}]"
    _do(directory, "monmaptool", "--create", "--clobber", "--fsid", fsid, "--addv", "a", address, directory / "monmap")


def _start_monitor(directory: Path) -> None:
    _do(directory, "ceph-mon", "-i", "a", "--mkfs", "--monmap", directory / "monmap")
    _do(directory, "ceph-mon", "-i", "a")


def _start_osd(directory: Path) -> None:
    name = str(uuid.uuid4())
    _do(directory, "ceph", "osd", "new", name)
    _do(directory, "ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", name)
    _do(directory, "ceph", "osd", "crush", "add", "osd.0", "1", "root=default", "host=h0")
    _do(directory, "ceph-osd", "-i", "0")


def _start_gateway(directory: Path, port: int, ahead: str = "") -> None:
    faked = [program("faketime", "faketime"), "-f", ahead] if ahead else []
    pid = _go_on(
        *faked, program("radosgw", "radosgw"), "-n", "client.admin", "-f", f"--rgw-data={directory}/rgw",
        f"--rgw-frontends=beast endpoint=127.0.0.1:{port}", env=_env(directory), log=directory / "rgw.out",
    )  # fmt: skip
    (directory / "run" / "rgw.pid").write_text(pid)
    wait_until(lambda: _answers(port), "the gateway of the object store", seconds=90)


def _go_on(*argv: str | Path, env: dict[str, str], log: Path) -> str:
    """Start what goes on when this process has ended; answers its process id."""
    script = 'log=$1; shift; setsid "$@" >"$log" 2>&1 </dev/null & echo $!'
    done = subprocess.run(["bash", "-c", script, "start", log, *argv], env=env, check=True, stdout=subprocess.PIPE)
    return done.stdout.decode()


def _answers(port: int) -> bool:
    done = subprocess.run(["curl", "-s", "-o", "/dev/null", "-m", "2", f"http://127.0.0.1:{port}/"], check=False)
    return done.returncode == 0


def _env(directory: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"] + ":/usr/sbin",
        "CEPH_CONF": str(directory / "ceph.conf"),
        "HOME": str(directory),
    }


def _do(directory: Path, name: str, *words: str | Path) -> None:
    argv = [program(name, "ceph-mon ceph-osd ceph-common radosgw"), *map(str, words)]
    done = subprocess.run(argv, env=_env(directory), cwd=directory, capture_output=True, timeout=90, check=False)
    if done.returncode:
        raise RuntimeError(f"{argv!r} failed:\n{done.stderr.decode(errors='replace')[-2000:]}")
