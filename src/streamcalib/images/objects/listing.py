"""The objects below a URL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamcalib.errors import ImageError, SourceError
from streamcalib.images.objects.address import Address
from streamcalib.images.objects.reading import known_of
from streamcalib.images.objects.trying import trying
from streamcalib.wording import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from obstore import ListStream, ObjectMeta

    from streamcalib.images.stamp import Stamp

_OBJECTS_AT_ONCE = 1000


def list_objects(url: str) -> Iterator[tuple[str, Stamp]]:
    """Yield the URL and the stamp of every object below a URL, taken as a folder's.

    Raises
    ------
    SourceError
        If the bucket does not exist or may not be listed.
    InputError
        If the address is none.
    StoppedError
        If the server cannot be reached.
    """
    address = Address.of(url)
    prefix = address.key.strip("/")
    top = f"{address.scheme}://{address.bucket}"
    parts = _Parts(address, prefix)
    while True:
        try:
            part = trying(address, parts.next)
        except FileNotFoundError as error:
            raise SourceError(
                f"the bucket {printable(top)} does not exist: {printable(url)} cannot be listed."
            ) from error
        except ImageError as error:
            raise SourceError(f"{printable(url)} cannot be listed: {error}.") from error
        if part is None:
            return
        for meta in part:
            yield f"{top}/{meta['path']}", known_of(meta).stamp


def has_objects(url: str) -> bool:
    """Whether anything is below a URL; raises as `list_objects`."""
    return next(list_objects(url), None) is not None


class _Parts:
    """A listing in parts, which goes on behind the last one that came when a request fails."""

    def __init__(self, address: Address, prefix: str) -> None:
        self._store, self._prefix = address.store, prefix or None
        self._stream: ListStream[Sequence[ObjectMeta]] | None = None
        self._last: str | None = None

    def next(self) -> Sequence[ObjectMeta] | None:
        """Return the next part, or None."""
        import obstore

        stream, self._stream = self._stream, None
        if stream is None:
            stream = obstore.list(
                self._store, self._prefix, offset=self._last, chunk_size=_OBJECTS_AT_ONCE
            )
        part = next(stream, None)
        # A stream that has failed may end as if that were all: only one that has not is kept.
        self._stream = stream
        if part:
            self._last = part[-1]["path"]
        return part
