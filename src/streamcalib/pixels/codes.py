"""Huffman codes of a JPEG's scan (ITU-T T.81, annexes F and G), walked over without decoding.

Only what damage shows in is kept: where codes begin, and which coefficients are not 0.
"""

from __future__ import annotations

import re

Table = list[tuple[int, int]]
"""Length and symbol of the code that any 16 bits begin with; length 0 where none does."""

ENDS_EARLY = "Corrupt JPEG data: premature end of data segment"
BAD_CODE = "Corrupt JPEG data: bad Huffman code"

_STUFFED = re.compile(rb"\xff+\x00")
_NO_CODE = (0, 0)
_CODE_BITS = 16
_COEFFICIENTS = 64


class BrokenCodesError(Exception):
    """The codes do not bring what they should; says why in libjpeg's words."""


def read_tables(payload: bytes) -> dict[int, Table]:
    """Return the Huffman tables of a DHT segment by class (4 bits) and number (4 bits)."""
    tables: dict[int, Table] = {}
    while len(payload) > _CODE_BITS:
        counts = payload[1 : _CODE_BITS + 1]
        symbols = payload[_CODE_BITS + 1 : _CODE_BITS + 1 + sum(counts)]
        table: Table = []
        taken = 0
        for length, count in enumerate(counts, 1):
            for symbol in symbols[taken : taken + count]:
                table += [(length, symbol)] * (1 << (_CODE_BITS - length))
            taken += count
        if len(table) > 1 << _CODE_BITS:
            raise ValueError("more codes than there are bits for")
        tables[payload[0]] = table + [_NO_CODE] * ((1 << _CODE_BITS) - len(table))
        payload = payload[_CODE_BITS + 1 + sum(counts) :]
    return tables


class Bits:
    """The bits of one restart interval, from its data as stored, taken one after another."""

    def __init__(self, stored: bytes) -> None:
        data = _STUFFED.sub(b"\xff", stored.rstrip(b"\xff"))
        self._data = data + bytes(3)
        self._end = 8 * len(data)
        self._place = 0

    def code(self, table: Table) -> int:
        """Take one code; return its symbol."""
        byte = self._place >> 3
        three = int.from_bytes(self._data[byte : byte + 3], "big")
        length, symbol = table[three >> (8 - (self._place & 7)) & 0xFFFF]
        if length == 0:
            raise BrokenCodesError(BAD_CODE)
        self._place += length
        return symbol

    def take(self, count: int) -> int:
        """Take up to 16 bits; return their value."""
        byte = self._place >> 3
        three = int.from_bytes(self._data[byte : byte + 3], "big")
        value = three >> (24 - (self._place & 7) - count) & ((1 << count) - 1)
        self._place += count
        return value

    def skip(self, count: int) -> None:
        """Pass over bits."""
        self._place += count

    def check(self) -> None:
        """Raise `BrokenCodesError` if more was taken than there is."""
        if self._place > self._end:
            raise BrokenCodesError(ENDS_EARLY)

    def left(self) -> bytes:
        """Return the bytes of which nothing was taken."""
        return self._data[-(-self._place // 8) : -3]


def pass_dc(bits: Bits, table: Table) -> None:
    """Pass over the first coefficient of a block."""
    bits.skip(bits.code(table) & 15)


def pass_ac(bits: Bits, table: Table) -> None:
    """Pass over the other coefficients of a sequential block."""
    index = 1
    while index < _COEFFICIENTS:
        symbol = bits.code(table)
        if size := symbol & 15:
            bits.skip(size)
        elif symbol != 0xF0:
            return
        index += (symbol >> 4) + 1


class Band:
    """The coefficients ``first`` to ``last`` of a progressive scan of one component.

    Parameters
    ----------
    known
        Of each block, which coefficients are not 0, as bits; kept up to date.
    """

    def __init__(self, known: list[int], first: int, last: int) -> None:
        self._known, self._first, self._last = known, first, last
        self.run = 0
        """How many blocks still bring no code of their own."""

    def bring(self, bits: Bits, table: Table, block: int) -> None:
        """Pass over what a first scan of these coefficients brings of a block."""
        if self.run:
            self.run -= 1
            return
        index = self._first
        while index <= self._last:
            symbol = bits.code(table)
            zeros, size = symbol >> 4, symbol & 15
            if size == 0 and zeros < 15:
                self.run = (1 << zeros) - 1 + bits.take(zeros)
                return
            if size:
                bits.skip(size)
                self._known[block] |= 1 << (index + zeros)
            index += zeros + 1

    def refine(self, bits: Bits, table: Table, block: int) -> None:
        """Pass over what a later scan of these coefficients brings of a block."""
        index = self._first
        while not self.run and index <= self._last:
            symbol = bits.code(table)
            zeros, size = symbol >> 4, symbol & 15
            if size == 0 and zeros < 15:
                self.run = (1 << zeros) + bits.take(zeros)
                break
            if size > 1:
                raise BrokenCodesError(BAD_CODE)
            bits.skip(size)
            index = self._past_zeros(bits, block, index, zeros)
            if size:
                self._known[block] |= 1 << index
            index += 1
        if self.run:
            rest = self._known[block] >> index & ((2 << max(self._last - index, -1)) - 1)
            bits.skip(rest.bit_count())
            self.run -= 1

    def _past_zeros(self, bits: Bits, block: int, index: int, zeros: int) -> int:
        """Return where the coefficient behind so many of 0 is; others bring a bit each."""
        while index <= self._last:
            if self._known[block] >> index & 1:
                bits.skip(1)
            elif zeros == 0:
                break
            else:
                zeros -= 1
            index += 1
        return index
