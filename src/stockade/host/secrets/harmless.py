"""What looks like a secret and is none: placeholders, references, hashes, public keys; each with its reason."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_REFERENCE: Final = re.compile(
    r"""(?ix)^(?: \$\{?[a-z_(] | \$\( | %\( | %[a-z_]+%$ | \{\{ | \{%\s | <%= | <[^>]*>$ | @[a-z_]+@$ | __\w+__$
    | ENC\[ | !vault | !env | !secret | vault: | (?:file|env|ref|secret|arn|op|ssm|awskms|cmd|exec):
    | ENV\b | ENV[.\[] | File\.read | os\.(?:environ|getenv) | process\.env | getenv | System\.getenv
    | config[.\[(] | settings[.\[]
    | self\. | this\. | data\. | var\. | local\. | module\. | lookup\( | \w+\(.*\)$ | \{[\w.:/-]+\}$ )"""
)
_PLACEHOLDER: Final = re.compile(
    r"(?i)example|change[-_ ]?me|change[-_ ]?this|place[-_ ]?holder|your[-_ ]?\w*(?:pass|secret|token|key|here)"
    r"|redacted|^your[-_ ]|dummy|sample|to-?do\b|replace[-_ ]?(?:me|this|with)|insert[-_ ]|fill[-_ ]?in|x{4,}|\*{3,}"
    r"|\.{3}|…|^fake|[-_]fake|do[-_ ]?not[-_ ]?use|not[-_ ]?a[-_ ]?(?:real|secret)|^test(?:ing)?\d*$|^mock|s3cr3t"
    r"|deadbeef|1234567890|0{8,}"
)
_WORD: Final = re.compile(
    r"(?i)^(?:true|false|yes|no|on|off|nil|null|none|undefined|default|string|str|int|bool|boolean|bytes|text|object|array"
    r"|optional|required|unset|empty|auto|automatic|random|generated?|required|disabled?|enabled?|ask|prompt|pass(?:word|phrase)?"
    r"|passwd|secrets?|tokens?|key|api[-_]?key|username|user|basic|bearer|md5|sha\d+|scram-sha-256|bcrypt|trust|peer|hidden"
    r"|personal|project|group|deploy|variable|keyring|file|env|oauth2?|openid|jwt|rsa|ed25519|any|all|never|always|static"
    r"|files|systemd|compat|ldap|sss|foo|bar|baz|abc|xyz|pwd|hunter2|letmein)$"
)
_PATH: Final = re.compile(
    r"^(?:[./~]|[A-Za-z]:\\)[\w./~\\-]*$|^[\w.-]+(?:/[\w.-]+)+/?$|^[\w-]+\.(?:pem|key|crt|json|ya?ml|txt|py|rb|js|conf)$"
)
_NUMBER: Final = re.compile(r"^[\d.,_:%-]+[smhdkMGi]?B?$")
_UUID: Final = re.compile(r"(?i)^\{?[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\}?$")
_HASH: Final = re.compile(r"(?i)^(?:sha\d{1,3}|md5|h1|blake\w+)[-:=]|^[0-9a-f]{7,12}$")
_HASH_NAME: Final = re.compile(
    r"(?i)sha\d*|md5|digest|checksum|integrity|commit|revision|\brev\b|etag|fingerprint|hash|narhash|blob|tree|thumbprint"
    r"|sum$|signature|public|certificate|\bcrt\b|\bcert|nonce|version|uuid|guid|[_-]id$|^id$|url|uri|path|image|host|regex|pattern"
)
_PUBLIC: Final = re.compile(
    r"^(?:ssh-(?:rsa|ed25519|dss)|ecdsa-sha2-|sk-ssh-|-----BEGIN (?:PUBLIC|RSA PUBLIC|CERTIFICATE)|AAAA[BCE]3Nza)"
)
_TESTS: Final = re.compile(
    r"(?i)(?:^|[/_.-])(?:tests?|specs?|__tests__|fixtures?|testdata|testing|mocks?|e2e|conftest)(?:[/_.-]|$)"
)
_EXAMPLE: Final = re.compile(
    r"(?i)(?:^|[/_.-])(?:examples?|samples?|templates?|demos?|tutorials?|dist|default|docs?|man\d?|locale|translations?|vendor"
    r"|node_modules|site-packages|dist-packages|bench(?:marks?)?)(?:[/_.-]|$)|\.(?:md|rst|adoc|txt|html?|po|map)$"
)
_LOCK: Final = re.compile(
    r"(?i)(?:^|/)(?:package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|bun\.lockb?|poetry\.lock|uv\.lock|pdm\.lock"
    r"|pipfile\.lock|gemfile\.lock|cargo\.lock|composer\.lock|go\.sum|flake\.lock|mix\.lock|podfile\.lock|packages\.lock\.json"
    r"|pylock[\w.]*\.toml|requirements[\w.-]*\.txt|\.terraform\.lock\.hcl|[\w.-]*\.lock)$"
)
SHORTEST: Final = 4
"""Characters of a password at least: what is shorter is a flag or a unit."""


def by_value(value: str) -> str:
    """Why a value that a telling name was given is no secret; empty when nothing says so."""
    return next(_said(value), "")


def _said(value: str) -> Iterator[str]:
    if len(value) < SHORTEST or _WORD.match(value) or len(set(value)) < 3:
        yield "a word or a placeholder"
    if _REFERENCE.match(value):
        yield "it says where the secret is"
    if _PLACEHOLDER.search(value):
        yield "a placeholder"
    if _PUBLIC.match(value):
        yield "a public key or a certificate"
    if _PATH.match(value) or _NUMBER.match(value):
        yield "a path, a number or a name"
    if _UUID.match(value):
        yield "a UUID"
    if value.count(" ") > 3 or "://" in value[:16]:
        yield "a sentence or an address"


def is_hash(value: str, name: str) -> bool:
    """Whether a random value is a checksum, an id or something else that anybody may know, by its form or its name."""
    return bool(_HASH.match(value) or _HASH_NAME.search(name) or _UUID.match(value) or _PUBLIC.match(value))


def by_placeholder(value: str) -> str:
    """Why even something of a known form is no secret: examples of documentations say so in themselves."""
    return "a placeholder" if _PLACEHOLDER.search(value) or len(set(value[-16:])) < 4 else ""


def by_path(path: str) -> str:
    """Why secrets in a file are none; empty when nothing says so. A lock file's hashes, a test's made-up tokens."""
    if _LOCK.search(path):
        return "a lock file's checksum"
    if _TESTS.search(path):
        return "made up for a test"
    return "an example or a document" if _EXAMPLE.search(path) else ""
