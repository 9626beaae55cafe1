"""A responder at three in the morning: one command saves the evidence, and says what to write on paper."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

from stockade.audit.sinks.policy import bucket_policy
from stockade.host.evidence.folder import seal
from tests.cli.terminal import Terminal
from tests.servers.ceph import OWNER, READER, WRITER, Ceph

PHRASE = re.compile(r"(?:[0-9A-HJKMNP-TV-Z]{5}-){5}[0-9A-HJKMNP-TV-Z]{5}")
FEW = ("--artifact", "clocks", "--artifact", "persistence-cron", "--artifact", "process-table")


def test_one_command_saves_the_evidence_into_a_store_that_cannot_forget(terminal: Terminal, ceph: Ceph) -> None:
    terminal.environ.update(WK=OWNER.key, WS=OWNER.secret)
    bucket = ceph.bucket()
    keys = "access-key=env:WK&secret-key=env:WS&reader-key=env:WK&reader-secret=env:WS"
    sink = f"s3://{bucket}/cases?endpoint={ceph.endpoint}&retain=2m&{keys}"
    said = terminal.run("host", "collect", "--to", sink, *FEW)
    assert said.code == 0, said.err
    assert "WRITE THIS ON PAPER" in said.out
    phrase = PHRASE.findall(said.out)[-1]
    listed = terminal.run("evidence", "list", sink, "--json").json
    collection = next(line for line in said.out.splitlines() if line.startswith("in ")).split()[1]
    assert {each["artifact"] for each in listed} == {*FEW[1::2]}
    checked = terminal.run("evidence", "verify", f"{collection}?{sink.partition('?')[2]}", "--head", phrase, "--json")
    assert checked.code == 0, checked.err
    assert checked.json["sealed"] is True
    assert checked.json["remarks"] == []
    client = ceph.client()
    (first, *_) = client.list_objects_v2(Bucket=bucket, Prefix="cases/")["Contents"]
    assert client.head_object(Bucket=bucket, Key=first["Key"])["ObjectLockMode"] == "COMPLIANCE"
    client.put_object(Bucket=bucket, Key=first["Key"], Body=b"not what it was")
    wrong = terminal.run("evidence", "verify", sink, "--head", phrase)
    assert (wrong.code, "written again" in " ".join(wrong.err.split())) == (5, True)


def test_who_may_only_write_can_save_evidence(terminal: Terminal, ceph: Ceph) -> None:
    terminal.environ.update(WK=WRITER.key, WS=WRITER.secret, RK=READER.key, RS=READER.secret)
    bucket = ceph.bucket()
    policy = bucket_policy(bucket, writer=WRITER.name, reader=READER.name, owner=OWNER.name)
    ceph.client().put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    sink = f"s3://{bucket}/cases?endpoint={ceph.endpoint}&retain=2m"
    said = terminal.run("host", "collect", "--to", f"{sink}&access-key=env:WK&secret-key=env:WS", *FEW, "--json")
    assert said.code == 0, said.err
    reading = f"{sink}&reader-key=env:RK&reader-secret=env:RS"
    checked = terminal.run("evidence", "verify", reading, "--head", said.json["phrase"])
    assert checked.code == 0, checked.err
    assert f"the evidence of {os.uname().nodename} is what was taken" in checked.out


def test_without_a_configuration_nothing_is_recorded_and_that_is_said(terminal: Terminal) -> None:
    said = terminal.run("host", "collect", "--to", "usb", *FEW)
    assert said.code == 0, said.err
    assert "there is no audit log here" in said.out
    assert not (terminal.directory / "state").exists()
    assert "clock: what time the machine thinks it is" in said.err
    phrase = PHRASE.findall(said.out)[-1]
    letters = "".join(re.findall(r"^ {6}(?=\w \w ).*", said.out, re.MULTILINE)).split()
    assert "".join(letters) == phrase.replace("-", ""), "what is shown large is what is asked for"
    good = terminal.run("evidence", "verify", "usb", "--head", phrase.lower().replace("-", " "))
    assert (good.code, "is what was taken" in good.out) == (0, True)
    typo = terminal.run(
        "evidence", "verify", "usb", "--head", "Z" + phrase[1:] if phrase[0] != "Z" else "Y" + phrase[1:]
    )
    assert (typo.code, "group 1 of the head" in typo.err) == (2, True)
    (collection,) = (terminal.directory / "usb").iterdir()
    last = max((collection / "parcels").iterdir())
    with last.open("rb") as file:
        seal(file.fileno(), on=False)
    last.chmod(0o600)
    last.write_bytes(b"x")
    assert terminal.run("evidence", "extract", "usb", "items").code == 5
    assert not (terminal.directory / "items").exists()  # what did not pass is not left as if it had


def test_with_a_log_it_is_on_record_with_its_head(terminal: Terminal) -> None:
    assert terminal("audit create").code == 0
    said = terminal.run("host", "collect", "--to", "usb", *FEW, "--json")
    assert said.code == 0, said.err
    assert said.json["unrecorded"] == ""
    found = terminal.run("search", "action:evidence.collect", "--json").out
    assert said.json["head"] in found


def test_one_that_was_interrupted_is_found_and_gone_on_with(terminal: Terminal, tmp_path: Path) -> None:
    terminal.run("host", "collect", "--to", "usb", *FEW)
    (collection,) = (terminal.directory / "usb").iterdir()
    last = max((collection / "manifest").iterdir())
    with last.open("rb") as file:
        seal(file.fileno(), on=False)
    last.unlink()
    unsealed = terminal.run("evidence", "verify", "usb")
    assert (unsealed.code, "was never sealed" in unsealed.out) == (1, True)
    again = terminal.run("host", "collect", "--to", "usb", "--resume")
    assert again.code == 0, again.err
    assert "resumed" in again.out
