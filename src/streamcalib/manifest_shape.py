"""What the fields of a manifest must look like: it is data from outside, and may be damaged."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    Check = Callable[[Any], bool]


def amiss(values: dict[str, Any]) -> str | None:
    """Return the name of a field that no manifest has in this form, or None.

    All fields must be there.
    """
    wrong = next((name for name, check in _FIELDS.items() if not check(values[name])), None)
    if wrong is not None:
        return wrong
    listed = values["images"]["count"]
    if any(not _is_listed(failure["list_row"], listed) for failure in values["failures"]):
        return "failures"
    rows = values["rows"]
    if isinstance(rows, list) and any(row_amiss(record, listed) for record in rows):
        return "rows"
    return None


def row_amiss(record: Any, listed: int) -> bool:
    """Whether no record of a row has this form, in a set made of a list of so many images."""
    if not isinstance(record, dict):
        return True
    row, sides = record.get("list_row", ""), (record.get("height", 1), record.get("width", 1))
    return not (
        isinstance(record.get("path"), str)
        and isinstance(record.get("canvas_crc32c"), str)
        and (row is None or (type(row) is int and 0 <= row < listed))
        and all(type(number) is int and number >= 0 for number in (record.get("bytes"), *sides))
    )


def _is(*kinds: type) -> Check:
    return lambda value: (
        isinstance(value, kinds) and not (isinstance(value, bool) and bool not in kinds)
    )


def _either(*checks: Check) -> Check:
    return lambda value: any(check(value) for check in checks)


def _list_of(check: Check) -> Check:
    return lambda value: isinstance(value, list) and all(check(item) for item in value)


def _dict_of(check: Check) -> Check:
    return lambda value: isinstance(value, dict) and all(check(item) for item in value.values())


def _with(**checks: Check) -> Check:
    return lambda value: (
        isinstance(value, dict)
        and all(name in value and check(value[name]) for name, check in checks.items())
    )


def _is_listed(row: int | None, listed: int) -> bool:
    return row is None or 0 <= row < listed


def _nothing(value: Any) -> bool:
    return value is None


def _positive(value: Any) -> bool:
    return _is(int)(value) and value > 0


_LARGEST = sys.float_info.max
_TEXT = _is(str)
_NUMBER: Check = lambda value: _is(int, float)(value) and abs(value) <= _LARGEST  # noqa: E731
_TEXTS = _dict_of(_TEXT)
_RANGE: Check = lambda value: _list_of(_NUMBER)(value) and len(value) == 2  # noqa: E731
_FIELDS: dict[str, Check] = {
    "shape": lambda value: _list_of(_positive)(value) and len(value) == 4,
    "dtype": _TEXT,
    "layout": _TEXT,
    "store": lambda value: value in ("final", "uint8"),
    "input_name": _TEXT,
    "extra_inputs": _dict_of(_with(value=_is(int, float, bool, list), dtype=_TEXT)),
    "recipe": _is(dict),
    "recipe_fingerprint": _TEXT,
    "value_range": _with(expected=_RANGE, observed=_RANGE),
    "images": _with(
        list=_either(_TEXT, _nothing),
        sha256=_either(_TEXT, _nothing),
        entries_sha256=_TEXT,
        count=_positive,
        bases=_list_of(_TEXT),
        chosen=_is(dict),
        through_opencv=_is(int),
        tolerate_damage=_is(bool),
    ),
    "decoder": _TEXT,
    "versions": _TEXTS,
    "on_bad": _TEXT,
    "failures": _list_of(_with(path=_TEXT, reason=_TEXT, list_row=_either(_is(int), _nothing))),
    "environment": _TEXTS,
    "links": _TEXTS,
    "commands": _TEXTS,
    "created": _TEXT,
    "rows": _either(
        _with(file=_TEXT, sha256=_TEXT),
        _list_of(_is(dict)),
    ),
    "checksums": _TEXTS,
    "model": _either(
        _nothing,
        _with(path=_TEXT, input_name=_TEXT, calibration_shapes=_either(_TEXT, _nothing)),
    ),
}
