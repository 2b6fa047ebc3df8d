"""The consumers that sets can be exported for, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamcalib.exporting.folder import folder, raw
from streamcalib.exporting.hailo import hailo
from streamcalib.exporting.mlperf import mlperf
from streamcalib.exporting.modelopt import modelopt
from streamcalib.exporting.onnx2tf import onnx2tf
from streamcalib.exporting.polygraphy import polygraphy
from streamcalib.exporting.qai_hub import qai_hub
from streamcalib.exporting.rknn import rknn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamcalib.exporting.target import Target

TARGETS: Mapping[str, Target] = {
    "modelopt": modelopt,
    "hailo": hailo,
    "rknn": rknn,
    "onnx2tf": onnx2tf,
    "qai-hub": qai_hub,
    "polygraphy": polygraphy,
    "folder": folder,
    "raw": raw,
    "mlperf": mlperf,
}
