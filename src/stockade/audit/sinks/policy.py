"""The policy of a bucket whose writer can do nothing but put objects, and whose reader can only read.

To allow the writer ``s3:PutObject`` is not enough: it owns what it has put, and may read it, and set its lock anew. So
everything else is denied by name. Denying "all but" (``NotAction``) is understood by Amazon, and ignored by Ceph.
"""

from __future__ import annotations

from typing import Final

READS: Final = (
    "s3:GetObject",
    "s3:GetObjectVersion",
    "s3:GetObjectRetention",
    "s3:ListBucket",
    "s3:ListBucketVersions",
)
CHANGES: Final = (
    "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutObjectRetention", "s3:PutObjectLegalHold",
    "s3:BypassGovernanceRetention", "s3:PutObjectAcl",
)  # fmt: skip


def arn_of(principal: str) -> str:
    """A name becomes ``arn:aws:iam:::user/NAME``, as Ceph writes it; an ARN stays as it is."""
    return principal if principal.startswith("arn:") else f"arn:aws:iam:::user/{principal}"


def bucket_policy(bucket: str, *, writer: str, reader: str = "", owner: str = "") -> dict[str, object]:
    """The policy. ``owner`` is given back what the writer's ownership of its objects takes from it."""
    objects, whole = [f"arn:aws:s3:::{bucket}/*"], [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    statements = [
        _statement("Allow", writer, ["s3:PutObject"], objects),
        _statement("Deny", writer, [*READS, *CHANGES], whole),
    ]
    if reader:
        statements += [
            _statement("Allow", reader, READS, whole),
            _statement("Deny", reader, ["s3:PutObject", *CHANGES], whole),
        ]
    if owner:
        statements.append(_statement("Allow", owner, ["s3:*"], whole))
    return {"Version": "2012-10-17", "Statement": statements}


def _statement(effect: str, who: str, actions: list[str] | tuple[str, ...], resources: list[str]) -> dict[str, object]:
    principal = {"AWS": [arn_of(who)]}
    return {"Effect": effect, "Principal": principal, "Action": list(actions), "Resource": resources}
