"""What an ONNX graph takes: its image input, its other inputs, and Ultralytics' metadata."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from streamcalib.datafile import parse_json, read_data
from streamcalib.errors import MissingExtraError, ModelError
from streamcalib.wording import printable

if TYPE_CHECKING:
    from os import PathLike

_DTYPES: dict[int, Literal["float32", "float16", "uint8"]] = {
    1: "float32",
    10: "float16",
    2: "uint8",
}
# No protobuf is larger.
_MOST_BYTES = 2**31
_LETTERBOX_TASKS = frozenset({"detect", "segment", "pose", "obb"})


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
        The graph's further inputs, which are no images.
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
    metadata_imgsz: tuple[int, int] | None = None

    @property
    def shown(self) -> str:
        """The file's name for messages."""
        return printable(self.model)


def read_image_input(model: str | PathLike[str]) -> ImageInput:
    """Read the image input of an ONNX file; weights in other files are not touched.

    Raises
    ------
    ModelError
        If the file is missing, is no ONNX graph, does not have exactly one image input of three
        channels in float32, float16 or uint8, or was exported for a task whose preprocessing is
        not a letterbox.
    MissingExtraError
        If the package ``onnx`` is not installed.
    """
    proto = load_graph(Path(model))
    path = printable(str(model))
    metadata = {entry.key: entry.value for entry in proto.metadata_props}
    _check_task(path, metadata)
    weights = {tensor.name for tensor in proto.graph.initializer}
    inputs = [value for value in proto.graph.input if value.name not in weights]
    images = [value for value in inputs if len(value.type.tensor_type.shape.dim) == 4]
    listing = ", ".join(f"{value.name!r} ({_shape_text(value)})" for value in inputs) or "none"
    if len(images) != 1:
        what = "no image input" if not images else f"{len(images)} image inputs"
        raise ModelError(
            f"{path} has {what}, and exactly one input of four dimensions is needed; "
            f"its inputs: {listing}."
        )
    image = images[0]
    layout = _layout(path, image)
    dims = [max(dim.dim_value, 0) or None for dim in image.type.tensor_type.shape.dim]
    rows, columns = (2, 3) if layout == "NCHW" else (1, 2)
    return ImageInput(
        model=str(model),
        name=image.name,
        dtype=_dtype(path, image),
        layout=layout,
        batch=dims[0],
        height=dims[rows],
        width=dims[columns],
        shape_text=_shape_text(image),
        other_inputs=tuple(_other(value) for value in inputs if value is not image),
        metadata_imgsz=_imgsz(metadata),
    )


def load_graph(path: Path) -> Any:
    """Return an ONNX file's ``ModelProto``, without weights in other files.

    Raises
    ------
    ModelError
        If it is missing or is no ONNX graph.
    MissingExtraError
        If the package ``onnx`` is not installed.
    """
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ImportError as error:
        raise MissingExtraError(
            "reading an ONNX model needs the package onnx: pip install 'streamcalib[onnx]'."
        ) from error
    name = printable(str(path))
    try:
        # Weights in other files are left where they are.
        proto = onnx.load_model_from_string(read_data(path, _MOST_BYTES), format="protobuf")
    except FileNotFoundError as error:
        raise ModelError(f"the model {name} does not exist.") from error
    except DecodeError as error:
        raise ModelError(f"{name} is not an ONNX model: {error}.") from error
    except OSError as error:
        raise ModelError(f"the model {name} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise ModelError(f"the model {name} cannot be read: {error}.") from error
    if not proto.HasField("graph") or not proto.graph.node:
        raise ModelError(f"{name} is not an ONNX model: it holds no graph.")
    return proto


def _check_task(path: str, metadata: dict[str, str]) -> None:
    task = metadata.get("task")
    if "stride" in metadata and task is not None and task not in _LETTERBOX_TASKS:
        raise ModelError(
            f"{path} was exported for the Ultralytics task {task!r}, which does not letterbox; "
            f"the presets serve {', '.join(sorted(_LETTERBOX_TASKS))}."
        )


def _layout(path: str, value: Any) -> Literal["NCHW", "NHWC"]:
    dims = [max(dim.dim_value, 0) for dim in value.type.tensor_type.shape.dim]
    if dims[1] == 3 or (dims[1] == 0 and dims[3] not in (1, 3, 4)):
        return "NCHW"
    if dims[3] == 3:
        return "NHWC"
    raise ModelError(
        f"input {value.name!r} of {path} has shape {_shape_text(value)}: neither axis 1 nor axis 3 "
        "has 3 channels, and rows have 3."
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


def _other(value: Any) -> OtherInput:
    import onnx

    tensor = value.type.tensor_type
    known = tensor.elem_type in onnx.helper.get_all_tensor_dtypes()
    dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type).name if known else "unknown"
    dims = tuple(max(dim.dim_value, 0) or None for dim in tensor.shape.dim)
    return OtherInput(value.name, dtype, dims if tensor.HasField("shape") else None)


def _shape_text(value: Any) -> str:
    if not value.type.tensor_type.HasField("shape"):
        return "of unknown shape"
    dims = value.type.tensor_type.shape.dim
    shape = "x".join(str(dim.dim_value or dim.dim_param or "?") for dim in dims)
    return printable(shape) or "scalar"


def _imgsz(metadata: dict[str, str]) -> tuple[int, int] | None:
    try:
        sides = parse_json(metadata.get("imgsz", ""))
    except ValueError:
        return None
    if isinstance(sides, list) and len(sides) == 2 and all(isinstance(s, int) for s in sides):
        return sides[0], sides[1]
    return None


def describe_input(other: OtherInput) -> str:
    """Return dtype and shape of an input for messages, like ``int64, Nx2``."""
    if other.shape is None:
        return f"{other.dtype}, of unknown shape"
    return f"{other.dtype}, {'x'.join(str(side or '?') for side in other.shape) or 'scalar'}"
