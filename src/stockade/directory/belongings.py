"""What the people and projects of a made-up organisation hold: rows for the tables of the directory, secrets aside."""

from __future__ import annotations

from base64 import b64encode
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha1, sha256
from random import Random
from typing import Final

from stockade.directory.accounts import AccountKind, AccountState, CredentialKind, Scope
from stockade.directory.organisation import DAY, Organisation, Person, Place, words

Row = dict[str, object]
Rows = dict[str, list[Row]]
"""By the name of the table."""

_READ: Final = f"{Scope.READ_REGISTRY} {Scope.READ_REPOSITORY}"
_WRITE: Final = f"{Scope.READ_REPOSITORY} {Scope.WRITE_REPOSITORY}"
_SCOPES: Final = (Scope.API.value, Scope.API.value, _READ, _WRITE, Scope.READ_REPOSITORY.value)
_PURPOSES: Final = words("laptop ci deploy migration script dashboard release backup editor test")
_VARIABLES: Final = words(
    "DATABASE_URL PROD_KEY AWS_SECRET_ACCESS_KEY SENTRY_DSN DEPLOY_TOKEN SMTP_PASSWORD SIGNING_KEY "
    "REGISTRY_PASSWORD STRIPE_KEY KUBE_CONFIG NPM_TOKEN SLACK_WEBHOOK TF_STATE_KEY LDAP_PASSWORD"
)
_APPLICATIONS: Final = words("wiki chat dashboards ide planner status mobile-client")


@dataclass(frozen=True)
class Secrets:
    """Where secrets come from: ``digest`` of a fresh one that nobody has seen, ``sealed`` and fingerprint of one."""

    digest: Callable[[CredentialKind | None], str]
    sealed: Callable[[str], tuple[str, str]]
    password: str
    octets: Callable[[int], bytes]


class Belongings:
    """Fills ``rows`` with all that an organisation has. ``last`` is the last number given in each table that numbers
    its rows.
    """

    def __init__(
        self, made: Organisation, now: float, chance: Random, secrets: Secrets, last: Mapping[str, int]
    ) -> None:
        self.made, self.now, self.chance, self.secrets, self.last = made, now, chance, secrets, last
        self.rows: Rows = defaultdict(list)
        self.named = Counter[tuple[str, str]]()
        self.ids = {who.name: last["accounts"] + at for at, who in enumerate(made.people, 1)}
        self.people = {who.name: who for who in made.people}
        self.bots = [who for who in made.people if who.kind is AccountKind.BOT]
        self._lent = self._public_key(3072)
        """A key that several people use, as it happens."""

    def fill(self) -> Rows:
        """All of it, table by table."""
        for who in self.made.people:
            self._account(who)
        for place in self.made.groups:
            self._group(place)
        for place in self.made.projects:
            self._project(place)
        for part in self.made.parts:
            self._add("memberships", account_id=self.ids[part.name], path=part.path, level=part.level.value,
                      since=part.since, expires=part.expires, made_by=self.ids[part.made_by])  # fmt: skip
        for at, name in enumerate(_APPLICATIONS):
            self._application(name, self.made.people[at])
        for who in self.made.people:
            self._holdings(who)
        for key in ("PAGER_KEY", "LICENSE_KEY", "MIRROR_PASSWORD"):
            self._variable("", key, self.made.people[0])
        return self.rows

    def _add(self, table: str, **values: object) -> int:
        number = self._next(table)
        self.rows[table].append({"id": number, **values} if table in self.last else values)
        return number

    def _next(self, table: str) -> int:
        return self.last.get(table, 0) + len(self.rows[table]) + 1

    def _some(self, *weights: int) -> range:
        """None, one, two … of something, as often as the weights say."""
        return range(self.chance.choices(range(len(weights)), weights)[0])

    # ── who and where ────────────────────────────────────────────────────────────────────────────

    def _account(self, who: Person) -> None:
        email = f"{who.name}@example.org" if who.kind is AccountKind.HUMAN else None
        state = AccountState.BLOCKED if who.blocked else AccountState.ACTIVE
        password = self.secrets.password if who.kind is AccountKind.HUMAN else None
        changed = None if password is None else self._between(who.created, self.now)
        self._add("accounts", name=who.name, kind=who.kind.value, state=state.value, admin=who.admin, email=email,
                  email_key=email, password=password, password_changed=changed, created=who.created,
                  departed=who.departed)  # fmt: skip

    def _group(self, place: Place) -> None:
        forced = self.chance.random() < 0.2
        self._add("groups", path=place.path, visibility="private", made=place.made, made_by=self.ids[place.made_by],
                  two_factor=forced, grace=7 * DAY if forced else 0.0)  # fmt: skip
        maker = self._person(place.made_by)
        self._token(maker, CredentialKind.REGISTRATION, within=place.path, expires=None)
        for _ in self._some(1, 2, 2, 1):
            self._variable(place.path, self.chance.choice(_VARIABLES), maker)
        for _ in self._some(2, 1):
            self._runner(place.path, maker)
            self._token(self._bot(), CredentialKind.GROUP, within=place.path, made_by=maker)

    def _project(self, place: Place) -> None:
        maker, path = self._person(place.made_by), place.path
        visibility = "public" if self.chance.random() < 0.05 else "private"
        self._add("repositories", path=path, visibility=visibility, made=place.made, made_by=self.ids[maker.name])
        for _ in self._some(1, 2, 3, 4, 3, 2, 1):
            self._variable(path, self.chance.choice(_VARIABLES), maker)
        for _ in self._some(3, 2, 1):
            self._key(maker, CredentialKind.DEPLOY_KEY, within=path)
        for kind, weights in (
            (CredentialKind.DEPLOY, (3, 2)), (CredentialKind.TRIGGER, (4, 1)), (CredentialKind.CI_JOB, (6, 1)),
        ):  # fmt: skip
            for _ in self._some(*weights):
                self._token(maker, kind, within=path)
        for _ in self._some(2, 1):
            self._token(self._bot(), CredentialKind.PROJECT, within=path, made_by=maker)
        self._integrations(path, maker)

    def _integrations(self, path: str, maker: Person) -> None:
        for _ in self._some(2, 2, 1):
            sealed, _print = self.secrets.sealed(f"webhook/{self._next('webhooks')}")
            self._add("webhooks", place=path, url=f"https://hooks.example.org/{path}", sealed=sealed, events="push",
                      last_used=self._recently(), **self._made_by(maker))  # fmt: skip
        for _ in self._some(8, 1):
            sealed, _print = self.secrets.sealed(f"mirror/{self._next('mirrors')}")
            self._add("mirrors", place=path, url=f"https://mirror.example.org/{path}.git", sealed=sealed, pushes=True,
                      last_used=self._recently(), **self._made_by(maker))  # fmt: skip
        for _ in self._some(4, 1):
            self._add("schedules", place=path, account_id=self.ids[maker.name], name="nightly", cron="0 3 * * *",
                      **self._made_by(maker))  # fmt: skip
        for _ in self._some(6, 1):
            self._runner(path, maker)

    # ── what they hold ───────────────────────────────────────────────────────────────────────────

    def _holdings(self, who: Person) -> None:
        personal = (1, 2, 3, 3, 2, 1) if who.kind is AccountKind.HUMAN else (0, 1, 2)
        for _ in self._some(*personal):
            self._token(who, CredentialKind.PERSONAL)
        if who.kind is not AccountKind.HUMAN:
            return
        for _ in self._some(3, 4, 3, 1):
            self._key(who, CredentialKind.SSH_KEY)
        for _ in self._some(5, 1):
            self._key(who, CredentialKind.GPG_KEY)
        for _ in self._some(40, 1):
            self._token(who, CredentialKind.IMPERSONATION, made_by=self.made.people[0])
        self._sessions(who)
        self._factors(who)
        self._identity(who)
        for application in self._several(len(_APPLICATIONS), self._some(3, 2, 1, 1)):
            made = self._made(who)
            self._add("grants", application_id=application, account_id=self.ids[who.name],
                      scopes=self.chance.choice(_SCOPES), digest=self.secrets.digest(None),
                      refresh=self.secrets.digest(None), made=made, expires=self.now + 7200,
                      refresh_until=self.now + 90 * DAY, **self._used(made))  # fmt: skip

    def _token(
        self,
        who: Person,
        kind: CredentialKind,
        *,
        within: str | None = None,
        expires: float | None = -1,
        made_by: Person | None = None,
    ) -> None:
        made = self._made(who)
        until = expires if expires is None or expires >= 0 else self._end(made, kind)
        login = f"deploy-token-{self._next('tokens')}" if kind is CredentialKind.DEPLOY else None
        revoked = self._between(made, self.now) if self.chance.random() < 0.08 else None
        scopes = _READ if kind is CredentialKind.DEPLOY else self.chance.choice(_SCOPES)
        self._add("tokens", account_id=self.ids[who.name], kind=kind.value, name=self.chance.choice(_PURPOSES),
                  username=login, within=within, scopes=scopes, digest=self.secrets.digest(kind), made=made,
                  expires=until, revoked=revoked, made_by=self.ids[(made_by or who).name],
                  **self._used(made))  # fmt: skip

    def _end(self, made: float, kind: CredentialKind) -> float | None:
        """When a token ends: a job's within the hour, a third of the others never."""
        if kind is CredentialKind.CI_JOB:
            return made + 3600
        return None if self.chance.random() < 0.35 else made + DAY * self.chance.choice((30, 90, 365, 365, 1825))

    def _key(self, who: Person, kind: CredentialKind, *, within: str | None = None) -> None:
        bits = self.chance.choices((256, 4096, 3072, 2048, 1024), (60, 16, 10, 11, 3))[0]
        lent = kind is CredentialKind.SSH_KEY and self.chance.random() < 0.03
        public, print_ = self._lent if lent else self._public_key(bits)
        bits, algorithm = (3072 if lent else bits), "ed25519" if bits == 256 and not lent else "rsa"
        if kind is CredentialKind.GPG_KEY:
            (public, print_), bits, algorithm = self._openpgp_key(), 256, "ed25519"
        made = self._made(who)
        ends = made + 365 * DAY if self.chance.random() < 0.2 else None
        self._add("keys", account_id=None if within else self.ids[who.name], kind=kind.value, algorithm=algorithm,
                  name=f"{who.name}@{self.chance.choice(_PURPOSES)}", bits=bits, fingerprint=print_, public=public,
                  within=within, writes=bool(within) and self.chance.random() < 0.3, made=made, expires=ends,
                  made_by=self.ids[who.name], **self._used(made))  # fmt: skip

    def _sessions(self, who: Person) -> None:
        for _ in self._some(3, 4, 2):
            made = self.now - DAY * self.chance.uniform(0, 13)
            self._add("sessions", account_id=self.ids[who.name], digest=self.secrets.digest(None), made=made,
                      expires=made + 14 * DAY, **self._used(made))  # fmt: skip

    def _factors(self, who: Person) -> None:
        if self.chance.random() < 0.45:
            return
        sealed, _print = self.secrets.sealed(f"factor/{self._next('factors')}")
        self._factor(who, CredentialKind.TOTP, "authenticator", sealed=sealed)
        number = self._factor(who, CredentialKind.RECOVERY, "recovery codes")
        for _ in range(8):
            self._add("recovery_codes", factor_id=number, digest=self.secrets.digest(None))
        for _ in self._some(3, 1):
            public = b64encode(self.secrets.octets(77)).decode()
            self._factor(who, CredentialKind.WEBAUTHN, "security key", public=public, handle=self.secrets.digest(None))

    def _factor(self, who: Person, kind: CredentialKind, name: str, **values: object) -> int:
        made = self._made(who)
        empty: Row = {"sealed": None, "public": None, "handle": None}
        return self._add("factors", account_id=self.ids[who.name], kind=kind.value, name=name, counter=0, made=made,
                         made_by=self.ids[who.name], **(empty | values), **self._used(made))  # fmt: skip

    def _identity(self, who: Person) -> None:
        for _ in self._some(2, 1):
            address = f"{who.name}@home.example.net"
            made = self._made(who)
            self._add("emails", account_id=self.ids[who.name], address=address, address_key=address, made=made,
                      made_by=self.ids[who.name], confirmed=made + 600)  # fmt: skip
        for _ in self._some(1, 2):
            self._add("identities", account_id=self.ids[who.name], provider="saml", subject=f"uid-{self.ids[who.name]}",
                      made=who.created, made_by=None, last_used=self._recently())  # fmt: skip

    def _application(self, name: str, owner: Person) -> None:
        self._add("applications", account_id=self.ids[owner.name], name=name, client=self.secrets.digest(None)[:32],
                  digest=self.secrets.digest(None), redirect=f"https://{name}.example.org/callback",
                  scopes=self.chance.choice(_SCOPES), trusted=name == "wiki", last_used=self._recently(),
                  **self._made_by(owner))  # fmt: skip

    def _variable(self, place: str, key: str, maker: Person) -> None:
        sealed, print_ = self.secrets.sealed(f"variable/{self._next('variables')}")
        made = self._made(maker)
        environment = self.chance.choice(("*", "*", "production", "staging"))
        self.named[place, key] += 1
        number = self.named[place, key]
        self._add("variables", place=place, key=key if number == 1 else f"{key}_{number}", environment=environment,
                  sealed=sealed, fingerprint=print_, masked=self.chance.random() < 0.7,
                  protected=self.chance.random() < 0.5, hidden=self.chance.random() < 0.1, made=made,
                  made_by=self.ids[maker.name], changed=self._between(made, self.now),
                  changed_by=self.ids[maker.name])  # fmt: skip

    def _runner(self, place: str, maker: Person) -> None:
        made = self._made(maker)
        self._add("runners", place=place, name=f"runner-{self._next('runners')}", tags="docker linux",
                  digest=self.secrets.digest(CredentialKind.RUNNER), protected=self.chance.random() < 0.3, made=made,
                  made_by=self.ids[maker.name], **self._used(made))  # fmt: skip

    # ── chance ───────────────────────────────────────────────────────────────────────────────────

    def _person(self, name: str) -> Person:
        return self.people[name]

    def _bot(self) -> Person:
        return self.chance.choice(self.bots)

    def _several(self, number: int, wanted: Sequence[int]) -> list[int]:
        first = self.last["applications"] + 1
        return self.chance.sample(range(first, first + number), len(wanted))

    def _between(self, begin: float, end: float) -> float:
        return begin + (end - begin) * self.chance.random()

    def _made(self, who: Person) -> float:
        return self._between(who.created, min(self.now - DAY, who.departed or self.now))

    def _made_by(self, who: Person) -> Row:
        return {"made": self._made(who), "made_by": self.ids[who.name]}

    def _recently(self) -> float:
        return self.now - DAY * self.chance.expovariate(0.2)

    def _used(self, made: float) -> Row:
        """Last used these days, or long ago, or never."""
        drawn = self.chance.random()
        if drawn < 0.07:
            return {"last_used": None, "last_address": None}
        used = self._between(made, self.now) if drawn < 0.35 else max(made, self._recently())
        home, at = self.chance.random() < 0.4, self.chance.randrange(1, 255)
        return {"last_used": used, "last_address": f"198.51.100.{at}" if home else f"10.20.{at % 8}.{at}"}

    def _public_key(self, bits: int) -> tuple[str, str]:
        """A public key as OpenSSH writes it, whose private half nobody has, and its fingerprint (RFC 4253, 8709)."""
        if bits == 256:
            name, parts = "ssh-ed25519", [self.secrets.octets(32)]
        else:
            modulus = b"\0" + bytes([0x80 | self.chance.randrange(128)]) + self.secrets.octets(bits // 8 - 2) + b"\1"
            name, parts = "ssh-rsa", [b"\1\0\1", modulus]
        blob = b"".join(len(part).to_bytes(4, "big") + part for part in (name.encode(), *parts))
        print_ = b64encode(sha256(blob).digest()).decode().rstrip("=")
        return f"{name} {b64encode(blob).decode()}", f"SHA256:{print_}"

    def _openpgp_key(self) -> tuple[str, str]:
        """A public-key packet of version 4 for EdDSA, armoured, and its fingerprint (RFC 4880 sections 5.5.2, 12.2)."""
        made = int(self.now).to_bytes(4, "big")
        body = b"\4" + made + b"\x16\x09\x2b\x06\x01\x04\x01\xda\x47\x0f\x01\x01\x07\x40" + self.secrets.octets(32)
        print_ = sha1(b"\x99" + len(body).to_bytes(2, "big") + body, usedforsecurity=False).hexdigest().upper()
        text = b64encode(b"\x98" + bytes([len(body)]) + body).decode()
        return f"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n{text}\n-----END PGP PUBLIC KEY BLOCK-----", print_


def counted(rows: Mapping[str, Sequence[Row]]) -> dict[str, int]:
    """How many rows of each table that has some."""
    return {table: len(found) for table, found in rows.items() if found}
