"""Images for which there is not enough memory."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import cv2

from streamcalib.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Iterator

_NO_MEMORY = "there is not enough memory to decode it"


@contextmanager
def shortage_is_bad() -> Iterator[None]:
    """Raise `ImageError` where the block finds too little memory for an image."""
    try:
        yield
    except MemoryError as error:
        raise ImageError(_NO_MEMORY) from error
    except cv2.error as error:
        if "Insufficient memory" not in str(error):
            raise
        raise ImageError(_NO_MEMORY) from error
