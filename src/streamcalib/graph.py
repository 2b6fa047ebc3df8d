"""What an ONNX graph takes: its image input, its other inputs, and Ultralytics' metadata."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from streamcalib.datafile import parse_json
from streamcalib.errors import ModelError
from streamcalib.graph_file import (
    dimensions,
    dtype_name,
    load_graph,
    shape_text,
)
from streamcalib.graph_range import NOTHING_DONE, range_of
from streamcalib.wording import printable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    from streamcalib.graph_range import GraphRange

_DTYPES: dict[int, Literal["float32", "float16", "uint8"]] = {
    1: "float32",
    10: "float16",
    2: "uint8",
}
_IMAGE_DIMENSIONS = 4


class OtherInput(NamedTuple):
    """An input of a graph that takes no image.

    Attributes
    ----------
    name, dtype
        numpy's name of the element type, or the ONNX name of one that numpy lacks.
    shape
        Declared dimensions, None where open; None altogether if the graph does not say.
    """

    name: str
    dtype: str
    shape: tuple[int | None, ...] | None


class Output(NamedTuple):
    """An output of a graph; the fields are those of `OtherInput`."""

    name: str
    dtype: str
    shape: tuple[int | None, ...] | None


class Ultralytics(NamedTuple):
    """What Ultralytics writes into its exports.

    Attributes
    ----------
    task
        ``detect``, ``segment``, ``classify``, ...; empty if it does not say.
    description
        Of the model, with its name.
    head
        Name of the model's last module; empty in older exports.
    imgsz
        (height, width) in pixels, or None.
    stride, names
        As they are written.
    """

    task: str
    description: str
    head: str
    imgsz: tuple[int, int] | None
    stride: str
    names: str


@dataclass(frozen=True, kw_only=True)
class ImageInput:
    """The image input of an ONNX graph.

    Attributes
    ----------
    model
        The file, as given; ``shown`` in messages.
    name
        Name of the input, the key under which a quantizer feeds it.
    dtype, layout
        Element type and axis order; a row must have both.
    batch, height, width
        Fixed dimensions, or None where the graph leaves them open. Sides in pixels.
    shape_text
        The declared shape as text, like ``1x3xHxW``.
    other_inputs
        The graph's further inputs; rows are not for them.
    outputs
        What the graph gives.
    does
        What the graph does to the images before anything else.
    ultralytics
        Ultralytics' metadata, or None where another exporter wrote the graph.
    metadata_imgsz
        Ultralytics' ``imgsz`` (height, width) in pixels, or None.
    """

    model: str
    name: str
    dtype: Literal["float32", "float16", "uint8"]
    layout: Literal["NCHW", "NHWC"]
    batch: int | None
    height: int | None
    width: int | None
    shape_text: str
    other_inputs: tuple[OtherInput, ...] = ()
    outputs: tuple[Output, ...] = ()
    does: GraphRange = NOTHING_DONE
    ultralytics: Ultralytics | None = None
    metadata_imgsz: tuple[int, int] | None = None

    @property
    def shown(self) -> str:
        """The file's name for messages."""
        return printable(self.model)


def read_image_input(model: str | PathLike[str], input_name: str | None = None) -> ImageInput:
    """Read the image input of an ONNX file; weights in other files are not touched.

    Parameters
    ----------
    model
        The file.
    input_name
        Which of several inputs of four dimensions the rows are for; the others are then further
        inputs.

    Raises
    ------
    ModelError
        If the file is missing, is no ONNX graph, or does not have an image input of three channels
        in float32, float16 or uint8.
    MissingExtraError
        If the package ``onnx`` is not installed.
    """
    proto = load_graph(Path(model))
    path = printable(str(model))
    metadata = {entry.key: entry.value for entry in proto.metadata_props}
    weights = {tensor.name for tensor in proto.graph.initializer}
    inputs = [value for value in proto.graph.input if value.name not in weights]
    image = _choose(path, inputs, input_name)
    layout = _layout(path, image)
    dims = dimensions(image) or ()
    rows, columns = (2, 3) if layout == "NCHW" else (1, 2)
    told = _ultralytics(metadata)
    return ImageInput(
        model=str(model),
        name=image.name,
        dtype=_dtype(path, image),
        layout=layout,
        batch=dims[0],
        height=dims[rows],
        width=dims[columns],
        shape_text=shape_text(image),
        other_inputs=tuple(
            OtherInput(value.name, dtype_name(value), dimensions(value))
            for value in inputs
            if value is not image
        ),
        outputs=tuple(
            Output(value.name, dtype_name(value), dimensions(value)) for value in proto.graph.output
        ),
        does=range_of(proto, image.name),
        ultralytics=told,
        metadata_imgsz=_imgsz(metadata),
    )


def _choose(path: str, inputs: Sequence[Any], input_name: str | None) -> Any:
    """Return the input that rows are for: the only one of four dimensions, or the one named."""
    images = [value for value in inputs if _is_image(value)]
    listing = ", ".join(f"{value.name!r} ({shape_text(value)})" for value in inputs) or "none"
    if not images:
        raise ModelError(
            f"{path} has no image input, and an input of four dimensions is needed; its inputs: "
            f"{listing}."
        )
    if len(images) == 1:
        return images[0]
    for value in images:
        if value.name == input_name:
            return value
    if input_name is None:
        raise ModelError(
            f"{path} has {len(images)} image inputs: say with --input-name which one the images "
            f"are for, and give the others with --extra-input; its inputs: {listing}."
        )
    raise ModelError(
        f"--input-name says {input_name!r}, which is no image input of {path}; its inputs: "
        f"{listing}."
    )


def _is_image(value: Any) -> bool:
    return len(dimensions(value) or ()) == _IMAGE_DIMENSIONS


def _ultralytics(metadata: dict[str, str]) -> Ultralytics | None:
    if "stride" not in metadata:
        return None
    texts = {key: metadata.get(key, "") for key in ("task", "description", "head")}
    return Ultralytics(
        **texts,
        imgsz=_imgsz(metadata),
        stride=metadata["stride"],
        names=metadata.get("names", ""),
    )


def _layout(path: str, value: Any) -> Literal["NCHW", "NHWC"]:
    dims = [side or 0 for side in dimensions(value) or ()]
    if dims[1] == 3 or (dims[1] == 0 and dims[3] not in (1, 3, 4)):
        return "NCHW"
    if dims[3] == 3:
        return "NHWC"
    grey = " It looks like a model of grey images, which are not served yet." * (
        1 in (dims[1], dims[3])
    )
    raise ModelError(
        f"input {value.name!r} of {path} has shape {shape_text(value)}: neither axis 1 nor axis 3 "
        f"has 3 channels, and rows have 3.{grey}"
    )


def _dtype(path: str, value: Any) -> Literal["float32", "float16", "uint8"]:
    elem_type = value.type.tensor_type.elem_type
    if elem_type not in _DTYPES:
        import onnx

        raise ModelError(
            f"input {value.name!r} of {path} takes {onnx.TensorProto.DataType.Name(elem_type)}; "
            "rows can be float32, float16 or uint8."
        )
    return _DTYPES[elem_type]


def _imgsz(metadata: dict[str, str]) -> tuple[int, int] | None:
    try:
        sides = parse_json(metadata.get("imgsz", ""))
    except ValueError:
        return None
    if isinstance(sides, list) and len(sides) == 2 and all(isinstance(s, int) for s in sides):
        return sides[0], sides[1]
    return None


def describe_input(other: OtherInput | Output) -> str:
    """Return dtype and shape of an input or output for messages, like ``int64, Nx2``."""
    if other.shape is None:
        return f"{other.dtype}, of unknown shape"
    return f"{other.dtype}, {'x'.join(str(side or '?') for side in other.shape) or 'scalar'}"
