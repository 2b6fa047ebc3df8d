"""Run by a test in its own process: quantize through the reader, print peak anonymous memory.

Usage: python modelopt_memory.py MODEL.onnx SET OUT.onnx METHOD
"""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

from modelopt.onnx.quantization import quantize

from streamcalib import CalibrationSet

_EVERY_SECONDS = 0.02


def anonymous_bytes() -> int:
    """Return this process's anonymous resident memory: peak RSS would count mapped file pages."""
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("RssAnon:"))
    return int(line.split()[1]) * 1024


def main() -> None:
    model, calibration, out, method = sys.argv[1:]
    peak = 0
    running = True

    def watch() -> None:
        nonlocal peak
        while running:
            peak = max(peak, anonymous_bytes())
            time.sleep(_EVERY_SECONDS)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        quantize(
            model,
            quantize_mode="int8",
            calibration_method=method,
            calibration_data_reader=CalibrationSet.open(calibration).modelopt_reader("images"),
            calibration_eps=["cpu"],
            output_path=out,
        )
    finally:
        running = False
        watcher.join()
    print(peak)


if __name__ == "__main__":
    main()
