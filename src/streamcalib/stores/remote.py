"""Objects behind a URL, as a zarr array's shards and metadata."""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streamcalib.errors import ImageError
from streamcalib.images.objects.address import Address
from streamcalib.images.objects.listing import list_objects
from streamcalib.images.objects.trying import trying

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TypeVar

    from streamcalib.stores.writeback import FilesBehind

    Result = TypeVar("Result")

_AHEAD_BYTES = 2**24


@dataclass(frozen=True)
class RemoteObjects:
    """The objects below a URL; see `Objects`.

    What is put there appears at once and whole, and is as durable as the service makes it.
    """

    url: str

    @property
    def shown(self) -> str:
        """The URL, for messages."""
        return self.url

    def exists(self) -> bool:
        """Whether the place is there: every prefix is."""
        return True

    def make_place(self) -> None:
        """Do nothing: what is begun and not finished is nowhere to be seen."""

    def open(self, name: str) -> RemoteObject | None:
        """Open an object for reading; see `Objects.open`."""
        address = self._address(name)
        import obstore

        try:
            meta = _request(address, lambda: obstore.head(address.store, address.key))
        except FileNotFoundError:
            return None
        return RemoteObject(address, int(meta["size"]))

    def create(self, name: str, behind: FilesBehind | None = None) -> NewRemote:  # noqa: ARG002
        """Begin an object, in memory; see `Objects.create`."""
        return NewRemote(self._address(name))

    def names(self) -> set[str]:
        """Return the names of all objects directly below the URL."""
        return {name for name in self.keys() if "/" not in name}

    def keys(self) -> set[str]:
        """Return the names of all objects below the URL, those in folders of it too."""
        return {url.removeprefix(self.url + "/") for url, _ in self._listed()}

    def sizes(self) -> dict[str, int]:
        """Return the size of every object below the URL, in bytes."""
        return {url: stamp.bytes for url, stamp in self._listed()}

    def _listed(self) -> Iterable[Any]:
        try:
            yield from list_objects(self.url)
        except ImageError as error:
            raise OSError(str(error)) from error

    def remove(self, names: Iterable[str]) -> None:
        """Remove objects, those that are there."""
        import obstore

        keys = [self._address(name).key for name in sorted(names)]
        if not keys:
            return
        address = Address.of(self.url)
        # One request removes many; those that are not there are as good as removed.
        with suppress(FileNotFoundError):
            _request(address, lambda: obstore.delete(address.store, keys))

    def sync(self, names: Iterable[str]) -> None:
        """Do nothing: what was put is kept."""

    def _address(self, name: str) -> Address:
        return Address.of(f"{self.url}/{name}")


class RemoteObject:
    """An object of a known size, read in ranges, as `OpenObject`.

    A request takes long whatever it asks for: who reads on where the last range ended gets more
    from the next one.
    """

    def __init__(self, address: Address, size: int) -> None:
        self._address = address
        self.size = size
        self._lock = threading.Lock()
        self._ahead = b""
        self._ahead_start = 0
        self._last_end = -1

    def read(self, offset: int, size: int) -> bytes:
        """Return a range of it."""
        with self._lock:
            end = min(self.size, offset + size)
            ahead_end = self._ahead_start + len(self._ahead)
            if not self._ahead_start <= offset <= end <= ahead_end:
                more = max(end, min(self.size, offset + _AHEAD_BYTES))
                self._ahead = self._get(offset, more if offset == self._last_end else end)
                self._ahead_start = offset
            self._last_end = end
            return self._ahead[offset - self._ahead_start : end - self._ahead_start]

    def _get(self, start: int, end: int) -> bytes:
        import obstore

        if start >= end:
            return b""
        address = self._address
        return _request(
            address,
            lambda: bytes(obstore.get_range(address.store, address.key, start=start, end=end)),
        )

    def read_into(self, offset: int, buffer: memoryview) -> int:
        """Fill a buffer with a range of it."""
        data = self.read(offset, len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Do nothing: no connection is held."""


class NewRemote:
    """An object that is put as a whole once all of it is there, as `NewObject`."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._data = bytearray()

    def append(self, data: Any) -> None:
        """Keep bytes until they are put."""
        self._data += memoryview(data).cast("B")

    def commit(self) -> None:
        """Put the object; raises ``OSError``."""
        import obstore

        address, data = self._address, self._data
        self._data = bytearray()
        _request(address, lambda: obstore.put(address.store, address.key, memoryview(data)))

    def abort(self) -> None:
        """Forget what was to be put."""
        self._data = bytearray()


def put(url: str, data: bytes) -> None:
    """Put an object as a whole; raises ``OSError``."""
    new = NewRemote(Address.of(url))
    new.append(data)
    new.commit()


def _request(address: Address, request: Callable[[], Result]) -> Result:
    """Return what a request gives, tried again where it may succeed; raises ``OSError``."""
    try:
        return trying(address, request)
    except ImageError as error:
        raise OSError(f"{address.scheme}://{address.bucket}: {error}") from error
