"""Whether the Huffman codes of a JPEG are whole, in Python: for pictures that TurboJPEG refuses.

TurboJPEG takes the usual chroma samplings alone; libjpeg, and so OpenCV, takes any. Damage in a
picture of another sampling is found here, at about a second a megabyte of data.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache, partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import simplejpeg

from streamcalib.pixels.codes import (
    ENDS_EARLY,
    Band,
    Bits,
    BrokenCodesError,
    Table,
    pass_ac,
    pass_dc,
    read_tables,
)
from streamcalib.pixels.jpeg_header import SOS, later_markers, read_header

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from streamcalib.pixels.jpeg_header import JpegHeader

_DHT, _DRI, _EOI = 0xC4, 0xDD, 0xD9
_PROGRESSIVE = 0xC2
_HUFFMAN = frozenset({0xC0, 0xC1, _PROGRESSIVE})
_RESTART = re.compile(rb"\xff+([\xd0-\xd7])")
_AC = 0x10


@dataclass
class _Component:
    """One component: its sampling factors, how many blocks it has, what scans brought of them.

    Attributes
    ----------
    precision
        Of each coefficient, how many bits are still missing; -1 before its first scan.
    known
        Of each block, which coefficients are not 0, as bits.
    """

    horizontal: int
    vertical: int
    blocks: int = 0
    precision: list[int] = field(default_factory=lambda: [-1] * 64)
    known: list[int] = field(default_factory=list)


class _Scan(NamedTuple):
    """One scan's components, each with the numbers of its DC and AC table, and its parameters."""

    components: list[tuple[_Component, int, int]]
    first: int
    last: int
    before: int
    after: int


def find_broken_codes(picture: bytes, is_padding: Callable[[bytes], bool]) -> str | None:
    """Return what is wrong with the Huffman-coded data of a picture, or None.

    None also where nothing can be told: of other codings, and of headers that contradict
    themselves, which OpenCV refuses.

    Parameters
    ----------
    picture
        A JPEG with its header mended.
    is_padding
        Whether bytes left over at the end of a scan are harmless.
    """
    header = read_header(picture)
    if header is None or header.frame not in _HUFFMAN:
        return None
    try:
        _Walk(picture, header, is_padding).all_scans()
    except BrokenCodesError as error:
        return str(error)
    except (IndexError, KeyError, ValueError, ZeroDivisionError):
        pass
    return None


class _Walk:
    """One walk over all scans of a picture."""

    def __init__(
        self, picture: bytes, header: JpegHeader, is_padding: Callable[[bytes], bool]
    ) -> None:
        self._picture, self._header, self._is_padding = picture, header, is_padding
        self._tables = dict(_default_tables())
        self._interval = 0
        frame = next(part for part in header.segments if part.marker == header.frame)
        named = picture[frame.start + 6 : frame.end]
        self._components = {
            named[place]: _Component(named[place + 1] >> 4, named[place + 1] & 15)
            for place in range(0, 3 * header.components, 3)
        }
        parts = self._components.values()
        self._across = max(part.horizontal for part in parts)
        self._down = max(part.vertical for part in parts)
        for part in parts:
            width = -(-header.width * part.horizontal // self._across)
            height = -(-header.height * part.vertical // self._down)
            part.blocks = _tiles(width, height, 8, 8)
            part.known = [0] * part.blocks

    def all_scans(self) -> None:
        """Walk over all scans; raise `BrokenCodesError` at the first damage."""
        for marker, payload, data in self._segments():
            if marker == _DHT:
                self._tables |= read_tables(payload)
            elif marker == _DRI:
                self._interval = int.from_bytes(payload[:2], "big")
            elif marker == SOS:
                scan = self._read_scan(payload)
                if self._header.frame == _PROGRESSIVE:
                    _check_progression(scan)
                self._walk(scan, data)

    def _segments(self) -> Iterator[tuple[int, bytes, bytes]]:
        """Yield every segment's marker and payload, and the data behind it."""
        *before, (marker, start, end) = self._header.segments
        for segment in before:
            yield segment.marker, self._picture[segment.start : segment.end], b""
        for behind, place, following in later_markers(self._picture, end):
            yield marker, self._picture[start:end], self._picture[behind:place]
            marker, start = following, place + 4
            end = place + 2 + int.from_bytes(self._picture[place + 2 : start], "big")
        if marker != _EOI:
            yield marker, self._picture[start:end], self._picture[end:]

    def _read_scan(self, payload: bytes) -> _Scan:
        named, (first, last, approximation) = payload[1 : 1 + 2 * payload[0]], payload[-3:]
        components = [
            (self._components[name], tables >> 4, _AC | (tables & 15))
            for name, tables in zip(named[::2], named[1::2], strict=True)
        ]
        return _Scan(components, first, last, approximation >> 4, approximation & 15)

    def _walk(self, scan: _Scan, data: bytes) -> None:
        """Walk over one scan's data, interval by interval between restart markers."""
        if len(scan.components) == 1:
            units = scan.components[0][0].blocks
        else:
            across, down = 8 * self._across, 8 * self._down
            units = _tiles(self._header.width, self._header.height, across, down)
        each = self._interval or units
        pieces = _RESTART.split(data)
        for number, start in enumerate(range(0, units, each)):
            if 2 * number >= len(pieces):
                raise BrokenCodesError(ENDS_EARLY)
            if number and pieces[2 * number - 1][0] & 7 != (number - 1) & 7:
                raise BrokenCodesError("Corrupt JPEG data: restart markers out of order")
            bits = Bits(pieces[2 * number])
            step = self._step(scan, bits)
            for unit in range(start, min(start + each, units)):
                step(unit)
                bits.check()
            self._check_left(bits.left())
        self._check_left(b"".join(pieces[2 * -(-units // each) :: 2]))

    def _check_left(self, left: bytes) -> None:
        if left and not self._is_padding(left):
            raise BrokenCodesError(f"Corrupt JPEG data: {len(left)} extraneous bytes in a scan")

    def _step(self, scan: _Scan, bits: Bits) -> Callable[[int], None]:
        """Return what passes over one unit of a scan, a block or several, by its number."""
        if self._header.frame == _PROGRESSIVE and scan.first > 0:
            ((part, _, number),) = scan.components
            band = Band(part.known, scan.first, scan.last)
            bring = band.refine if scan.before else band.bring
            table = self._tables[number]
            return lambda block: bring(bits, table, block)
        blocks = [
            numbers
            for part, *numbers in scan.components
            for _ in range(part.horizontal * part.vertical if len(scan.components) > 1 else 1)
        ]
        if self._header.frame == _PROGRESSIVE:
            if scan.before:
                return lambda _: bits.skip(len(blocks))
            return partial(_pass_firsts, bits, [self._tables[dc] for dc, _ in blocks])
        pairs = [(self._tables[dc], self._tables[ac]) for dc, ac in blocks]
        return partial(_pass_blocks, bits, pairs)


def _pass_blocks(bits: Bits, pairs: list[tuple[Table, Table]], _: int) -> None:
    for dc, ac in pairs:
        pass_dc(bits, dc)
        pass_ac(bits, ac)


def _pass_firsts(bits: Bits, tables: list[Table], _: int) -> None:
    for table in tables:
        pass_dc(bits, table)


def _tiles(width: int, height: int, wide: int, high: int) -> int:
    """Return how many tiles, so wide and high, cover an area."""
    return -(-width // wide) * -(-height // high)


def _check_progression(scan: _Scan) -> None:
    for number, (part, _, _) in enumerate(scan.components):
        for index in range(scan.first, min(scan.last, 63) + 1):
            known = part.precision
            if scan.before != max(known[index], 0) or (scan.first and known[0] < 0):
                raise BrokenCodesError(
                    f"Inconsistent progression sequence for component {number} coefficient {index}"
                )
            known[index] = scan.after


@cache
def _default_tables() -> dict[int, Table]:
    """Return the tables that libjpeg assumes where a picture brings none, as it writes them."""
    written: bytes = simplejpeg.encode_jpeg(np.zeros((8, 8, 3), np.uint8))
    header = read_header(written)
    tables: dict[int, Table] = {}
    for marker, start, end in header.segments if header else ():
        if marker == _DHT:
            tables |= read_tables(written[start:end])
    return tables
