"""ONNX Runtime's static quantization in memory that does not grow with the set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamcalib.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

_STRIDE = "CalibStridedMinMax"
_HARMFUL = "CalibMaxIntermediateOutputs"


def ort_options(
    steps: int, *, stride: int | None = None, extra_options: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return ``extra_options`` for ``quantize_static`` that keep few activations at once.

    By default ONNX Runtime (1.24 to 1.32) keeps every activation of every step until the end for
    Entropy and Percentile: 180 MB a row on YOLO11n. ``CalibStridedMinMax``, despite its name, lets
    every method merge what it has after each ``stride`` steps. MinMax's scales are the same to the
    bit. Entropy's and Percentile's depend a little on the stride, with any reader, since their
    histograms then widen bin by bin instead of being made once.

    Parameters
    ----------
    steps
        Steps of the reader.
    stride
        Steps whose activations are held at once; must divide ``steps``. By default what
        ``extra_options`` say, else 1.
    extra_options
        The caller's own, which are kept.

    Raises
    ------
    InputError
        If the stride does not divide the steps or contradicts ``extra_options``, or those have
        ``CalibMaxIntermediateOutputs``, which throws calibration data away instead of merging it
        (microsoft/onnxruntime#20226).
    """
    options = dict(extra_options or {})
    if _HARMFUL in options:
        raise InputError(
            f"{_HARMFUL} makes ONNX Runtime forget what it has collected, and the scales wrong: "
            f"leave it out. {_STRIDE}, which is set here, saves the same memory."
        )
    held = options.setdefault(_STRIDE, 1 if stride is None else stride)
    if stride not in (None, held):
        raise InputError(
            f"extra_options say {_STRIDE}={held}, and stride is {stride}: leave one of them out."
        )
    if not isinstance(held, int) or held < 1 or steps % held:
        raise InputError(
            f"stride {held} does not divide the {steps} steps of the set, which ONNX Runtime "
            "needs: take 1, or another divisor."
        )
    return options
