"""A model in INT8, with the scales that a set's activations give."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from streamcalib.choosing.activations.tensors import QUANTIZED
from streamcalib.errors import MissingExtraError, ModelError
from streamcalib.wording import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_LARGEST = 127
"""Of an INT8 value; -128 is not used."""


class Int8Model:
    """A model with Q/DQ pairs at the inputs of its convolutions and products.

    ONNX Runtime's own quantizer makes it: symmetric INT8, weights per channel; biases, and outputs
    of these operators, stay as they are. It is made once, and given other scales after that.

    Parameters
    ----------
    model
        An ONNX file.
    tensors
        The activations that are quantized.

    Raises
    ------
    ModelError
        If the model cannot be quantized.
    MissingExtraError
        If ONNX Runtime or onnx is not installed.
    """

    def __init__(self, model: str, tensors: Sequence[str]) -> None:
        self._proto = _quantized(model, tensors)
        held = {tensor.name: tensor for tensor in self._proto.graph.initializer}
        scales = {name: held.get(f"{name}_scale") for name in tensors}
        if missing := [name for name, scale in scales.items() if scale is None]:
            raise ModelError(
                f"ONNX Runtime left {printable(missing[0])} of {printable(model)} as it was: what "
                "its scale does cannot be compared."
            )
        self._scales: list[Any] = list(scales.values())

    def clipped_at(self, thresholds: NDArray[np.float64]) -> bytes:
        """Return the model, serialized, with activations clipped at ``thresholds`` (T,)."""
        from onnx import numpy_helper

        for scale, threshold in zip(self._scales, thresholds, strict=True):
            # A tensor that is always zero needs a scale, and any will do.
            value = np.float32(threshold / _LARGEST) if threshold > 0 else np.float32(1)
            name = scale.name
            scale.CopyFrom(numpy_helper.from_array(np.array(value), name))
        made: bytes = self._proto.SerializeToString()
        return made


def _quantized(model: str, tensors: Sequence[str]) -> Any:
    try:
        import onnx
        from onnxruntime.quantization import QDQQuantizer, QuantType
        from onnxruntime.quantization.calibrate import CalibrationMethod, TensorData, TensorsData
    except ImportError as error:
        raise MissingExtraError(
            "--quantize needs the packages onnx and onnxruntime: pip install "
            "'streamcalib[activations]'."
        ) from error
    one = TensorData(lowest=np.float32(-1), highest=np.float32(1))
    try:
        quantizer = QDQQuantizer(
            onnx.shape_inference.infer_shapes(onnx.load(model)),
            per_channel=True,
            reduce_range=False,
            weight_qType=QuantType.QInt8,
            activation_qType=QuantType.QInt8,
            tensors_range=TensorsData(CalibrationMethod.MinMax, dict.fromkeys(tensors, one)),
            nodes_to_quantize=[],
            nodes_to_exclude=[],
            op_types_to_quantize=list(QUANTIZED),
            extra_options={
                "ActivationSymmetric": True,
                "WeightSymmetric": True,
                "QuantizeBias": False,
                "OpTypesToExcludeOutputQuantization": list(QUANTIZED),
            },
        )
        quantizer.quantize_model()
    except Exception as error:  # ONNX Runtime raises what it happens to meet
        reason = printable(str(error).strip().split("\n")[0])
        raise ModelError(f"ONNX Runtime does not quantize {printable(model)}: {reason}") from error
    quantizer.model.topological_sort()
    return quantizer.model.model
