"""What the lock of a store does not hold off: a power cut, its administrator, its clock. Each is found, and what."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from stockade.audit.log import AuditLog
from stockade.audit.sinks.carrying import carried, seen, standings
from stockade.audit.sinks.objectlock import check_stored
from stockade.audit.sinks.parcels import signed_size
from stockade.audit.sinks.policy import bucket_policy
from stockade.audit.sinks.receipts import Receipt, Receipts
from stockade.audit.sinks.settings import SinkSettings
from stockade.errors import Refused
from tests.audit.conftest import Stage, event
from tests.cli.terminal import Terminal
from tests.servers.ceph import OWNER, READER, WRITER, Ceph, started_ceph
from tests.servers.processes import wait_until
from tests.source_tree import ROOT

SECRETS = {"env:WK": WRITER.key, "env:WS": WRITER.secret, "env:RK": READER.key, "env:RS": READER.secret}


@pytest.fixture(scope="module")
def store() -> Iterator[Ceph]:
    """A store of our own: it is killed, robbed, and set to another day."""
    with started_ceph() as started:
        yield started


@pytest.fixture(scope="module")
def buckets(store: Ceph) -> list[str]:
    """One for each test, made before any gateway is killed: the store would wait half a minute for that to answer."""
    names = [store.bucket() for _ in range(3)]
    for name in names:
        policy = bucket_policy(name, writer=WRITER.name, reader=READER.name, owner=OWNER.name)
        store.client().put_bucket_policy(Bucket=name, Policy=json.dumps(policy))
    return names


@pytest.fixture
def bucket(buckets: list[str]) -> str:
    return buckets.pop()


@pytest.fixture
def shipping(terminal: Terminal) -> Terminal:
    terminal.environ.update({name.removeprefix("env:"): value for name, value in SECRETS.items()})
    return terminal


def settings_of(store: Ceph, bucket: str) -> SinkSettings:
    return SinkSettings(
        url=f"s3://{bucket}/node1", endpoint=store.endpoint, retain=120, name="vault", access_key="env:WK",
        secret_key="env:WS", reader_key="env:RK", reader_secret="env:RS", every=1, deadline=5,
    )  # fmt: skip


def url_of(store: Ceph, bucket: str) -> str:
    return (
        f"s3://{bucket}/node1?endpoint={store.endpoint}&retain=1h&name=vault&access-key=env:WK&secret-key=env:WS"
        "&reader-key=env:RK&reader-secret=env:RS&deadline=5s"
    )


def shipped(terminal: Terminal, url: str) -> list[Receipt]:
    """Carry the whole log there; answers the receipts."""
    said = terminal.run("audit", "ship", "log", "carriers", "--sink", url, "--until-done")
    assert said.code == 0, said.out + said.err
    return [*Receipts(terminal.directory / "carriers", "vault")]


def append_until(log: AuditLog, wanted: int) -> None:
    for number in range(signed_size(log.path), wanted):
        log.offer(event(number))
    log.sign()


def test_a_store_that_loses_its_power_while_it_is_carried_to_is_told_and_catches_up(
    stage: Stage, store: Ceph, bucket: str, shipping: Terminal
) -> None:
    state = stage.path.parent / "carriers"
    with (
        stage.open(segment_size=20_000, clock=time.time) as log,
        carried(stage.path, state, [settings_of(store, bucket)], SECRETS.__getitem__) as (carrier,),
    ):
        append_until(log, 300)
        wait_until(lambda: carrier.position.next >= 100, "the first segments in the store")
        store.kill()
        append_until(log, 1_200)
        wait_until(
            lambda: bool(standings(stage.path, state, time.time())[0].error), "the carrier having written what it met"
        )
        assert seen(stage.path, carrier, time.time()).failing > 0
        (standing,) = standings(stage.path, state, time.time() + 60)
        assert standing.behind == signed_size(stage.path) - standing.next >= 900
        assert standing.lag >= 60, "the log is the spool, and says since when its oldest entry waits"
        assert log.append(event(0)) >= 1_200, "nobody waits for a store"
        store.start()
        log.sign()
        wait_until(lambda: carrier.position.next >= 1_200 and not carrier.position.error, "all of it in the store", 120)
        wanted = signed_size(stage.path)
        wait_until(lambda: carrier.position.next >= wanted, "the rest", 60)
    said = shipping.run("audit", "recheck", str(state), "--sink", url_of(store, bucket), "--into", "restored")
    assert said.code == 0, said.out + said.err
    verified = shipping.run("audit", "verify", "restored", "--key", str(stage.state / "key.pub"), "--json")
    assert verified.code == 0, verified.err
    assert json.loads(verified.out)["size"] >= wanted


def test_a_version_that_the_administrator_has_purged_is_found_by_its_receipt(
    filled: Stage, store: Ceph, bucket: str, shipping: Terminal
) -> None:
    url = url_of(store, bucket)
    segment, *_ = shipped(shipping, url)
    store.administer("object", "rm", f"--bucket={bucket}", f"--object={segment.key}",
                     f"--object-version={segment.version}")  # fmt: skip
    with pytest.raises(Refused, match=r"cannot be read back from vault.*NoSuchKey 404"):
        check_stored(store.client(READER), bucket, segment)
    said = shipping.run("audit", "recheck", "carriers", "--sink", url)
    assert said.code not in {0, 1}
    assert segment.key in said.err
    assert "NoSuchKey" in said.err


def test_a_store_whose_clock_is_ahead_takes_nothing_and_what_it_let_go_is_found(
    filled: Stage, store: Ceph, bucket: str, shipping: Terminal
) -> None:
    url = url_of(store, bucket)
    segment, *_ = shipped(shipping, url)
    for ahead, says in (
        ("+3d", "RequestTimeTooSkewed"),
        ("+5m", r"the clock of the store differs from ours by [23]\d\d s"),
    ):
        store.kill("rgw")
        store.start(ahead=ahead)
        if ahead == "+3d":
            _delete_as_of(ahead, store, bucket, segment)
        said = shipping.run(
            "audit", "ship", "log", f"carriers-{ahead[1:]}", "--sink", url, "--until-done", "--patience", "5"
        )
        assert said.code != 0
        assert re.search(says, said.out + said.err)
    store.kill("rgw")
    store.start()
    said = shipping.run("audit", "recheck", "carriers", "--sink", url)
    assert said.code not in {0, 1}
    assert segment.key in said.err
    assert "NoSuchKey" in said.err


def _delete_as_of(ahead: str, store: Ceph, bucket: str, receipt: Receipt) -> None:
    """The owner deletes a locked version, on a machine with the same wrong clock."""
    asked = f"Bucket={bucket!r}, Key={receipt.key!r}, VersionId={receipt.version!r}"
    script = f"from tests.servers.ceph import Ceph\nCeph({store.endpoint!r}, '').client().delete_object({asked})"
    argv = ["faketime", "-f", ahead, sys.executable, "-c", script]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
