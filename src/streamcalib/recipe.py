"""The recipe: everything that decides a row's values as the model sees them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from streamcalib.datafile import parse_json
from streamcalib.errors import RecipeError
from streamcalib.graph import read_image_input
from streamcalib.imgsz import Imgsz, agreed_size, parse_imgsz
from streamcalib.preset_fit import fitting_preset
from streamcalib.presets import find_preset
from streamcalib.recipe_fields import (
    Anchor,
    ChannelOrder,
    Decoder,
    DType,
    Interpolation,
    Layout,
    Orientation,
    Resize,
    Rounding,
    checked_fields,
)

__all__ = ("ChannelOrder", "DType", "Layout", "Recipe")

if TYPE_CHECKING:
    from os import PathLike

    from streamcalib.graph import ImageInput

# Fields that came after the first sets were built: at these values they change no fingerprint.
_LATER_FIELDS: dict[str, Any] = {"rounding": "round", "resize_side": None}


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How an image becomes a row: decode, orient, resize, encode.

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
        Where a letterboxed image stands on the canvas.
    resize
        ``letterbox`` fits the whole image into the canvas and pads; ``stretch`` gives it the
        canvas's height and width; ``crop`` resizes its shorter side to ``resize_side`` and cuts the
        canvas out of its middle, as torchvision does.
    resize_side
        In pixels, for ``crop``; else None.
    rounding
        How a letterboxed image's sides become whole: ``round`` as Python rounds, or ``floor``.
    interpolation
        ``linear`` is OpenCV's ``INTER_LINEAR``; ``pil-bilinear`` and ``pil-bicubic`` are Pillow's
        filters, which take more pixels in where the image becomes smaller.
    orientation
        ``opencv`` turns the image as its EXIF block says, as ``cv2.imread`` does; ``ignore`` leaves
        it as stored.
    decoder
        The reference decoder whose pixels are matched bit for bit: OpenCV, or Pillow's
        ``Image.open(file).convert("RGB")``, which needs ``orientation`` ``ignore``.
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
    resize: Resize = "letterbox"
    resize_side: int | None = None
    rounding: Rounding = "round"
    interpolation: Interpolation = "linear"
    orientation: Orientation = "opencv"
    decoder: Decoder = "opencv"
    name: str = "custom"

    def __post_init__(self) -> None:
        for field, value in checked_fields(self._fields()).items():
            object.__setattr__(self, field, value)
        with np.errstate(all="ignore"):
            table = self.lookup_table()
        if not np.isfinite(table).all():
            raise RecipeError(
                f"scale {self.scale:g}, mean {self.mean} and std {self.std} give values that "
                f"{self.dtype} cannot hold."
            )

    @classmethod
    def preset(cls, name: str, imgsz: Imgsz | None = None, *, dtype: DType = "float32") -> Self:
        """Return the preprocessing of a model family; ``streamcalib recipe list`` shows them all.

        Parameters
        ----------
        name
            The preset's name.
        imgsz
            Side of a square canvas, ``"HxW"`` or ``(height, width)``, in pixels; by default the
            family's usual one.
        dtype
            dtype of the graph's input. With ``uint8`` the values stay 0..255, for graphs that
            normalize inside.

        Raises
        ------
        RecipeError
            If there is no such preset, or ``imgsz`` or ``dtype`` does not fit it.
        """
        preset = find_preset(name)
        height, width = parse_imgsz(preset.side if imgsz is None else imgsz)
        return cls(**preset.fields(height, width, dtype))

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
        return cls.preset("yolo11", imgsz, dtype=dtype)

    @classmethod
    def from_onnx(
        cls,
        model: str | PathLike[str],
        *,
        imgsz: Imgsz | None = None,
        dtype: DType | None = None,
        preset: str | None = None,
        input_name: str | None = None,
    ) -> Self:
        """Return the recipe in the size, dtype and layout that an ONNX graph takes.

        Parameters
        ----------
        model
            Path of the ``.onnx`` file. Only its inputs, outputs and metadata are read.
        imgsz, dtype
            What the caller expects: needed for a graph with dynamic height or width that carries
            no Ultralytics ``imgsz`` metadata, and checked against every other graph.
        preset
            How images are made fit; by default the one that Ultralytics' metadata names, and
            ``yolo11`` for a graph that says nothing and does not look like a classifier.
        input_name
            Which input takes the images, if there are several of four dimensions.

        Raises
        ------
        ModelError
            If the file is no ONNX graph with an image input of three channels, or its
            preprocessing must be said.
        RecipeError
            If ``imgsz`` or ``dtype`` contradicts the graph, or the size is not known.
        MissingExtraError
            If the package ``onnx`` is not installed.
        """
        graph = read_image_input(model, input_name)
        return cls.from_image_input(graph, imgsz=imgsz, dtype=dtype, preset=preset)

    @classmethod
    def from_image_input(
        cls,
        graph: ImageInput,
        *,
        imgsz: Imgsz | None = None,
        dtype: DType | None = None,
        preset: str | None = None,
    ) -> Self:
        """Return the recipe for a graph's image input; see `from_onnx`."""
        height, width = agreed_size(graph, imgsz, dtype)
        recipe = cls.preset(preset or fitting_preset(graph), (height, width), dtype=graph.dtype)
        return replace(recipe, layout=graph.layout)

    @property
    def row_shape(self) -> tuple[int, int, int]:
        """Shape of one row: ``(3, H, W)`` for NCHW, ``(H, W, 3)`` for NHWC."""
        if self.layout == "NCHW":
            return (3, self.height, self.width)
        return (self.height, self.width, 3)

    @property
    def uses_pillow(self) -> bool:
        """Whether Pillow decodes or resizes."""
        return self.decoder == "pil" or self.interpolation != "linear"

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
        for field, value in _LATER_FIELDS.items():
            if decisive[field] == value:
                del decisive[field]
        return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON-ready values."""
        return {key: list(v) if isinstance(v, tuple) else v for key, v in self._fields().items()}

    def _fields(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}

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
