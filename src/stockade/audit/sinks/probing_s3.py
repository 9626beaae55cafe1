"""Proves on the real store that Object Lock refuses: each attack on an object of its own, and then a look at it.

An answer alone proves nothing: stores have said yes and done nothing, said no and done it, and hidden a no in a yes.
So after every attack the locked version is read again, its octets and its lock. And that somebody without rights is
refused proves nothing either, so the same principal first deletes what is under the weaker lock, which it must be able
to.

What was put stays locked for ``KEEP`` seconds.
"""

from __future__ import annotations

import secrets
from base64 import b64encode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from hashlib import md5
from typing import Any, Final

from stockade.audit.sinks.objectlock import COMPLIANCE, SKEW, clock_skew
from stockade.audit.sinks.probing import Check, Verdict
from stockade.audit.sinks.s3 import code_of, speaking, status_of

KEEP: Final = 600.0
"""Seconds for which what is put is locked."""
SOON: Final = 60.0
"""Seconds to which an attack would shorten that."""
GOVERNANCE: Final = "GOVERNANCE"
Version = tuple[str, str]
Attack = Callable[[str, str], Any]


class Probe:
    """A probe of one bucket; ``client`` should be the most powerful principal that there is, its owner."""

    def __init__(self, client: Any, bucket: str, prefix: str, clock: Callable[[], float]) -> None:
        self._s3, self._bucket, self._clock = client, bucket, clock
        self._folder = "/".join(filter(None, [prefix, "probe", secrets.token_hex(8)]))
        self._made = 0
        self._body = secrets.token_bytes(64)

    def run(self) -> Iterator[Check]:
        """All checks, one after the other. Raises Unavailable, and ConfigurationError for a wrong key."""
        yield self._clocks()
        put = self._kept()
        yield put
        if put.verdict != Verdict.HELD:
            return
        yield self._control()
        for name, tried, attack in self._attacks():
            yield self._attacked(name, tried, attack)
        yield self._overwritten()
        yield self._marked()
        yield self._past()
        yield self._suspended()

    # ── what is not an attack ────────────────────────────────────────────────────────────────────

    def _clocks(self) -> Check:
        with speaking(f"{self._bucket} cannot be asked by this key"):
            answer = self._s3.get_bucket_versioning(Bucket=self._bucket)
        skew = clock_skew(answer, self._clock())
        verdict = Verdict.HELD if abs(skew) <= SKEW else Verdict.BROKEN
        return Check("clock", "compare the Date of an answer with our clock", f"{round(skew):+d} s", verdict)

    def _kept(self) -> Check:
        tried = "put an object under COMPLIANCE, and read it back"
        try:
            key, version = self._locked()
        except self._s3.exceptions.ClientError as error:
            return Check("put", tried, code_of(error), Verdict.BROKEN)
        wrong = self._changed(key, version)
        return Check("put", tried, wrong or "its version, octets and lock", Verdict.BROKEN if wrong else Verdict.HELD)

    def _control(self) -> Check:
        tried = "delete what is under GOVERNANCE, which this key must be able to"
        answered, accepted, _ = self._try(self._delete_governed)
        verdict = Verdict.HELD if accepted else Verdict.UNKNOWN
        note = (
            "" if accepted else ": it has too few rights, so what is refused below may be its rights and not the lock"
        )
        return Check("control", tried, answered + note, verdict)

    def _delete_governed(self) -> Any:
        key, version = self._locked(GOVERNANCE)
        return self._s3.delete_object(Bucket=self._bucket, Key=key, VersionId=version, BypassGovernanceRetention=True)

    # ── attacks on a locked version ──────────────────────────────────────────────────────────────

    def _attacks(self) -> list[tuple[str, str, Attack]]:
        s3, bucket = self._s3, self._bucket

        def retain(key: str, version: str, mode: str, seconds: float, *, bypass: bool) -> Any:
            lock = {"Mode": mode, "RetainUntilDate": self._at(seconds)}
            return s3.put_object_retention(
                Bucket=bucket, Key=key, VersionId=version, Retention=lock, BypassGovernanceRetention=bypass
            )

        return [
            ("delete", "delete the version", lambda k, v: s3.delete_object(Bucket=bucket, Key=k, VersionId=v)),
            ("bypass", "delete the version, bypassing governance",
             lambda k, v: s3.delete_object(Bucket=bucket, Key=k, VersionId=v, BypassGovernanceRetention=True)),
            ("multi-delete", "delete the version in a list of one",
             lambda k, v: s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": k, "VersionId": v}]})),
            ("shorten", "set an earlier end of the lock", lambda k, v: retain(k, v, COMPLIANCE, SOON, bypass=False)),
            ("shorten with bypass", "the same, bypassing governance",
             lambda k, v: retain(k, v, COMPLIANCE, SOON, bypass=True)),
            ("downgrade", "turn COMPLIANCE into GOVERNANCE, with bypass and a later end",
             lambda k, v: retain(k, v, GOVERNANCE, 2 * KEEP, bypass=True)),
        ]  # fmt: skip

    def _attacked(self, name: str, tried: str, attack: Attack) -> Check:
        key, version = self._locked()
        answered, accepted, refused = self._try(lambda: attack(key, version))
        if wrong := self._changed(key, version):
            return Check(name, tried, f"{answered}; {wrong}", Verdict.BROKEN)
        if accepted:
            return Check(name, tried, f"{answered}, and nothing has changed", Verdict.UNKNOWN)
        return Check(name, tried, answered, Verdict.HELD if refused else Verdict.UNKNOWN)

    def _overwritten(self) -> Check:
        tried = "put another object of the same name, and read the old version"
        key, version = self._locked()
        answered, _, _ = self._try(lambda: self._s3.put_object(Bucket=self._bucket, Key=key, Body=b"other"))
        return self._seen("overwrite", tried, answered, (key, version))

    def _marked(self) -> Check:
        tried = "delete without naming a version, and read the old version"
        key, version = self._locked()
        answered, _, _ = self._try(lambda: self._s3.delete_object(Bucket=self._bucket, Key=key))
        return self._seen("delete marker", tried, answered, (key, version))

    def _seen(self, name: str, tried: str, answered: str, version: Version) -> Check:
        wrong = self._changed(*version)
        said = f"{answered}; {wrong or 'the old version is there'}"
        return Check(name, tried, said, Verdict.BROKEN if wrong else Verdict.HELD)

    def _past(self) -> Check:
        tried = "put an object with a lock that has ended already"
        answered, accepted, refused = self._try(lambda: self._put(f"{self._folder}/past", COMPLIANCE, -3600))
        verdict = Verdict.HELD if refused else Verdict.BROKEN if accepted else Verdict.UNKNOWN
        return Check("past date", tried, answered, verdict)

    def _suspended(self) -> Check:
        """Last, since a store that allows it is no longer what it was; it is set right again."""
        tried = "suspend the bucket's versioning"
        answered, accepted, refused = self._try(lambda: self._version("Suspended"))
        if accepted:
            self._try(lambda: self._version("Enabled"))
        verdict = Verdict.HELD if refused else Verdict.BROKEN if accepted else Verdict.UNKNOWN
        return Check("suspend versioning", tried, answered, verdict)

    def _version(self, status: str) -> Any:
        return self._s3.put_bucket_versioning(Bucket=self._bucket, VersioningConfiguration={"Status": status})

    # ── asking the store ─────────────────────────────────────────────────────────────────────────

    def _at(self, seconds: float) -> datetime:
        return datetime.fromtimestamp(self._clock() + seconds, UTC)

    def _locked(self, mode: str = COMPLIANCE) -> Version:
        """Put a new object under lock."""
        self._made += 1
        key = f"{self._folder}/{self._made}"
        return key, self._put(key, mode, KEEP).get("VersionId", "null")

    def _put(self, key: str, mode: str, seconds: float) -> Any:
        digest = b64encode(md5(self._body, usedforsecurity=False).digest()).decode()
        return self._s3.put_object(
            Bucket=self._bucket, Key=key, Body=self._body, ContentMD5=digest,
            ObjectLockMode=mode, ObjectLockRetainUntilDate=self._at(seconds),
        )  # fmt: skip

    def _try(self, attack: Callable[[], Any]) -> tuple[str, bool, bool]:
        """What the store answers, and whether that is a yes or a no: some hide a no in a yes."""
        with speaking(f"{self._bucket} does not answer"):
            try:
                answer = attack()
            except self._s3.exceptions.ClientError as error:
                return code_of(error), False, 400 <= status_of(error) < 500
        status = answer["ResponseMetadata"]["HTTPStatusCode"]
        if errors := answer.get("Errors"):
            return f"{errors[0].get('Code')} inside a {status}", False, True
        return f"ok {status}", True, False

    def _changed(self, key: str, version: str) -> str:
        """What is wrong with a version that should be as it was put; empty when nothing is."""
        try:
            found = self._s3.get_object(Bucket=self._bucket, Key=key, VersionId=version)
        except self._s3.exceptions.ClientError as error:
            return f"the version is gone: {code_of(error)}"
        mode, until = found.get("ObjectLockMode"), found.get("ObjectLockRetainUntilDate")
        if found["Body"].read() != self._body:
            return "the version holds other octets"
        if mode != COMPLIANCE:
            return f"the version is locked {mode}"
        if until is None or until.timestamp() < self._clock() + KEEP - SOON:
            return f"the lock ends {until}"
        return ""
