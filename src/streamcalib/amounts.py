"""How many rows a consumer's vendor advises, and what it holds of a set in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from streamcalib.wording import counted

if TYPE_CHECKING:
    from collections.abc import Mapping


class Advice(NamedTuple):
    """How many rows a consumer wants.

    Attributes
    ----------
    minimum
        Fewer are worth a warning; 0 where nobody advises anything.
    words
        Who says so, and what becomes of fewer.
    """

    minimum: int
    words: str


@dataclass(frozen=True)
class _Facts:
    """What is known of a consumer: advised rows, and copies of the whole set that it holds."""

    minimum: int
    words: str
    copies: int


# The minimum is the lowest number that the vendor's guide, or the tool's own default, names; a
# consumer for which nobody names one has none.
_FACTS: Mapping[str, _Facts] = {
    # numpy.load of the whole file; its parts are views of it (ModelOpt 0.47).
    "modelopt": _Facts(500, "ModelOpt's guide names at least 500 images for CNNs and ViTs", 1),
    "tensorrt": _Facts(500, "TensorRT's guide names about 500 images", 0),
    "polygraphy": _Facts(500, "TensorRT's guide names about 500 images", 0),
    "onnxruntime": _Facts(0, "", 0),
    "nncf": _Facts(300, "NNCF takes 300 by default", 0),
    "ultralytics": _Facts(300, "Ultralytics asks for more than 300 images", 1),
    "tflite": _Facts(100, "TensorFlow's guide names 100 to 500 samples", 0),
    # list() of the whole iterable, only to count it (ai-edge-quantizer 0.10).
    "ai-edge-quantizer": _Facts(100, "TensorFlow's guide names 100 to 500 samples", 1),
    # numpy.load, and a copy() of that (onnx2tf 1.29).
    "onnx2tf": _Facts(10, "onnx2tf's guide names 10 to 100 images", 2),
    "hailo": _Facts(
        1024, "Hailo's compiler needs 1,024 for optimization level 2, and lowers it for fewer", 1
    ),
    # One file at a time (RKNN-Toolkit2 2.5).
    "rknn": _Facts(20, "Rockchip's guide names 20 to 200 images, 20 to 50 for mmse", 0),
    # Drains its reader into a list before anything else (Quark 0.13).
    "quark": _Facts(0, "", 1),
    "neural-compressor": _Facts(0, "", 0),
    # The file is sent as it is (qai-hub 0.56).
    "qai-hub": _Facts(0, "", 0),
    "aimet": _Facts(1000, "Qualcomm advises about 1,000 samples for AIMET", 0),
    "ncnn": _Facts(5000, "ncnn's guide names more than 5,000 images", 0),
}


def advice(consumer: str) -> Advice:
    """Return how many rows a consumer's vendor advises; `Advice(0, "")` of an unknown one."""
    facts = _FACTS.get(consumer)
    return Advice(0, "") if facts is None else Advice(facts.minimum, facts.words)


def too_few(consumer: str, rows: int) -> str | None:
    """Return a warning if a consumer's vendor advises more than so many rows."""
    advised = advice(consumer)
    if rows >= advised.minimum:
        return None
    return f"{counted(rows, 'row')} may be too few: {advised.words}."


def load_bytes(consumer: str, rows: int, row_bytes: int) -> int | None:
    """Return the memory that a consumer takes for the set itself, in bytes; None of unknown ones.

    Of one that loads everything, all copies that it makes; of one that reads on as it goes, a row.
    What it takes for the model and its activations comes on top.

    Parameters
    ----------
    consumer
        Its name, as in ``finalize --for``.
    rows, row_bytes
        Number of rows as it gets them, and the size of one.
    """
    facts = _FACTS.get(consumer)
    if facts is None:
        return None
    copies = facts.copies
    return copies * rows * row_bytes if copies else min(rows, 1) * row_bytes
