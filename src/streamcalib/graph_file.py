"""An ONNX file, and what its inputs and outputs are declared to be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamcalib.datafile import read_data
from streamcalib.errors import MissingExtraError, ModelError
from streamcalib.wording import printable

if TYPE_CHECKING:
    from pathlib import Path

# No protobuf is larger.
_MOST_BYTES = 2**31


def load_graph(path: Path) -> Any:
    """Return an ONNX file's ``ModelProto``, without weights in other files.

    Raises
    ------
    ModelError
        If the file is missing, cannot be read, or is none.
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


def dimensions(value: Any) -> tuple[int | None, ...] | None:
    """Return the declared dimensions of an input or output, None where open.

    None altogether if the graph does not say how many there are.
    """
    tensor = value.type.tensor_type
    if not tensor.HasField("shape"):
        return None
    return tuple(max(dim.dim_value, 0) or None for dim in tensor.shape.dim)


def dtype_name(value: Any) -> str:
    """Return numpy's name of a value's element type, or ``unknown`` of one that has none."""
    import onnx

    kind = value.type.tensor_type.elem_type
    if kind not in onnx.helper.get_all_tensor_dtypes():
        return "unknown"
    return str(onnx.helper.tensor_dtype_to_np_dtype(kind).name)


def shape_text(value: Any) -> str:
    """Return a value's declared shape for people, like ``1x3xHxW``."""
    if not value.type.tensor_type.HasField("shape"):
        return "of unknown shape"
    dims = value.type.tensor_type.shape.dim
    shape = "x".join(str(dim.dim_value or dim.dim_param or "?") for dim in dims)
    return printable(shape) or "scalar"
