"""Both decoders, and OpenCV's own reading to compare with."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from streamcalib.pixels.turbo import TurboDecoder, find_decoder


@pytest.fixture(params=["pyturbojpeg", "simplejpeg"])
def decoder(request) -> TurboDecoder:
    """Each of the two decoders in turn; PyTurboJPEG only where its library is."""
    if request.param == "pyturbojpeg" and find_decoder("auto").name != "pyturbojpeg":
        pytest.skip("this machine has no libturbojpeg")
    return find_decoder(request.param)


@pytest.fixture
def opencv():
    """Decode as the reference does: OpenCV, then RGB; None where OpenCV gives no image."""

    def read(data: bytes, flags: int = cv2.IMREAD_COLOR) -> np.ndarray | None:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
        return None if image is None else cv2.cvtColor(image, cv2.COLOR_BGR2RGB)

    return read
