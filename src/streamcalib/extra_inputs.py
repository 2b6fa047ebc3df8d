"""Further inputs of a model: one constant row each, repeated for every image."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from streamcalib.datafile import parse_json
from streamcalib.errors import InputError
from streamcalib.wording import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

_DTYPES = ("float32", "float16", "float64", "int64", "int32", "int8", "uint8", "bool")
_ROWS_PER_PART = 1024
_BYTES_PER_PART = 2**24
_MOST_VALUES = 2**26


@dataclass(frozen=True)
class ExtraInput:
    """A model input that is the same for every row.

    Attributes
    ----------
    name
        Name of the graph's input.
    value
        One row: a number, or nested lists of numbers.
    dtype
        numpy name of the element type.
    fill
        The shape of a row that holds one number everywhere; empty if ``value`` is the row itself.
    """

    name: str
    value: Any
    dtype: str
    fill: tuple[int, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``name=VALUES:dtype``, like ``orig_size=640,640:int64`` or ``scale=1:float32``.

        VALUES is one row: a number (the input is then one-dimensional, one number a row), numbers
        separated by commas, or a JSON array; or ``VALUE*SHAPE``, a number that fills a row, like
        ``mask=1*1x640x640:float32``.

        Raises
        ------
        InputError
            If the text has another form, or the values do not fit the dtype.
        """
        match = re.fullmatch(r"([^=]+)=(.+):(\w+)", text)
        if not match:
            raise InputError(
                f"--extra-input {text!r} is not NAME=VALUES:DTYPE, like orig_size=640,640:int64."
            )
        name, values, dtype = match.groups()
        if not is_input_name(name):
            raise InputError(f"--extra-input {text!r}: {name!r} is no name of a graph's input.")
        if dtype not in _DTYPES:
            raise InputError(
                f"--extra-input {text!r}: dtype {dtype} is none of {', '.join(_DTYPES)}."
            )
        filled = re.fullmatch(r"([^*]+)\*(\d{1,6}(?:x\d{1,6})*)", values)
        fill = tuple(int(side) for side in filled[2].split("x")) if filled else ()
        written = filled[1] if filled else values
        flat = "," in written and not written.lstrip().startswith("[")
        try:
            given = cls(name, parse_json(f"[{written}]" if flat else written), dtype, fill)
            given.check()
        except (ValueError, InputError) as error:
            raise InputError(
                f"--extra-input {text!r}: {printable(values)} are no values of dtype {dtype}."
            ) from error
        return given

    def check(self) -> None:
        """Make sure that the value is one of its dtype.

        Raises
        ------
        InputError
            If it is not.
        """
        try:
            fits = is_input_name(self.name) and self.dtype in _DTYPES
            fits = fits and _fits(np.array(self.value), np.dtype(self.dtype))
            fits = fits and (not self.fill or _fills(self.value, self.fill))
        except (ValueError, OverflowError):
            fits = False
        if not fits:
            raise InputError(f"the input {self.name!r} has no values of dtype {self.dtype!r}.")

    def shape(self, rows: int) -> tuple[int, ...]:
        """Shape of all rows together."""
        return (rows, *(self.fill or np.shape(self.value)))

    def repeated(self, rows: int) -> NDArray[Any]:
        """Return ``rows`` rows as a read-only view of one: (rows, ...)."""
        return np.broadcast_to(np.array(self.value, self.dtype), self.shape(rows))

    def parts(self, rows: int) -> Iterator[NDArray[Any]]:
        """Yield all rows in C-contiguous parts."""
        row_bytes = prod(self.shape(1)) * np.dtype(self.dtype).itemsize
        step = max(1, min(_ROWS_PER_PART, _BYTES_PER_PART // row_bytes))
        for start in range(0, rows, step):
            yield np.ascontiguousarray(self.repeated(min(step, rows - start)))

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the name as JSON-ready values."""
        shape = {"shape": list(self.fill)} if self.fill else {}
        return {"value": self.value, "dtype": self.dtype, **shape}

    @classmethod
    def from_dict(cls, name: str, values: dict[str, Any]) -> Self:
        """Return what `to_dict` was called on; raises `InputError` if it is none."""
        shape = values.get("shape", [])
        if not isinstance(shape, list):
            raise InputError(f"the shape of the input {name!r} is no list.")
        extra = cls(name, values["value"], values["dtype"], tuple(shape))
        extra.check()
        return extra


def checked_input_name(name: str) -> str:
    """Return the name of a graph's input.

    Raises
    ------
    InputError
        If nothing can have that name.
    """
    if not is_input_name(name):
        raise InputError(f"--input-name {name!r} is no name of a graph's input.")
    return name


def is_input_name(name: str) -> bool:
    """Whether a graph's input can have a name, and a member of an ``.npz`` after it."""
    # Undecodable bytes stand in it as halves of characters.
    halves = any("\ud800" <= character <= "\udfff" for character in name)
    return bool(name.strip()) and "\0" not in name and not halves


def _fills(value: object, shape: tuple[int, ...]) -> bool:
    """Whether a value is one number, and a row of that shape can be held."""
    sides = all(type(side) is int and side > 0 for side in shape)
    return sides and np.ndim(np.asarray(value)) == 0 and prod(shape) <= _MOST_VALUES


def _fits(array: NDArray[Any], dtype: np.dtype[Any]) -> bool:
    """Whether a row's numbers can stand in a dtype: whole ones exactly, others within its range."""
    if array.size == 0 or array.dtype.kind not in "ifb":
        return False
    with np.errstate(all="ignore"):
        cast = array.astype(dtype)
        if dtype.kind == "f":
            # A mask may hold infinity; what is no number makes every scale none.
            fits = not np.isnan(cast).any() and np.array_equal(np.isinf(cast), np.isinf(array))
            return bool(fits)
        return bool(np.array_equal(cast.astype(array.dtype), array))
