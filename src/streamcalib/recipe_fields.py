"""What the fields of a recipe may hold, and how they may go together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from streamcalib.errors import RecipeError
from streamcalib.imgsz import MAX_SIDE, is_int

if TYPE_CHECKING:
    from collections.abc import Mapping

DType = Literal["float32", "float16", "uint8"]
ChannelOrder = Literal["RGB", "BGR"]
Layout = Literal["NCHW", "NHWC"]
Anchor = Literal["center", "top-left"]
Resize = Literal["letterbox", "stretch", "crop"]
Rounding = Literal["round", "floor"]
Interpolation = Literal["linear", "pil-bilinear", "pil-bicubic"]
Orientation = Literal["opencv", "ignore"]
Decoder = Literal["opencv", "pil"]

CHOICES: dict[str, tuple[str, ...]] = {
    "dtype": get_args(DType),
    "channel_order": get_args(ChannelOrder),
    "layout": get_args(Layout),
    "anchor": get_args(Anchor),
    "resize": get_args(Resize),
    "rounding": get_args(Rounding),
    "interpolation": get_args(Interpolation),
    "orientation": get_args(Orientation),
    "decoder": get_args(Decoder),
}
"""The fields that hold one of a few words, and these."""

NOT_NORMALIZED: dict[str, Any] = {"scale": 1.0, "mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}
"""The normalization that changes nothing, which ``uint8`` rows need."""

_LARGEST = float(np.finfo(np.float32).max)


def checked_fields(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return all fields of a recipe as plain Python values.

    Raises
    ------
    RecipeError
        If one is out of range or contradicts another; the message names it and what it holds.
    """
    for field, allowed in CHOICES.items():
        value = values[field]
        if not isinstance(value, str) or value not in allowed:
            raise RecipeError(f"{field} must be {' or '.join(allowed)}, not {value!r}.")
    checked = dict(values)
    for field in ("height", "width"):
        checked[field] = _side(field, values[field])
    if values["resize_side"] is not None:
        checked["resize_side"] = _side("resize_side", values["resize_side"])
    if not is_int(values["pad_value"]) or not 0 <= values["pad_value"] <= 255:
        raise RecipeError(f"pad_value must be 0 to 255, not {values['pad_value']!r}.")
    checked["pad_value"] = int(values["pad_value"])
    if not isinstance(values["name"], str):
        raise RecipeError(f"name must be a string, not {values['name']!r}.")
    _check_geometry(checked)
    return {**checked, **_normalization(checked)}


def _side(field: str, value: object) -> int:
    if not is_int(value) or not 1 <= value <= MAX_SIDE:
        raise RecipeError(f"{field} must be 1 to {MAX_SIDE} pixels, not {value!r}.")
    return int(value)


def _check_geometry(values: Mapping[str, Any]) -> None:
    resize, side = values["resize"], values["resize_side"]
    if resize == "crop" and side is None:
        raise RecipeError(
            "resize crop needs resize_side, the pixels that the shorter side becomes before the "
            "canvas is cut out, like 256."
        )
    if resize != "crop" and side is not None:
        raise RecipeError(f"resize_side is for resize crop, not for {resize}: leave it out.")
    for field, usual in (("rounding", "round"), ("anchor", "center")):
        if resize != "letterbox" and values[field] != usual:
            raise RecipeError(
                f"{field} {values[field]} is for resize letterbox, not for {resize}: leave it out."
            )
    if values["decoder"] == "pil" and values["orientation"] != "ignore":
        raise RecipeError(
            "decoder pil does not turn images as their EXIF block says: it needs orientation "
            f"ignore, not {values['orientation']}."
        )


def _normalization(values: Mapping[str, Any]) -> dict[str, Any]:
    checked: dict[str, Any] = {}
    for field in ("mean", "std"):
        three = values[field]
        if (
            not isinstance(three, tuple | list)
            or len(three) != 3
            or not all(map(_is_finite, three))
        ):
            raise RecipeError(f"{field} must be three finite numbers, not {three!r}.")
        checked[field] = tuple(float(value) for value in three)
    scale = values["scale"]
    if not _is_finite(scale) or scale <= 0:
        raise RecipeError(f"scale must be a number above 0, not {scale!r}.")
    checked["scale"] = float(scale)
    if min(checked["std"]) <= 0:
        raise RecipeError(f"std must be above 0, not {checked['std']!r}.")
    if values["dtype"] == "uint8" and checked != NOT_NORMALIZED:
        raise RecipeError(
            "dtype uint8 holds the values 0 to 255 as they are: it needs scale 1, mean 0 and "
            f"std 1, not scale {scale:g}, mean {checked['mean']} and std {checked['std']}."
        )
    return checked


def _is_finite(value: object) -> bool:
    """Whether a value is a real number that ``float32`` holds."""
    if isinstance(value, float | np.floating):
        return abs(float(value)) <= _LARGEST
    return is_int(value) and abs(value) <= _LARGEST
