"""A client of an S3 store that waits no longer than it may, and tells our errors from its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from stockade.errors import ConfigurationError, Refused, StockadeError, Unavailable

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

WRONG_KEY: Final = frozenset({"InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken"})
WRONG_CLOCK: Final = frozenset({"RequestTimeTooSkewed", "RequestExpired"})


def s3_client(endpoint: str, region: str, key: str, secret: str, *, deadline: float) -> Any:
    """A client that asks once and waits ``deadline`` seconds for an answer.

    Checksums are sent only where they are asked for: older stores know none but Content-MD5.
    """
    import boto3
    from botocore.config import Config

    return boto3.client(
        "s3",
        endpoint_url=endpoint or None,
        region_name=region,
        aws_access_key_id=key or None,
        aws_secret_access_key=secret or None,
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": "path" if endpoint else "auto"},
            retries={"total_max_attempts": 1},
            connect_timeout=deadline,
            read_timeout=deadline,
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )


def code_of(error: ClientError) -> str:
    """What the store calls its refusal, with the status: ``AccessDenied 403``."""
    told: Any = error.response
    status = told.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return f"{told.get('Error', {}).get('Code', 'error')} {status}"


def status_of(error: ClientError) -> int:
    """The HTTP status of a refusal, 0 when there was none."""
    told: Any = error.response
    return int(told.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


@contextmanager
def speaking(what: str) -> Iterator[None]:
    """Turn the errors of the store's client into ours; ``what`` is what was being done."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        raise _meant(what, error) from error
    except BotoCoreError as error:
        raise Unavailable(f"{what}: {error}", remedy="Is the store there, and is its address right?") from error


def _meant(what: str, error: ClientError) -> StockadeError:
    code, status = code_of(error), status_of(error)
    if code.split()[0] in WRONG_KEY:
        return ConfigurationError(f"{what}: {code}", remedy="The key or the secret is not right.")
    if code.split()[0] in WRONG_CLOCK:
        return Unavailable(f"{what}: {code}", remedy="The clock of the store and ours differ: set them right.")
    if status >= 500 or status in {408, 429}:
        return Unavailable(f"{what}: {code}")
    remedy = "Does the bucket exist with Object Lock, and may this key put objects? `stockade audit policy` prints how."
    return Refused(f"{what}: {code}", remedy=remedy)
