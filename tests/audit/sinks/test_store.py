"""Sealed segments in a real write-once store, by a principal that can only write."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from stockade.audit.sinks.objectlock import check_stored
from stockade.audit.sinks.parcels import Segments, signed_size
from stockade.audit.sinks.policy import bucket_policy
from stockade.audit.sinks.probing import Verdict
from stockade.audit.sinks.probing_s3 import Probe
from stockade.audit.sinks.receipts import Receipts
from stockade.audit.sinks.restoring import Restored
from stockade.audit.sinks.s3 import code_of, s3_client
from stockade.audit.sinks.settings import SinkSettings
from stockade.audit.verify import verify
from stockade.errors import ConfigurationError, Refused, Tampered
from tests.audit.conftest import NOW, Stage
from tests.audit.sinks.rigs import S3Rig, opened, parcel
from tests.cli.terminal import Terminal
from tests.servers.ceph import OWNER, READER, WRITER, Ceph

SECRETS = {"env:WK": WRITER.key, "env:WS": WRITER.secret, "env:RK": READER.key, "env:RS": READER.secret}


@pytest.fixture
def bucket(ceph: Ceph) -> str:
    """A bucket in which one may only write and another only read."""
    name = ceph.bucket()
    policy = bucket_policy(name, writer=WRITER.name, reader=READER.name, owner=OWNER.name)
    ceph.client().put_bucket_policy(Bucket=name, Policy=json.dumps(policy))
    return name


def settings_of(ceph: Ceph, bucket: str) -> SinkSettings:
    return SinkSettings(
        url=f"s3://{bucket}/node1", endpoint=ceph.endpoint, retain=120, name="vault", access_key="env:WK",
        secret_key="env:WS", reader_key="env:RK", reader_secret="env:RS",
    )  # fmt: skip


def test_a_log_is_sealed_in_the_store_and_what_comes_back_verifies(
    filled: Stage, ceph: Ceph, bucket: str, tmp_path: Path
) -> None:
    sink, cut, at = opened(settings_of(ceph, bucket), tmp_path, SECRETS), Segments(filled.path, 60, time.monotonic), 0
    sink.open(0)
    while found := cut(at):
        at = sink.write(found)
    assert sink.remark == ""
    assert at == signed_size(filled.path)
    reader, restored = ceph.client(READER), Restored(tmp_path / "restored", "node1")
    for receipt in Receipts(tmp_path, "vault"):
        restored.put(receipt.key, check_stored(reader, bucket, receipt))
    assert verify(tmp_path / "restored", filled.keys).head.size == at
    with pytest.raises(ConfigurationError, match="is not empty"):
        Restored(tmp_path / "restored", "node1")
    with pytest.raises(Tampered, match="no file of a log"):
        restored.put("node1/../../etc/passwd", b"")


def refusal(attempt: Any, **given: Any) -> str:
    with pytest.raises(ClientError) as caught:
        attempt(**given)
    return code_of(caught.value)


def test_the_writer_can_only_write_and_the_reader_only_read(ceph: Ceph, bucket: str, tmp_path: Path) -> None:
    sink = opened(settings_of(ceph, bucket), tmp_path, SECRETS)
    sink.open(0)
    sink.write(parcel(0, 3))
    (receipt,) = Receipts(tmp_path, "vault")
    writer, reader = ceph.client(WRITER), ceph.client(READER)
    this: dict[str, Any] = {"Bucket": bucket, "Key": receipt.key}
    lock = {"Mode": "COMPLIANCE", "RetainUntilDate": NOW + 9e6}
    attempts: list[tuple[Any, dict[str, Any]]] = [
        (writer.get_object, this),
        (writer.get_object, this | {"VersionId": receipt.version}),
        (writer.head_object, this),
        (writer.delete_object, this),
        (writer.delete_object, this | {"VersionId": receipt.version}),
        (writer.put_object_retention, this | {"Retention": lock}),
        (writer.put_object_legal_hold, this | {"LegalHold": {"Status": "ON"}}),
        (writer.list_objects_v2, {"Bucket": bucket}),
        (writer.list_object_versions, {"Bucket": bucket}),
        (writer.put_bucket_policy, {"Bucket": bucket, "Policy": "{}"}),
        (reader.put_object, this | {"Body": b""}),
        (reader.delete_object, this),
        (reader.delete_object, this | {"VersionId": receipt.version}),
        (reader.put_object_retention, this | {"Retention": lock}),
    ]
    for attempt, given in attempts:
        assert refusal(attempt, **given).endswith("403"), given
    assert ceph.client().head_object(**this)["ContentLength"] > 0


def test_what_the_store_shows_instead_is_found(s3_rig: S3Rig, tmp_path: Path) -> None:
    sink = s3_rig.sink()
    sink.open(0)
    sink.write(parcel(0, 3))
    (receipt,) = Receipts(tmp_path / "state", "vault")
    client = s3_rig.ceph.client()
    overwritten = client.put_object(Bucket=s3_rig.bucket, Key=receipt.key, Body=b"something else")
    check_stored(client, s3_rig.bucket, receipt)  # the version that counts is as it was
    with pytest.raises(Tampered, match="is not what was stored"):
        check_stored(client, s3_rig.bucket, replace(receipt, version=overwritten["VersionId"]))
    with pytest.raises(Tampered, match="should be longer"):
        check_stored(client, s3_rig.bucket, replace(receipt, until=receipt.until + 3600))
    with pytest.raises(Refused, match="cannot be read back"):
        check_stored(client, s3_rig.bucket, replace(receipt, version="gone"))


def test_a_bucket_without_a_lock_a_wrong_key_and_no_date_are_refused(ceph: Ceph, tmp_path: Path) -> None:
    ceph.client().create_bucket(Bucket="plain-bucket")
    plain = replace(settings_of(ceph, "plain-bucket"), access_key="env:OK", secret_key="env:OS")
    owner = SECRETS | {"env:OK": OWNER.key, "env:OS": OWNER.secret}
    with pytest.raises(Refused, match="InvalidRequest 400"):
        opened(plain, tmp_path, owner).write(parcel(0, 1))
    with pytest.raises(ConfigurationError, match="SignatureDoesNotMatch"):
        opened(plain, tmp_path, owner | {"env:OS": "guessed"}).write(parcel(0, 1))
    with pytest.raises(ConfigurationError, match="how long objects are locked"):
        opened(replace(plain, retain=0), tmp_path, owner)
    with pytest.raises(ConfigurationError, match="a key without a secret"):
        opened(replace(plain, secret_key=""), tmp_path, owner)


# ── the probe ────────────────────────────────────────────────────────────────────────────────────

ATTACKS = {"delete", "bypass", "multi-delete", "shorten", "shorten with bypass", "downgrade", "overwrite",
           "delete marker", "past date", "suspend versioning", "clock", "put", "control"}  # fmt: skip


def probe_url(endpoint: str, bucket: str) -> str:
    return f"s3://{bucket}/node1?endpoint={endpoint}&access-key=env:OK&secret-key=env:OS"


def test_ceph_is_called_good(terminal: Terminal, ceph: Ceph) -> None:
    terminal.environ.update(OK=OWNER.key, OS=OWNER.secret)
    said = terminal.run("audit", "probe", probe_url(ceph.endpoint, ceph.bucket()), "--json")
    assert said.code == 0, said.out + said.err
    found = {check["name"]: check for check in said.json}
    assert found.keys() == ATTACKS
    assert {check["verdict"] for check in found.values()} == {"held"}
    assert found["multi-delete"]["answered"] == "AccessDenied inside a 200"
    assert found["shorten"]["answered"] == "AccessDenied 403"


def test_moto_is_called_unsafe(terminal: Terminal, moto: str) -> None:
    terminal.environ.update(OK="any", OS="any")
    client = s3_client(moto, "us-east-1", "any", "any", deadline=10)
    client.create_bucket(Bucket="vault", ObjectLockEnabledForBucket=True)
    said = terminal.run("audit", "probe", probe_url(moto, "vault"))
    assert said.code == 1
    lines = said.out.splitlines()
    broken = {line[8:28].strip() for line in lines if line.startswith("broken")}
    assert broken == {"shorten", "shorten with bypass", "downgrade", "past date", "suspend versioning"}
    assert lines[-1].startswith("8 of 13 checks held: do not trust it with the log; look at shorten")
    assert client.get_bucket_versioning(Bucket="vault")["Status"] == "Enabled"


def test_refusals_of_somebody_without_rights_do_not_count(ceph: Ceph, bucket: str) -> None:
    """Who may put and read, and nothing else, is refused everything by the policy: that says nothing about the lock."""
    with pytest.raises(Refused, match="cannot be asked by this key"):
        next(Probe(ceph.client(WRITER), bucket, "", time.time).run())
    allowed = ["s3:PutObject", "s3:GetObject", "s3:GetObjectVersion", "s3:GetBucketVersioning"]
    whole = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    who = {"AWS": [f"arn:aws:iam:::user/{WRITER.name}"]}
    statement = {"Effect": "Allow", "Principal": who, "Action": allowed, "Resource": whole}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    ceph.client().put_bucket_policy(Bucket=bucket, Policy=policy)
    checks = {check.name: check for check in Probe(ceph.client(WRITER), bucket, "", time.time).run()}
    assert checks["delete"].verdict == Verdict.HELD
    assert checks["control"].verdict == Verdict.UNKNOWN
    assert "it has too few rights" in checks["control"].answered


def test_a_store_with_another_clock_is_found(ceph: Ceph) -> None:
    """By its clock the lock ends; one that is three days ahead lets things go three days early."""
    checks = [*Probe(ceph.client(), ceph.bucket(), "", lambda: time.time() - 3 * 86_400).run()]
    assert (checks[0].name, checks[0].verdict) == ("clock", Verdict.BROKEN)
    assert checks[0].answered in {"+259199 s", "+259200 s", "+259201 s"}


def test_a_store_that_keeps_no_locks_is_not_asked_further(ceph: Ceph) -> None:
    ceph.client().create_bucket(Bucket="another-plain-bucket")
    checks = [*Probe(ceph.client(), "another-plain-bucket", "", time.time).run()]
    assert [check.verdict for check in checks] == [Verdict.HELD, Verdict.BROKEN]


def test_everything_that_was_stored_can_be_read_back_later(
    terminal: Terminal, ceph: Ceph, filled: Stage, bucket: str
) -> None:
    terminal.environ.update({name.removeprefix("env:"): value for name, value in SECRETS.items()})
    url = (
        f"s3://{bucket}/node1?endpoint={ceph.endpoint}&retain=2m&name=vault&access-key=env:WK&secret-key=env:WS"
        "&reader-key=env:RK&reader-secret=env:RS"
    )
    said = terminal.run("audit", "ship", "log", "carriers", "--sink", url, "--until-done")
    assert said.code == 0, said.out
    said = terminal.run("audit", "recheck", "carriers", "--sink", url, "--into", "restored")
    assert said.code == 0, said.err
    assert terminal.run("audit", "verify", "restored", "--key", "signer/key.pub").code == 0
    assert "objects as they were stored, each under its lock" in said.out
    receipts = terminal.directory / "carriers" / "vault.receipts"
    receipts.write_text(receipts.read_text().replace('"sha256": "', '"sha256": "00'))
    assert terminal.run("audit", "recheck", "carriers", "--sink", url).code == 5


def test_the_policy_is_printed(terminal: Terminal) -> None:
    said = terminal.run("audit", "policy", "vault", "--writer", "carrier", "--reader", "arn:aws:iam::12:user/eye")
    denied = said.json["Statement"][1]
    assert denied["Effect"] == "Deny"
    assert denied["Principal"] == {"AWS": ["arn:aws:iam:::user/carrier"]}
    assert {"s3:GetObject", "s3:DeleteObjectVersion", "s3:PutObjectRetention", "s3:PutObjectAcl"} <= {*denied["Action"]}
    assert said.json["Statement"][2]["Principal"] == {"AWS": ["arn:aws:iam::12:user/eye"]}
