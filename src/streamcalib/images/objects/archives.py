"""Archives behind URLs, read by requests for parts of them."""

from __future__ import annotations

import threading
from collections import OrderedDict

from streamcalib.images.archives.archive import Archive
from streamcalib.images.objects.reading import look_at, read_part

_MOST_OPEN = 512


class ObjectBytes:
    """An object as it was when it was first looked at, read by parts."""

    def __init__(self, url: str, etag: str | None, size: int) -> None:
        self._url, self._etag, self.size = url, etag, size

    def read_at(self, offset: int, size: int) -> bytes:
        """Return up to ``size`` bytes; raises as `read_part`."""
        start, stop = min(offset, self.size), min(offset + size, self.size)
        return read_part(self._url, self._etag, start, stop) if start < stop else b""


_opened: OrderedDict[str, Archive[ObjectBytes]] = OrderedDict()
_opening = threading.Lock()


def open_remote_archive(url: str, *, again: bool = False) -> Archive[ObjectBytes]:
    """Return the archive at a URL, as it was when this process last looked at it.

    Parameters
    ----------
    again
        Look at it anew.

    Raises
    ------
    FileNotFoundError
        If there is none.
    ImageError
        If it is no archive, forbidden, or cannot be read; the message is the reason.
    StoppedError
        If the server cannot be reached.
    """
    with _opening:
        archive = _opened.get(url)
        if archive is None or again:
            (size, number, changed_ns), etag = look_at(url)
            if archive is None or archive.changed != number:
                source = ObjectBytes(url, etag, size)
                archive = Archive.open(url, url, source, changed=number, changed_ns=changed_ns)
            _opened[url] = archive
        _opened.move_to_end(url)
        while len(_opened) > _MOST_OPEN:
            _opened.popitem(last=False)
        return archive
