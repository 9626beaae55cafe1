"""Keys are read as their own tools read them, weak ones are told or refused, and one key is one account's."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pysequoia import Tsk

from stockade.directory import BuiltinDirectory, CredentialKind, NameTaken, Scope
from stockade.directory.keys import openpgp_key, ssh_key
from stockade.directory.refusals import WeakKey
from stockade.errors import ConfigurationError
from tests.directory.everything import DEPLOY, SSH

SK = (
    "sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIH"
    "V4Jv8k1cTGrw3W7WAKXVa+0mQSxFq0HqhWqgkcPVVhAAAABHNzaDo= a security key"
)


def line(key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey) -> str:
    return key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def rsa_line(bits: int) -> str:
    return line(rsa.generate_private_key(65537, bits).public_key())


@pytest.mark.parametrize(
    ("made", "algorithm", "bits"),
    [
        (lambda: line(ed25519.Ed25519PrivateKey.generate().public_key()), "ed25519", 256),
        (lambda: line(ec.generate_private_key(ec.SECP384R1()).public_key()), "ecdsa", 384),
        (lambda: rsa_line(2048), "rsa", 2048),
        (lambda: SK, "ed25519-sk", 256),
    ],
)
def test_a_key_is_read_as_ssh_keygen_reads_it(
    tmp_path: Path, made: Callable[[], str], algorithm: str, bits: int
) -> None:
    file, public = tmp_path / "key.pub", made()
    file.write_text(public + "\n")
    said = subprocess.run(["ssh-keygen", "-lf", file], capture_output=True, text=True, check=True).stdout.split()
    read = ssh_key(public + " alice@laptop\n")
    assert (read.algorithm, read.bits, read.fingerprint) == (algorithm, bits, said[1])
    assert ssh_key(read.public) == read


@pytest.mark.parametrize(
    "public",
    [
        "sk-ssh-ed25519@openssh.com " + rsa_line(1024).split()[1],  # sshd goes by what is in it
        "",
        "ssh-ed25519",
        "ssh-ed25519 AAAA",
        SSH.replace("ed25519", "rsa", 1),
        f'command="rm -rf /" {SSH}',
        f"{SSH}\n{DEPLOY}",
        "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n",
        "x" * 100_000,
    ],
)
def test_what_is_no_key_is_refused(public: str) -> None:
    with pytest.raises(WeakKey):
        ssh_key(public)


def test_keys_that_can_be_broken_are_refused_and_old_ones_called_weak(directory: BuiltinDirectory) -> None:
    directory.create_account("alice")
    with pytest.raises(WeakKey, match="1024 bits"):
        directory.add_key("alice", "old", rsa_line(1024))
    with pytest.raises(WeakKey, match="DSA"):
        directory.add_key("alice", "older", "ssh-dss AAAAB3NzaC1kc3MAAACBAP")
    assert directory.add_key("alice", "aging", rsa_line(2048)).weakness == "RSA of fewer than 3072 bits"
    assert directory.add_key("alice", "good", SSH).weakness is None


def test_an_openpgp_certificate_is_read_and_its_private_half_is_not_taken() -> None:
    key = Tsk.generate("alice <alice@example.org>")
    certificate = key.extract_certificate()
    read = openpgp_key(str(certificate))
    assert (read.algorithm, read.bits, read.fingerprint) == ("eddsa", 256, certificate.fingerprint)
    for wrong in (str(key), "hello", "-----BEGIN PGP PRIVATE KEY BLOCK-----"):
        with pytest.raises(WeakKey):
            openpgp_key(wrong)


def test_one_key_is_one_accounts_while_it_is_in_force(directory: BuiltinDirectory) -> None:
    directory.create_account("alice")
    directory.create_account("bob")
    hers = directory.add_key("alice", "laptop", SSH)
    for holder in ("alice", "bob"):
        with pytest.raises(NameTaken):
            directory.add_key(holder, "the same", SSH + " by another name")
    with pytest.raises(NameTaken):
        directory.add_key(None, "the same", SSH, kind=CredentialKind.DEPLOY_KEY, within="a/b")
    directory.revoke(hers.ref)
    his = directory.add_key("bob", "laptop", SSH)
    with pytest.raises(NameTaken):
        directory.restore(hers.ref)
    directory.revoke(his.ref)
    assert directory.restore(hers.ref).revoked is None


def test_projects_may_share_a_deploy_key(directory: BuiltinDirectory) -> None:
    kind = CredentialKind.DEPLOY_KEY
    reads = directory.add_key(None, "ci", DEPLOY, kind=kind, within="a/b")
    writes = directory.add_key(None, "ci", DEPLOY, kind=kind, within="a/c", writes=True)
    assert reads.fingerprint == writes.fingerprint
    assert sorted(reads.scopes) == [Scope.READ_REPOSITORY]
    assert sorted(writes.scopes - reads.scopes) == [Scope.WRITE_REPOSITORY]
    with pytest.raises(NameTaken):
        directory.add_key(None, "ci again", DEPLOY, kind=kind, within="a/b")
    with pytest.raises(ConfigurationError, match="belongs to a project"):
        directory.add_key(None, "ci", DEPLOY, kind=kind)
    with pytest.raises(ConfigurationError, match="belongs to an account"):
        directory.add_key(None, "ci", SSH)
