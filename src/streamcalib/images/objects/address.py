"""URLs of objects, and the stores behind them."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from streamcalib.errors import InputError, MissingExtraError
from streamcalib.wording import printable

if TYPE_CHECKING:
    from obstore.store import ObjectStore

SCHEMES = ("s3", "gs", "memory")
_MOST_STORES = 64
# What else stands there leads to other hosts and paths, or is more than obstore bears.
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,221}")


class Address(NamedTuple):
    """Where an object is: ``scheme://bucket/key``."""

    scheme: str
    bucket: str
    key: str

    @classmethod
    def of(cls, url: str) -> Address:
        """Return the parts of a URL; the key is taken as it stands, nothing in it is decoded.

        Raises
        ------
        InputError
            If it is of a kind that is not read, or names no bucket; the message is the reason.
        """
        scheme, _, rest = url.partition("://")
        if scheme.lower() not in SCHEMES:
            raise InputError(
                f"addresses like {printable(scheme)}:// are not read: say s3://BUCKET/KEY, "
                "gs://BUCKET/KEY or file:///PATH"
            )
        bucket, _, key = rest.partition("/")
        if not bucket:
            raise InputError(f"the address {printable(url)} names no bucket")
        if not _BUCKET.fullmatch(bucket) or ".." in bucket:
            raise InputError(f"{printable(bucket)} cannot be the name of a bucket")
        return cls(scheme.lower(), bucket, key)

    @property
    def store(self) -> ObjectStore:
        """The store that it is in, one a process.

        Raises
        ------
        MissingExtraError
            If obstore is not installed.
        InputError
            If the environment's settings cannot be.
        """
        return _store(self.scheme, self.bucket)


@lru_cache(_MOST_STORES)
def _store(scheme: str, bucket: str) -> ObjectStore:
    try:
        from obstore.exceptions import BaseError
        from obstore.store import GCSStore, MemoryStore, S3Store
    except ImportError as error:
        raise MissingExtraError(
            "images behind URLs need the package obstore: pip install 'streamcalib[s3]'."
        ) from error
    if scheme == "memory":
        return MemoryStore()
    kind = S3Store if scheme == "s3" else GCSStore
    try:
        # Reads that fail are tried again by whoever reads, and counted.
        return kind(bucket, retry_config={"max_retries": 0})
    except (BaseError, ValueError) as error:
        first = str(error).partition("\n")[0]
        raise InputError(
            f"the bucket {scheme}://{printable(bucket)} cannot be used: {printable(first)}. Its "
            "settings come from the environment (AWS_..., GOOGLE_...)."
        ) from error
