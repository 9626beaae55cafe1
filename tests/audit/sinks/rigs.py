"""One rig for each kind of sink: the real other side, and how to make it fail."""

from __future__ import annotations

import contextlib
import json
import resource
import signal
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Final, Protocol

from stockade.audit.keys import ED25519, PrivateKey
from stockade.audit.layout import segment_path
from stockade.audit.record import body_of, line_of
from stockade.audit.sinks.appended import AppendedFile
from stockade.audit.sinks.attributes import set_append_only
from stockade.audit.sinks.carrier import Sink
from stockade.audit.sinks.opening import Wanted, sink_of
from stockade.audit.sinks.parcels import Parcel
from stockade.audit.sinks.settings import SinkSettings
from tests.audit.conftest import ORIGIN, event
from tests.servers.ceph import OWNER, Ceph
from tests.servers.certificates import Certificates
from tests.servers.faults import Faults
from tests.servers.https import Receiver
from tests.servers.rsyslog import Rsyslog

OPENED: Final[list[Sink]] = []
"""What a test has opened, to be closed when it ends."""
TOKEN: Final = "a token that only the two of us know"


def line(number: int) -> bytes:
    """The line of an entry."""
    return line_of(number, "2027-01-15T08:00:00.000000Z", body_of(event(number)))


def parcel(first: int, end: int) -> Parcel:
    """Some entries, in a parcel."""
    body = b"".join(line(number) + b"\n" for number in range(first, end))
    return Parcel(ORIGIN, first, end, body, files=((segment_path(first), body),))


class Rig(Protocol):
    """The other side of one kind of sink."""

    def sink(self, deadline: float = 10.0) -> Sink: ...
    def received(self) -> list[int]:
        """The numbers of all entries that have arrived, in the order of their arrival."""

    def down(self) -> AbstractContextManager[None]: ...
    def hanging(self) -> AbstractContextManager[None]: ...


class FileRig:
    """An append-only file; its disk is full when it is down."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "copy.jsonl"

    def sink(self, deadline: float = 10.0) -> Sink:
        return AppendedFile(self.path)

    def received(self) -> list[int]:
        lines = self.path.read_bytes().splitlines()
        return [int(json.loads(each)["seq"]) for each in lines if b'"seq"' in each]

    @contextlib.contextmanager
    def down(self) -> Iterator[None]:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (self.path.stat().st_size, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
            signal.signal(signal.SIGXFSZ, ignored)

    def hanging(self) -> AbstractContextManager[None]:
        raise NotImplementedError("a local file does not hang")

    def unseal(self) -> None:
        """Let the test's folder be removed."""
        if self.path.exists():
            with self.path.open("rb") as file:
                set_append_only(file.fileno(), on=False)


class RsyslogRig:
    """rsyslog, over TLS or RELP; killed when it is down, stopped when it hangs."""

    def __init__(self, kind: str, server: Rsyslog, certificates: Certificates, state: Path) -> None:
        self.kind, self.server, self.certificates, self._state = kind, server, certificates, state

    def sink(self, deadline: float = 10.0, who: str = "client") -> Sink:
        return opened(self.settings(deadline, who), self._state)

    def settings(self, deadline: float = 10.0, who: str = "client") -> SinkSettings:
        known = SinkSettings(
            url=f"{self.kind}+tls://localhost:{self.server.port}", ca=self.certificates / "ca.pem", deadline=deadline
        )
        return known if who == "nobody" else shown_as(who, known, self.certificates)

    def received(self) -> list[int]:
        return self.server.numbers()

    @contextlib.contextmanager
    def down(self) -> Iterator[None]:
        self.server.kill()
        yield
        self.server.start()

    @contextlib.contextmanager
    def hanging(self) -> Iterator[None]:
        self.server.signal(signal.SIGSTOP)
        yield
        self.server.signal(signal.SIGCONT)


class HttpsRig:
    """A receiver of signed requests."""

    def __init__(self, receiver: Receiver, certificates: Certificates, state: Path) -> None:
        self.receiver, self.certificates, self._state = receiver, certificates, state
        self.key = PrivateKey.generate("carrier.example/node1", ED25519)
        receiver.key = self.key.public_key

    def sink(self, deadline: float = 10.0) -> Sink:
        return opened(self.settings(deadline), self._state, {"env:TOKEN": TOKEN, "env:KEY": self.key.secret_text})

    def settings(self, deadline: float = 10.0) -> SinkSettings:
        known = SinkSettings(
            url=self.receiver.url, ca=self.certificates / "ca.pem", deadline=deadline, token="env:TOKEN",
            signing_key="env:KEY",
        )  # fmt: skip
        return shown_as("client", known, self.certificates)

    def received(self) -> list[int]:
        return self.receiver.numbers

    @contextlib.contextmanager
    def down(self) -> Iterator[None]:
        self.receiver.stop()
        yield
        self.receiver.start()

    @contextlib.contextmanager
    def hanging(self) -> Iterator[None]:
        self.receiver.hang = True
        yield
        self.receiver.hang = False


class S3Rig:
    """A bucket with Object Lock in a real store, behind a network that can be made bad."""

    def __init__(self, ceph: Ceph, network: Faults, state: Path) -> None:
        self.ceph, self.network, self._state = ceph, network, state
        self.bucket = ceph.bucket()

    def sink(self, deadline: float = 10.0) -> Sink:
        return opened(self.settings(deadline), self._state, {"env:K": OWNER.key, "env:S": OWNER.secret})

    def settings(self, deadline: float = 10.0) -> SinkSettings:
        return SinkSettings(
            url=f"s3://{self.bucket}/node1", endpoint=f"http://127.0.0.1:{self.network.port}", retain=60,
            deadline=deadline, access_key="env:K", secret_key="env:S", reader_key="env:K", reader_secret="env:S",
            name="vault",
        )  # fmt: skip

    def received(self) -> list[int]:
        client = self.ceph.client()
        listed = client.list_objects_v2(Bucket=self.bucket, Prefix="node1/segments/").get("Contents", [])
        bodies = [client.get_object(Bucket=self.bucket, Key=each["Key"])["Body"].read() for each in listed]
        return [json.loads(each)["seq"] for body in bodies for each in body.splitlines()]

    @contextlib.contextmanager
    def down(self) -> Iterator[None]:
        self.network.reset = True
        self.network.cut()
        yield
        self.network.reset = False

    @contextlib.contextmanager
    def hanging(self) -> Iterator[None]:
        self.network.hang = True
        yield
        self.network.hang = False


def shown_as(who: str, settings: SinkSettings, certificates: Certificates) -> SinkSettings:
    """Settings with somebody's certificate."""
    return replace(settings, certificate=certificates / f"{who}.pem", key=certificates / f"{who}.key")


def opened(settings: SinkSettings, state: Path, secrets: Mapping[str, str] = MappingProxyType({})) -> Sink:
    """The sink that settings describe."""
    state.mkdir(exist_ok=True)
    made, _ = sink_of(Wanted(settings, state / "no-log", state, lambda reference: secrets[reference]))
    OPENED.append(made)
    return made
