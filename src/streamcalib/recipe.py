"""The recipe: everything that decides a row's values as the model sees them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Literal, Self, get_args

import numpy as np

from streamcalib.datafile import parse_json
from streamcalib.errors import RecipeError
from streamcalib.graph import read_image_input
from streamcalib.imgsz import MAX_SIDE, Imgsz, agreed_size, is_int, parse_imgsz

if TYPE_CHECKING:
    from os import PathLike

    from streamcalib.graph import ImageInput

DType = Literal["float32", "float16", "uint8"]
ChannelOrder = Literal["RGB", "BGR"]
Layout = Literal["NCHW", "NHWC"]
Anchor = Literal["center", "top-left"]
Orientation = Literal["opencv", "ignore"]

_LARGEST = float(np.finfo(np.float32).max)
_CHOICES: dict[str, tuple[str, ...]] = {
    "dtype": get_args(DType),
    "channel_order": get_args(ChannelOrder),
    "layout": get_args(Layout),
    "anchor": get_args(Anchor),
    "orientation": get_args(Orientation),
    "resize": ("letterbox",),
    "interpolation": ("linear",),
    "decoder": ("opencv",),
}


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How an image becomes a row: decode, orient, letterbox, encode.

    A row holds, per channel ``c`` of a canvas pixel ``v`` in 0..255,
    ``(v / scale - mean[c]) / std[c]``, each step rounded to ``float32``, then cast to ``dtype``.

    Attributes
    ----------
    height, width
        Size of the canvas, in pixels.
    dtype
        What the model sees: ``float32``, ``float16`` or ``uint8`` (which needs ``scale`` 1 and no
        mean or std).
    channel_order, layout
        Order of the colour channels, and of the axes of a batch.
    scale
        Divisor of the 0..255 values.
    mean, std
        Per channel in ``channel_order``, in the units left after dividing by ``scale``.
    pad_value
        Grey level around the image, 0..255, before encoding.
    anchor
        Where the resized image stands on the canvas.
    resize, interpolation
        ``letterbox`` and ``linear`` (OpenCV's ``INTER_LINEAR``).
    orientation
        ``opencv`` turns the image as its EXIF block says, as ``cv2.imread`` does; ``ignore`` leaves
        it as stored.
    decoder
        The reference decoder whose pixels are matched bit for bit.
    name
        The preset's name, for people; it decides nothing.

    Raises
    ------
    RecipeError
        If a field is out of range or contradicts another.
    """

    height: int = 640
    width: int = 640
    dtype: DType = "float32"
    channel_order: ChannelOrder = "RGB"
    layout: Layout = "NCHW"
    scale: float = 255.0
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    pad_value: int = 114
    anchor: Anchor = "center"
    resize: Literal["letterbox"] = "letterbox"
    interpolation: Literal["linear"] = "linear"
    orientation: Orientation = "opencv"
    decoder: Literal["opencv"] = "opencv"
    name: str = "custom"

    def __post_init__(self) -> None:
        for field, allowed in _CHOICES.items():
            value = getattr(self, field)
            if not isinstance(value, str) or value not in allowed:
                raise RecipeError(f"{field} must be {' or '.join(allowed)}, not {value!r}.")
        for field in ("height", "width"):
            if not is_int(value := getattr(self, field)) or not 1 <= value <= MAX_SIDE:
                raise RecipeError(f"{field} must be 1 to {MAX_SIDE} pixels, not {value!r}.")
            object.__setattr__(self, field, int(value))
        if not is_int(self.pad_value) or not 0 <= self.pad_value <= 255:
            raise RecipeError(f"pad_value must be 0 to 255, not {self.pad_value!r}.")
        object.__setattr__(self, "pad_value", int(self.pad_value))
        if not isinstance(self.name, str):
            raise RecipeError(f"name must be a string, not {self.name!r}.")
        self._check_normalization()

    def _check_normalization(self) -> None:
        for field in ("mean", "std"):
            values = getattr(self, field)
            three = isinstance(values, tuple | list) and len(values) == 3
            if not three or not all(_is_finite(value) for value in values):
                raise RecipeError(f"{field} must be three finite numbers, not {values!r}.")
            object.__setattr__(self, field, tuple(float(value) for value in values))
        if not _is_finite(self.scale) or self.scale <= 0:
            raise RecipeError(f"scale must be a number above 0, not {self.scale!r}.")
        object.__setattr__(self, "scale", float(self.scale))
        if min(self.std) <= 0:
            raise RecipeError(f"std must be above 0, not {self.std!r}.")
        plain = (self.scale, self.mean, self.std) == (1.0, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
        if self.dtype == "uint8" and not plain:
            raise RecipeError(
                "dtype uint8 holds the values 0 to 255 as they are: it needs scale 1, mean 0 and "
                f"std 1, not scale {self.scale:g}, mean {self.mean} and std {self.std}."
            )
        with np.errstate(all="ignore"):
            table = self.lookup_table()
        if not np.isfinite(table).all():
            raise RecipeError(
                f"scale {self.scale:g}, mean {self.mean} and std {self.std} give values that "
                f"{self.dtype} cannot hold."
            )

    @classmethod
    def yolo11(cls, imgsz: Imgsz = 640, *, dtype: DType = "float32") -> Self:
        """Return the preprocessing of YOLO11, as Ultralytics' predictor does it.

        Letterbox with grey 114, linear interpolation, centred; RGB, NCHW, divided by 255. The
        same as ``LetterBox(auto=False)`` followed by the predictor's ``preprocess`` on a CPU
        (Ultralytics 8.4). With ``dtype="uint8"`` the values stay 0..255, for graphs that
        normalize inside.

        Parameters
        ----------
        imgsz
            Side of a square canvas, ``"HxW"`` or ``(height, width)``, in pixels.
        dtype
            dtype of the graph's input.

        Raises
        ------
        RecipeError
            If ``imgsz`` or ``dtype`` is out of range.
        """
        height, width = parse_imgsz(imgsz)
        scale = 1.0 if dtype == "uint8" else 255.0
        return cls(height=height, width=width, dtype=dtype, scale=scale, name="yolo11")

    @classmethod
    def from_onnx(
        cls,
        model: str | PathLike[str],
        *,
        imgsz: Imgsz | None = None,
        dtype: DType | None = None,
    ) -> Self:
        """Return the ``yolo11`` recipe in the size, dtype and layout that an ONNX graph takes.

        Parameters
        ----------
        model
            Path of the ``.onnx`` file. Only its inputs and metadata are read.
        imgsz, dtype
            What the caller expects: needed for a graph with dynamic height or width that carries
            no Ultralytics ``imgsz`` metadata, and checked against every other graph.

        Raises
        ------
        ModelError
            If the file is no ONNX graph with exactly one image input of three channels.
        RecipeError
            If ``imgsz`` or ``dtype`` contradicts the graph, or the size is not known.
        MissingExtraError
            If the package ``onnx`` is not installed.
        """
        return cls.from_image_input(read_image_input(model), imgsz=imgsz, dtype=dtype)

    @classmethod
    def from_image_input(
        cls,
        graph: ImageInput,
        *,
        imgsz: Imgsz | None = None,
        dtype: DType | None = None,
    ) -> Self:
        """Return the ``yolo11`` recipe for a graph's image input; see `from_onnx`."""
        if dtype is not None and dtype != graph.dtype:
            raise RecipeError(
                f"--dtype says {dtype}, but input {graph.name!r} of {graph.shown} takes "
                f"{graph.dtype}: leave --dtype out."
            )
        height, width = agreed_size(graph, imgsz)
        recipe = cls.yolo11((height, width), dtype=graph.dtype)
        return replace(recipe, layout=graph.layout)

    @property
    def row_shape(self) -> tuple[int, int, int]:
        """Shape of one row: ``(3, H, W)`` for NCHW, ``(H, W, 3)`` for NHWC."""
        if self.layout == "NCHW":
            return (3, self.height, self.width)
        return (self.height, self.width, 3)

    @property
    def value_range(self) -> tuple[float, float]:
        """Smallest and largest value that a row can hold, over all channels."""
        table = self.lookup_table()
        return float(table.min()), float(table.max())

    def lookup_table(self) -> np.ndarray[tuple[int, int], np.dtype[Any]]:
        """Return what each canvas value becomes: shape (3, 256), ``dtype``, one line a channel."""
        values = np.arange(256, dtype=np.float32) / np.float32(self.scale)
        mean = np.asarray(self.mean, np.float32)[:, None]
        std = np.asarray(self.std, np.float32)[:, None]
        return ((values[None, :] - mean) / std).astype(self.dtype)

    @property
    def fingerprint(self) -> str:
        """SHA-256, in hex, of everything that decides bytes; the name does not."""
        decisive = self.to_dict()
        del decisive["name"]
        return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON-ready values."""
        return {key: list(v) if isinstance(v, tuple) else v for key, v in asdict(self).items()}

    def to_json(self) -> str:
        """Return the recipe as JSON; `from_json` reads it back."""
        return json.dumps(self.to_dict(), indent=2)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Build a recipe from `to_dict`'s values.

        Raises
        ------
        RecipeError
            If a field is unknown, of the wrong type, or out of range.
        """
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(values) - known):
            raise RecipeError(f"unknown recipe field {unknown[0]!r}; known: {sorted(known)}.")
        return cls(**values)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Build a recipe from `to_json`'s text; raises `RecipeError` as `from_dict` does."""
        try:
            values = parse_json(text)
        except ValueError as error:
            raise RecipeError(f"the recipe is not JSON: {error}.") from error
        if not isinstance(values, dict):
            raise RecipeError("the recipe must be a JSON object of its fields.")
        return cls.from_dict(values)

    def differences(self, other: Recipe) -> list[str]:
        """Return ``field: mine, not theirs`` for every field that decides bytes and differs."""
        return [
            f"{field.name}: {getattr(self, field.name)!r}, not {getattr(other, field.name)!r}"
            for field in fields(self)
            if field.name != "name" and getattr(self, field.name) != getattr(other, field.name)
        ]


PRESETS = dict.fromkeys(("yolo11", "yolov8", "yolov5", "yolo12", "yolo26"), Recipe.yolo11)
"""Preset names; the YOLO family of Ultralytics shares one preprocessing."""


def _is_finite(value: object) -> bool:
    """Whether a value is a real number that ``float32`` holds."""
    if isinstance(value, float | np.floating):
        return abs(float(value)) <= _LARGEST
    return is_int(value) and abs(value) <= _LARGEST
