"""What is a secret in a text, and what only looks like one."""

from __future__ import annotations

import json
import subprocess
from base64 import urlsafe_b64encode
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from stockade.directory.accounts import CredentialKind
from stockade.directory.tokens import PREFIXES, make_token
from stockade.events import Ref
from stockade.host.secrets import keys
from stockade.host.secrets.found import Grade
from stockade.host.secrets.known import NotAsNamed, kinds, known_files
from stockade.host.secrets.patterns import formats
from tests.host.secrets.scanners import NOW, SCANNER, fingerprint, seen_in, worth
from tests.source_tree import ROOT

TOKEN = "glpat-" + "Q7bYx2LmP0dRt5VwZk9a"
WRITTEN = {
    "/etc/app.toml": ('[db]\npassword = "Wm4xQz81Lp"  # ours\n', "Wm4xQz81Lp"),
    "/etc/app.yaml": ("smtp:\n  password: Wm4xQz81Lp\n", "Wm4xQz81Lp"),
    "/etc/app.json": ('{"smtp": {"port": 25, "password": "Wm4xQz81Lp"}}', "Wm4xQz81Lp"),
    "/etc/app.ini": ("[mail]\nsmtp_passwd = Wm4xQz81Lp\n", "Wm4xQz81Lp"),
    "/srv/app/.env": ("DEBUG=1\nAPI_KEY=Wm4xQz81Lp\n", "Wm4xQz81Lp"),
    "/srv/app.properties": ("mail.smtp.password=Wm4xQz81Lp\n", "Wm4xQz81Lp"),
    "/etc/nginx/site.conf": ('proxy_set_header X-Auth-Token "Wm4xQz81Lp";\n', "Wm4xQz81Lp"),
    "/etc/gitlab/gitlab.rb": ("gitlab_rails['smtp_password'] = \"Wm4xQz81Lp\"\n", "Wm4xQz81Lp"),
    "/srv/docker-compose.yml": ("    environment:\n      - POSTGRES_PASSWORD=Wm4xQz81Lp\n", "Wm4xQz81Lp"),
    "/usr/local/bin/backup.sh": ("export RESTIC_PASSWORD='Wm4x Qz81Lp'\n", "Wm4x Qz81Lp"),
    "/etc/redis/redis.conf": ("requirepass Wm4xQz81Lp\n", "Wm4xQz81Lp"),
    "/home/bob/.netrc": ("machine git.example.org login bob password Wm4xQz81Lp\n", "Wm4xQz81Lp"),
    "/home/bob/.pgpass": ("db:5432:app:bob:Wm4xQz81Lp\n", "Wm4xQz81Lp"),
    "/home/bob/.aws/credentials": ("[default]\naws_secret_access_key = Wm4xQz81Lp\n", "Wm4xQz81Lp"),
    "/home/bob/.kube/config": ("users:\n- user:\n    token: Wm4xQz81Lp\n", "Wm4xQz81Lp"),
    "/home/bob/.docker/config.json": ('{"auths": {"reg": {"auth": "Ym9iOldtNHhRejgxTHA="}}}', "Wm4xQz81Lp"),
    "/srv/infra/prod.tfstate": ('{"resources": [{"attributes": {"password": "Wm4xQz81Lp"}}]}', "Wm4xQz81Lp"),
    "/etc/apache2/.htpasswd": (
        "bob:$apr1$abcdefgh$" + "Zk9aQ7bYx2LmP0dRt5VwZ1\n",
        "$apr1$abcdefgh$" + "Zk9aQ7bYx2LmP0dRt5VwZ1",
    ),
    "/var/log/app.log": (f"GET /?private_token={TOKEN} 200\n", TOKEN),
    "/srv/app/main.py": ('URL = "postgres://app:Wm4xQz81Lp@db/app"\n', "Wm4xQz81Lp"),
}


@pytest.mark.parametrize("path", WRITTEN)
def test_a_secret_is_found_however_it_is_written(path: str) -> None:
    text, secret = WRITTEN[path]
    assert [each.value.value for each in worth(text, path)] == [secret]


HARMLESS = [
    'password = "changeme"',
    "password: ${DB_PASSWORD}",
    "password = {{ vault_db_password }}",
    "api_key: <your key here>",
    "token = env:CI_TOKEN",
    "secret: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  62313365396662343061393464336163",
    "gitlab_rails['db_password'] = ENV['DB_PASSWORD']",
    "gitlab_rails['smtp_password'] = File.read('/run/secrets/smtp')",
    "password = nil",
    "secret_file = /run/secrets/db",
    "token_url = https://sso.example.org/token",
    "password_min_length = 12345",
    "PasswordAuthentication no",
    "session_token_ttl = 3600",
    'integrity = "sha512-Q7bYx2LmP0dRt5VwZk9aQ7bYx2LmP0dRt5VwZk9aQ7bYx2LmP0dRt5VwZk9a"',
    "commit: 0a4d55a8d778e5022fab701977c5d840bbc486d0",
    "id: 3f2504e0-4f89-41d3-9a0c-0305e82c3301",
    "key: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJbYx2LmP0dRt5VwZk9aQ7bYx2LmP0dRt5VwZk9a",
    "url = https://user:password@host/",
    "aws_access_key_id = AKIA" + "IOSFODNN7EXAMPLE",
    "-----BEGIN PRIVATE KEY-----\n...................................................\n-----END PRIVATE KEY-----",
]


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_looks_like_a_secret_is_a_note(text: str) -> None:
    assert worth(text + "\n", "/etc/app.conf") == []


@pytest.mark.parametrize("path", ["/srv/app/tests/test_login.py", "/srv/app/docs/use.md", "/srv/app/package-lock.json"])
def test_what_stands_in_tests_documents_and_lock_files_is_a_note_with_its_reason(path: str) -> None:
    (found,) = SCANNER.look(f'token = "{TOKEN}"\n', path)
    assert found.grade is Grade.NOTE
    assert found.why


def test_what_the_directory_has_is_no_example_wherever_it_stands() -> None:
    scanner = replace(SCANNER, owner=lambda _secret: (Ref("stockade", "token", "1"),))
    (found,) = scanner.look(f'token = "{TOKEN}"\n', "/srv/app/docs/use.md")
    assert found.grade is Grade.CERTAIN


def test_this_very_tree_is_quiet() -> None:
    parts = [ROOT / part for part in ("src", "docs", "set-up", "bench", "tests/config", "tests/cli", "tests/host")]
    assert [str(each.place) for each in seen_in(*parts)] == []


# ── known forms ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", PREFIXES)
def test_every_token_of_ours_is_known_by_its_form(kind: CredentialKind) -> None:
    token = str.__str__(make_token(kind))
    (found,) = worth(f"note to myself {token}.", "/home/bob/notes.log")
    assert (found.kind, found.value.value, found.grade) == ("Stockade token", token, Grade.CERTAIN)


def test_a_routable_token_of_gitlab_is_taken_whole() -> None:
    token = TOKEN + "Zk9aQ7bYx2L" + ".01.1a2b3c4d5"
    assert [each.value.value for each in worth(f"x={token};", "/var/log/x.log")] == [token]


def test_a_form_of_the_library_gives_all_of_the_secret_and_not_its_prefix() -> None:
    slack = "xoxb-" + "731465920184-210987654321-" + "a1b2c3d4e5f6a7b8c9d0e1f2"
    assert [each.value.value for each in worth(f'"{slack}"', "/var/log/x.log")] == [slack]


def test_every_form_says_how_it_is_changed() -> None:
    assert [each.kind for each in formats() if not each.about.change] == []
    assert {about.opens for about in kinds().values()} <= {
        "",
        "machine",
        "cloud",
        "database",
        "encrypted",
        "repositories",
    }


def test_every_kind_is_told_in_one_way() -> None:
    told = [(each.kind, each.about) for each in formats()]
    told += [(key.kind, key.about) for file in known_files() for key in file.keys]
    assert len(set(told)) == len({kind for kind, _ in told})


def test_a_web_token_that_has_expired_is_a_note() -> None:
    def token(end: float) -> str:
        parts = ({"alg": "HS256", "typ": "JWT"}, {"sub": "bob", "exp": end})
        return ".".join(
            [*(urlsafe_b64encode(json.dumps(p).encode()).decode().rstrip("=") for p in parts), "c2lnbmF0dXJl"]
        )

    text = f"old {token(NOW - 60)}\nnew {token(NOW + 60)}\n"
    assert [each.grade for each in SCANNER.look(text, "/var/log/x.log")] == [Grade.NOTE, Grade.CERTAIN]


# ── keys ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("format", ["openssl", "openssh"])
def test_whether_a_key_needs_a_passphrase_is_told(format: str, tmp_path: Path) -> None:
    bare, shut = (_made(format, tmp_path / name, name) for name in ("", "a passphrase"))
    assert not keys.is_encrypted(bare)
    assert keys.is_encrypted(shut)
    found = [worth(text, "/home/bob/.ssh/id_ed25519")[0] for text in (bare, shut)]
    assert [each.grade for each in found] == [Grade.CERTAIN, Grade.PERHAPS]


def _made(format: str, place: Path, passphrase: str) -> str:
    place = place if passphrase else place / "bare"
    if format == "openssh":
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f", place], check=True)
        return place.read_text()
    shut = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, shut).decode()


def test_a_key_is_the_same_key_in_a_file_and_in_a_line_of_json() -> None:
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    in_file, in_json = worth(pem, "/etc/ssl/a.key"), worth(json.dumps({"private_key": pem}), "/home/bob/cloud.json")
    assert [fingerprint(each.value.value) for each in in_file] == [fingerprint(each.value.value) for each in in_json]


# ── GitLab's own ─────────────────────────────────────────────────────────────────────────────────

OWN = {
    "gitlab_rails": {
        "db_key_base": "9b1c0d4e5f6a7b8c",
        "otp_key_base": "8c1c0d4e5f6a7b8c",
        "secret_key_base": "7d1c0d4e5f6a7b8c",
        "encrypted_settings_key_base": "6e1c0d4e5f6a7b8c",
        "openid_connect_signing_key": "5f1c0d4e5f6a7b8c",
        "active_record_encryption_primary_key": ["4a1c0d4e5f6a7b8c"],
    },
    "gitlab_shell": {"secret_token": "3b1c0d4e5f6a7b8c"},
    "registry": {"http_secret": "2c1c0d4e5f6a7b8c"},
    "letsencrypt": {"auto_enabled": True},
}


def test_each_of_gitlabs_own_keys_is_known_by_name_and_which_cannot_be_replaced() -> None:
    found = {each.name: each.kind for each in worth(json.dumps(OWN), "/etc/gitlab/gitlab-secrets.json")}
    assert len(found) == 8
    lost = {name.rpartition(".")[2] for name, kind in found.items() if kinds()[kind].lost}
    assert lost == {
        *("db_key_base", "otp_key_base", "encrypted_settings_key_base", "active_record_encryption_primary_key"),
    }
    assert kinds()[found["gitlab_rails.db_key_base"]].change.startswith("do not replace it")


def test_a_known_file_that_is_broken_is_said_without_a_word_of_it(tmp_path: Path) -> None:
    with pytest.raises(NotAsNamed, match=r"^it is no JSON$") as wrong:
        list(SCANNER.look('{"gitlab_rails": {"db_key_base": "9b1c0d4e5f', "/etc/gitlab/gitlab-secrets.json"))
    assert wrong.value.__cause__ is None
    assert wrong.value.__suppress_context__


def test_a_token_in_three_parts_is_told_whole() -> None:
    token = ".".join(
        urlsafe_b64encode(part).decode().rstrip("=") for part in (b'{"alg":"HS256"}', b'{"sub":"ann"}', b"ab" * 16)
    )
    (found,) = worth(f"Authorization: Bearer {token}\n", "/srv/app/run.log")
    assert found.value.value == token


@pytest.mark.parametrize(
    "text",
    ["eyJ" * 87_000, "-----BEGIN PRIVATE KEY-----\n" * 9000, "x_token_" * 8000, "password " * 8000],
)
def test_a_text_that_is_made_to_be_read_for_hours_is_read_in_seconds(text: str) -> None:
    assert worth(text, "/etc/app.env") == []
