"""Run by a test, or by hand, in its own process: quantize, print peak anonymous memory in bytes.

Usage: python onnxruntime_memory.py plain|streamed MODEL.onnx SET OUT.onnx [METHOD]

``plain`` is the reader that everybody writes, of a mapped array, and ``streamed`` is ours with its
options. METHOD is Entropy, Percentile or MinMax.
"""

from __future__ import annotations

import sys

from anonymous import Peak
from onnxruntime.quantization import CalibrationMethod, quantize_static

from streamcalib import CalibrationSet


class MappedReader:
    """Feeds of one row, mapped."""

    def __init__(self, calib: CalibrationSet) -> None:
        self._feeds = iter([{calib.input_name: row[None]} for row in calib.array()])

    def get_next(self) -> dict | None:
        return next(self._feeds, None)


def main() -> None:
    kind, model, path, out, *method = sys.argv[1:]
    calib = CalibrationSet.open(path)
    is_plain = kind == "plain"
    reader = MappedReader(calib) if is_plain else calib.ort_reader(model=model)
    options = {} if is_plain else calib.ort_options()
    method = CalibrationMethod[method[0] if method else "Entropy"]
    with Peak() as peak:
        quantize_static(model, out, reader, calibrate_method=method, extra_options=options)
    print(peak.bytes)


if __name__ == "__main__":
    main()
