"""Rigs for every kind of sink."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.audit.conftest import Stage, filled, stage, terminal
from tests.audit.sinks.rigs import OPENED, TOKEN, FileRig, HttpsRig, RsyslogRig, S3Rig
from tests.servers.ceph import Ceph
from tests.servers.certificates import Certificates
from tests.servers.faults import StartFaults
from tests.servers.https import receiving
from tests.servers.rsyslog import StartRsyslog

__all__ = ["Stage", "filled", "stage", "terminal"]


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    while OPENED:
        OPENED.pop().close()


@pytest.fixture
def file_rig(tmp_path: Path) -> Iterator[FileRig]:
    rig = FileRig(tmp_path)
    yield rig
    rig.unseal()


@pytest.fixture
def syslog_rig(rsyslog: StartRsyslog, certificates: Certificates, tmp_path: Path) -> RsyslogRig:
    return RsyslogRig("syslog", rsyslog("syslog"), certificates, tmp_path / "state")


@pytest.fixture
def relp_rig(rsyslog: StartRsyslog, certificates: Certificates, tmp_path: Path) -> RsyslogRig:
    return RsyslogRig("relp", rsyslog("relp"), certificates, tmp_path / "state")


@pytest.fixture
def https_rig(certificates: Certificates, tmp_path: Path) -> Iterator[HttpsRig]:
    with receiving(certificates, TOKEN) as receiver:
        yield HttpsRig(receiver, certificates, tmp_path / "state")


@pytest.fixture
def s3_rig(ceph: Ceph, faults: StartFaults, tmp_path: Path) -> S3Rig:
    return S3Rig(ceph, faults(int(ceph.endpoint.rpartition(":")[2])), tmp_path / "state")
