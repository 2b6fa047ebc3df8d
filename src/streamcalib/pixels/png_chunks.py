"""The chunks of a PNG that OpenCV needs, without those that only carry words and profiles."""

from __future__ import annotations

import struct

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_START = struct.Struct(">I4s")
_OVERHEAD_BYTES = 12
# They decide no pixel. Their names would be printed as they are by libpng's warnings, and what is
# compressed in them would be unpacked for nothing.
_WORDS = frozenset({b"iCCP", b"iTXt", b"sPLT", b"tEXt", b"zTXt"})


def is_png(data: bytes) -> bool:
    """Whether OpenCV takes ``data`` for a PNG."""
    return data.startswith(_SIGNATURE)


def without_words(data: bytes) -> bytes:
    """Return a PNG without its texts, colour profiles and suggested palettes."""
    if not any(name in data for name in _WORDS):
        return data
    kept: list[bytes] = []
    copied = position = len(_SIGNATURE)
    while position + _OVERHEAD_BYTES <= len(data):
        size, name = _START.unpack_from(data, position)
        end = position + _OVERHEAD_BYTES + size
        if name in _WORDS:
            kept.append(data[copied:position])
            copied = end
        position = end
    if not kept:
        return data
    return b"".join([_SIGNATURE, *kept, data[copied:]])
