"""What the tests of consumers share: an ONNX Runtime that no other package has changed."""

from __future__ import annotations

from inspect import getmembers, isclass
from typing import TYPE_CHECKING

import pytest

from consumersets import installed

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def onnxruntime_as_installed() -> Iterator[None]:
    """Undo what ModelOpt does to ONNX Runtime's calibrators, for the whole process, in a test."""
    if not installed("onnxruntime"):
        yield
        return
    from onnxruntime.quantization import base_quantizer, calibrate, qdq_quantizer

    modules = (base_quantizer, calibrate, qdq_quantizer)
    classes = {one for module in modules for _, one in getmembers(module, isclass)}
    touched = [*modules, *(one for one in classes if one.__module__.startswith("onnxruntime"))]
    before = [(one, dict(vars(one))) for one in touched]
    yield
    for one, names in before:
        for name, value in vars(one).copy().items():
            if name in names and value is not names[name]:
                setattr(one, name, names[name])
