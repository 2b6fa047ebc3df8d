"""The bytes of an object, whole or in parts, and what is known of it without reading it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from streamcalib.errors import ImageError, InputError, MissingExtraError
from streamcalib.images.limits import over_limit
from streamcalib.images.objects.address import Address
from streamcalib.images.objects.trying import trying
from streamcalib.images.stamp import Stamp, stamp_of

if TYPE_CHECKING:
    from obstore import ObjectMeta


class Known(NamedTuple):
    """What is known of an object: its stamp, and its ETag if it has one."""

    stamp: Stamp
    etag: str | None


def read_object(url: str, max_bytes: int) -> tuple[bytes, Stamp]:
    """Return an object's bytes and stamp; one that is too large is not downloaded.

    Raises
    ------
    FileNotFoundError
        If there is none.
    ImageError
        If it is too large, forbidden, or cannot be read; the message is the reason.
    StoppedError
        If the server cannot be reached.
    """
    address = _address(url)
    store = address.store
    import obstore

    def get() -> tuple[bytes, Stamp]:
        answer = obstore.get(store, address.key)
        if answer.meta["size"] > max_bytes:
            raise over_limit(answer.meta["size"], max_bytes)
        return bytes(answer.bytes()), known_of(answer.meta).stamp

    return trying(address, get)


def look_at(url: str) -> Known:
    """Return what is known of an object by one request; raises as `read_object`."""
    address = _address(url)
    store = address.store
    import obstore

    return known_of(trying(address, lambda: obstore.head(store, address.key)))


def read_part(url: str, etag: str | None, start: int, stop: int) -> bytes:
    """Return an object's bytes from ``start`` up to ``stop``, which lie in it.

    Raises as `read_object`, and `ObjectChangedError` if its ETag is another one now.
    """
    address = _address(url)
    store = address.store
    import obstore

    def get() -> bytes:
        answer = obstore.get(store, address.key, options={"range": (start, stop), "if_match": etag})
        return bytes(answer.bytes())

    return trying(address, get)


def known_of(meta: ObjectMeta) -> Known:
    """Return what a store's answer says of an object."""
    etag = meta["e_tag"]
    changed = meta["last_modified"]
    number = stamp_of(etag or f"{meta['size']} {changed.isoformat()}")
    return Known(Stamp(meta["size"], number, int(changed.timestamp() * 1e9)), etag)


def _address(url: str) -> Address:
    try:
        address = Address.of(url)
        address.store  # noqa: B018 (opened here, so that what is wrong with it is told)
    except MissingExtraError:
        raise
    except InputError as error:
        raise ImageError(str(error).removesuffix(".")) from error
    if not address.key or address.key.endswith("/"):
        raise ImageError("it is an address of a folder, not of an image")
    return address
